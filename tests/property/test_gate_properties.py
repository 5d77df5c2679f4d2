"""Whatever an audit says: a looser gate never fails where a tighter one passed, and no order decides anything."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from auditor.gate.baseline import Baseline, Entry
from auditor.gate.decide import Growth, decide
from auditor.gate.policy import SEVERITIES, Policy
from auditor.gate.policy_hits import ReleaseEvidence
from auditor.records import ClassConcept, Finding, Verdict, fingerprint

TODAY = datetime.date(2030, 6, 15)
NAMES = ("ant", "bee", "cat")
CONCEPTS = (("water", "water", "scene"), ("fog", "fog", "weather"), ("dots", "dots", "texture"))
PAIRS = [(name, concept) for name in NAMES for concept in CONCEPTS]

fractions = st.integers(0, 10).map(lambda tenths: tenths / 10)
limits = st.none() | fractions


@st.composite
def evidences(draw):
    concept: tuple[Any, Any, Any]
    lead: tuple[Any, Any, Any]
    verdicts, findings, shares = [], [], []
    for idx, name in enumerate(NAMES):
        kind = draw(st.sampled_from(["flagged", "suspect", "not_shown", "clean", "not_analysed"]))
        lead = (None, None, None)
        if kind in ("flagged", "suspect"):
            lead = draw(st.sampled_from(CONCEPTS))
        severity = draw(st.sampled_from(SEVERITIES)) if lead[0] else "none"
        seen = draw(limits)
        verdicts.append(
            Verdict(idx, name, kind, severity, *lead, "Said.", draw(st.integers(0, 99)), detectable_effect=seen)
        )
        for concept in draw(st.lists(st.sampled_from(CONCEPTS), unique=True)):
            low, q = draw(fractions), draw(st.sampled_from([None, 0.01, 0.2]))
            findings.append(Finding(idx, name, *concept, "E4-recall", low, low, low, None, q, 50))
            shares.append(ClassConcept(idx, name, *concept, low, low, low, 0.0, 1.0, 50))
    return ReleaseEvidence(draw(st.sampled_from([0, 100])), tuple(verdicts), tuple(findings), tuple(shares))


policies = st.builds(
    Policy,
    fail_on=st.sampled_from([(), ("flagged",), ("suspect",), ("flagged", "suspect"), ("flagged", "not_shown")]),
    min_severity=st.sampled_from(SEVERITIES),
    min_images=st.integers(0, 60),
    may_skip=st.lists(st.sampled_from(NAMES), unique=True).map(tuple),
    max_share=limits,
    max_gap=limits,
    max_growth=limits,
    max_detectable_effect=limits,
)


@st.composite
def baselines(draw):
    chosen = draw(st.lists(st.sampled_from(PAIRS), unique=True))
    return Baseline(
        accepted=tuple(
            Entry.model_validate(
                {
                    "class": name,
                    "concept": concept[1],
                    "fingerprint": fingerprint(name, concept[0]),
                    "verdict": draw(st.sampled_from(["clean", "suspect", "flagged"])),
                    "reason": "r",
                    "who": "w",
                    "expires": TODAY + datetime.timedelta(days=draw(st.integers(-2, 2))),
                }
            )
            for name, concept in chosen
        )
    )


growths = st.dictionaries(
    st.sampled_from([fingerprint(name, concept[0]) for name, concept in PAIRS]),
    fractions.map(lambda low: Growth(low, low, low)),
)


@st.composite
def looser(draw, policy):
    """The policy with some of its demands dropped or lowered.

    What is accepted was looked at, on however few pictures; what is let pass was not. So ``min_images`` asks more of a
    class once less of it fails, and goes with what fails.
    """

    def higher(limit):
        return draw(st.sampled_from([limit, None, 1.0])) if limit is not None else None

    if draw(st.booleans()):
        may_skip = (*policy.may_skip, *draw(st.lists(st.sampled_from(NAMES))))
        return policy.model_copy(update={"min_images": draw(st.integers(0, policy.min_images)), "may_skip": may_skip})
    return Policy(
        fail_on=draw(st.sampled_from([policy.fail_on, policy.fail_on[:1], ()])),
        min_severity=draw(st.sampled_from(SEVERITIES[SEVERITIES.index(policy.min_severity) :])),
        min_images=0,
        may_skip=policy.may_skip,
        max_share=higher(policy.max_share),
        max_gap=higher(policy.max_gap),
        max_growth=higher(policy.max_growth),
        max_detectable_effect=higher(policy.max_detectable_effect),
    )


def exit_code_of(evidence, policy, baseline, growth, *, strict=False):
    return decide(evidence, policy, baseline, today=TODAY, strict=strict, growth=growth).exit_code


@given(st.data(), evidences(), policies, baselines(), growths)
def test_a_looser_policy_fails_nothing_that_passed(data, evidence, policy, baseline, growth):
    if exit_code_of(evidence, policy, baseline, growth) == 0:
        assert exit_code_of(evidence, data.draw(looser(policy)), baseline, growth) == 0


@given(evidences(), policies, baselines(), growths)
def test_strict_and_a_smaller_baseline_pass_nothing_that_failed(evidence, policy, baseline, growth):
    as_it_is = exit_code_of(evidence, policy, baseline, growth)
    assert exit_code_of(evidence, policy, baseline, growth, strict=True) >= as_it_is
    assert exit_code_of(evidence, policy, Baseline(), growth) >= as_it_is


@given(st.data(), evidences(), policies, baselines(), growths)
def test_the_order_of_rows_decides_nothing(data, evidence, policy, baseline, growth):
    shuffled = replace(
        evidence,
        verdicts=tuple(data.draw(st.permutations(evidence.verdicts))),
        findings=tuple(data.draw(st.permutations(evidence.findings))),
        class_concepts=tuple(data.draw(st.permutations(evidence.class_concepts))),
    )
    entries = Baseline(accepted=tuple(data.draw(st.permutations(baseline.accepted))))
    one = decide(evidence, policy, baseline, today=TODAY, growth=growth)
    other = decide(shuffled, policy, entries, today=TODAY, growth=growth)
    assert (one.exit_code, one.summary) == (other.exit_code, other.summary)
    states = [sorted((item.class_name, item.concept or "", item.state) for item in each.items) for each in (one, other)]
    assert states[0] == states[1]


@given(evidences(), policies, growths)
def test_accepting_all_that_is_new_leaves_nothing_new(evidence, policy, growth):
    decision = decide(evidence, policy, Baseline(), today=TODAY, growth=growth)
    accepted = Baseline(
        accepted=tuple(
            Entry.model_validate(
                {
                    "class": item.class_name,
                    "concept": item.concept,
                    "verdict": item.verdict,
                    "fingerprint": item.fingerprint,
                    "reason": "r",
                    "who": "w",
                    "expires": TODAY,
                }
            )
            for item in decision.items
            if item.state == "new"
        )
    )
    after = decide(evidence, policy, accepted, today=TODAY, growth=growth, strict=True)
    assert not {"new", "expired", "stale"} & {item.state for item in after.items}
    assert after.exit_code in (0, 2) or {"grown", "too_weak"} & {item.state for item in after.items}
