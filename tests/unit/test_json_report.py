import copy
import json
from typing import get_args

import hostile_audit
import jsonschema
import pytest
from small_audit import CLASSES, IMAGE_IDS, decision, findings, make_run, write_small_audit

from auditor.gate.decision import ItemState, Level
from auditor.records import KINDS, Failure
from auditor.store.database import AuditDatabase
from auditor.store.manifest import write_manifest
from auditor.store.open_audit import open_audit_database
from reports.formats import to_bytes
from reports.written.json import JSON_VERSION, SCHEMA_PATH, json_report, render_json

SCHEMA = json.loads(SCHEMA_PATH.read_text(encoding="utf-8"))


def refuse(name):
    raise AssertionError(f"{name} is no JSON")


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    with open_audit_database(write_small_audit(tmp_path_factory.mktemp("audit"))) as connection:
        return json.loads(render_json(connection), parse_constant=refuse)


def test_the_schema_is_one_and_the_report_fits(report):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    jsonschema.validate(report, SCHEMA)
    assert SCHEMA["properties"]["version"]["const"] == report["version"] == JSON_VERSION
    assert SCHEMA["$defs"]["kind"]["enum"] == list(KINDS)


def test_contents(report):
    assert report["counts"] == {
        "classes": 5, "analysed": 4, "flagged": 2, "harmed": 0, "suspect": 1, "not_shown": 0, "clean": 1,
        "not_analysed": 1, "pictures": 6, "failures": 1,
    }  # fmt: skip
    assert [row["class_name"] for row in report["classes"]] == ["waterbird", "vehicle", "landbird", "boat", "cat"]
    waterbird = report["classes"][0]
    assert (waterbird["verdict"], waterbird["concept"], waterbird["gap_low"]) == ("flagged", "water", 0.58)
    assert [(row["concept_id"], row["share"], row["lift"]) for row in waterbird["concepts"]] == [
        ("water", 0.41, 0.41 / 0.03), ("beak", 0.11, None),
    ]  # fmt: skip
    assert waterbird["findings"][0]["fingerprint"] == findings()[0].fingerprint
    assert [(row["present"], row["n"], row["n_correct"]) for row in waterbird["subgroups"]] == [
        (True, 3410, 3274), (False, 212, 66),
    ]  # fmt: skip
    with_water, without = waterbird["counterexamples"]
    assert (with_water["present"], with_water["accuracy"], with_water["n_others_called"]) == (True, 0.96, 200)
    assert (without["n_missing"], without["image_ids"]) == (180, list(IMAGE_IDS[1:2]))
    assert report["classes"][4]["core_concepts"] == [
        {"concept_id": "water", "concept": "water", "concept_kind": "scene", "reason": "settings", "by_words": True,
         "by_data": False, "by_gap": None, "why": "cats swim here", "who": "Ann", "expires": None},
    ]  # fmt: skip
    assert [(row["attribute"], row["state"], len(row["concepts"])) for row in report["attributes"]] == [
        ("scene", "examined", 1), ("serial", "many_values", 0),
    ]  # fmt: skip
    assert report["attributes"][0]["concepts"][0]["agreement"] == 0.875
    missing = report["classes"][2]["findings"][0]
    assert (missing["effect"], missing["p"], missing["status"]) == (None, None, "not_identified")
    assert report["run"]["class_names"] == list(CLASSES)
    assert report["failures"]["by_stage"] == {"decode": 1}


def test_the_decision_is_told_where_there_is_one(report, tmp_path):
    assert report["decision"] is None
    with open_audit_database(write_small_audit(tmp_path)) as connection:
        decided = json.loads(render_json(connection, decision=decision()))
    jsonschema.validate(decided, SCHEMA)
    assert {**decided, "decision": None} == report
    assert (decided["decision"]["exit_code"], decided["decision"]["policy_path"]) == (1, "policy.toml")
    assert [item["state"] for item in decided["decision"]["items"]] == [
        "accepted", "new", "tolerated", "stale", "not_analysed",
    ]  # fmt: skip
    assert decided["decision"]["items"][1]["fingerprint"] == decided["classes"][0]["findings"][0]["fingerprint"]
    item = SCHEMA["$defs"]["gate_item"]["properties"]
    assert (item["state"]["enum"], item["level"]["enum"]) == (list(get_args(ItemState)), list(get_args(Level)))
    jsonschema.validate({name: value for name, value in report.items() if name != "decision"}, SCHEMA)  # an older one


@pytest.mark.parametrize(
    "spoil",
    [
        lambda report: report.pop("version"),
        lambda report: report.update(version=2),
        lambda report: report.update(extra=1),
        lambda report: report.update(decision={"exit_code": 3}),
        lambda report: report["classes"][0].update(verdict="bad"),
        lambda report: report["classes"][0].update(share="41 %"),
        lambda report: report["classes"][0]["findings"][0].update(fingerprint="x"),
        lambda report: report["counts"].pop("failures"),
    ],
)
def test_the_schema_refuses_what_is_wrong(report, spoil):
    spoilt = copy.deepcopy(report)
    spoil(spoilt)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(spoilt, SCHEMA)


def test_odd_names_and_an_empty_audit(tmp_path):
    run = make_run(class_names=("</script>\u2028\x00\u202e", "水" * 10_000))
    with AuditDatabase(tmp_path) as database:
        database.add_run(run)
        database.add_failures([Failure(f"{idx}", f"{idx:03}\n.png", "decode", "=cmd()") for idx in range(150)])
    write_manifest(tmp_path, run)
    with open_audit_database(tmp_path) as connection:
        text = render_json(connection)
        assert json.loads(text) == json_report(connection)
    report = json.loads(text)
    jsonschema.validate(report, SCHEMA)
    assert report["run"]["class_names"] == list(run.class_names)
    assert (report["classes"], report["counts"]["failures"], len(report["failures"]["listed"])) == ([], 150, 100)


@pytest.mark.parametrize("decided", [None, hostile_audit.decision()])
def test_hostile_names_are_kept_as_they_are(tmp_path, decided):
    with open_audit_database(hostile_audit.write_hostile_audit(tmp_path)) as connection:
        written = to_bytes(render_json(connection, decision=decided))
    report = json.loads(written, parse_constant=refuse)
    names = {row["class_idx"]: row["class_name"] for row in report["classes"]}
    assert [names[idx] for idx in range(len(names))] == list(hostile_audit.NAMES)
    if decided is not None:
        assert [item["class_name"] for item in report["decision"]["items"]] == [
            item.class_name for item in decided.items
        ]
