"""What came of one model: truth, verdicts, findings and what the peers said, as plain data for a file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from auditor.inputs.vocabulary import slug
from auditor.records import Finding
from auditor.rules import ALPHA, PULL_GAP, RECALL_GAP, RECALL_LOSS
from benchmarks.planted.audit import Audited
from benchmarks.planted.bank import COLUMN, IntArray
from benchmarks.planted.models import Made
from benchmarks.planted.peers import PEERS
from benchmarks.planted.truth import PairTruth
from benchmarks.planted.words import TERM_OF
from benchmarks.planted.worlds import FACTOR_VALUES

_SLICES = (10, 25)


def outcome(
    made: Made, truth: Sequence[PairTruth], audited: Audited, other_seed: Audited, *, with_peers: bool
) -> dict[str, Any]:
    """Everything that scores are made of.

    Args:
        made: The model.
        truth: What it relies on.
        audited: Its audit.
        other_seed: The same audit with another seed, for the agreement of flags.
        with_peers: Whether to ask the peers.
    """
    pairs = [_pair(made, audited, one) for one in truth]
    return {
        "scenario": made.scenario.as_dict(),
        "accuracy": list(made.accuracy),
        "pairs": pairs,
        "classes": [class_outcome(audited, c, pairs) for c in range(len(audited.examined.class_names))],
        "flags": sorted(flags_of(audited)),
        "flags_of_other_seed": sorted(flags_of(other_seed)),
        "peers": {name: peer_leads(audited, PEERS[name](audited)) for name in PEERS} if with_peers else {},
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


def _pair(made: Made, audited: Audited, truth: PairTruth) -> dict[str, Any]:
    """Truth and evidence on one class and one concept."""
    term = TERM_OF[truth.factor, truth.value]
    concept_id = slug(term)
    c = truth.class_idx
    findings = {
        one.rule_id: one for one in audited.evidence.findings if (one.class_idx, one.concept_id) == (c, concept_id)
    }
    gaps = [findings[rule.rule_id] for rule in (RECALL_GAP, PULL_GAP) if rule.rule_id in findings]
    q = smallest_q(findings.values())
    lowest = max((one.low for one in gaps), default=-1.0)
    column = [concept.concept_id for concept in audited.concepts.concepts].index(concept_id)
    own = np.flatnonzero(audited.examined.label_idx == c)
    bears = _bears(audited.examined.rows[own], truth)
    n_others = int(_bears(audited.examined.rows[audited.examined.label_idx != c], truth).sum())
    present = audited.presence[own, column]
    return {
        "class_idx": c,
        "class_name": audited.examined.class_names[c],
        "concept": term,
        "concept_id": concept_id,
        "alike": [slug(TERM_OF[truth.factor, value]) for value in truth.alike if (truth.factor, value) in TERM_OF],
        "status": truth.status,
        "repelled": truth.repelled,
        "pulls": truth.pulls,
        "planted": any(
            (one.class_idx, one.factor, one.value) == (c, truth.factor, truth.value)
            for one in made.scenario.train.plants
        ),
        "accuracy": truth.accuracy,
        "effect": truth.effect,
        "low": truth.low,
        "high": truth.high,
        "pull": truth.pull,
        "pull_low": truth.pull_low,
        "pull_high": truth.pull_high,
        "flagged": any((one.class_idx, one.concept_id) == (c, concept_id) for one in proven(audited)),
        # proven pairs first, then by their q, then by the gap's lower bound
        "score": round((1 - q) + 0.001 * lowest, 6),
        "q": round(q, 6),
        "n_with": int(bears.sum()),
        "n_without": int((~bears).sum()),
        "n_others_with": n_others,
        "presence_right": round(float(((present > 0.5) == bears).mean()), 4),
        "slices": {str(k): _slice_precision(present, bears, k) for k in _SLICES},
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
        "ranking": ranking[:10],
        "by_words": sorted(context, key=lambda one: -shares.get(one, 0.0))[:10],
        "status": class_status(own),
        "repelled": any(pair["repelled"] for pair in own),
        "size": size(own),
    }


def class_status(pairs: list[dict[str, Any]]) -> str:
    """Say "relies" if the class does on anything, "clean" if on nothing, else "between"."""
    statuses = {pair["status"] for pair in pairs}
    if "relies" in statuses:
        return "relies"
    return "clean" if statuses == {"clean"} else "between"


def size(pairs: list[dict[str, Any]]) -> float:
    """Largest measured reliance."""
    return float(max((pair["effect"] for pair in pairs if pair["status"] == "relies"), default=0.0))


def peer_leads(audited: Audited, scores: np.ndarray[Any, Any]) -> list[dict[str, Any]]:
    """For each class the context concept that a peer scores highest."""
    context = np.flatnonzero([concept.is_context for concept in audited.concepts.concepts])
    best = context[scores[:, context].argmax(axis=1)]
    return [
        {"lead": audited.concepts.concepts[v].concept_id, "score": round(float(scores[c, v]), 6)}
        for c, v in enumerate(best)
    ]
