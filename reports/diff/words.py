"""How a diff of two releases is said, the same in every format; names are made harmless here."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.figures import counted, growth, moved, percent, points
from auditor.gate.releases import (
    Change,
    ClassChange,
    FindingChange,
    FindingSide,
    GroupMatch,
    Measure,
    Release,
    ReleaseDiff,
    Standing,
)
from auditor.records import VerdictName
from reports.display import inert

#: A shape for every change, so that none depends on colour.
CHANGE_SHAPES: dict[Change, str] = {
    "new": "+",
    "worse": "▲",
    "unclear": "?",
    "fixed": "✓",
    "better": "▼",
    "unchanged": "=",
}
STANDING_WORDS: dict[Standing | VerdictName | None, str] = {
    "flagged": "flagged",
    "harmed": "harmed",
    "suspect": "suspect",
    "open": "not settled",
    "not_shown": "not shown",
    "clean": "clean",
    "not_analysed": "not analysed",
    None: "no such class",
}
MEASURES: dict[Measure, str] = {
    "recall": "gap of recall",
    "pull": "pull on other classes",
    "loss": "recall lost with it",
}
#: Longer names are cut; class names in one line, channel groups told.
NAME_LIMIT, _NAMED_CLASSES, _TOLD_GROUPS = 40, 12, 6
#: Channel groups are told where their part of all use changed by this much.
_NOTABLE_USE = 0.01


def release_line(release: Release) -> str:
    """Such as "release-7: timm:resnet50 with w.safetensors · 3,410 pictures · 2025-01-02"."""
    weights = f" with {inert(release.weights, NAME_LIMIT)}" if release.weights else ""
    made = f"{'audited' if release.rejudged_from is None else 'rejudged'} {release.created_at[:10]}"
    parts = [inert(release.model_spec, 80) + weights, counted(release.n_images, "picture"), made]
    return f"{inert(release.name, NAME_LIMIT)}: {' · '.join(map(inert, parts))}"


def basis(diff: ReleaseDiff) -> str:
    """On what the two were compared, and how accurate they are there."""
    old, new = diff.old.n_images, diff.new.n_images
    if diff.shared_images is None:
        said = "Measured on different pictures: a change can come from the pictures as well as from the model."
        return said + _accuracies(diff, f" of {counted(old, 'picture')}", f" of {counted(new, 'picture')}")
    if diff.shared_images == old == new:
        said = f"Compared on the same {counted(old, 'picture')}, one by one."
    else:
        shared = counted(diff.shared_images, "picture")
        said = f"Compared one by one on the {shared} that both audits hold (of {old:,} and {new:,})."
    return said + _accuracies(diff, "", "")


def _accuracies(diff: ReleaseDiff, of_old: str, of_new: str) -> str:
    if diff.old_accuracy is None or diff.new_accuracy is None:
        return ""
    old, new = (percent(accuracy, decimals=1) for accuracy in (diff.old_accuracy, diff.new_accuracy))
    return f" Accuracy {old}{of_old} → {new}{of_new}."


def rules_line(diff: ReleaseDiff) -> str | None:
    """That nothing but the rules differs, as a sentence; None where that is not so."""
    note = diff.rules_note
    return None if note is None else inert(f"{note[:1].upper()}{note[1:]}.")


def warnings(diff: ReleaseDiff) -> list[str]:
    """What else differs between the two audits, as sentences."""
    return [inert(f"{said[:1].upper()}{said[1:]}.") for said in diff.differences]


def class_name(change: FindingChange) -> str:
    """The class, cut."""
    return inert(change.class_name, NAME_LIMIT)


def concept(change: FindingChange) -> str:
    """Concept and kind, such as "water (scene)"."""
    kind = inert(change.concept_kind, NAME_LIMIT).replace("_", " ")
    return f"{inert(change.concept, NAME_LIMIT)} ({kind})"


def verdicts(change: FindingChange) -> str:
    """Such as "flagged → clean", once where they are the same."""
    old, new = (STANDING_WORDS[side.verdict] for side in (change.old, change.new))
    return old if old == new else f"{old} → {new}"


def gaps(change: FindingChange) -> str:
    """Both gaps, such as "65 → 3 pts"."""
    return moved(change.old.effect, change.new.effect) if change.difference is not None else "–"


def difference(change: FindingChange) -> str:
    """The change of the gap with its interval, such as "−62 pts [−80, −41]"."""
    return growth(change.difference, change.difference_low, change.difference_high)


def sentence(change: FindingChange) -> str:
    """What happened to the pictures with and without the concept, and the note; "" where nothing can be said."""
    parts = []
    if change.n_with is not None and change.n_without is not None:
        parts.append(_paired(change))
    elif change.difference is not None:
        parts.append(f"The {MEASURES[change.measure]} was {_interval(change.old)} and is {_interval(change.new)}.")
    if change.note:
        parts.append(f"{change.note[:1].upper()}{change.note[1:]}.")
    return inert(" ".join(parts))


def _paired(change: FindingChange) -> str:
    term = inert(change.concept, NAME_LIMIT)
    without = f"{_moved(change.old.rate_without, change.new.rate_without)} of {change.n_without:,}"
    with_it = f"{_moved(change.old.rate_with, change.new.rate_with)} of {change.n_with:,}"
    if change.measure != "pull":
        return f"Recognised without {term}: {without} pictures; with it: {with_it}."
    return f'Pictures of other classes called "{class_name(change)}" with {term}: {with_it}; without it: {without}.'


def _moved(old: float | None, new: float | None) -> str:
    before, after = percent(old), percent(new)
    return before if before == after else f"{before} → {after}"


def _interval(side: FindingSide) -> str:
    return points(side.effect, side.low, side.high)


def explanation(diff: ReleaseDiff) -> str:
    """How the table reads."""
    n_measured = sum(change.difference is not None for change in diff.changes)
    together = (
        "" if n_measured < 2 else f" The intervals hold together with 95 % ({n_measured} findings were compared)."
    )
    counts = (
        "counted over all pictures (a report takes comparable ones alone)"
        if diff.shared_images is not None
        else "as each audit measured it"
    )
    return (
        f"Gap: recall with the concept less recall without it, {counts}; for a loss the reverse, for a pull "
        f"pictures of other classes called the class.{together} A change whose interval holds 0 is noise: unchanged."
    )


def class_lines(diff: ReleaseDiff) -> list[str]:
    """Classes that appear or vanish, those analysed in one release only, and those that the rules alone changed."""
    by_words: dict[str, list[ClassChange]] = {}
    for one in diff.classes:
        words = _class_words(one)
        if words is None and diff.rules_note is not None and one.old_verdict != one.new_verdict:
            words = "Another verdict by other rules"
        if words is not None:
            by_words.setdefault(words, []).append(one)
    lines = []
    for words, found in sorted(by_words.items(), reverse=True):
        names = ", ".join(_named_class(one) for one in found[:_NAMED_CLASSES])
        more = f" and {len(found) - _NAMED_CLASSES:,} more" if len(found) > _NAMED_CLASSES else ""
        lines.append(f"{words}: {names}{more}.")
    return lines


def _class_words(one: ClassChange) -> str | None:
    if one.new_verdict is None:
        return "Only in the old release"
    if one.old_verdict is None:
        return "Only in the new release"
    if "not_analysed" not in (one.old_verdict, one.new_verdict) or one.old_verdict == one.new_verdict:
        return None
    return "No longer analysed" if one.new_verdict == "not_analysed" else "Analysed only now"


def _named_class(one: ClassChange) -> str:
    if "not_analysed" not in (one.old_verdict, one.new_verdict) and None not in (one.old_verdict, one.new_verdict):
        verdicts = f"{STANDING_WORDS[one.old_verdict]} → {STANDING_WORDS[one.new_verdict]}"
        return f"{inert(one.class_name, NAME_LIMIT)} ({verdicts})"
    verdict = one.old_verdict if one.new_verdict in (None, "not_analysed") else one.new_verdict
    return f"{inert(one.class_name, NAME_LIMIT)} ({STANDING_WORDS[verdict]})"


def group_lines(diff: ReleaseDiff) -> Iterator[str]:
    """Channel groups: how many were followed, and those whose use changed most."""
    if diff.group_note is not None:
        yield inert(f"{diff.group_note[:1].upper()}{diff.group_note[1:]}.")
        return
    followed = sum(one.cosine is not None for one in diff.groups)
    n_old = sum(one.old_idx is not None for one in diff.groups)
    if not diff.groups:
        return
    moved = [one for one in diff.groups if abs((one.new_share or 0) - (one.old_share or 0)) >= _NOTABLE_USE]
    said = "the largest changes of what they carry of all evidence" if moved else "none carries a point more or less"
    found = f"{followed} of the old release's {n_old} point the same way in the new one"
    yield f"Channel groups, for orientation only: {found}; {said}{':' if moved else '.'}"
    for one in moved[:_TOLD_GROUPS]:
        yield f"  {_group(one)}"
    if len(moved) > _TOLD_GROUPS:
        yield f"  and {len(moved) - _TOLD_GROUPS} more"


def _group(one: GroupMatch) -> str:
    old, new = percent(one.old_share), percent(one.new_share)
    if one.cosine is None:
        name, share = (one.old_name, f"{old} → gone") if one.new_idx is None else (one.new_name, f"comes with {new}")
        return f"{inert(name or 'without a name', NAME_LIMIT)}: {share}"
    names = [inert(name or "without a name", NAME_LIMIT) for name in (one.old_name, one.new_name)]
    name = names[0] if names[0] == names[1] else f"{names[0]} (now {names[1]})"
    return f"{name}: {old} → {new}"


def count_line(diff: ReleaseDiff) -> str:
    """The last line: what counts most first."""
    if not diff.changes:
        return "No finding in either release."
    said = [f"{diff.count(change)} {change}" for change in ("new", "worse", "fixed", "better", "unchanged")]
    unclear = diff.count("unclear")
    line = ", ".join(said) + (f"; {unclear} unclear" if unclear else "")
    if not diff.n_same_things:
        return line
    more = "more is a known attribute" if diff.n_same_things == 1 else "more are known attributes"
    return f"{line}; {diff.n_same_things:,} {more} of the same name"
