"""What others would say of the same models and pictures: each re-implemented small from its paper or documentation.

None of these is the authors' program, and each gets more than its own: the same vocabulary, only context concepts to
choose from, a score for every class and concept, and in the end the threshold that suits it best (`score`). Two of
them (B2T, Domino) name what wrong pictures share; a shortcut is what these lack, so they are read the other way round.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import hypergeom
from sklearn.linear_model import Ridge
from sklearn.metrics import balanced_accuracy_score
from sklearn.mixture import GaussianMixture
from sklearn.model_selection import cross_val_predict
from sklearn.naive_bayes import GaussianNB
from torch.nn import functional

from auditor.evidence.effects.association import class_share_means
from auditor.evidence.effects.significance import holm
from auditor.records import IntArray
from auditor.rules import MIN_ARM, PRESENT
from auditor.textcam.attribution import centred_weights, class_balanced_stats
from auditor.textcam.phrases import concept_matrix
from benchmarks.planted.audit import Audited
from benchmarks.planted.properties import PROPERTIES

Float64Array = NDArray[np.float64]

_PER_CLASS_SLICES = 5
#: BEE's scale of logits, decay and epochs without a gain; its rate of 1e-4 and its batches of 1,024 are for far more
#: pictures.
_PROBE_SCALE, _PROBE_RATE, _PROBE_DECAY, _PROBE_PATIENCE, _PROBE_BATCH = 100.0, 3e-4, 1e-5, 5, 256
_ERROR_WEIGHT = 10.0  # of label and prediction beside the embedding, Domino's default


def datalab_style(audited: Audited) -> Float64Array:
    """Cleanlab Datalab's spurious correlations: can an image property alone tell the label?

    Theirs scores the whole data set, with the index of the majority label for its frequency; this one scores every
    class against the rest by balanced accuracy. A class's property stands for all concepts it could be taken for.
    """
    examined = audited.examined
    scores = np.zeros((len(examined.class_names), len(audited.concepts.concepts)))
    for c in range(len(examined.class_names)):
        is_class = examined.label_idx == c
        for k, terms in enumerate(PROPERTIES.values()):
            guess = cross_val_predict(GaussianNB(priors=[0.5, 0.5]), examined.properties[:, [k]], is_class, cv=3)
            accuracy = 2 * balanced_accuracy_score(is_class, guess) - 1
            for v in _positions(audited, terms):
                scores[c, v] = accuracy
    return scores


def background_words(audited: Audited) -> Float64Array:
    """Words alone: the mean share of each context word in the class's phrases, flagged by the word's kind."""
    return class_share_means(audited.shares, audited.predicted_idx, len(audited.examined.class_names))


def dissect_times_weights(audited: Audited) -> Float64Array:
    """CLIP-Dissect (Oikarinen & Weng 2023) names every channel; a class uses a word as far as it uses its channels.

    Channels are named by the cube cosine of activations and image-text similarities.
    """
    examined = audited.examined
    texts = _texts(audited)
    similarity = examined.embeddings @ texts.T
    activations = _cubed(examined.activations)
    named = (activations.T @ _cubed(similarity)).argmax(axis=1)  # (K,)
    stats = class_balanced_stats(lambda: [examined.activations], examined.label_idx)
    weights = centred_weights(examined.head)
    scores = np.zeros((len(examined.class_names), texts.shape[0]))
    for c in range(len(scores)):
        rows = examined.activations[audited.predicted_idx == c]
        use = np.maximum(weights[c] * (rows - stats.mean), 0).mean(axis=0) if len(rows) else np.zeros(len(named))
        np.add.at(scores[c], named, use / max(float(use.sum()), 1e-12))
    return scores


def _cubed(columns: NDArray[np.floating]) -> Float64Array:
    centred = (columns - columns.mean(axis=0)).astype(np.float64) ** 3
    return np.asarray(centred / np.maximum(np.linalg.norm(centred, axis=0), 1e-12))


def b2t_style(audited: Audited) -> Float64Array:
    """B2T (Kim et al. 2024): keywords nearer to a class's wrong pictures than to its right ones, here the other way."""
    examined = audited.examined
    similarity = examined.embeddings @ _texts(audited).T
    scores = np.zeros((len(examined.class_names), similarity.shape[1]))
    for c in range(len(scores)):
        own = examined.label_idx == c
        right = audited.predicted_idx == c
        if (own & right).any() and (own & ~right).any():
            scores[c] = similarity[own & right].mean(axis=0) - similarity[own & ~right].mean(axis=0)
    return scores


