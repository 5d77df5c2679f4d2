"""Pictures of a class chosen by name: those that carry a concept, those that break it, and what is called wrongly."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from auditor.errors import InputError
from auditor.records import Verdict
from auditor.rules import fails_with, shown_by_others
from auditor.store.queries.audit import Connection
from auditor.store.queries.concepts import concept_terms
from auditor.store.queries.picture_lists import Among, GridPicture, Selection, read_whole
from auditor.wording import nearest, quote, quote_list

#: ``carrying``: pictures of the class with the concept. ``breaking``: those without it. ``pulled``: pictures of other
#: classes with it that are called the class. ``mistakes``: pictures of the class that are called something else.
Choice = Literal["breaking", "carrying", "mistakes", "pulled"]

#: The list of pictures that each choice is.
LISTS: dict[Choice, Among] = {
    "breaking": "without",
    "carrying": "with",
    "mistakes": "mistakes",
    "pulled": "pulled",
}
_CLASSES = "SELECT class_idx, class_name FROM verdicts ORDER BY class_name"
_KEPT = "SELECT DISTINCT concept_id FROM concept_presence ORDER BY concept_id"
_EVERY = """
SELECT image_id, path, split, width, height, label_name, predicted_name, predicted_idx, confidence, correct
FROM images JOIN predictions USING (image_id)
ORDER BY image_idx
"""


@dataclass(frozen=True, slots=True)
class StoredPicture:
    """A picture of the audit: where it lies, its size in pixels, and what is said of it."""

    image_id: str
    path: str
    split: str | None
    width: int
    height: int
    label: str | None
    called: str | None
    called_idx: int | None
    confidence: float | None
    correct: bool | None


def every_picture(connection: Connection) -> list[StoredPicture]:
    """All pictures that were audited, in the order of the data."""
    return [StoredPicture(*row) for row in connection.execute(_EVERY).fetchall()]


def deciding_choice(verdict: Verdict) -> Choice:
    """Which pictures decide on a class: those that break its concept, those that carry what harms it, or the pulled."""
    if shown_by_others(verdict.rule_id):
        return "pulled"
    return "carrying" if fails_with(verdict.rule_id) else "breaking"


def chosen_pictures(
    connection: Connection, choice: Choice, class_name: str, concept: str | None = None
) -> list[GridPicture]:
    """All pictures of a choice: of those that break a concept mistakes first, of the others the surest first.

    Args:
        connection: an open audit.
        choice: which.
        class_name: name of a class.
        concept: its term ("water", "site = s1") or id; None with ``mistakes`` alone.

    Raises:
        InputError: no such class, a concept whose presence the audit did not keep (the nearest is named), or none where
            one is needed.
    """
    classes = {name: idx for idx, name in connection.execute(_CLASSES).fetchall()}
    if class_name not in classes:
        raise InputError(
            f"class {quote(class_name)} is not one of the audit's {len(classes):,}; {_near(class_name, classes)}"
        )
    if concept is None and choice != "mistakes":
        terms = sorted(concept_terms(connection, _kept(connection)).values())
        raise InputError(
            f"pictures {quote(choice)} of which concept? Only mistakes are told without one; name one with --concept: "
            f"the audit's findings are on {quote_list(terms)}"
        )
    concept_id = None if concept is None else _concept_id(connection, concept)
    return read_whole(connection, Selection(LISTS[choice], classes[class_name], concept_id))


def _kept(connection: Connection) -> list[str]:
    return [concept_id for (concept_id,) in connection.execute(_KEPT).fetchall()]


def _concept_id(connection: Connection, concept: str) -> str:
    kept = _kept(connection)
    ids = {term: concept_id for concept_id, term in concept_terms(connection, kept).items()}
    if concept in ids:
        return ids[concept]
    if concept in kept:
        return concept
    raise InputError(
        f"concept {quote(concept)} is none of the {len(kept):,} whose presence in every picture the audit kept, those "
        f"that its findings are on; {_near(concept, ids)}"
    )


def _near(name: str, known: Iterable[str]) -> str:
    names = sorted(known)
    # auditor.toml calls [concepts.pink_strip] what the audit calls "pink strip by example"
    begun = [one for one in names if one.startswith(f"{name.replace('_', ' ')} ")]
    close = begun[0] if begun else nearest(name, names)
    return f"did you mean {quote(close)}?" if close else f"there are {quote_list(names)}"
