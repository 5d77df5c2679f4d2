"""What the settings allow a class stands at the gate, in every format, with its reason."""

import datetime
import json
from dataclasses import replace

import pytest
from gate_world import evidence_of, verdict_on
from small_audit import CORE_CONCEPTS, write_small_audit

from auditor.gate.baseline import Baseline
from auditor.gate.core_items import without_core_twins
from auditor.gate.decide import decide
from auditor.gate.policy import Policy
from auditor.gate.releases import Pair
from auditor.release.check import check_release
from auditor.store.open_audit import open_audit_database
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
    assert item.reason == "the audit's settings allow it ('cats swim here', by 'Ann'); else it would be tested, for E1"
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
    assert (decision.exit_code, decision.items[0].state, decision.items[0].level) == (1, "core_expired", "error")
    assert "1 core expired" in decision.summary
    assert "until 2030-06-14" in decision.items[0].reason
    assert "that has run out" in decision.items[0].reason
    assert decided(replace(ALLOWED, expires="2030-06-15")).exit_code == 0


def test_the_value_of_a_column_comes_with_its_concept():
    twin = replace(ALLOWED, concept_id="scene-water", concept="scene = water")
    evidence = evidence_of(verdict_on("cat", "clean"), core=(ALLOWED, twin))
    same = replace(evidence, same_as={"scene-water": "water"})
    assert len(decide(same, Policy(), Baseline(), today=TODAY).items) == 1


def test_an_entry_that_ends_soon_is_a_warning():
    for expires, level in (("2030-06-15", "warning"), ("2030-06-29", "warning"), ("2030-06-30", "note")):
        assert decided(replace(ALLOWED, expires=expires)).items[0].level == level


def test_every_screen_is_named():
    for screens, said in (
        ((True, True, True), "; else it would be tested, for E1, E2 and E4"),
        ((False, False, True), "; else it would be tested, for E4"),
        ((False, False, None), ""),
    ):
        by_words, by_data, by_gap = screens
        (item,) = decided(replace(ALLOWED, by_words=by_words, by_data=by_data, by_gap=by_gap)).items
        assert item.reason == f"the audit's settings allow it ('cats swim here', by 'Ann'){said}"


def test_the_concept_stands_for_what_its_column_would_have_passed():
    twin = replace(ALLOWED, concept_id="scene-water", by_words=False, by_data=True, by_gap=False)
    (told,) = without_core_twins([twin, ALLOWED], {"scene-water": "water"})
    assert (told.concept_id, told.by_words, told.by_data, told.by_gap) == ("water", True, True, False)


def test_a_column_with_an_entry_of_its_own_is_not_hidden_by_its_concept():
    twin = replace(ALLOWED, concept_id="scene-water", concept="scene = water", expires="2030-06-14")
    evidence = replace(evidence_of(verdict_on("cat", "clean"), core=(ALLOWED, twin)), same_as={"scene-water": "water"})
    decision = decide(evidence, Policy(), Baseline(), today=TODAY)
    assert decision.exit_code == 1
    assert {item.concept: item.state for item in decision.items} == {"water": "core", "scene = water": "core_expired"}


def test_it_stands_before_what_the_policy_tolerates():
    suspects = [verdict_on(f"s{n:02}", "suspect", class_idx=n + 1) for n in range(30)]
    evidence = evidence_of(verdict_on("cat", "clean"), *suspects, core=(ALLOWED,))
    decision = decide(evidence, Policy(), Baseline(), today=TODAY)
    assert [item.state for item in decision.items[:2]] == ["core", "tolerated"]


def test_code_scanning_gets_a_rule_of_its_own(tmp_path):
    audit = write_small_audit(tmp_path / "audit")
    with open_audit_database(audit) as connection:
        sarif = json.loads(render_report(ReportFormat.sarif, connection, decision=check_release(audit, today=TODAY)))
    (run,) = sarif["runs"]
    (result,) = [one for one in run["results"] if one["properties"]["state"] == "core"]
    assert (result["ruleId"], result["level"]) == ("core-concept", "note")
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "core-concept"
    assert "cats swim here" in result["suppressions"][0]["justification"]


@pytest.mark.parametrize("output_format", list(ReportFormat))
@pytest.mark.parametrize("with_gate", [False, True])
def test_every_output_says_it_with_its_reason(output_format, with_gate, tmp_path):
    audit = write_small_audit(tmp_path / "audit")
    (tmp_path / "policy.toml").write_text('may_skip = ["*"]')
    decision = check_release(audit, policy=tmp_path / "policy.toml", today=TODAY) if with_gate else None
    with open_audit_database(audit) as connection:
        told = to_bytes(render_report(output_format, connection, decision=decision)).decode()
    assert "cats swim here" in told.replace("\n", " ").replace("  ", " ")
