"""Named read-only SQL on concepts: those of one class, and one concept across the classes; no Streamlit."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from auditor.place_grid import SURROUNDINGS
from auditor.records import PLACE_KIND, PROPERTY_PREFIX, VERDICTS
from auditor.rules import GAPS, PRESENT
from auditor.store.queries.audit import Connection

# A known attribute has counts and no words; a concept of the words need not have been counted.
_OF_CLASS = """
WITH counted AS (
    SELECT concept_id, any_value(concept) AS concept,
           max(n) FILTER (present) AS n_with, max(n_correct) FILTER (present) AS right_with,
           max(n) FILTER (NOT present) AS n_without, max(n_correct) FILTER (NOT present) AS right_without
    FROM subgroups WHERE class_idx = $class_idx GROUP BY concept_id
),
said AS (SELECT * FROM class_concepts WHERE class_idx = $class_idx),
listed AS (
    SELECT concept_id, coalesce(s.concept, c.concept) AS concept, s.concept_kind, s.share, s.share_elsewhere,
           c.n_with, c.right_with, c.n_without, c.right_without
    FROM said s FULL JOIN counted c USING (concept_id)
)
SELECT concept_id, concept, coalesce(listed.concept_kind, k.concept_kind), share, share_elsewhere,
       n_with, right_with, n_without, right_without, count(*) OVER ()
FROM listed
LEFT JOIN (SELECT concept_id, concept_kind FROM concepts
           UNION ALL SELECT concept_id, concept_kind FROM concept_families) k USING (concept_id)
ORDER BY concept_id = $leading DESC NULLS LAST, share DESC NULLS LAST, concept_id
LIMIT $limit
"""

_ALL = """
WITH led AS (
    SELECT concept_id, count(*) FILTER (verdict = 'flagged') AS n_flagged,
           count(*) FILTER (verdict = 'harmed') AS n_harmed, count(*) FILTER (verdict = 'suspect') AS n_suspect
    FROM verdicts WHERE concept_id IS NOT NULL GROUP BY concept_id
),
said AS (
    SELECT concept_id, max(share) AS share, max_by(class_name, share) AS class_name FROM class_concepts
    GROUP BY concept_id
),
named AS (
    SELECT concept_id, concept, concept_kind, kappa FROM concepts
    UNION ALL
    SELECT concept_id, concept, concept_kind, kappa FROM concept_families
    UNION ALL
    SELECT concept_id, a.concept, e.concept_kind, e.kappa
    FROM attribute_concepts a LEFT JOIN example_concepts e USING (concept_id)
    WHERE concept_id NOT IN (SELECT concept_id FROM concepts)
)
SELECT concept_id, concept, concept_kind, coalesce(n_flagged, 0), coalesce(n_harmed, 0), coalesce(n_suspect, 0),
       share, class_name, kappa, count(*) OVER ()
FROM named LEFT JOIN led USING (concept_id) LEFT JOIN said USING (concept_id)
WHERE contains(lower(concept), lower($find))
ORDER BY coalesce(n_flagged, 0) DESC, coalesce(n_harmed, 0) DESC, coalesce(n_suspect, 0) DESC,
         share DESC NULLS LAST, concept_id
LIMIT $limit OFFSET $start
"""

_ONE = """
SELECT concept_id, concept, concept_kind, synonyms, kappa, NULL, NULL FROM concepts WHERE concept_id = $concept_id
UNION ALL
SELECT concept_id, concept, concept_kind,
       (SELECT list(c.concept ORDER BY c.concept) FROM concepts c WHERE list_contains(members, c.concept_id)),
       kappa, NULL, NULL
