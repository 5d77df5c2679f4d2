"""What a gate's decision says to a person: what stops a release wins over what could not be judged."""

from __future__ import annotations

import tomllib

import pytest
from picture_audit import write_picture_audit
from small_audit import make_run

from auditor.gate.baseline import parse_baseline
from auditor.gate.decision import GateDecision, GateItem
from auditor.gate.decision_words import release_words
from auditor.release.check import read_release
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from reports.page.actions import actions, picture_table


def item(state, level="error", concept="water", name="bird", verdict="flagged"):
    return GateItem(name, concept, concept, "scene", verdict, "high", "0" * 64, state, level, "why")


NEW, OTHER = item("new"), item("new", name="cat")
ACCEPTED, WEAK = item("accepted", "note"), item("too_weak", concept=None)
TOLERATED, SUSPECT = item("tolerated", "note"), item("tolerated", "note", verdict="suspect")
MISSING, UNSHOWN = item("not_analysed", concept=None), item("not_shown", "warning", None)


@pytest.mark.parametrize(
    ("code", "items", "state", "line"),
    [
        (1, [NEW, OTHER], "stop", "Do not ship: 2 findings, none accepted"),
        (1, [NEW, NEW, OTHER], "stop", "Do not ship: 3 findings in 2 classes, none accepted"),
        (1, [NEW, ACCEPTED], "stop", "Do not ship: 1 finding, 1 more accepted"),
        (2, [NEW, MISSING, MISSING], "stop", "Do not ship: 1 finding, none accepted; 2 classes could not be judged"),
        (1, [WEAK], "stop", "Do not ship: 1 class whose pictures could show too little"),
        (2, [MISSING], "cannot_tell", "Cannot tell: 1 class could not be judged"),
        (2, [], "cannot_tell", "Cannot tell: no class could be judged"),
        (0, [], "ship", "Ship: nothing was found that stops it"),
        (0, [ACCEPTED], "ship", "Ship: 1 finding accepted"),
        (0, [TOLERATED, TOLERATED, UNSHOWN], "ship",
         "Ship: nothing was found that stops it; 2 findings tolerated by the policy; "
         "of 1 class the pictures could not have shown much"),
        (0, [SUSPECT, item("tolerated", "note", "sand", verdict="suspect"), TOLERATED], "ship",
         "Ship: nothing was found that stops it; suspect and let pass: bird; 1 finding tolerated by the policy"),
        (0, [item("tolerated", "note", name=name, verdict="suspect") for name in ("a", "b\n", "c", "d", "e")], "ship",
         "Ship: nothing was found that stops it; suspect and let pass: a, b, c and 2 more"),
        (0, [UNSHOWN], "ship",
         "Ship: nothing was found that stops it; of 1 class the pictures could not have shown much"),
    ],
)  # fmt: skip
def test_a_decision_in_words(code, items, state, line):
    words = release_words(GateDecision(code, "passes: …", tuple(items)))
    assert (words.state, words.line) == (state, line)


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    with open_audit_database(write_picture_audit(tmp_path_factory.mktemp("audit"), 2)) as opened:
        yield opened


def test_the_entry_that_is_copied_is_one_of_a_baseline_and_lets_the_finding_pass(connection, tmp_path):
    verdict = queries.verdicts(connection)[0]
    release = read_release(connection)
    can = actions(verdict, release.decide().items, "audits/one", make_run())
    (entry,) = parse_baseline(can.accept, tmp_path / "baseline.toml").accepted
    assert (entry.class_name, entry.concept) == (verdict.class_name, verdict.concept)
    path = tmp_path / "baseline.toml"
    path.write_text(can.accept, encoding="utf-8")
    (now,) = [one for one in release.decide(path).items if one.class_name == verdict.class_name]
    assert now.state == "accepted"
    assert tomllib.loads(can.accept)["accepted"][0]["who"].startswith("WRITE")
    assert can.fix == (
        f"auditor repair audits/one --class '{verdict.class_name}' --concept {verdict.concept} "
        "--output repaired.safetensors"
    )


def test_the_pictures_that_show_a_finding_are_those_without_the_concept(connection):
    verdict = queries.verdicts(connection)[0]
    table = picture_table(connection, verdict, "audits/one", limit=1)
    head, *rows = table.csv.splitlines()
    assert head == "path,label,called,confidence,presence,share"
    assert len(rows) == table.n_shown == 1
    assert table.n == len(picture_table(connection, verdict, "DIR", limit=100).csv.splitlines()) - 1
    assert "--pictures breaking" in table.command
