"""The gate on known attributes, on growth that nobody could measure, and on audits that say too little."""

from __future__ import annotations

from dataclasses import replace

from gate_world import FOG, TODAY, WATER, baseline_of, entry_of, evidence_of, gap_on, verdict_on

from auditor.gate.decide import Growth, decide
from auditor.gate.policy import Policy
from auditor.records import fingerprint

POND = ("place-w", "place = water", "attribute")
FLAGGED = verdict_on("a")
BOTH = {
    "findings": (gap_on(FLAGGED, WATER, 0.1, q=0.001), gap_on(FLAGGED, POND, 0.3, q=0.001)),
    "same_as": {"place-w": "water"},
}


def decided(*verdicts, policy=None, baseline=(), rows=None, **settings):
    """Exit code, and state and reason of the items by concept."""
    evidence = evidence_of(*verdicts, **(rows or {}))
    decision = decide(evidence, policy or Policy(), baseline_of(*baseline), today=TODAY, **settings)
    return decision.exit_code, {item.concept: (item.state, item.level, item.reason) for item in decision.items}


def test_a_limit_that_only_the_attribute_breaks_does_not_hide_behind_its_accepted_twin():
    code, items = decided(FLAGGED, policy=Policy(max_gap=0.2), baseline=[entry_of("a")], rows=BOTH)
    assert (code, items["water"][0], items["place = water"][0]) == (1, "accepted", "new")
    code, items = decided(FLAGGED, policy=Policy(max_gap=0.05), baseline=[entry_of("a")], rows=BOTH)
    assert (code, list(items)) == (0, ["water"])


def test_an_entry_on_an_attribute_that_is_told_with_its_twin_is_not_stale():
    accepted = [entry_of("a"), entry_of("a", POND)]
    code, items = decided(FLAGGED, baseline=accepted, rows=BOTH, strict=True)
    assert (code, list(items)) == (0, ["water"])


def test_an_attribute_that_grew_is_not_lost_with_its_accepted_twin():
    grown = Growth(0.3, 0.2, 0.4)
    settings = {"policy": Policy(max_growth=0.1), "baseline": [entry_of("a")], "rows": BOTH}
    code, items = decided(FLAGGED, growth={fingerprint("a", "place-w"): grown}, **settings)
    assert (code, items["place = water"][0]) == (1, "new")  # it was not accepted under its own name either
    settings["baseline"] = [entry_of("a"), entry_of("a", POND)]
    code, items = decided(FLAGGED, growth={fingerprint("a", "place-w"): grown}, **settings)
    assert (code, items["place = water"][0], items["water"][0]) == (1, "grown", "accepted")
    both = {fingerprint("a", "place-w"): grown, fingerprint("a", "water"): grown}
    code, items = decided(FLAGGED, growth=both, **settings)
    assert (code, items["water"][0], list(items)) == (1, "grown", ["water"])


def test_growth_that_could_not_be_measured_is_a_warning_where_it_is_limited():
    settings = {"unmeasured": {fingerprint("a", "water"): "too few pictures to compare its gap"}}
    limited, untried = Policy(max_growth=0.1), "max_growth not tried: too few pictures to compare its gap"
    code, items = decided(FLAGGED, policy=limited, baseline=[entry_of("a")], **settings)
    state, level, reason = items["water"]
    assert (code, state, level) == (0, "accepted", "warning")
    assert f"flagged, severity high; {untried}; by 'Ada'" in reason
    code, items = decided(verdict_on("a", "suspect"), policy=limited, **settings)
    assert (code, *items["water"]) == (0, "tolerated", "warning", f"suspect; the policy fails on flagged; {untried}")
    assert decided(FLAGGED, baseline=[entry_of("a")], **settings)[1]["water"][1] == "note"


def test_what_is_let_pass_is_not_said_of_what_fails():
    verdict = replace(FLAGGED)
    rows = {"findings": (gap_on(verdict, WATER, 0.3),)}
    _, items = decided(verdict, policy=Policy(fail_on=(), max_gap=0.2), rows=rows)
    assert items["water"][2] == (
        "gap in recall 40 pts [30, 50], max_gap 20 pts: mend the model, or accept it with --update-baseline"
    )


def test_what_is_proven_besides_borrows_no_severity():
    rows = {"findings": (gap_on(FLAGGED, FOG, 0.2, q=0.01),)}
    decision = decide(evidence_of(FLAGGED, **rows), Policy(), baseline_of(), today=TODAY)
    assert [(item.concept, item.severity) for item in decision.items] == [("water", "high"), ("fog", "none")]
    assert decision.items[1].reason.startswith("also proven: gap in recall 30 pts [20, 40]: mend the model")


def test_a_verdict_without_a_concept_cannot_be_skipped():
    verdict = verdict_on("a", concept=None)
    code, items = decided(verdict, policy=Policy(may_skip=("*",)))
    state, level, reason = items[None]
    assert (code, state, level) == (2, "not_analysed", "error")
    assert reason == "flagged, but the audit names no concept that could be judged or accepted; audit again"
    assert decided(verdict_on("a", "suspect", concept=None)) == (0, {})


def test_skipping_every_class_decides_nothing():
    verdicts = [verdict_on("a", "not_analysed"), verdict_on("b", "not_analysed", class_idx=1)]
    decision = decide(evidence_of(*verdicts), Policy(may_skip=("*",)), baseline_of(), today=TODAY)
    assert (decision.exit_code, decision.summary) == (2, "undecided: 2 skipped, no class was judged (2 classes)")


def test_without_a_model_the_next_step_is_a_model():
    _, items = decided(verdict_on("a", "not_analysed"), rows={"data_alone": True})
    assert items[None][2] == ("Said of a; audit a model on these pictures (--model): only that says what it relies on")
    assert "name the class in may_skip" in decided(verdict_on("a", "not_analysed"))[1][None][2]