FROM concept_families WHERE concept_id = $concept_id
UNION ALL
SELECT concept_id, a.concept, e.concept_kind, [], coalesce(e.kappa, agreement), attribute, e.auc
FROM attribute_concepts a LEFT JOIN example_concepts e USING (concept_id) WHERE concept_id = $concept_id
UNION ALL
SELECT concept_id, concept, 'place', [], NULL, NULL, NULL FROM findings
WHERE concept_kind = 'place' AND concept_id = $concept_id
LIMIT 1
"""

# The classes that a concept says anything of: classes where nothing was measured and whose words hardly hold it are not
# among them. Where it leads comes first, worst verdicts first, then by the largest gap.
_ACROSS = """
WITH measured AS (
    SELECT class_idx, max(effect) FILTER (list_contains($gaps, rule_id) AND status = 'measured') AS gap
    FROM findings WHERE concept_id = $concept_id GROUP BY class_idx
),
said AS (SELECT class_idx, share, share_elsewhere FROM class_concepts WHERE concept_id = $concept_id)
SELECT v.class_idx, v.class_name, v.verdict, v.severity, v.concept_id IS NOT DISTINCT FROM $concept_id AS leads,
       s.share, s.share_elsewhere, count(*) OVER ()
FROM verdicts v
LEFT JOIN said s USING (class_idx)
LEFT JOIN measured m USING (class_idx)
WHERE m.class_idx IS NOT NULL OR v.concept_id IS NOT DISTINCT FROM $concept_id OR s.share >= 0.005
ORDER BY leads DESC, list_position($order, v.verdict),
         m.gap DESC NULLS LAST, s.share DESC NULLS LAST, v.class_name, v.class_idx
LIMIT $limit OFFSET $start
"""

_EFFECTS = """
SELECT class_idx, rule_id, effect, low, high FROM findings
WHERE concept_id = $concept_id AND status = 'measured' AND effect IS NOT NULL AND list_contains($classes, class_idx)
ORDER BY class_idx, rule_id
"""

_N_LED = "SELECT count(*) FROM verdicts WHERE concept_id = $concept_id"

_SAID = f"""
SELECT path, presence > {PRESENT}
FROM concept_presence JOIN images USING (image_id)
WHERE concept_id = $concept_id AND list_contains($paths, path)
"""  # noqa: S608 (a constant)

_TERMS = """
SELECT concept_id, concept FROM concepts WHERE list_contains($ids, concept_id)
UNION ALL
SELECT concept_id, concept FROM concept_families WHERE list_contains($ids, concept_id)
UNION ALL
SELECT concept_id, concept FROM attribute_concepts WHERE list_contains($ids, concept_id)
UNION ALL
SELECT DISTINCT concept_id, concept FROM findings WHERE concept_kind = 'place' AND list_contains($ids, concept_id)
"""

# Those that lead a class first; a hash mixes the rest, so that not one kind alone is offered.
_OFFERED = """
SELECT concept FROM concepts c
WHERE concept_kind <> 'attribute'
ORDER BY (SELECT count(*) FROM verdicts v WHERE v.concept_id = c.concept_id AND v.verdict <> 'clean') DESC,
         is_context DESC, hash(concept_id)
