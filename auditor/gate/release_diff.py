"""Compare two releases: findings new, fixed, worse and better, channel groups, and what else differs. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from auditor.errors import InputError
from auditor.figures import growth, moved
from auditor.gate.compared_pairs import Comparison, comparisons
from auditor.gate.core_items import grounds
from auditor.gate.gap_change import Estimate, PairedGap, level_of_each
from auditor.gate.group_match import match_groups
from auditor.gate.pair_standing import AuditIndex, classify, classify_place
from auditor.gate.releases import (
    Change,
    ClassChange,
    FindingChange,
    FindingSide,
    GroupMatch,
    Measure,
    Pair,
    Release,
    ReleaseDiff,
    ReleaseFacts,
    ReleaseGroups,
    ReleasePictures,
    Standing,
)
from auditor.gate.shared_pictures import accuracies, share_pictures
from auditor.place_grid import place_of
from auditor.records import fingerprint
from auditor.wording import first_of, quote

__all__ = [
    "ClassChange",
    "FindingChange",
    "FindingSide",
    "GroupMatch",
    "Pair",
    "Release",
    "ReleaseDiff",
    "ReleaseFacts",
    "ReleaseGroups",
    "ReleasePictures",
    "compare_releases",
]

_ORDER: tuple[Change, ...] = ("new", "worse", "unclear", "fixed", "better", "unchanged")


def compare_releases(old: ReleaseFacts, new: ReleaseFacts, *, allow_different_data: bool = False) -> ReleaseDiff:
    """Say what a release changed.

    A finding counts as changed only where the interval of the difference of its gap, which holds for all findings of
    the diff together, leaves zero out; and it counts as fixed only where the new audit measured it and excludes it.

    Args:
        old: the release before.
        new: the release to be judged.
        allow_different_data: compare what was measured on other data or with another encoder; the diff says so.

    Raises:
        InputError: data or encoder differ and that was not allowed.
    """
    differences = _differences(old.release, new.release)
    if differences and not allow_different_data:
        raise InputError(
            f"the two audits cannot be compared: {'; '.join(differences)}; audit both releases on the same data with "
            "the same encoder, or add --allow-different-data"
        )
    further = _further_differences(old, new)
    rules_note = None if differences or further else _rules_note(old, new)
    same_model, other_rules = ((), ()) if rules_note else (_same_model(old, new), _other_rules(old, new))
    shared = share_pictures(old, new)
    indexes = AuditIndex(old), AuditIndex(new)
    compared = comparisons(*indexes, shared)
    confidence = level_of_each(sum(one.gap is not None for one in compared))
    changes = sorted(
        (_change(one, *indexes, confidence, by_rules=rules_note is not None) for one in compared),
        key=lambda one: (_ORDER.index(one.change), -abs(one.difference or 0.0), one.class_name, one.concept_id),
    )
    old_accuracy, new_accuracy = accuracies(old, new, shared)
    group_note = _group_note(old, new)
    return ReleaseDiff(
        old=old.release,
        new=new.release,
        shared_images=None if shared is None else shared.n,
        old_accuracy=old_accuracy,
        new_accuracy=new_accuracy,
        confidence=confidence,
        changes=tuple(changes),
        classes=_classes(old, new),
        groups=() if group_note else match_groups(old.groups, new.groups),
        differences=(*differences, *same_model, *further, *other_rules, *_fitted_here(old, new)),
        group_note=group_note,
        rules_note=rules_note,
    )


def not_comparable(old: ReleaseFacts, new: ReleaseFacts) -> tuple[str, ...]:
    """Why the findings of one audit cannot be followed into another: other data, another encoder, or other rules.

    A diff of two audits tells other rules beside its changes; in a row of audits they would pass for a trend.
    """
    changed = _changed_rules(old, new)
    rules = [f"the rules differ: {changed}"] if changed is not None else list(_versions_differ(old, new))
    return (*_differences(old.release, new.release), *rules)


def _differences(old: Release, new: Release) -> tuple[str, ...]:
    """What makes a comparison doubtful."""
    found = []
    if old.data_digest != new.data_digest:
        found.append(
            f"the data differ ({old.data_path}, digest {old.data_digest[:8]}, then {new.data_path}, digest "
            f"{new.data_digest[:8]})"
        )
    if old.encoder_digest != new.encoder_digest:
        found.append(
            f"the encoders differ ({old.encoder_spec}, digest {old.encoder_digest[:8]}, then {new.encoder_spec}, "
            f"digest {new.encoder_digest[:8]})"
        )
    return tuple(found)


def _further_differences(old: ReleaseFacts, new: ReleaseFacts) -> tuple[str, ...]:
    """What a reader should know, though it does not forbid the comparison."""
    found = []
    if old.release.vocabulary_digest != new.release.vocabulary_digest:
        found.append("the vocabularies differ: a concept that only one of them holds cannot be found by the other")
    changed = [
        f"{name} {old.settings.get(name)} → {new.settings.get(name)}"
        for name in sorted({*old.settings, *new.settings})
        if old.settings.get(name) != new.settings.get(name)
    ]
    if changed:
        found.append(f"the settings differ: {', '.join(changed)}")
    found += _core_differences(old, new)
    return tuple(found)


def _rules_note(old: ReleaseFacts, new: ReleaseFacts) -> str | None:
    """That model and data are the same and the rules are not; None where the model differs or the rules do not.

    Called where nothing else differs.
    """
    if old.release.model_digest != new.release.model_digest:
        return None
    changed = _changed_rules(old, new)
    if changed is not None:
        return f"model and data are the same, and the rules differ: what changed comes from the rules ({changed})"
    if old.release.rules_digest is None and new.release.rejudged_from == old.release.run_id:
        return (
            "model and data are the same, and the new audit is the old one rejudged: what changed comes from the rules "
            f"(those of the old one, of auditor {old.release.auditor_version}, are not recorded)"
        )
    return None


def _changed_rules(old: ReleaseFacts, new: ReleaseFacts) -> str | None:
    """Thresholds by name where they differ; None where the rules are the same, or those of one audit not known."""
    digests = old.release.rules_digest, new.release.rules_digest
    if None in digests or digests[0] == digests[1]:
        return None
    before, after = old.thresholds, new.thresholds
    changed = [
        f"{name} {_number(before.get(name))} → {_number(after.get(name))}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    ]
    return first_of(changed) or "no threshold, but the code that judges"


def _fitted_here(old: ReleaseFacts, new: ReleaseFacts) -> Iterator[str]:
    """That a repair was fitted to the pictures which its audit judges it by."""
    for name, facts in (("old", old), ("new", new)):
        if facts.held_out:
            yield (
                f"the last layer of the {name} model was fitted to pictures of this audit (auditor repair), so it "
                "looks better here than on others: of what was taken out, the change on held-out pictures is told below"
            )


def _on_held_out(pair: Pair, measure: Measure, facts: ReleaseFacts) -> str | None:
    """How a gap changed by heads that did not see the pictures; None where no repair measured it."""
    ids = {pair.concept_id, *(column for column, word in facts.same_as.items() if word == pair.concept_id)}
    figures = [one for key in sorted(ids) for one in facts.held_out.get(Pair(pair.class_name, key), ())]
    for one in figures:
        if one.name == ("pull" if measure == "pull" else "gap") and isfinite(one.after - one.before):
            sign = -1 if measure == "loss" else 1
            ends = sorted((sign * one.low, sign * one.high))
            gaps, change = moved(sign * one.before, sign * one.after), growth(sign * (one.after - one.before), *ends)
            return f"on pictures that the repaired layer did not see: {gaps}, {change}"
    return None


def _number(threshold: float | None) -> str:
    return "none" if threshold is None else f"{threshold:g}"


def _same_model(old: ReleaseFacts, new: ReleaseFacts) -> Iterator[str]:
    if old.release.model_digest == new.release.model_digest:
        yield "both audits are of the same model"


def _other_rules(old: ReleaseFacts, new: ReleaseFacts) -> Iterator[str]:
    """What is said of the rules where other things differ as well, or they are the same."""
    changed = _changed_rules(old, new)
    if changed is not None:
        yield f"the rules differ: {changed}"
    elif None in (old.release.rules_digest, new.release.rules_digest):
        yield from _versions_differ(old, new)
    elif new.release.rejudged_from == old.release.run_id:
        yield "the new audit is the old one rejudged by the same rules"


def _versions_differ(old: ReleaseFacts, new: ReleaseFacts) -> Iterator[str]:
    """What is said where one of the audits does not say by which rules it was judged."""
    versions = old.release.auditor_version, new.release.auditor_version
    if None in (old.release.rules_digest, new.release.rules_digest) and versions[0] != versions[1]:
        yield f"the audits were made by auditor {versions[0]} and {versions[1]}: rules may differ"


def _core_differences(old: ReleaseFacts, new: ReleaseFacts) -> Iterator[str]:
    """What the settings let classes rest on, in one of the two audits only or on other grounds."""
    before, after = old.allowed, new.allowed
    both = [pair for pair in after if pair in before and before[pair].why is not None]  # older audits kept no reason
    sorts = (
        ("new", [row for pair, row in after.items() if pair not in before]),
        ("gone", [row for pair, row in before.items() if pair not in after]),
        ("on other grounds", [after[pair] for pair in both if grounds(after[pair]) != grounds(before[pair])]),
    )
    for said, rows in sorts:
        if rows:
            named = first_of([f"{quote(row.class_name)} on {quote(row.concept)}" for row in rows])
            yield f"{said} in [core], what a class may rest on: {named}"


def _group_note(old: ReleaseFacts, new: ReleaseFacts) -> str | None:
    if old.release.encoder_digest != new.release.encoder_digest:
        return "channel groups are not followed: their directions lie in the spaces of different encoders"
    sizes = old.groups.directions.shape[-1], new.groups.directions.shape[-1]
    if sizes[0] != sizes[1] and old.groups.names and new.groups.names:
        return f"channel groups are not followed: their directions have {sizes[0]} and {sizes[1]} dimensions"
    return None


def _classes(old: ReleaseFacts, new: ReleaseFacts) -> tuple[ClassChange, ...]:
    before = {verdict.class_name: verdict.verdict for verdict in old.verdicts}
    after = {verdict.class_name: verdict.verdict for verdict in new.verdicts}
    return tuple(ClassChange(name, before.get(name), after.get(name)) for name in sorted({*before, *after}))


def _change(one: Comparison, old: AuditIndex, new: AuditIndex, confidence: float, *, by_rules: bool) -> FindingChange:
    before, after = old.standing(one.pair), new.standing(one.pair)
    difference = one.gap.difference(confidence) if one.gap else None
    is_place = place_of(one.pair.concept_id) is not None
    change, note = classify_place(before, after) if is_place else classify(before, after, difference)
    if by_rules and before != after and change == "unchanged":
        note = "other rules give another verdict, and what the model calls the pictures is the same"
    for name, index in (("old", old), ("new", new)):
        if one.pair in index.facts.core:
            change, note = "unclear", f"the {name} audit takes it as core to the class"
        if one.pair.concept_id not in index.facts.concept_ids:
            change, note = "unclear", f"the vocabulary of the {name} audit does not hold it"
    held_out = _on_held_out(one.pair, one.measure, new.facts)
    if held_out is not None:
        note = held_out if note is None else f"{note}; {held_out}"
    paired = one.gap if isinstance(one.gap, PairedGap) else None
    if paired is not None and one.measure == "loss":  # it is the gap of those without it
        paired = paired.reversed()
    return FindingChange(
        class_name=one.pair.class_name,
        concept_id=one.pair.concept_id,
        concept=one.concept,
        concept_kind=one.concept_kind,
        change=change,
        measure=one.measure,
        old=_side(
            before, one.gap.old if one.gap else None, (paired.with_concept.old, paired.without.old) if paired else None
        ),
        new=_side(
            after, one.gap.new if one.gap else None, (paired.with_concept.new, paired.without.new) if paired else None
        ),
        difference=difference.effect if difference else None,
        difference_low=difference.low if difference else None,
        difference_high=difference.high if difference else None,
        n_with=paired.counts[0] if paired else None,
        n_without=paired.counts[1] if paired else None,
        fingerprint=fingerprint(*one.pair),
        note=note,
        same_as=new.facts.same_as.get(one.pair.concept_id) or old.facts.same_as.get(one.pair.concept_id),
    )


def _side(verdict: Standing | None, gap: Estimate | None, rates: tuple[float, float] | None) -> FindingSide:
    return FindingSide(
        verdict=verdict,
        effect=gap.effect if gap else None,
        low=gap.low if gap else None,
        high=gap.high if gap else None,
        rate_with=rates[0] if rates else None,
        rate_without=rates[1] if rates else None,
    )
