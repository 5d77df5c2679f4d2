"""Lists of pictures, a page at a time: which pictures a list holds, in which order, and what stands beside one in it.

Every list is a `Selection`; a page of it and the steps from one of its pictures to the next come from the same order.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from auditor.rules import PRESENT
from auditor.store.queries.audit import Connection

#: ``all``, ``with``, ``without``, ``mistakes``: pictures of the class; ``pulled``: of other classes, with the concept,
#: and called the class. ``most``, ``least``: by how far they show the concept, whatever their class. ``said``: by how
#: much of their words it is, for the class or, without one, for the predicted one. ``group``: where a channel group
#: carries most. ``confused``: of the class and called another one.
Among = Literal["all", "with", "without", "mistakes", "pulled", "most", "least", "said", "group", "confused"]

#: Thumbnails of a page.
PAGE_SIZE = 24

_OF_CLASS = "p.label_idx = $class_idx"
#: What belongs to a list, and its order. Those of presence hold only pictures that it is known of.
_LISTS: dict[Among, tuple[str, str]] = {
    "all": (_OF_CLASS, "p.correct, p.confidence DESC"),
    "with": (f"{_OF_CLASS} AND c.presence > {PRESENT}", "c.presence DESC"),
    "without": (f"{_OF_CLASS} AND c.presence <= {PRESENT}", "p.correct, c.presence"),
    "mistakes": (f"{_OF_CLASS} AND NOT p.correct", "p.confidence DESC"),
    "pulled": (
        f"p.label_idx <> $class_idx AND p.predicted_idx = $class_idx AND c.presence > {PRESENT}",
        "p.confidence DESC",
    ),
    "most": ("c.presence IS NOT NULL", "c.presence DESC"),
    "least": ("c.presence IS NOT NULL", "c.presence"),
    "said": ("w.share IS NOT NULL", "w.share DESC"),
    "group": ("g.place IS NOT NULL", "g.share DESC, g.place"),
    "confused": (f"{_OF_CLASS} AND p.predicted_idx = $called_idx", "p.confidence DESC"),
}

# A hash breaks ties, for presence saturates: whichever pictures come first in the file would stand for all.
_RANKED = """
WITH known AS (SELECT image_id, presence FROM concept_presence WHERE concept_id = $concept_id),
named AS (
    SELECT share, unnest(image_ids) AS image_id, generate_subscripts(image_ids, 1) AS place
    FROM class_channel_groups
    WHERE group_idx = $group_idx AND ($class_idx::INTEGER IS NULL OR class_idx = $class_idx)
),
words AS (SELECT image_id, class_idx, share FROM attributions WHERE concept_id = $concept_id),
grouped AS (SELECT image_id, max(share) AS share, min(place) AS place FROM named GROUP BY image_id),
listed AS (
    SELECT p.*, c.presence, w.share, count(*) OVER () AS total,
           row_number() OVER (ORDER BY {order}, hash(p.image_id)) AS rank
    FROM predictions p
    LEFT JOIN known c USING (image_id)
    LEFT JOIN grouped g USING (image_id)
    LEFT JOIN words w ON w.image_id = p.image_id AND w.class_idx = coalesce($class_idx::INTEGER, p.predicted_idx)
    {columns}
    WHERE {of_list}
)
"""
# Of the pictures that a manifest says nothing of in this column the value is "".
_COLUMN = "LEFT JOIN (SELECT image_id, value FROM image_attributes WHERE attribute = $column) v USING (image_id)"
_OF_VALUES = " AND list_contains($values, coalesce(v.value, ''))"
_OF_SPAN = " AND TRY_CAST(v.value AS DOUBLE) BETWEEN $low AND $high"
_VALUES = f"""
SELECT coalesce(v.value, '') AS value, count(*) AS n FROM listed {_COLUMN} GROUP BY 1 ORDER BY n DESC, value
"""  # noqa: S608 (a constant)
_COLUMNS = """
SELECT attribute, count(DISTINCT value), count(*) = count(TRY_CAST(value AS DOUBLE)),
       min(TRY_CAST(value AS DOUBLE)), max(TRY_CAST(value AS DOUBLE))