LIMIT $limit
"""


@dataclass(frozen=True, slots=True)
class ClassWord:
    """A concept in one class: its share of the words, and how the model does on pictures with it and without it.

    ``total`` is the number of concepts that the whole list has.
    """

    concept_id: str
    concept: str
    concept_kind: str | None
    share: float | None
    share_elsewhere: float | None
    n_with: int | None
    right_with: int | None
    n_without: int | None
    right_without: int | None
    total: int


@dataclass(frozen=True, slots=True)
class ListedConcept:
    """A concept in the list of all: classes that it leads, and the class whose words hold most of it."""

    concept_id: str
    concept: str
    concept_kind: str | None
    n_flagged: int
    n_harmed: int
    n_suspect: int
    share: float | None
    class_name: str | None
    kappa: float | None
    total: int


@dataclass(frozen=True, slots=True)
class OneConcept:
    """A concept of the vocabulary, or a value of a column (then ``attribute`` names the column).

    The synonyms of a family are the terms of its members.
    ``agreement`` is Cohen's kappa of its presence told twice, or of the encoder with the manifest. One that was learnt
    from examples has ``auc``, that of examples which its probe had not seen, and their kappa.
    """

    concept_id: str
    concept: str
    concept_kind: str | None
    synonyms: tuple[str, ...]
    agreement: float | None
    attribute: str | None
    auc: float | None = None

    @property
    def is_measured(self) -> bool:
        """Whether auditor measured it of the pictures, so that no manifest says it."""
        return self.attribute is not None and self.attribute.startswith(PROPERTY_PREFIX)

    @property
    def is_place(self) -> bool:
        """Whether it is a corner, an edge or the surroundings."""
        return self.concept_kind == PLACE_KIND

    @property
    def is_surroundings(self) -> bool:
        """Whether it is all around the middle of a picture, which every picture has."""
        return self.concept_id == SURROUNDINGS.concept_id

    @property
    def has_words(self) -> bool:
        """Whether evidence can be said in its words: columns and places have none."""
        return self.attribute is None and not self.is_place


class Effect(NamedTuple):
    """What a rule measured, in its unit."""

    effect: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class ConceptInClass:
    """What a concept is to one class: its share of the words, and what each rule measured of it, by rule."""

    class_idx: int
    class_name: str
    verdict: str
    severity: str
    leads: bool
    share: float | None
    share_elsewhere: float | None
    total: int
    effects: Mapping[str, Effect] = field(default_factory=dict)


def words_of_class(
    connection: Connection, class_idx: int, *, leading: str | None = None, limit: int = 200
) -> list[ClassWord]:
    """The concepts of a class, the leading one first, then by share of the words."""
    parameters = {"class_idx": class_idx, "leading": leading, "limit": limit}
    return [ClassWord(*row) for row in connection.execute(_OF_CLASS, parameters).fetchall()]


def concepts(connection: Connection, *, find: str = "", limit: int, start: int = 0) -> list[ListedConcept]:
    """A part of all concepts: those that lead flagged classes first, then harmed ones, suspect ones, then by share."""
    parameters = {"find": find, "limit": limit, "start": start}
    return [ListedConcept(*row) for row in connection.execute(_ALL, parameters).fetchall()]


def concept(connection: Connection, concept_id: str) -> OneConcept | None:
    """One concept; None where the audit has none of this id."""
    row = connection.execute(_ONE, {"concept_id": concept_id}).fetchone()
    if row is None:
        return None
    found_id, term, kind, synonyms, agreement, attribute, auc = row
    return OneConcept(found_id, term, kind, tuple(synonyms or ()), agreement, attribute, auc)


def across_classes(connection: Connection, concept_id: str, *, limit: int, start: int = 0) -> list[ConceptInClass]:
    """What a concept is to each class that it says anything of: where it leads first, then by the size of its gap."""
    gaps = [rule.rule_id for rule in GAPS]
    parameters = {"concept_id": concept_id, "limit": limit, "start": start, "gaps": gaps, "order": list(VERDICTS)}
    rows = connection.execute(_ACROSS, parameters).fetchall()
    asked = {"concept_id": concept_id, "classes": [row[0] for row in rows]}
    effects: defaultdict[int, dict[str, Effect]] = defaultdict(dict)
    for class_idx, rule_id, *effect in connection.execute(_EFFECTS, asked).fetchall():
        effects[class_idx][rule_id] = Effect(*effect)
    return [replace(ConceptInClass(*row), effects=effects[row[0]]) for row in rows]


def n_led(connection: Connection, concept_id: str) -> int:
    """Number of classes whose verdict names a concept."""
    ((number,),) = connection.execute(_N_LED, {"concept_id": concept_id}).fetchall()
    return int(number)


def concept_terms(connection: Connection, concept_ids: Sequence[str]) -> dict[str, str]:
    """The words for concepts of the vocabulary, and for those of the manifest; unknown ids are left out."""
    return dict(connection.execute(_TERMS, {"ids": list(concept_ids)}).fetchall())


def said_of(connection: Connection, concept_id: str, paths: Sequence[str]) -> dict[str, bool]:
    """Whether the audit says that pictures at some paths show a concept; those that it does not know are left out."""
    parameters = {"concept_id": concept_id, "paths": list(paths)}
    return dict(connection.execute(_SAID, parameters).fetchall())


def words_to_try(connection: Connection, *, limit: int = 14) -> list[str]:
    """Words of the audit's own vocabulary for a search, those that lead a class first."""
    return [word for (word,) in connection.execute(_OFFERED, {"limit": limit}).fetchall()]
