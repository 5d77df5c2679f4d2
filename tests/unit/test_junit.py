from xml.etree import ElementTree

import hostile_audit
import pytest
from junitparser import Error, Failure, JUnitXml, Skipped
from small_audit import decision, write_small_audit

from auditor.gate.decision import GateDecision
from auditor.store.open_audit import open_audit_database
from reports.display import plain
from reports.written.junit import render_junit


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    with open_audit_database(write_small_audit(tmp_path_factory.mktemp("audit"))) as connection:
        yield connection


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    with open_audit_database(hostile_audit.write_hostile_audit(tmp_path_factory.mktemp("hostile"))) as connection:
        yield connection


def cases(text):
    (suite,) = JUnitXml.fromstring(text.encode())
    return suite, {case.name: case for case in suite}


def result(case):
    """The kind of its only result, its type and its message; None for a case that passes."""
    if not case.result:
        return None
    (found,) = case.result
    return type(found), found.type, found.message


def test_verdicts_alone(connection):
    suite, found = cases(render_junit(connection))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (5, 2, 0, 1)
    assert {case.classname for case in found.values()} == {"auditor.classes"}
    assert {name: result(case) for name, case in found.items()} == {
        "waterbird": (Failure, "flagged", "Relies on water (scene)."),
        "vehicle": (Failure, "flagged", "Relies on watermark."),
        "landbird": None,
        "boat": (Skipped, "not_analysed", "Too few pictures: 0 of 10."),
        "cat": None,
    }
    assert found["waterbird"].result[0].text.splitlines() == [
        "verdict: flagged, severity high, 3 pictures",
        "concept: water, share 41 %, gap 65 pts [58, 71]",
        'what now: train with more pictures of "waterbird" without water (212 of the 3,622 audited ones are); or '
        "accept it in the baseline, with a reason",
    ]
    assert found["landbird"].system_out.startswith("Could not be excluded.\nverdict: suspect, severity medium")
    assert {p.name: p.value for p in suite.properties()} == {
        "run": "run-1", "model": "sample:planted", "encoder": "sample",
        "note": "cat may rest on water (your settings: cats swim here, by Ann); else it would be tested, for E1.",
    }  # fmt: skip


def test_with_a_decision(connection):
    suite, found = cases(render_junit(connection, decision=decision()))
    assert (suite.tests, suite.failures, suite.errors, suite.skipped) == (5, 1, 1, 1)
    assert {name: result(case) for name, case in found.items()} == {
        "waterbird": (Failure, "new", "water: flagged, severity high; mend it or accept it"),
        "boat": (Error, "not_analysed", "too few pictures; name it in may_skip"),
        "vehicle": (Skipped, "accepted", "watermark: by ann until 2026-01-31: stock photos"),
        "landbird": None,
        "cat": None,
    }
    assert found["landbird"].system_out.startswith("tolerated by the policy: suspect passes\nCould not be excluded.")
    assert found["cat"].system_out.startswith("stale entry of the baseline: nothing matches it any more; remove it\n")


def test_the_worst_item_of_a_class_decides(connection):
    accepted, new, *_ = decision().items
    both = tuple(
        type(accepted)(*(getattr(item, name) if name != "class_name" else "cat" for name in item.__slots__))
        for item in (accepted, new)
    )
    _, found = cases(render_junit(connection, decision=GateDecision(1, "fails", both)))
    assert result(found["cat"])[:2] == (Failure, "new")
    assert found["cat"].result[0].text.splitlines()[:2] == [
        "water, new: flagged, severity high; mend it or accept it",
        "watermark, accepted: by ann until 2026-01-31: stock photos",
    ]
    assert [result(found[name]) for name in ("waterbird", "vehicle")] == [None, None]  # the gate says nothing of them


def test_an_entry_on_no_class_of_the_audit(connection):
    stale = next(item for item in decision().items if item.state == "stale")
    gone = type(stale)(*(getattr(stale, name) if name != "class_name" else "gone" for name in stale.__slots__))
    _, found = cases(render_junit(connection, decision=GateDecision(0, "passes", (gone,))))
    assert (found["gone"].classname, result(found["gone"])[:2]) == ("auditor.baseline", (Skipped, "stale"))


@pytest.mark.parametrize(("code", "type_"), [(1, "failed"), (2, "undecided")])
def test_what_fails_is_never_green(connection, code, type_):
    suite, found = cases(render_junit(connection, decision=GateDecision(code, "the audit holds no pictures", ())))
    assert suite.errors == 1
    assert result(found["the gate's decision"]) == (Error, type_, "the audit holds no pictures")


@pytest.mark.parametrize("decided", [None, hostile_audit.decision()])
def test_no_hostile_name_breaks_out(hostile, decided):
    text = render_junit(hostile, decision=decided)
    suite, found = cases(text)
    extra = 1 if decided else 0  # the raw name, which is no class
    assert suite.tests == len(found) == len(hostile_audit.NAMES) + extra
    assert sum(1 for _ in ElementTree.fromstring(text).iter("testcase")) == suite.tests
    for name in hostile_audit.NAMES:
        assert (plain(name, 200) or "(no name)") in found
    assert "\x1b" not in text
    assert len(text) < 1_000_000


def test_names_that_look_alike_keep_apart(connection):
    items = [decision().items[3]] * 3
    gone = [type(item)(*(getattr(item, n) if n != "class_name" else "go\x00ne"[: 2 + i * 9] for n in item.__slots__))
            for i, item in enumerate(items)]  # fmt: skip
    _, found = cases(render_junit(connection, decision=GateDecision(0, "passes", tuple(gone))))
    assert {"go", "gone", "gone (2)"} <= set(found)
