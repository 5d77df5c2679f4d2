"""The gate's decision: exit codes of every combination, and the items behind them."""

from __future__ import annotations

import datetime
import itertools
from dataclasses import replace
from typing import Any, get_args

import pytest
from gate_world import FOG, TODAY, WATER, baseline_of, entry_of, evidence_of, gap_on, verdict_on

from auditor.gate.decide import WARN_DAYS, Growth, decide, exit_code
from auditor.gate.decision import ItemState
from auditor.gate.policy import Policy, Rule
from auditor.records import fingerprint

STATES = get_args(ItemState)
SUBSETS = [subset for size in range(len(STATES) + 1) for subset in itertools.combinations(STATES, size)]


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("empty", [False, True])
def test_exit_code_of_every_combination_of_states(strict, empty):
    assert len(SUBSETS) == 8192
    for states in SUBSETS:
        if empty or "not_analysed" in states:
            expected = 2
        elif {"new", "expired", "grown", "core_refused", "core_expired", "too_weak"} & set(states) or (
            "stale" in states and strict
        ):
            expected = 1
        else:
            expected = 0
        assert exit_code(states, empty=empty, strict=strict) == expected, states


# Rows: what the audit says of class "a", and what the policy has to say on it. Columns: what the baseline holds.
# "other" is an entry for a finding that is no more. Codes: without --strict / with it. With "others" there is a second
# class, clean on many pictures.
ENTRIES = {
    "none": (),
    "active": (entry_of("a"),),
    "last_day": (entry_of("a", expires=TODAY),),
    "expired": (entry_of("a", expires=TODAY - datetime.timedelta(days=1)),),
    "suspect": (entry_of("a", verdict="suspect"),),
    "renamed": (entry_of("a", **{"class": "b"}),),
    "other": (entry_of("gone"),),
    "both": (entry_of("a"), entry_of("gone")),
}
GROWN = {fingerprint("a", "water"): Growth(0.2, 0.11, 0.3)}
SITUATIONS: dict[str, tuple[Any, dict[str, Any]]] = {
    "clean": ("clean", {}),
    "flagged": ("flagged", {}),
    "low, high wanted": ("flagged", {"min_severity": "high"}),
    "flagged, let pass": ("flagged", {"fail_on": ()}),
    "flagged, few": ("flagged", {"min_images": 101}),
    "suspect": ("suspect", {}),
    "suspect, wanted": ("suspect", {"fail_on": ("flagged", "suspect")}),
    "suspect, few": ("suspect", {"min_images": 101}),
    "clean, few": ("clean", {"min_images": 101}),
    "few, may skip": ("clean", {"min_images": 101, "may_skip": ("a",)}),
    "few, others": ("clean", {"min_images": 101, "may_skip": ("a",)}),
    "few, let pass": ("flagged", {"min_images": 101, "fail_on": ()}),
    "not analysed": ("not_analysed", {}),
    "may skip": ("not_analysed", {"may_skip": ("*",)}),
    "may skip, others": ("not_analysed", {"may_skip": ("*",)}),
    "no concept": ("flagged", {"may_skip": ("*",)}),
    "no concept, pass": ("flagged", {"fail_on": ("suspect",)}),
    "grown": ("flagged", {"max_growth": 0.1}),
    "grown suspect": ("suspect", {"max_growth": 0.1}),
    "not grown enough": ("flagged", {"max_growth": 0.11}),
}
TABLE = """
                     none  active  last_day  expired  suspect  renamed  other  both
clean                0/0   0/1     0/1       0/1      0/1      0/1      0/1    0/1
flagged              1/1   0/0     0/0       1/1      1/1      1/1      1/1    0/1
low, high wanted     0/0   0/0     0/0       0/0      0/0      0/0      0/1    0/1
flagged, let pass    0/0   0/0     0/0       0/0      0/0      0/0      0/1    0/1
flagged, few         1/1   0/0     0/0       1/1      1/1      1/1      1/1    0/1
suspect              0/0   0/0     0/0       0/0      0/0      0/0      0/1    0/1
suspect, wanted      1/1   0/0     0/0       1/1      0/0      1/1      1/1    0/1
suspect, few         2/2   2/2     2/2       2/2      2/2      2/2      2/2    2/2
clean, few           2/2   2/2     2/2       2/2      2/2      2/2      2/2    2/2
few, may skip        2/2   2/2     2/2       2/2      2/2      2/2      2/2    2/2
few, others          0/0   0/0     0/0       0/0      0/0      0/1      0/1    0/1
few, let pass        2/2   2/2     2/2       2/2      2/2      2/2      2/2    2/2
not analysed         2/2   2/2     2/2       2/2      2/2      2/2      2/2    2/2
may skip             2/2   2/2     2/2       2/2      2/2      2/2      2/2    2/2
may skip, others     0/0   0/0     0/0       0/0      0/0      0/1      0/1    0/1
no concept           2/2   2/2     2/2       2/2      2/2      2/2      2/2    2/2
no concept, pass     0/0   0/1     0/1       0/1      0/1      0/1      0/1    0/1
grown                1/1   1/1     1/1       1/1      1/1      1/1      1/1    1/1
grown suspect        1/1   1/1     1/1       1/1      1/1      1/1      1/1    1/1
not grown enough     1/1   0/0     0/0       1/1      1/1      1/1      1/1    0/1
"""


