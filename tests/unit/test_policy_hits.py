"""What the policy says on findings: by verdict and severity, by gap, by share, and on which concepts."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from gate_world import FOG, WATER, counterexample_on, evidence_of, gap_on, share_on, verdict_on

from auditor.gate.policy import Policy, Rule
from auditor.gate.policy_hits import LEAST_PICTURES, policy_hits, without_twins

BEAK = ("beak", "beak", "part")
RULER = ("has ruler = yes", "has ruler = yes", "attribute")


def on(verdict, policy=None, **rows):
    """Concerns of a single class by concept: what is broken, else what is let pass."""
    ((given, found),) = policy_hits(evidence_of(verdict, **rows), policy or Policy())
    assert given is verdict
    assert len({one.concept_id for one in found}) == len(found)
    found = without_twins(found, rows.get("same_as", {}))
    return {
        one.concept: ("broken", list(one.broken.values())) if one.broken else ("passed", one.passed) for one in found
    }


@pytest.mark.parametrize(
    ("verdict", "severity", "settings", "expected"),
    [
        ("clean", "none", {"fail_on": ("flagged", "suspect")}, None),
        ("not_analysed", "none", {}, None),
        ("flagged", "low", {}, ("broken", ["flagged, severity low"])),
        ("flagged", "none", {}, ("broken", ["flagged, severity none"])),
        ("flagged", "medium", {"min_severity": "medium"}, ("broken", ["flagged, severity medium"])),
        (
            "flagged",
            "low",
            {"min_severity": "medium"},
            ("passed", ["flagged, severity low; the policy fails from 'medium' on"]),
        ),
        ("flagged", "high", {"fail_on": ("suspect",)}, ("passed", ["flagged; the policy fails on suspect"])),
        ("flagged", "high", {"fail_on": ()}, ("passed", ["flagged; the policy fails on no verdict"])),
        ("suspect", "low", {}, ("passed", ["suspect; the policy fails on flagged"])),
        ("suspect", "low", {"fail_on": ("flagged", "suspect"), "min_severity": "high"}, ("broken", ["suspect"])),
    ],
)
def test_by_verdict_and_severity(verdict, severity, settings, expected):
    found = on(verdict_on("a", verdict, severity), Policy(**settings))
    assert found == ({} if expected is None else {"water": expected})


def test_rules_are_asked_with_the_class_and_the_kind():
    policy = Policy(rule=(Rule(classes=("a",), kinds=("scene",), fail_on=()),))
    assert on(verdict_on("a"), policy)["water"][0] == "passed"
    assert on(verdict_on("b"), policy)["water"][0] == "broken"
    assert on(verdict_on("a", concept=FOG), policy)["fog"][0] == "broken"


def test_every_concept_that_is_proven_on_a_flagged_class_counts():
    verdict = verdict_on("a")
    findings = (
        gap_on(verdict, WATER, 0.5, q=0.001),
        gap_on(verdict, FOG, 0.2, q=0.05),
        gap_on(verdict, FOG, 0.2, q=0.05, rule_id="E4-pull"),
        gap_on(verdict, RULER, 0.2, q=0.051),
        gap_on(verdict_on("b", class_idx=1), RULER, 0.2, q=0.001),
    )
    both = ("broken", ["flagged, severity high"])
    also = ("broken", ["also proven: gap in recall 30 pts [20, 40]"])
    assert on(verdict, findings=findings) == {"water": both, "fog": also}
    told = tuple(counterexample_on(verdict, *row) for row in ((WATER, "proven"), (RULER, "proven"), (FOG, "open")))
    assert on(verdict, findings=findings, counterexamples=told) == {"water": both, RULER[1]: also}


def test_a_suspect_class_stands_for_its_leading_concept():
    verdict = verdict_on("a", "suspect")
    found = on(verdict, findings=(gap_on(verdict, FOG, 0.2, q=0.01),))
    assert list(found) == ["water"]


@pytest.mark.parametrize(
    ("low", "changes", "broken"),
    [
        (0.21, {}, True), (0.20, {}, False), (0.21, {"rule_id": "E4-pull"}, True),
        (0.9, {"rule_id": "E3-recall"}, False), (0.9, {"rule_id": "E1"}, False),
        (0.9, {"status": "too_few"}, False), (math.nan, {}, False),
    ],
)  # fmt: skip
def test_a_gap_over_its_limit_with_the_whole_interval(low, changes, broken):
    verdict = verdict_on("a", "clean")
    found = on(verdict, Policy(max_gap=0.2), findings=(gap_on(verdict, FOG, low, **changes),))
    if not broken:
        assert found == {}
    else:
        name = "pull on other classes" if changes else "gap in recall"
        assert found == {"fog": ("broken", [f"{name} 31 pts [21, 41], max_gap 20 pts"])}
    assert on(verdict, findings=(gap_on(verdict, FOG, low, **changes),)) == {}


@pytest.mark.parametrize(
    ("concept", "low", "n_images", "broken"),
    [
        (WATER, 0.31, LEAST_PICTURES, True), (WATER, 0.30, 50, False), (WATER, 0.31, LEAST_PICTURES - 1, False),
        (BEAK, 0.9, 50, False), (WATER, math.nan, 50, False),
    ],
)  # fmt: skip
def test_a_share_of_a_context_concept_over_its_limit(concept, low, n_images, broken):
    verdict = verdict_on("a", "clean")
    shares = (share_on(verdict, concept, low, n_images=n_images),)
    expected = {"water": ("broken", ["share of the words 32 % [31, 33], max_share 30 %"])} if broken else {}
    assert on(verdict, Policy(max_share=0.3), class_concepts=shares) == expected
    assert on(verdict, class_concepts=shares) == {}


def test_all_that_is_broken_on_one_concept_is_said_of_it():
    verdict = verdict_on("a", "suspect")
    policy = Policy(max_gap=0.05, max_share=0.025, fail_on=())
    found = on(
        verdict,
        policy,
        findings=(gap_on(verdict, WATER, 0.055), gap_on(verdict, WATER, 0.06, rule_id="E4-pull")),
        class_concepts=(share_on(verdict, WATER, 0.03),),
    )
    assert found == {
        "water": (
            "broken",
            [
                "gap in recall 16 pts [6, 26], max_gap 5 pts",
                "pull on other classes 16 pts [6, 26], max_gap 5 pts",
                "share of the words 4.0 % [3.0, 5.0], max_share 2.5 %",
            ],
        )
    }


def test_a_class_that_was_not_analysed_breaks_no_limit():
    verdict = verdict_on("a", "not_analysed")
    policy = Policy(max_gap=0.0, max_share=0.0)
    rows = {"findings": (gap_on(verdict, WATER, 0.5),), "class_concepts": (share_on(verdict, WATER, 0.5),)}
    assert on(verdict, policy, **rows) == {}


def test_a_known_attribute_and_the_concept_of_its_name_are_one():
    verdict, pond = verdict_on("a"), ("place-w", "place = water", "attribute")
    findings = (gap_on(verdict, WATER, 0.5, q=0.001), gap_on(verdict, pond, 0.5, q=0.001))
    said = ("broken", ["flagged, severity high"])
    assert set(on(verdict, findings=findings)) == {"water", "place = water"}
    assert on(verdict, findings=findings, same_as={"place-w": "water"}) == {"water": said}
    assert set(on(verdict, findings=findings, same_as={"place-w": "fog"})) == {"water", "place = water"}
    # a policy that lets scenes pass does not let the manifest's attribute pass with them
    policy = Policy(rule=(Rule(kinds=("scene",), fail_on=()),))
    found = on(verdict, policy, findings=findings, same_as={"place-w": "water"})
    assert {concept: state for concept, (state, _) in found.items()} == {"water": "passed", "place = water": "broken"}


def test_a_known_attribute_that_breaks_what_its_twin_does_not_is_told_with_it():
    verdict, pond = verdict_on("a"), ("place-w", "place = water", "attribute")
    findings = (gap_on(verdict, WATER, 0.1, q=0.001), gap_on(verdict, pond, 0.3, q=0.001))
    found = on(verdict, Policy(max_gap=0.2), findings=findings, same_as={"place-w": "water"})
    assert found["water"] == ("broken", ["flagged, severity high"])
    assert found["place = water"][1][1] == "gap in recall 40 pts [30, 50], max_gap 20 pts"
    found = on(verdict, Policy(max_gap=0.05), findings=findings, same_as={"place-w": "water"})
    assert list(found) == ["water"]


def test_what_is_proven_besides_is_said_with_its_surest_gap_and_not_with_the_severity_of_the_class():
    verdict = verdict_on("a", severity="low")
    findings = (
        gap_on(verdict, FOG, 0.2, q=0.01),
        gap_on(verdict, FOG, 0.3, q=0.01, rule_id="E4-pull"),
        gap_on(verdict, FOG, 0.9, q=0.01, rule_id="E3-recall"),
    )
    said = "also proven: pull on other classes 40 pts [30, 50]"
    assert on(verdict, findings=findings)["fog"] == ("broken", [said])
    assert on(verdict, Policy(min_severity="high"), findings=findings)["fog"] == (
        "passed", [f"{said}; the class is flagged, severity low; the policy fails from 'high' on"],
    )  # fmt: skip
    assert on(verdict, Policy(fail_on=()), findings=findings)["fog"] == (
        "passed", [f"{said}; the policy fails on no verdict"],
    )  # fmt: skip
    proven = (counterexample_on(verdict, FOG, "proven"),)
    assert on(verdict, counterexamples=proven)["fog"] == ("broken", ["also proven: no gap"])


def test_figures_get_a_decimal_only_where_they_need_one():
    verdict = verdict_on("a", "clean")
    said = on(verdict, Policy(max_gap=0.2), findings=(gap_on(verdict, WATER, 0.203),))["water"][1]
    assert said == ["gap in recall 30.3 pts [20.3, 40.3], max_gap 20.0 pts"]


def test_a_loss_breaks_a_limit_only_where_a_verdict_rests_on_it():
    """A class that relies on water loses its pictures on every other scene: that is no finding of its own."""
    flagged, loss = verdict_on("a"), {"rule_id": "E4-harm"}
    assert "fog" not in on(flagged, Policy(max_gap=0.2), findings=(gap_on(flagged, FOG, 0.5, **loss),))
    harmed = replace(verdict_on("a", "harmed", concept=FOG), rule_id="E4-harm")
    found = on(harmed, Policy(max_gap=0.2), findings=(gap_on(harmed, FOG, 0.5, **loss),))
    assert found["fog"] == ("broken", ["loss of recall 60 pts [50, 70], max_gap 20 pts"])
    assert on(harmed, Policy(fail_on=("flagged", "harmed")))["fog"] == ("broken", ["harmed"])
