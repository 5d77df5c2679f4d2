import json
from dataclasses import replace
from pathlib import Path

import duckdb
import hostile_audit
import jsonschema
import pytest
from small_audit import call_its_folder, decision, findings, write_small_audit

from auditor.gate.decision import GateDecision
from auditor.records import fingerprint
from auditor.store.open_audit import open_audit_database
from reports.display import plain
from reports.written.sarif import MAX_RESULTS, _text, render_sarif

SCHEMA = json.loads((Path(__file__).parents[1] / "data" / "sarif-2.1.0.json").read_text(encoding="utf-8"))
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    with open_audit_database(write_small_audit(tmp_path_factory.mktemp("audit"))) as connection:
        call_its_folder(connection, "DIR")
        yield connection


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    with open_audit_database(hostile_audit.write_hostile_audit(tmp_path_factory.mktemp("hostile"))) as connection:
        yield connection


def valid(text):
    """The one run of a log that the official schema accepts."""
    log = json.loads(text)
    VALIDATOR.validate(log)
    (run,) = log["runs"]
    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    for result in run["results"]:
        # a rule that this program does not know has no description
        assert result.get("ruleIndex") == (ids.index(result["ruleId"]) if result["ruleId"] in ids else None)
    return run


def test_the_schema_refuses_what_is_wrong(connection):
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for spoil in ({"version": "2.2"}, {"runs": [{}]}, {"extra": 1}):
        with pytest.raises(jsonschema.ValidationError):
            VALIDATOR.validate({**json.loads(render_sarif(connection)), **spoil})


def test_rules_have_the_text_of_their_pages(connection):
    rules = {rule["id"]: rule for rule in valid(render_sarif(connection))["tool"]["driver"]["rules"]}
    assert set(rules) >= {"E1", "E2", "E3", "E4", "not-analysed", "stale-acceptance"}
    assert rules["E1"]["shortDescription"]["text"] == "E1: share of the words"
    assert rules["E1"]["fullDescription"]["text"].startswith("Every picture that is called a class is described by")
    assert rules["E4"]["help"]["markdown"].startswith("# E4: observed gaps\n\n")
    assert "**E4-recall** is the recall of a class" in rules["E4"]["help"]["markdown"]
    for rule in rules.values():
        assert "](" not in rule.get("help", {}).get("markdown", "")


def test_verdicts_alone(connection):
    run = valid(render_sarif(connection))
    results = run["results"]
    found = [(one["ruleId"], one["level"], *one["message"]["text"].split(" What now: ")) for one in results]
    accept = "or accept it in the baseline, with a reason."
    assert found == [
        ("E4", "error", "waterbird, flagged: Relies on water (scene).",
         f'train with more pictures of "waterbird" without water (212 of the 3,622 audited ones are); {accept}'),
        ("E5", "error", "vehicle, flagged: Relies on watermark.",
         f'train with more pictures of "vehicle" without watermark; {accept}'),
        ("E4", "warning", "landbird, suspect: Could not be excluded.",
         'collect more pictures of "landbird" without water, then audit again: it stays open until then.'),
        ("not-analysed", "warning", "boat, not analysed: Too few pictures: 0 of 10.",
         "audit again when that is mended: until then nothing is decided of the class, good or bad."),
    ]  # fmt: skip
    waterbird = run["results"][0]
    assert waterbird["partialFingerprints"]["auditorFinding/v1"] == findings()[0].fingerprint
    assert waterbird["properties"] == {
        "rule": "E4-recall", "verdict": "flagged", "severity": "high", "pictures": 3, "concept": "water",
        "conceptKind": "scene", "share": 0.41, "gap": 0.65, "gapLow": 0.58, "gapHigh": 0.71,
    }  # fmt: skip
    assert run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"].startswith("The sample encoder")
    keys = [result["partialFingerprints"]["primaryLocationLineHash"] for result in run["results"]]
    assert len(set(keys)) == len(keys)