def _cells() -> list[tuple[str, str, bool, int]]:
    header, *rows = TABLE.strip("\n").splitlines()
    cells = []
    for row in rows:
        situation, codes = row[:20].strip(), row[20:].split()
        for entries, both in zip(header.split(), codes, strict=True):
            cells += [(situation, entries, strict, int(both[2 * strict])) for strict in (False, True)]
    return cells


def test_the_table_has_every_combination():
    assert {cell[:3] for cell in _cells()} == set(itertools.product(SITUATIONS, ENTRIES, (False, True)))


@pytest.mark.parametrize(("situation", "entries", "strict", "expected"), _cells())
def test_exit_code_of_every_combination_of_audit_policy_and_baseline(situation, entries, strict, expected):
    name, settings = SITUATIONS[situation]
    concept = None if "no concept" in situation else WATER
    verdicts = [verdict_on("a", name, "low" if "low" in situation else "high", concept=concept)]
    verdicts += [verdict_on("z", "clean", n_images=500, class_idx=1)] if "others" in situation else []
    growth = GROWN if "max_growth" in settings else {}
    baseline = baseline_of(*ENTRIES[entries])
    evidence = evidence_of(*verdicts)
    decision = decide(evidence, Policy(**settings), baseline, today=TODAY, strict=strict, growth=growth)
    assert decision.exit_code == expected, decision


def decided(*verdicts, policy=None, baseline=(), strict=False, growth=None, **rows):
    """The decision, and its items by class and concept as (state, level)."""
    evidence = evidence_of(*verdicts, **rows)
    decision = decide(
        evidence, policy or Policy(), baseline_of(*baseline), today=TODAY, strict=strict, growth=growth or {}
    )
    items = {(item.class_name, item.concept): (item.state, item.level) for item in decision.items}
    assert len(items) == len(decision.items)
    return decision, items


def test_nothing_to_judge_is_undecided():
    for evidence in (evidence_of(), evidence_of(n_images=0), evidence_of(verdict_on("a", "clean"), n_images=0)):
        decision = decide(evidence, Policy(), baseline_of(), today=TODAY)
        assert (decision.exit_code, decision.summary) == (2, "undecided: the audit holds no pictures or no classes")


def test_an_item_tells_what_was_found_and_the_next_step():
    verdict = verdict_on("a", severity="medium")
    (item,) = decided(verdict)[0].items
    assert item.reason == "flagged, severity medium: mend the model, or accept it with --update-baseline"
    assert (item.class_name, item.concept_id, item.concept, item.concept_kind) == ("a", *WATER)
    assert (item.verdict, item.severity, item.fingerprint) == ("flagged", "medium", fingerprint("a", "water"))
    assert (item.state, item.level) == ("new", "error")


@pytest.mark.parametrize("accepted", [WATER, FOG])
def test_a_second_concept_does_not_hide_behind_an_accepted_first(accepted):
    verdict = verdict_on("a", concept=WATER)
    proven = gap_on(verdict, FOG, 0.2, q=0.05)
    other = FOG if accepted is WATER else WATER
    decision, items = decided(verdict, findings=(proven,), baseline=[entry_of("a", accepted)])
    assert decision.exit_code == 1
    assert items == {("a", accepted[1]): ("accepted", "note"), ("a", other[1]): ("new", "error")}
    accepted_both = [entry_of("a", WATER), entry_of("a", FOG)]
    assert decided(verdict, findings=(proven,), baseline=accepted_both)[0].exit_code == 0


def test_accepted_findings_near_their_end_are_warnings():
    def level(days):
        entry = entry_of("a", expires=TODAY + datetime.timedelta(days=days))
        return decided(verdict_on("a"), baseline=[entry])[1]["a", "water"]

    assert level(WARN_DAYS + 1) == ("accepted", "note")
    assert level(WARN_DAYS) == level(0) == ("accepted", "warning")