FROM image_attributes WHERE value <> '' GROUP BY attribute ORDER BY attribute
"""
_COUNT = "SELECT count(*) FROM listed"
_BESIDE = """
SELECT s.total, i.image_id, i.path, s.label_name, s.predicted_name, s.confidence, s.correct, s.presence, s.share,
       s.predicted_idx
FROM shown s
JOIN images i USING (image_id)
ORDER BY s.rank
"""
_PAGE = f", shown AS (SELECT * FROM listed ORDER BY rank LIMIT $size OFFSET $start) {_BESIDE}"  # noqa: S608 (constant)
_WHOLE = f", shown AS (SELECT * FROM listed) {_BESIDE}"  # noqa: S608 (constant)
_AT_PATHS = "SELECT image_id FROM images WHERE list_contains($paths, path) ORDER BY path"
_IDS = "SELECT image_id FROM listed ORDER BY rank"
_STEP = """
SELECT rank, total, before, after
FROM (SELECT *, lag(image_id) OVER (ORDER BY rank) AS before, lead(image_id) OVER (ORDER BY rank) AS after FROM listed)
WHERE image_id = $image_id
LIMIT 1
"""
_NAMED = f"""
WITH asked AS (SELECT unnest($image_ids) AS image_id, generate_subscripts($image_ids, 1) AS rank),
shown AS (
    SELECT p.*, c.presence, w.share, 0 AS total, asked.rank
    FROM asked
    JOIN predictions p USING (image_id)
    LEFT JOIN concept_presence c ON c.image_id = asked.image_id AND c.concept_id = $concept_id
    LEFT JOIN attributions w ON w.image_id = asked.image_id AND w.concept_id = $concept_id
                            AND w.class_idx = coalesce($class_idx::INTEGER, p.predicted_idx)
)
{_BESIDE}
"""  # noqa: S608 (a constant)


@dataclass(frozen=True, slots=True)
class Having:
    """Pictures with one of these values in a column, or a number from low to high; with neither, all of them.

    The value "" is that of pictures that the column says nothing of; no number is in no span.
    """

    column: str
    values: tuple[str, ...] = ()
    span: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a manifest, or a measure, with how many values it has; low and high where all are numbers."""

    name: str
    n_values: int
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Selection:
    """One list of pictures of an audit. A list without what it needs (a class, a concept, a group) holds nothing."""

    among: Among
    class_idx: int | None = None
    concept_id: str | None = None
    group_idx: int | None = None
    called_idx: int | None = None
    having: Having | None = None


@dataclass(frozen=True, slots=True)
class GridPicture:
    """What stands under a thumbnail; ``presence`` and ``share`` are of the concept that the list is about.

    ``score`` is the likeness to what was searched, -1 to 1.
    """

    image_id: str
    path: str
    label_name: str | None
    predicted_name: str | None
    confidence: float | None
    correct: bool | None
    presence: float | None
    share: float | None
    predicted_idx: int | None
    score: float | None = None


@dataclass(frozen=True, slots=True)
class PicturePage:
    """Page ``number`` (from 1) of a list of ``total`` pictures."""

    pictures: tuple[GridPicture, ...]
    total: int
    number: int


@dataclass(frozen=True, slots=True)
class Step:
    """Where a picture stands in a list (from 1), and the pictures beside it; None at the ends."""

    position: int
    total: int
    previous: str | None
    following: str | None

    @property
    def page(self) -> int:
        """The page that it is on."""
        return (self.position - 1) // PAGE_SIZE + 1


def read_page(connection: Connection, selection: Selection, number: int, *, size: int = PAGE_SIZE) -> PicturePage:
    """A page of a list; a number beyond the last page gives the last."""
    parameters = {**_parameters(selection), "size": size, "start": (number - 1) * size}
    sql = _ranked(selection) + _PAGE
    rows = connection.execute(sql, parameters).fetchall()
    if not rows and number > 1:
        ((total,),) = connection.execute(_ranked(selection) + _COUNT, _parameters(selection)).fetchall()
        number = nearest_page(number, total, size=size)
        rows = connection.execute(sql, {**parameters, "start": (number - 1) * size}).fetchall()
    pictures = tuple(GridPicture(*row[1:]) for row in rows)
    return PicturePage(pictures, rows[0][0] if rows else 0, number)


