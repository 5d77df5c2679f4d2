"""What the settings allow a class stands at the gate, in every format, with its reason."""

import datetime
from dataclasses import replace

import pytest
from gate_world import evidence_of, verdict_on
from small_audit import CORE_CONCEPTS, write_small_audit

from auditor.gate.baseline import Baseline
from auditor.gate.decide import decide
from auditor.gate.policy import Policy
from auditor.gate.releases import Pair
from auditor.release.check import check_release
from auditor.store.database import open_audit_database
from reports.formats import ReportFormat, render_report, to_bytes

TODAY = datetime.date(2030, 6, 15)
(CORE,) = CORE_CONCEPTS
ALLOWED = replace(CORE, class_idx=0, class_name="cat")


def decided(*core, policy=None, known=None):
    evidence = evidence_of(verdict_on("cat", "clean"), core=core)
    return decide(evidence, policy or Policy(), Baseline(), today=TODAY, known_core=known)


def test_it_passes_with_a_word():
    decision = decided(ALLOWED)
    (item,) = decision.items
    assert (decision.exit_code, item.state, item.level) == (0, "core", "note")
    assert item.reason == "the audit's settings allow it ('cats swim here', by 'Ann'); E1 would have let it through"
    assert "1 allowed as core" in decision.summary


def test_names_are_no_settings():
    assert decided(replace(ALLOWED, reason="class name")).items == ()


def test_what_is_new_since_the_previous_release_is_a_warning():
    for known, level in ((None, "note"), ([Pair("cat", "water")], "note"), ([], "warning")):
        (item,) = decided(ALLOWED, known=known).items
        assert item.level == level
        assert item.reason.startswith("new since the previous release: ") is (level == "warning")


@pytest.mark.parametrize(("allow_core", "code"), [(True, 0), (False, 1), (["c*"], 0), (["dog"], 1), ([], 1)])
def test_a_policy_may_refuse_it(allow_core, code):
    decision = decided(ALLOWED, policy=Policy(allow_core=allow_core))
    (item,) = decision.items
    assert decision.exit_code == code
    assert (item.state == "core_refused") is (code == 1)
    assert ("allow_core" in item.reason) is (code == 1)


def test_an_entry_that_has_run_out_fails_whatever_the_policy_says():
    decision = decided(replace(ALLOWED, expires="2030-06-14"))
    assert decision.exit_code == 1
    assert "until 2030-06-14" in decision.items[0].reason
    assert "that has run out" in decision.items[0].reason
    assert decided(replace(ALLOWED, expires="2030-06-15")).exit_code == 0


def test_the_value_of_a_column_comes_with_its_concept():
    twin = replace(ALLOWED, concept_id="scene-water", concept="scene = water")
    evidence = evidence_of(verdict_on("cat", "clean"), core=(ALLOWED, twin))
    same = replace(evidence, same_as={"scene-water": "water"})
    assert len(decide(same, Policy(), Baseline(), today=TODAY).items) == 1


@pytest.mark.parametrize("output_format", list(ReportFormat))
@pytest.mark.parametrize("with_gate", [False, True])
def test_every_output_says_it_with_its_reason(output_format, with_gate, tmp_path):
    audit = write_small_audit(tmp_path / "audit")
    (tmp_path / "policy.toml").write_text('may_skip = ["*"]')
    decision = check_release(audit, policy=tmp_path / "policy.toml", today=TODAY) if with_gate else None
    with open_audit_database(audit) as connection:
        told = to_bytes(render_report(output_format, connection, decision=decision)).decode()
    assert "cats swim here" in told.replace("\n", " ").replace("  ", " ")