def test_reasons_of_what_was_accepted_once():
    def reason(**changes):
        (item,) = decided(verdict_on("a"), baseline=[entry_of("a", **changes)])[0].items
        return item.reason

    assert reason() == "flagged, severity high; by 'Ada' until 2030-08-14 ('ticket 7')"
    assert reason(expires=datetime.date(2030, 1, 1)) == (
        "flagged, severity high: was accepted by 'Ada' until 2030-01-01 ('ticket 7'); mend it, or renew the entry"
    )
    assert "was accepted as suspect only, by 'Ada'" in reason(verdict="suspect")
    assert "its fingerprint under other names ('cat', 'water'); mend it" in reason(**{"class": "cat"})
    assert "its fingerprint under other names ('a', 'fog'); mend it" in reason(concept="fog")
    assert "by 'Ada'" in reason(concept="Water")


def test_stale_entries_fail_only_when_that_is_asked_for():
    gone = entry_of("gone")
    decision, items = decided(verdict_on("a", "clean"), baseline=[gone])
    assert (decision.exit_code, items) == (0, {("gone", "water"): ("stale", "warning")})
    (item,) = decision.items
    assert (item.verdict, item.fingerprint, item.concept_id) == (None, gone.fingerprint, None)
    assert (
        item.reason == "nothing matches it any more: delete the entry, accepted by 'Ada' until 2030-08-14 ('ticket 7')"
    )
    decision, items = decided(verdict_on("a", "clean"), baseline=[gone], strict=True)
    assert (decision.exit_code, items) == (1, {("gone", "water"): ("stale", "error")})


def test_a_class_that_was_not_analysed_makes_no_entry_stale():
    policy = Policy(may_skip=("a",))
    assert decided(verdict_on("a", "not_analysed"), baseline=[entry_of("a")], policy=policy)[1] == {
        ("a", None): ("skipped", "note")
    }


def test_a_tolerated_finding_keeps_its_entry_from_being_stale():
    assert decided(verdict_on("a", "suspect"), baseline=[entry_of("a")])[1] == {("a", "water"): ("tolerated", "note")}


def test_too_few_pictures_to_pass_by():
    policy = Policy(min_images=101)
    decision, items = decided(verdict_on("a", "clean"), verdict_on("b", n_images=5, class_idx=1), policy=policy)
    assert decision.exit_code == 2
    assert items == {("a", None): ("not_analysed", "error"), ("b", "water"): ("new", "error")}
    reasons = {item.class_name: item.reason for item in decision.items}
    assert reasons["a"].startswith("clean on 100 pictures only, min_images 101; add pictures, or name the class")
    assert decided(verdict_on("a", "clean", n_images=101), policy=policy)[0].exit_code == 0
    suspect = Policy(min_images=101, fail_on=("suspect",))
    assert decided(verdict_on("a", "suspect"), policy=suspect, baseline=[entry_of("a")])[1] == {
        ("a", None): ("not_analysed", "error"), ("a", "water"): ("accepted", "note"),
    }  # fmt: skip


def test_growth_counts_from_its_lower_bound():
    def state(low, **changes):
        growth = {fingerprint("a", "water"): Growth(low + 0.1, low, low + 0.2)}
        decision, items = decided(verdict_on("a"), growth=growth, **changes)
        return decision.exit_code, items["a", "water"][0]

    limited, accepted = Policy(max_growth=0.1), [entry_of("a")]
    assert state(0.11, policy=limited, baseline=accepted) == (1, "grown")
    assert state(0.10, policy=limited, baseline=accepted) == (0, "accepted")
    assert state(0.90, baseline=accepted) == (0, "accepted")
    assert state(0.90, policy=limited) == (1, "new")
    own = Policy(max_growth=0.1, rule=(Rule(classes=("a",), max_growth=0.5),))
    assert state(0.4, policy=own, baseline=accepted) == (0, "accepted")


def test_the_reason_of_growth():
    growth = {fingerprint("a", "water"): Growth(0.12, 0.103, 0.2)}
    (item,) = decided(verdict_on("a"), growth=growth, policy=Policy(max_growth=0.1, fail_on=()))[0].items
    assert item.reason == (
        "grown since the previous release by 12.0 pts [10.3, 20.0], max_growth 10.0 pts: mend the model, or give it a "
        "[[rule]] of its own in the policy"
    )


def test_items_come_worst_first_and_the_summary_counts_them():
    verdicts = [
        verdict_on("ok", "suspect", class_idx=0),
        verdict_on("low", "flagged", "low", class_idx=1),
        verdict_on("high", "flagged", "high", class_idx=2),
        verdict_on("odd", "not_analysed", class_idx=3),
        verdict_on("known", "flagged", class_idx=4),
        verdict_on("clean", "clean", class_idx=5),
    ]
    decision, _ = decided(*verdicts, baseline=[entry_of("gone"), entry_of("known")])
    assert [item.class_name for item in decision.items] == ["high", "low", "odd", "gone", "known", "ok"]
    assert decision.summary == (
        "fails: 2 new, 1 not analysed, 1 accepted, 1 stale in the baseline, 1 tolerated by the policy (6 classes)"
    )
    assert decided(verdict_on("a", "clean"))[0].summary == "passes: nothing found (1 class)"


