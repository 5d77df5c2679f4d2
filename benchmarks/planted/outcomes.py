"""What came of one model: truth, verdicts, findings and what the peers said, as plain data for a file."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from auditor.inputs.vocabulary import slug
from auditor.records import Finding
from auditor.rules import ALPHA, PRESENT, PULL_GAP, PULLED_SHARE, RECALL_GAP, RECALL_LOSS
from benchmarks.planted.ablations import ablated_leads
from benchmarks.planted.audit import Audited
from benchmarks.planted.bank import COLUMN, IntArray
from benchmarks.planted.drawing import Mixture
from benchmarks.planted.peers import PEERS, peers_of
from benchmarks.planted.truth import RELIES, PairTruth
from benchmarks.planted.words import TERM_OF
from benchmarks.planted.worlds import FACTOR_VALUES

_SLICES = (10, 25)


#: Concepts that name a value: the first stands for it, a flag on any of them is one on the value.
Names = Mapping[tuple[str, str], Sequence[str]]
NAMES: Names = {value: [slug(term)] for value, term in TERM_OF.items()}


class Planted(Protocol):
    """What a scenario of either edition says of itself."""

    @property
    def train(self) -> Mixture:
        """How training pictures are drawn."""

    def as_dict(self) -> dict[str, Any]:
        """For tables."""


class Model(Protocol):
    """A model under test of either edition."""

    @property
    def scenario(self) -> Any:
        """As `Planted`."""

    @property
    def accuracy(self) -> tuple[float, ...]:
        """Of every class, on the audit's pictures."""


def outcome(
    made: Model,
    truth: Sequence[PairTruth],
    audited: Audited,
    other_seed: Audited | None,
    *,
    with_peers: bool,
    names: Names = NAMES,
) -> dict[str, Any]:
    """Everything that scores are made of.

    Args:
        made: The model.
        truth: What it relies on.
        audited: Its audit.
        other_seed: The same audit with another seed, for the agreement of flags; None where that is not asked.
        with_peers: Whether to ask the peers, and what the verdicts would be without a part of the evidence.
        names: Concepts that name each value; none for what the audit has no concept for.
    """
    pairs = [_pair(made.scenario, audited, one, names) for one in truth]
    return {
        "scenario": made.scenario.as_dict(),
        "accuracy": list(made.accuracy),
        "pairs": pairs,
        "classes": [class_outcome(audited, c, pairs) for c in range(len(audited.examined.class_names))],
        "flags": sorted(flags_of(audited)),
        "flags_of_other_seed": None if other_seed is None else sorted(flags_of(other_seed)),
        "peers": {name: peer_leads(audited, PEERS[name](audited)) for name in peers_of(audited)} if with_peers else {},
        "ablations": ablated_leads(audited) if with_peers else {},
    }


def flags_of(audited: Audited) -> list[str]:
    """The flagged pairs, as text."""
    return [f"{f.class_name}/{f.concept_id}" for f in proven(audited)]


def proven(audited: Audited) -> list[Finding]:
    """One finding for each pair that its class is flagged for."""
    flagged = {one.class_idx for one in audited.evidence.verdicts if one.verdict == "flagged"}
    chosen: dict[tuple[int, str], Finding] = {}
    for finding in audited.evidence.findings:
        if finding.class_idx in flagged and smallest_q([finding]) <= ALPHA:
            chosen.setdefault((finding.class_idx, finding.concept_id), finding)
    return list(chosen.values())


def _pair(scenario: Planted, audited: Audited, truth: PairTruth, names: Names) -> dict[str, Any]:
    """Truth and evidence on one class and one value."""
    value = truth.factor, truth.value
    ids = names.get(value, ())
    # what no concept names can still be relied on, and is missed
    concept_id = ids[0] if ids else f"unnamed {slug(TERM_OF[value])}"
    c = truth.class_idx
    findings = {
        one.rule_id: one for one in audited.evidence.findings if (one.class_idx, one.concept_id) == (c, concept_id)
    }
    gaps = [findings[rule.rule_id] for rule in (RECALL_GAP, PULL_GAP, PULLED_SHARE) if rule.rule_id in findings]
    q = smallest_q(findings.values())
    lowest = max((one.low for one in gaps), default=-1.0)
    own = np.flatnonzero(audited.examined.label_idx == c)
    bears = _bears(audited.examined.rows[own], truth)
    n_others = int(_bears(audited.examined.rows[audited.examined.label_idx != c], truth).sum())
    present = next(
        (audited.presence[own, v] for v, one in enumerate(audited.judged_concepts) if one.concept_id == concept_id),
        None,
    )
    others = [(truth.factor, other) for other in truth.alike if (truth.factor, other) in TERM_OF]
    return {
        "class_idx": c,
        "class_name": audited.examined.class_names[c],
        "concept": TERM_OF[value],
        "concept_id": concept_id,
        "names": list(ids),
        "alike": list(dict.fromkeys([*ids, *(one for other in others for one in names.get(other, ()))])),
        "status": truth.status,
        "repelled": truth.repelled,
        "harmed": truth.harmed,
        "pulls": truth.pulls,
        "planted": any(
            (one.class_idx, one.factor, one.value) == (c, truth.factor, truth.value) for one in scenario.train.plants
        ),
        "accuracy": truth.accuracy,
        "effect": truth.effect,
        "low": truth.low,
        "high": truth.high,
        "pull": truth.pull,
        "pull_low": truth.pull_low,
        "pull_high": truth.pull_high,
        "harm": truth.harm,
        "harm_high": truth.harm_high,
        "flagged": any(one.class_idx == c and one.concept_id in {concept_id, *ids} for one in proven(audited)),
        # proven pairs first, then by their q, then by the gap's lower bound
        "score": round((1 - q) + 0.001 * lowest, 6),
        "q": round(q, 6),
        "n_with": int(bears.sum()),
        "n_without": int((~bears).sum()),
        "n_others_with": n_others,
        "presence_right": _presence_right(present, bears),
        "slices": {str(k): None if present is None else _slice_precision(present, bears, k) for k in _SLICES},
        "evidence": {
            rule: [round(one.effect, 4), round(one.low, 4), round(one.high, 4), one.p, one.status]
            for rule, one in sorted(findings.items())
        },
    }