def read_whole(connection: Connection, selection: Selection) -> list[GridPicture]:
    """All pictures of a list, for a file; a page of a browser takes :func:`read_page`."""
    rows = connection.execute(_ranked(selection) + _WHOLE, _parameters(selection)).fetchall()
    return [GridPicture(*row[1:]) for row in rows]


def ids_of(connection: Connection, selection: Selection) -> list[str]:
    """Ids of all pictures of a list, in its order."""
    rows = connection.execute(_ranked(selection) + _IDS, _parameters(selection)).fetchall()
    return [image_id for (image_id,) in rows]


def nearest_page(number: int, total: int, *, size: int = PAGE_SIZE) -> int:
    """The page of that number, or the last."""
    return max(1, min(number, -(-total // size)))


def step(connection: Connection, selection: Selection, image_id: str) -> Step | None:
    """Where a picture stands in a list; None where the list does not hold it."""
    parameters = {**_parameters(selection), "image_id": image_id}
    found = connection.execute(_ranked(selection) + _STEP, parameters).fetchone()
    return None if found is None else Step(*found)


def with_paths(connection: Connection, paths: Sequence[str]) -> list[str]:
    """Ids of the pictures at some paths, by path; those that the audit does not have are left out."""
    rows = connection.execute(_AT_PATHS, {"paths": list(paths)}).fetchall()
    return [image_id for (image_id,) in rows]


def step_in(image_ids: Sequence[str], image_id: str) -> Step | None:
    """The same in a list that is in memory."""
    if image_id not in image_ids:
        return None
    at = image_ids.index(image_id)
    following = image_ids[at + 1] if at + 1 < len(image_ids) else None
    return Step(at + 1, len(image_ids), image_ids[at - 1] if at else None, following)


def told(
    connection: Connection, image_ids: Sequence[str], *, class_idx: int | None = None, concept_id: str | None = None
) -> list[GridPicture]:
    """What stands under the thumbnails of some pictures, in their order; unknown ones are left out.

    Args:
        connection: an open audit.
        image_ids: a page of them; never all.
        class_idx: class whose words are meant; None for the predicted one of each.
        concept_id: concept that presence and share are of.
    """
    parameters = {"image_ids": list(image_ids), "class_idx": class_idx, "concept_id": concept_id}
    return [GridPicture(*row[1:]) for row in connection.execute(_NAMED, parameters).fetchall()]


def columns(connection: Connection) -> list[Column]:
    """The columns that pictures have values in, by name."""
    rows = connection.execute(_COLUMNS).fetchall()
    return [
        Column(name, n_values, low if all_numbers else None, high if all_numbers else None)
        for name, n_values, all_numbers, low, high in rows
    ]


def values_in(connection: Connection, selection: Selection, column: str) -> list[tuple[str, int]]:
    """Values of a column in a list with their pictures, most first; "" for those that it says nothing of."""
    rows = connection.execute(_ranked(selection) + _VALUES, {**_parameters(selection), "column": column}).fetchall()
    return [(value, n) for value, n in rows]


def _ranked(selection: Selection) -> str:
    of_list, order = _LISTS[selection.among]
    having = selection.having
    values, span = (False, False) if having is None else (bool(having.values), having.span is not None)
    narrowed = f"({of_list})" + _OF_VALUES * values + _OF_SPAN * span
    return _RANKED.format(of_list=narrowed, order=order, columns=_COLUMN if values or span else "")


def _parameters(selection: Selection) -> dict[str, object]:
    called = {"called_idx": selection.called_idx} if selection.among == "confused" else {}
    having: dict[str, object] = {}
    if selection.having is not None and selection.having.values:
        having |= {"column": selection.having.column, "values": list(selection.having.values)}
    if selection.having is not None and selection.having.span is not None:
        low, high = selection.having.span
        having |= {"column": selection.having.column, "low": low, "high": high}
    return {
        "class_idx": selection.class_idx,
        "concept_id": selection.concept_id,
        "group_idx": selection.group_idx,
        **called,
        **having,
    }
