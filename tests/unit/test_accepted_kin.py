"""An entry for one word of a family is shown where another is found, and covers nothing else."""

from __future__ import annotations

import pytest
from gate_world import TODAY, WATER, baseline_of, counterexample_on, entry_of, evidence_of, verdict_on

from auditor.gate.accepted_kin import accepted_kin, kin_of
from auditor.gate.decide import decide
from auditor.gate.policy import Policy
from auditor.records import fingerprint

LAKE, SEA = ("lake", "lake", "scene"), ("sea", "sea", "scene")
FAMILY = ("family-water", "water", "scene")
FAMILY_OF = {"lake": "family-water", "sea": "family-water"}


def decided(lead, *entries, proven=(), strict=False):
    verdict = verdict_on("duck", concept=lead)
    rows = tuple(counterexample_on(verdict, one, "proven") for one in proven)
    evidence = evidence_of(verdict, counterexamples=rows, family_of=FAMILY_OF)
    return decide(evidence, Policy(), baseline_of(*entries), today=TODAY, strict=strict)


def test_kin_are_the_family_and_its_other_members():
    assert kin_of("lake", FAMILY_OF) == {"family-water": "its family", "sea": "its family's word"}
    assert kin_of("family-water", FAMILY_OF) == {"lake": "its word", "sea": "its word"}
    assert kin_of("fog", FAMILY_OF) == {}
    entries = {entry.fingerprint: entry for entry in (entry_of("duck", LAKE), entry_of("cat", SEA), entry_of("duck"))}
    assert list(accepted_kin(entries, FAMILY_OF, "duck", "family-water")) == [
        "its word 'lake' was accepted by 'Ada' until 2030-08-14, which does not cover it"
    ]


def test_of_a_family_and_its_members_the_family_is_told():
    (item,) = decided(FAMILY, proven=(LAKE, SEA, FAMILY)).items
    assert (item.concept_id, item.state) == ("family-water", "new")


@pytest.mark.parametrize(
    ("lead", "about", "was", "now"),
    [
        (FAMILY, LAKE, "its word 'lake'", "its family 'water'"),
        (LAKE, FAMILY, "its family 'water'", "its word 'lake'"),
        (SEA, LAKE, "its family's word 'lake'", "its family's word 'sea'"),
    ],
)
def test_what_was_accepted_of_a_kin_is_shown_and_covers_nothing(lead, about, was, now):
    found, stale = decided(lead, entry_of("duck", about)).items
    assert (found.concept_id, found.state, found.level) == (lead[0], "new", "error")
    assert f"; {was} was accepted by 'Ada' until 2030-08-14, which does not cover it: mend the model" in found.reason
    assert (stale.concept, stale.state) == (about[1], "stale")
    assert stale.reason.startswith(f"{now} is found now: delete the entry, accepted by 'Ada'")


def test_an_entry_of_a_member_that_is_proven_still_is_not_stale():
    (item,) = decided(FAMILY, entry_of("duck", LAKE), proven=(LAKE, FAMILY)).items
    assert "its word 'lake' was accepted" in item.reason
    (item,) = decided(FAMILY, entry_of("duck", LAKE), entry_of("duck", FAMILY), proven=(LAKE, FAMILY)).items
    assert item.state == "accepted"


def test_entries_of_other_things_are_as_they_were():
    (_, stale) = decided(FAMILY, entry_of("duck", WATER)).items
    assert stale.fingerprint == fingerprint("duck", "water")
    assert stale.reason.startswith("nothing matches it any more: delete the entry")
