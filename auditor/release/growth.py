"""What changed since the release before, as the gate needs it: what grew, what nobody can know, and a short line."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import get_args

from auditor.errors import InputError
from auditor.gate.decide import Growth
from auditor.gate.releases import Change, ReleaseDiff
from auditor.store.queries.audit import Connection, database_file
from auditor.wording import quote, quote_list, quote_path


def compare_with(old: Path, before: Connection, connection: Connection, allow_different_data: bool) -> ReleaseDiff:
    """How an open audit differs from that of the release before, which is open as ``before`` from the folder ``old``.

    Raises:
        AuditorError: the two cannot be compared.
    """
    # Here, so that a gate without a release before needs no NumPy (docs/decisions/0050-small-install.md).
    from auditor.gate.release_diff import compare_releases
    from auditor.release.facts import release_facts

    old_facts, new_facts = release_facts(before), release_facts(connection)
    if old_facts.release.run_id == new_facts.release.run_id:
        raise InputError(
            f"the audit and that of the release before, {quote_path(old)}, are the same audit (run "
            f"{quote(new_facts.release.run_id)}); give --against the folder of another one"
        )
    diff = compare_releases(old_facts, new_facts, allow_different_data=allow_different_data)
    if not allow_different_data:
        _refuse_lost_words(diff, new_facts.concept_ids)
    if diff.old.name != diff.new.name:
        return diff
    new = (database_file(connection) or Path.cwd()).resolve().parent
    if old.resolve() == new:
        return diff
    name = _told_apart(old.resolve(), new)
    return replace(diff, old=replace(diff.old, name=name))


def _refuse_lost_words(diff: ReleaseDiff, concept_ids: Collection[str]) -> None:
    """A release does not pass because nobody asked for what the one before was found to rest on."""
    lost = [one for one in diff.changes if one.old.verdict == "flagged" and one.concept_id not in concept_ids]
    if lost:
        named = quote_list([f"{one.class_name}: {one.concept}" for one in lost])
        raise InputError(
            f"the audit has no words for what the release before was flagged for ({named}), so it could not be found "
            "again; audit with the vocabulary and columns of that one, or add --allow-different-data"
        )


def _told_apart(old: Path, new: Path) -> str:
    """As much of the end of a path as tells it from another: "release-6/audit", not "audit"."""
    for n_parts in range(1, len(old.parts) + 1):
        if old.parts[-n_parts:] != new.parts[-n_parts:]:
            return Path(*old.parts[-n_parts:]).as_posix()
    return new.name


def growth(diff: ReleaseDiff) -> dict[str, Growth]:
    """Findings whose gap really grew, those as well that the release before did not have."""
    return {
        one.fingerprint: Growth(one.difference, one.difference_low, one.difference_high)
        for one in diff.changes
        if one.change in ("worse", "new")
        and one.difference is not None
        and one.difference_low is not None
        and one.difference_high is not None
    }


def unmeasured(diff: ReleaseDiff) -> dict[str, str]:
    """Why it is not known of findings whether they grew."""
    return {
        one.fingerprint: one.note or "the gap could not be compared"
        for one in diff.changes
        if one.change == "unclear" or one.difference is None
    }


def in_short(diff: ReleaseDiff) -> str:
    """Such as "against release-6: 1 new, 2 fixed", and what else differs between the two audits."""
    counted = [f"{diff.count(change):,} {change}" for change in get_args(Change) if diff.count(change)]
    told = f"against {quote(diff.old.name)}: {', '.join(counted) or 'nothing found in either'}"
    if diff.n_same_things:
        told += f", {diff.n_same_things:,} more of known attributes of the same name"
    return "; ".join([told, *([diff.rules_note] if diff.rules_note else []), *diff.differences])