def test_a_sentence_of_the_audit_is_one_harmless_line():
    verdict = verdict_on("a", "not_analysed")
    forged = f"Two\nlines \x1b[31m ::error:: {'x' * 10_000}"
    values = {name: getattr(verdict, name) for name in verdict.__dataclass_fields__} | {"sentence": forged}
    (item,) = decided(type(verdict)(**values))[0].items
    assert item.reason.startswith("Two lines [31m ::error:: xxx")
    assert item.reason.isprintable()
    assert len(item.reason) < 600


def unshown(*, effect=0.3, **changes):
    """A class "a" on which nothing was found."""
    found = replace(verdict_on("a", "not_shown"), detectable_effect=effect, claim='Nothing was shown for "a", but …')
    return replace(found, **changes)


def states_of(decision):
    return [(item.state, item.level) for item in decision.items], decision.exit_code


def test_a_class_that_is_not_shown_passes_with_a_warning_and_fails_when_strict():
    decision, _ = decided(unshown())
    assert states_of(decision) == ([("not_shown", "warning")], 0)
    assert decision.summary == "passes: 1 not shown (1 class)"
    assert decision.items[0].reason == 'Nothing was shown for "a", but …; add pictures, or name the class in may_skip'
    told = decided(unshown(advice="Name what may matter in columns."))[0].items[0].reason
    assert told == 'Nothing was shown for "a", but …; name what may matter in columns; or name the class in may_skip'
    assert states_of(decided(unshown(), strict=True)[0]) == ([("too_weak", "error")], 1)
    assert states_of(decided(unshown(), policy=Policy(fail_on=("not_shown",)))[0]) == ([("too_weak", "error")], 1)
    only_b = Policy(rule=(Rule(classes=("b",), fail_on=("not_shown",)),))
    assert states_of(decided(unshown(), policy=only_b)[0])[1] == 0
    skipped = decided(unshown(), verdict_on("b", "clean"), strict=True, policy=Policy(may_skip=("a",)))[0]
    assert states_of(skipped) == ([("skipped", "note")], 0)


@pytest.mark.parametrize("verdict", ["clean", "not_shown"])
def test_a_smallest_effect_over_the_limit_fails(verdict):
    policy = Policy(max_detectable_effect=0.25)
    decision, _ = decided(unshown(verdict=verdict), policy=policy)
    assert states_of(decision) == ([("too_weak", "error")], 1)
    assert (
        "the smallest gap that would have been shown is 30 pts, max_detectable_effect 25 pts; add pictures, or name"
        in decision.items[0].reason
    )
    assert states_of(decided(unshown(verdict=verdict, effect=None), policy=policy)[0])[1] == 1
    assert states_of(decided(unshown(verdict="clean", effect=0.25), policy=policy)[0]) == ([], 0)
    near = decided(unshown(verdict="clean", effect=0.2504), policy=policy)[0].items[0].reason
    assert "is 25.0 pts, max_detectable_effect 25.0 pts" in near
    assert states_of(decided(replace(verdict_on("a"), detectable_effect=0.9), policy=policy)[0])[0] == [
        ("new", "error")
    ]


def test_few_pictures_leave_a_class_that_is_not_shown_unanalysed():
    decision, _ = decided(unshown(), policy=Policy(min_images=101))
    assert states_of(decision) == ([("not_analysed", "error")], 2)
    assert decision.items[0].reason.startswith("not shown on 100 pictures only, min_images 101")


def test_a_class_that_is_not_shown_makes_no_entry_stale():
    assert states_of(decided(unshown(), baseline=[entry_of("a")], strict=False)[0]) == ([("not_shown", "warning")], 0)


def test_harmed_fails_only_where_the_policy_says_so():
    harmed = replace(verdict_on("a"), verdict="harmed", severity="none")
    assert states_of(decided(harmed)[0]) == ([("tolerated", "note")], 0)
    decision = decided(harmed, policy=Policy(fail_on=("flagged", "harmed")))[0]
    assert states_of(decision) == ([("new", "error")], 1)
    assert decision.items[0].reason == "harmed: mend the model, or accept it with --update-baseline"
    accepted = decided(harmed, policy=Policy(fail_on=("harmed",)), baseline=[entry_of("a", verdict="harmed")])[0]
    assert states_of(accepted) == ([("accepted", "note")], 0)