def smallest_q(findings: Iterable[Finding]) -> float:
    """Of what shows a reliance: the loss of a class that is harmed is none."""
    return min((one.q for one in findings if one.q is not None and one.rule_id != RECALL_LOSS.rule_id), default=1.0)


def _bears(rows: IntArray, truth: PairTruth) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    code = FACTOR_VALUES[truth.factor].index(truth.value)
    return np.asarray(rows[:, COLUMN[truth.factor]] == code)


def _presence_right(present: np.ndarray[Any, Any] | None, bears: np.ndarray[Any, Any]) -> float | None:
    """Share of pictures whose presence is known and right; None where no concept names the value."""
    known = np.zeros(0, np.bool_) if present is None else np.isfinite(present)
    if present is None or not known.any():
        return None
    return round(float(((present[known] > PRESENT) == bears[known]).mean()), 4)


def _slice_precision(present: np.ndarray[Any, Any], bears: np.ndarray[Any, Any], k: int) -> float | None:
    """Of the k pictures that the encoder finds least like the concept, how many are without it; None with fewer."""
    if int((~bears).sum()) < k:
        return None
    chosen = np.argsort(present, kind="stable")[:k]
    return round(float((~bears[chosen]).mean()), 4)


def class_outcome(audited: Audited, c: int, pairs: list[dict[str, Any]]) -> dict[str, Any]:
    """Verdict and truth of one class, and its context concepts as a reader meets them."""
    verdict = audited.evidence.verdicts[c]
    own = [pair for pair in pairs if pair["class_idx"] == c]
    shares = {one.concept_id: one.share for one in audited.evidence.class_concepts if one.class_idx == c}
    shown = [one.concept_id for one in proven(audited) if one.class_idx == c]
    context = [concept.concept_id for concept in audited.concepts.concepts if concept.is_context]
    lead = [verdict.concept_id] if verdict.concept_id else []
    ranking = list(dict.fromkeys([*lead, *shown, *sorted(context, key=lambda one: -shares.get(one, 0.0))]))
    return {
        "class_idx": c,
        "class_name": verdict.class_name,
        "verdict": verdict.verdict,
        "lead": verdict.concept_id,
        "sentence": verdict.sentence,
        "n_images": verdict.n_images,
        "detectable_effect": verdict.detectable_effect,
        "ranking": ranking[:10],
        "by_words": sorted(context, key=lambda one: -shares.get(one, 0.0))[:10],
        "status": class_status(own),
        "repelled": any(pair["repelled"] for pair in own),
        "truly_clean": truly_clean(own),
        "harm": harm(own),
        "size": size(own),
    }


def class_status(pairs: list[dict[str, Any]]) -> str:
    """Say "relies" if the class does on anything, "clean" if on nothing, else "between"."""
    statuses = {pair["status"] for pair in pairs}
    if "relies" in statuses:
        return "relies"
    return "clean" if statuses == {"clean"} else "between"


def truly_clean(pairs: list[dict[str, Any]]) -> bool:
    """Whether "clean" would be right: no reliance of 5 points is possible, and nothing else moves the class by 10.

    Neither its own pictures away from it, nor those of the others to it or away from it: "clean" is said of both.
    """
    return class_status(pairs) == "clean" and all(
        pair["effect"] > -RELIES and abs(pair["pull"]) < RELIES for pair in pairs
    )


def harm(pairs: list[dict[str, Any]]) -> float:
    """Largest harm that is sure, in points of recall below 0; 0 where there is none."""
    return float(min((pair["harm"] for pair in pairs if pair.get("harmed")), default=0.0))


def size(pairs: list[dict[str, Any]]) -> float:
    """Largest measured reliance."""
    return float(max((pair["effect"] for pair in pairs if pair["status"] == "relies"), default=0.0))


def peer_leads(audited: Audited, scores: np.ndarray[Any, Any]) -> list[dict[str, Any]]:
    """For each class the context concept that a peer scores highest; scores of words, or of words and columns."""
    concepts = audited.judged_concepts[: scores.shape[1]]
    context = np.flatnonzero([concept.is_context for concept in concepts])
    best = context[scores[:, context].argmax(axis=1)]
    return [{"lead": concepts[v].concept_id, "score": round(float(scores[c, v]), 6)} for c, v in enumerate(best)]
