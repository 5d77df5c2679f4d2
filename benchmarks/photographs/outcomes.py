"""What came of one audit of one model, in the shape that the scores of the planted benchmark read."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from auditor.inputs.vocabulary import slug
from auditor.place_grid import PLACES, SURROUNDINGS
from auditor.records import PROPERTY_PREFIX
from auditor.rules import PRESENT
from benchmarks.photographs.contexts import Context
from benchmarks.photographs.examples import example_concept
from benchmarks.photographs.models import Made
from benchmarks.planted.audit import Audited
from benchmarks.planted.outcomes import class_outcome, flags_of, peer_leads, proven, smallest_q
from benchmarks.planted.peers import PEERS
from benchmarks.planted.truth import PairTruth

#: What the audit is given: the default vocabulary alone, or beside it a column of the manifest, or examples.
Mode = Literal["words", "column", "examples"]
MODES: tuple[Mode, ...] = ("words", "column", "examples")
#: Measured properties that are the context itself, and names of places where a mark lies in what the classifier sees.
PROPERTIES = {
    "watermark": ("lettering",),
    "date stamp": ("lettering",),
    "border": ("border",),
    "greyscale": ("greyscale", "saturation", "colour_cast"),
    "colour cast": ("colour_cast", "saturation"),
    "compression": ("blockiness", "sharpness", "noise"),
    "darkness": ("brightness", "contrast"),
    "blur": ("sharpness",),
}
MARKED = {
    "watermark": tuple(place.name for place in PLACES),
    "date stamp": ("bottom right corner", "middle of the bottom edge", "bottom edge", "right edge"),
    "token": ("top left corner", "top right corner", "top edge", "left edge", "right edge"),
}
#: Contexts of which either value lies around the middle of what the classifier sees; of a watermark a part does.
AROUND = ("snow against sea", "forest against street", "border", "date stamp", "token")
#: A level is that of the context where so much more of the pictures with it have the level than of those without it.
_GOES_WITH = 0.25


def outcome(made: Made, mode: Mode, audited: Audited, *, with_peers: bool) -> dict[str, Any]:
    """Everything that scores are made of."""
    pairs = [_pair(made, mode, audited, one) for one in made.truth]
    n_classes = len(made.scenario.classes)
    right = audited.predicted_idx == made.label_idx
    return {
        "scenario": {**made.scenario.as_dict(), "mode": mode},
        "accuracy": [round(float(right[made.label_idx == c].mean()), 4) for c in range(n_classes)],
        "n_audited": np.bincount(made.label_idx, minlength=n_classes).tolist(),
        "pairs": pairs,
        "classes": [class_outcome(audited, c, pairs) for c in range(n_classes)],
        "flags": sorted(flags_of(audited)),
        "notices": list(audited.evidence.notices),
        "peers": {name: peer_leads(audited, PEERS[name](audited)) for name in PEERS} if with_peers else {},
    }


def _pair(made: Made, mode: Mode, audited: Audited, truth: PairTruth) -> dict[str, Any]:
    """Truth and evidence on one class and one value of the context."""
    what, c = made.scenario.context, truth.class_idx
    there = made.present if truth.value == what.value else ~made.present
    ids = [*_ids(what, truth.value, mode, audited), *_measured_ids(what, there, truth.value, audited)]
    findings = {
        f"{one.rule_id} {one.concept_id}": one
        for one in audited.evidence.findings
        if one.class_idx == c and one.concept_id in ids
    }
    q = smallest_q(findings.values())
    own = made.label_idx == c
    planted = made.scenario.control is None and c in made.scenario.planted and truth.value == what.value
    return {
        "class_idx": c,
        "class_name": audited.examined.class_names[c],
        "concept": f"{what.name}: {truth.value}",
        "concept_id": ids[0],
        "alike": ids,
        "status": truth.status,
        "repelled": truth.repelled,
        "pulls": truth.pulls,
        "planted": planted,
        **{
            name: getattr(truth, name)
            for name in ("accuracy", "effect", "low", "high", "pull", "pull_low", "pull_high")
        },
        "flagged": any(one.class_idx == c and one.concept_id in ids for one in proven(audited)),
        "q": round(q, 6),
        "n_with": int((there & own).sum()),
        "n_without": int((~there & own).sum()),
        "n_others_with": int((there & ~own).sum()),
        "evidence": {
            rule: [round(one.effect, 4), round(one.low, 4), round(one.high, 4), one.p, one.status]
            for rule, one in sorted(findings.items())
        },
    }


def _ids(what: Context, value: str, mode: Mode, audited: Audited) -> list[str]:
    """Concepts that name a value, its column first."""
    words = what.words if value == what.value else what.other_words
    found = [slug(term) for term in words]
    if mode == "column":
        term = f"{what.column} = {value}"
        of_column = [one.concept_id for one in audited.judged_concepts if one.term == term]
        found = of_column + found
    if mode == "examples" and value == what.value:
        found = [example_concept(what).concept_id, *found]
    return found or [slug(f"{what.column} {value}")]  # nothing can name it


def _measured_ids(what: Context, there: NDArray[np.bool_], value: str, audited: Audited) -> list[str]:
    """Levels of properties that pictures have with a value rather than without it, and places where it lies."""
    names = {PROPERTY_PREFIX + name for name in PROPERTIES.get(what.name, ())}
    found = []
    for v, concept in enumerate(audited.judged_concepts):
        if concept.column in names:
            has = audited.presence[:, v] > PRESENT
            if has[there].mean() - has[~there].mean() >= _GOES_WITH:
                found.append(concept.concept_id)
    marked = MARKED.get(what.name, ()) if value == what.value else ()
    around = [SURROUNDINGS.concept_id] if what.name in AROUND else []
    return found + [place.concept_id for place in PLACES if place.name in marked] + around
