"""All that an audit holds of one picture, as one record; no Streamlit."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.records import SaliencyMap
from auditor.rules import MIN_KAPPA
from auditor.store.queries import pictures as picture_queries
from auditor.store.queries.audit import Connection

_PICTURE = """
SELECT i.image_id, i.path, i.label, i.split, i.group_id, i.width, i.height, i.content_digest, i.thumbnail,
       p.predicted_idx, p.predicted_name, p.label_idx, p.label_name, p.confidence, p.correct
FROM images i LEFT JOIN predictions p USING (image_id)
WHERE i.rowid IN (SELECT rowid FROM images WHERE image_id = $image_id)
LIMIT 1
"""
_WORDS = f"""
SELECT a.class_idx, a.concept_id, a.concept, c.concept_kind, coalesce(c.is_context, false), a.share,
       CASE WHEN c.kappa IS NULL OR c.kappa >= {MIN_KAPPA} THEN list_contains(s.concept_idx, c.concept_idx) END AS seen
FROM attributions a LEFT JOIN concepts c USING (concept_id) LEFT JOIN concepts_seen s USING (image_id)
WHERE a.image_id = $image_id
ORDER BY a.class_idx, coalesce(seen, true) DESC, a.share DESC, a.concept_id
LIMIT $most
"""  # noqa: S608 (a constant)
_RESIDUALS = "SELECT class_idx, class_name, residual FROM attribution_residuals WHERE image_id = $image_id LIMIT $most"
_SHOWN = """
SELECT s.concept_id, coalesce(c.concept, f.concept, k.concept, p.concept, s.concept_id),
       coalesce(c.concept_kind, f.concept_kind, p.concept_kind, 'attribute'), s.presence
FROM (SELECT concept_id, presence FROM concept_presence WHERE image_id = $image_id
      ORDER BY presence DESC, concept_id LIMIT $most) s
LEFT JOIN concepts c USING (concept_id)
LEFT JOIN concept_families f USING (concept_id)
LEFT JOIN attribute_concepts k USING (concept_id)
LEFT JOIN (SELECT DISTINCT concept_id, concept, 'place' AS concept_kind FROM fixed_places) p USING (concept_id)
ORDER BY s.presence DESC, s.concept_id
"""
_ATTRIBUTES = "SELECT attribute, value FROM image_attributes WHERE image_id = $image_id ORDER BY attribute LIMIT $most"
# What a verdict names comes first: a picture may be evidence of a hundred findings.
_NAMED = """
SELECT n.class_name, n.concept_id, n.concept, n.rule_id
FROM (SELECT class_name, concept_id, concept, rule_id FROM findings
      WHERE list_contains(evidence_image_ids, $image_id)
      UNION ALL
      SELECT class_name, concept_id, concept, CASE WHEN present THEN 'with' ELSE 'without' END
      FROM counterexamples WHERE list_contains(image_ids, $image_id)) n
LEFT JOIN verdicts v ON (v.class_name, v.concept_id) = (n.class_name, n.concept_id)
ORDER BY v.class_idx IS NULL, n.class_name, n.concept_id, n.concept, n.rule_id LIMIT $most
"""
_GROUPS = """
SELECT s.group_idx, g.name, s.class_name, s.share
FROM class_channel_groups s JOIN channel_groups g USING (group_idx)
WHERE list_contains(s.image_ids, $image_id)
ORDER BY s.share DESC, s.group_idx LIMIT $most
"""
#: Lines of each table: no picture of a real audit has more, and a made-up one shall not fill the page.
_MOST = 200
#: Concepts by presence that are told.
_MOST_SHOWN = 12


@dataclass(frozen=True, slots=True)
class Word:
    """A concept in the words for a class."""

    concept_id: str
    concept: str
    kind: str | None
    is_context: bool
    share: float
    seen: bool | None  # whether the picture shows it; None where that is not known


@dataclass(frozen=True, slots=True)
class ClassWords:
    """The words for one class in one picture, those that it shows first, and what they leave unexplained."""

    class_idx: int
    class_name: str
    words: tuple[Word, ...]
    residual: float


@dataclass(frozen=True, slots=True)
class Shown:
    """How sure the audit is that the picture shows a concept."""

    concept_id: str
    concept: str
    kind: str
    presence: float


@dataclass(frozen=True, slots=True)
class NamedBy:
    """A finding that has the picture as evidence; ``rule_id`` "with" or "without" is an arm of the counterexamples."""

    class_name: str
    concept_id: str
    concept: str
    rule_id: str


@dataclass(frozen=True, slots=True)
class GroupOfPicture:
    """A channel group that carries most of a class in this picture, among few others."""

    group_idx: int
    name: str
    class_name: str
    share: float


@dataclass(frozen=True, slots=True, eq=False)
class PictureFacts:
    """One picture. ``words`` are those for the predicted class first, then those for the label where it differs."""

    image_id: str
    path: str
    label: str | None
    split: str | None
    group_id: str | None
    width: int
    height: int
    content_digest: str
    thumbnail: bytes | None
    predicted_idx: int | None
    predicted_name: str | None
    label_idx: int | None
    label_name: str | None
    confidence: float | None
    correct: bool | None
    words: tuple[ClassWords, ...]
    shown: tuple[Shown, ...]
    attributes: tuple[tuple[str, str], ...]
    named_by: tuple[NamedBy, ...]
    groups: tuple[GroupOfPicture, ...]
    maps: tuple[SaliencyMap, ...]


def picture_facts(connection: Connection, image_id: str) -> PictureFacts | None:
    """Everything of one picture; None where the audit has no such picture."""
    asked = {"image_id": image_id}
    row = connection.execute(_PICTURE, asked).fetchone()
    if row is None:
        return None
    many = {**asked, "most": _MOST}
    words: dict[int, list[Word]] = {}
    for class_idx, *word in connection.execute(_WORDS, many).fetchall():
        words.setdefault(class_idx, []).append(Word(*word))
    predicted_idx = row[9]
    of_classes = [
        ClassWords(class_idx, class_name, tuple(words.get(class_idx, ())), residual)
        for class_idx, class_name, residual in connection.execute(_RESIDUALS, many).fetchall()
    ]
    of_classes.sort(key=lambda one: (one.class_idx != predicted_idx, one.class_idx))
    shown = connection.execute(_SHOWN, {**asked, "most": _MOST_SHOWN}).fetchall()
    tables = (
        tuple(of_classes),
        tuple(Shown(*one) for one in shown),
        tuple(connection.execute(_ATTRIBUTES, many).fetchall()),
        tuple(NamedBy(*one) for one in connection.execute(_NAMED, many).fetchall()),
        tuple(GroupOfPicture(*one) for one in connection.execute(_GROUPS, many).fetchall()),
        tuple(picture_queries.maps_of_pictures(connection, [image_id])),
    )
    return PictureFacts(*(*row, *tables))