def domino_style(audited: Audited) -> Float64Array:
    """Domino (Eyuboglu et al. 2022): slices by a mixture over embedding, label and prediction, named by text.

    A concept's score is the largest, over slices of the class, of the slice's excess error times how much the slice
    lacks the concept compared with the class.
    """
    examined = audited.examined
    n_classes = len(examined.class_names)
    logits = examined.logits.astype(np.float64)
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    odds /= odds.sum(axis=1, keepdims=True)
    centred = examined.embeddings - examined.embeddings.mean(axis=0)
    axes = np.linalg.svd(centred, full_matrices=False)[2][:16]
    reduced = centred @ axes.T
    labels = np.eye(n_classes)[examined.label_idx]
    joined = np.concatenate(
        [reduced / reduced.std(), np.sqrt(_ERROR_WEIGHT) * labels, np.sqrt(_ERROR_WEIGHT) * odds], 1
    )
    mixture = GaussianMixture(
        _PER_CLASS_SLICES * n_classes, covariance_type="diag", reg_covar=1e-3, max_iter=60, random_state=0
    )
    member = mixture.fit(joined).predict_proba(joined)
    wrong = audited.predicted_idx != examined.label_idx
    texts = _texts(audited)
    scores = np.zeros((n_classes, len(texts)))
    for c in range(n_classes):
        own = examined.label_idx == c
        share = member[own]
        size = share.sum(axis=0)
        used = np.flatnonzero(size >= 5)
        error = (share[:, used] * wrong[own, None]).sum(axis=0) / size[used] - wrong[own].mean()
        mean = (share[:, used].T @ examined.embeddings[own]) / size[used, None] - examined.embeddings[own].mean(axis=0)
        lacking = np.maximum(error, 0)[:, None] * -(mean @ texts.T)
        scores[c] = lacking.max(axis=0, initial=0)
    return scores


def weight_times_text(audited: Audited) -> Float64Array:
    """WASP-style (weights of a linear classifier in the encoder's space, ranked by text).

    The space of the model under test is not the encoder's, so its logits are fitted linearly in the encoder's space.
    """
    examined = audited.examined
    logits = examined.logits - examined.logits.mean(axis=1, keepdims=True)
    fitted = Ridge(alpha=1.0).fit(examined.embeddings, logits)
    weights = np.atleast_2d(fitted.coef_)
    return np.asarray(weights @ _texts(audited).T / np.maximum(np.linalg.norm(weights, axis=1, keepdims=True), 1e-12))


def bee_style(audited: Audited) -> Float64Array:
    """BEE (Paduraru et al., ICLR 2026): a linear probe that starts at the class names, read by text.

    The probe is one matrix on the encoder's rows, without a bias and with logits times 100, which starts at the
    embeddings of the class names; a class's score of a concept is its weights' product with the text, less the least
    of all classes. Theirs learns the labels, stops when held-back accuracy does, and takes its concepts from captions.
    This one learns what the model under test calls the pictures, since that is what is audited; it stops when the
    held-back loss does (where names alone tell the classes, theirs stops before it has learnt anything); and it has the
    words of all.
    """
    examined = audited.examined
    weights = _probe(examined.embeddings, audited.predicted_idx, audited.concepts.class_rows, seed=0)
    similarity = weights @ _texts(audited).T
    return np.asarray(similarity - similarity.min(axis=0, keepdims=True))


