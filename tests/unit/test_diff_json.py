import copy
import json
from typing import get_args

import jsonschema
import pytest
from release_diffs import ALL, fixed, hostile, on_other_data

from auditor.gate.releases import Change
from reports.diff.json import DIFF_SCHEMA_PATH, DIFF_VERSION, diff_json, render_diff_json

SCHEMA = json.loads(DIFF_SCHEMA_PATH.read_text(encoding="utf-8"))


@pytest.mark.parametrize("diff", ALL)
def test_every_diff_fits_the_schema(diff):
    document = json.loads(render_diff_json(diff()))
    jsonschema.validate(document, SCHEMA, cls=jsonschema.Draft202012Validator)
    assert document == diff_json(diff())


def test_the_schema_is_one():
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["properties"]["version"]["const"] == DIFF_VERSION
    assert SCHEMA["$defs"]["change"]["properties"]["change"]["enum"] == list(get_args(Change))


def test_contents():
    document = diff_json(fixed())
    assert document["counts"] == {"new": 0, "fixed": 1, "worse": 0, "better": 0, "unchanged": 0, "unclear": 0}
    (change,) = document["changes"]
    assert (change["class_name"], change["change"], change["old"]["verdict"]) == ("bird", "fixed", "flagged")
    assert change["difference_low"] < change["difference"] < change["difference_high"] < 0
    assert (change["n_with"], change["n_without"]) == (60, 40)
    other = diff_json(on_other_data())
    assert other["shared_images"] is None
    assert {(one["n_with"], one["old"]["rate_with"]) for one in other["changes"]} == {(None, None)}


def test_names_stay_as_they_are():
    names = {change["class_name"] for change in json.loads(render_diff_json(hostile()))["changes"]}
    assert "<script>alert(1)</script>" in names
    assert "\u202egnp.exe\u202c\u2066rtl\u2069" in names


@pytest.mark.parametrize(
    "spoil",
    [
        lambda diff: diff.pop("version"),
        lambda diff: diff.update(version=2),
        lambda diff: diff.update(extra=1),
        lambda diff: diff["changes"][0].update(change="gone"),
        lambda diff: diff["changes"][0].update(difference="−73 pts"),
        lambda diff: diff["changes"][0].update(fingerprint="x"),
        lambda diff: diff["changes"][0]["old"].pop("low"),
    ],
)
def test_the_schema_refuses_what_is_wrong(spoil):
    spoilt = copy.deepcopy(diff_json(fixed()))
    spoil(spoilt)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(spoilt, SCHEMA)