def test_with_a_decision(connection, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.toml").write_text('fail_on = ["flagged"]\n\nmay_skip = []\n')
    key = fingerprint("vehicle", "watermark")
    (tmp_path / "baseline.toml").write_text(f'# accepted\n[[accepted]]\nfingerprint = "{key}"\n')
    run = valid(render_sarif(connection, decision=decision()))

    def place(result):
        physical = result["locations"][0]["physicalLocation"]
        return physical["artifactLocation"]["uri"], physical["region"]["startLine"]

    assert [(result["ruleId"], result["level"], *place(result)) for result in run["results"]] == [
        ("E4", "error", "policy.toml", 1),
        ("not-analysed", "error", "policy.toml", 3),
        ("stale-acceptance", "warning", "baseline.toml", 1),
        ("E5", "note", "baseline.toml", 3),
        ("E4", "note", "policy.toml", 1),
    ]
    suppressed = [result["suppressions"] for result in run["results"] if "suppressions" in result]
    assert suppressed == [
        [{"kind": "external", "status": "accepted", "justification": "by ann until 2026-01-31: stock photos"}]
    ]
    assert run["results"][3]["partialFingerprints"]["auditorFinding/v1"] == key
    (invocation,) = run["invocations"]
    assert (invocation["exitCode"], invocation["exitCodeDescription"]) == (
        1,
        "fails: 1 new, 1 not analysed (5 classes)",
    )


def test_an_undecided_gate_says_so(connection):
    run = valid(render_sarif(connection, decision=GateDecision(2, "undecided: no pictures", ())))
    assert run["results"] == []
    assert run["invocations"][0]["toolExecutionNotifications"][-1] == {
        "level": "error", "message": {"text": "undecided: no pictures"},
    }  # fmt: skip


def test_a_reason_that_was_not_recorded_is_a_rule_of_its_own(tmp_path):
    write_small_audit(tmp_path)
    with duckdb.connect(str(tmp_path / "audit.duckdb")) as writer:
        writer.execute("UPDATE verdicts SET rule_id = NULL, effect = NULL, effect_low = NULL, effect_high = NULL")
    with open_audit_database(tmp_path) as connection:
        run = valid(render_sarif(connection))
    assert [(result["ruleId"], result["properties"]["rule"]) for result in run["results"]] == [
        ("reason-not-recorded", "reason-not-recorded"),
        ("reason-not-recorded", "reason-not-recorded"),
        ("reason-not-recorded", "reason-not-recorded"),
        ("not-analysed", "not-analysed"),
    ]
    (rule,) = [one for one in run["tool"]["driver"]["rules"] if one["id"] == "reason-not-recorded"]
    assert rule["shortDescription"]["text"] == "the audit does not say which rule decided"
    assert rule["fullDescription"]["text"].endswith("audit again to know.")


@pytest.mark.parametrize(
    ("rule_id", "found"), [("E4-pull", ("E4", "E4-pull")), (None, ("reason-not-recorded", "reason-not-recorded"))]
)
def test_the_rule_is_the_one_that_decided(connection, rule_id, found):
    item = replace(decision().items[1], rule_id=rule_id)
    (result,) = valid(render_sarif(connection, decision=replace(decision(), items=(item,))))["results"]
    assert (result["ruleId"], result["properties"]["rule"]) == found
    assert isinstance(result["ruleIndex"], int)


@pytest.mark.slow
def test_no_more_results_than_code_scanning_shows(connection):
    items = tuple(replace(decision().items[1], fingerprint=f"{i:064x}") for i in range(MAX_RESULTS + 7))
    run = valid(render_sarif(connection, decision=GateDecision(1, "fails", items)))
    assert len(run["results"]) == MAX_RESULTS
    assert run["invocations"][0]["toolExecutionNotifications"][-1]["message"]["text"] == (
        "7 more results are left out; auditor gate DIR --format json has all"
    )


def test_figures_that_are_no_numbers_are_left_out(tmp_path):
    write_small_audit(tmp_path)
    with duckdb.connect(str(tmp_path / "audit.duckdb")) as writer:
        writer.execute("UPDATE verdicts SET share = 'nan', gap = 'inf' WHERE class_name = 'waterbird'")
    with open_audit_database(tmp_path) as connection:
        (found, *_) = valid(render_sarif(connection))["results"]
    assert (found["properties"]["concept"], found["properties"]["gapLow"]) == ("water", 0.58)
    assert not {"share", "gap"} & set(found["properties"])


@pytest.mark.parametrize("decided", [None, hostile_audit.decision()])
def test_hostile_names_are_text(hostile, decided):
    text = render_sarif(hostile, decision=decided)
    run = valid(text)
    n_told = sum(row.verdict != "clean" for row in hostile_audit.verdicts())
    assert len(run["results"]) == (len(decided.items) if decided else n_told)
    for result in run["results"]:
        message = result["message"]["text"]
        assert result["ruleId"] == plain(result["ruleId"])
        assert 0 < len(result["ruleId"]) <= 200
        assert "](" not in message
        assert "\n" not in message
        uri = result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
        assert uri.isascii()
        assert not set(uri) & set(' <>"{}|\\^`\n')
    assert "\x1b" not in text


def test_placeholders_and_links_are_defused():
    assert _text("{0} {a} [b](http://c) [16, 44] (x)") == "{{0}} {a} [b] (http://c) [16, 44] (x)"