def _probe(rows: NDArray[np.floating], class_idx: IntArray, start: NDArray[np.floating], *, seed: int) -> Float64Array:
    """(C, D) weights after as many epochs as are best for a fifth of the pictures, which is held back."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(len(rows), generator=generator)
    held, learnt = order[: len(rows) // 5], order[len(rows) // 5 :]
    x = torch.from_numpy(np.asarray(rows, np.float32))
    y = torch.from_numpy(np.asarray(class_idx, np.int64))
    unit = start / np.maximum(np.linalg.norm(start, axis=1, keepdims=True), 1e-12)
    weight = torch.from_numpy(np.asarray(unit, np.float32)).clone().requires_grad_()
    count = torch.bincount(y[learnt], minlength=len(start)).float()
    balance = torch.where(count > 0, len(learnt) / (len(start) * count.clamp(min=1)), torch.zeros(()))
    optimiser = torch.optim.AdamW([weight], lr=_PROBE_RATE, weight_decay=_PROBE_DECAY)
    least, best, waited = math.inf, weight.detach().clone(), 0

    def loss_on(part: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(_PROBE_SCALE * x[part] @ weight.T, y[part], weight=balance)

    while waited < _PROBE_PATIENCE:
        for part in torch.split(learnt[torch.randperm(len(learnt), generator=generator)], _PROBE_BATCH):
            optimiser.zero_grad(set_to_none=True)
            loss_on(part).backward()  # type: ignore[no-untyped-call]
            optimiser.step()
        with torch.no_grad():
            loss = float(loss_on(held))
        waited = waited + 1 if loss >= least else 0
        if loss < least:
            least, best = loss, weight.detach().clone()
    return best.numpy().astype(np.float64)


def presence_gap(audited: Audited) -> Float64Array:
    """The plainest test there is: recall with a concept against recall without it, Fisher's exact test and Holm.

    One-sided, in every class over all of its context concepts with :data:`MIN_ARM` pictures in both arms. The score is
    the number of noughts of the adjusted p, so that its best threshold is a level of its own choice.
    """
    examined = audited.examined
    labels, called = audited.evidence_input.label_idx, audited.evidence_input.predicted_idx
    context = np.flatnonzero([concept.is_context for concept in audited.judged_concepts])
    scores = np.zeros((len(examined.class_names), len(audited.judged_concepts)))
    for c in range(len(scores)):
        own = np.flatnonzero(labels == c)
        said = audited.presence[np.ix_(own, context)]
        known, right = np.isfinite(said), called[own] == c
        present = known & (said > PRESENT)
        n1, n0 = present.sum(axis=0), (known & ~present).sum(axis=0)
        x1, x0 = (present & right[:, None]).sum(axis=0), (known & ~present & right[:, None]).sum(axis=0)
        tested = np.flatnonzero(np.minimum(n1, n0) >= MIN_ARM)
        p = hypergeom.sf(x1[tested] - 1, n1[tested] + n0[tested], x1[tested] + x0[tested], n1[tested])
        scores[c, context[tested]] = -np.log10(np.maximum(holm(p), 1e-300))
    return scores


def _texts(audited: Audited) -> Float64Array:
    """(V, D) centred unit rows."""
    terms = [concept.term for concept in audited.concepts.concepts]
    return concept_matrix(audited.concepts.word_rows, terms).astype(np.float64)


def _positions(audited: Audited, terms: Sequence[str]) -> list[int]:
    """Those of the terms that the vocabulary has."""
    return [v for v, concept in enumerate(audited.concepts.concepts) if concept.term in terms]


PEERS: dict[str, Callable[[Audited], Float64Array]] = {
    "datalab_spurious_correlations": datalab_style,
    "background_word_list": background_words,
    "clip_dissect_times_weights": dissect_times_weights,
    "b2t_keywords": b2t_style,
    "domino_slices": domino_style,
    "wasp_weight_times_text": weight_times_text,
    "bee_drifted_probe": bee_style,
    "presence_gap_holm": presence_gap,
}
_NEEDS_PIXELS = "datalab_spurious_correlations"


def peers_of(audited: Audited) -> list[str]:
    """Peers that can be asked: without pixels there are no image properties."""
    return [name for name in PEERS if name != _NEEDS_PIXELS or audited.examined.properties.shape[1]]
