"""From a scenario to a head, its truth, and the pictures of its audit; all from the bank, in seconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sklearn.cluster import KMeans

from auditor.models.classifier import Classifier
from auditor.models.load_classifier import make_classifier
from auditor.records import FloatArray, IntArray, LinearHead
from benchmarks.photographs.bank import Bank, conse_encoder, embeddings_of
from benchmarks.photographs.pools import Photo
from benchmarks.photographs.scenarios import Scenario
from benchmarks.planted.audit import Examined
from benchmarks.planted.models import logistic_head
from benchmarks.planted.properties import image_properties
from benchmarks.planted.truth import PairTruth, bootstrap, with_bounds

#: Part of a confounded control's pictures with the context in the half that it goes with, and in the other.
_GOES_WITH = (0.85, 0.15)
_PROPERTY_SIZE = 64


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A model under test."""

    scenario: Scenario
    head: LinearHead
    photos: tuple[Photo, ...]  # of the audit
    label_idx: IntArray  # (N,) of them
    present: NDArray[np.bool_]  # (N,) whether each has the context
    activations: FloatArray  # (N, K)
    embeddings: FloatArray  # (N, D)
    truth: list[PairTruth]  # two a class: the context, and what stands in its place
    trained_on: tuple[tuple[Photo, ...], ...]  # of every class

    def examined(self, bank: Bank, *, column: bool, properties: bool = True) -> Examined:
        """What is audited; ``column``: the manifest says which picture has the context."""
        what = self.scenario.context
        values = tuple(what.value if there else what.other for there in self.present)
        return Examined(
            class_names=tuple(label for _, label in self.scenario.classes),
            head=self.head,
            activations=self.activations,
            embeddings=self.embeddings,
            label_idx=self.label_idx,
            rows=self.present[:, None].astype(np.int64),
            properties=self._properties(bank) if properties else np.zeros((len(self.photos), 4), np.float32),
            attributes={what.column: values} if column else {},
        )

    def picture(self, bank: Bank, row: int) -> Image.Image:
        """The picture of a row of the audit."""
        return bank.picture(self.photos[row], self.scenario.context, bool(self.present[row]))

    def _properties(self, bank: Bank) -> FloatArray:
        rows = range(len(self.photos))
        small = [self.picture(bank, row).resize((_PROPERTY_SIZE, _PROPERTY_SIZE)) for row in rows]
        return image_properties(np.stack([np.asarray(one) for one in small])).astype(np.float32)

    def classifier(self, bank: Bank) -> Classifier:
        """The whole model, from pixels to logits."""
        return make_classifier(bank.network(self.head), conse_encoder().preprocess, spec="photographs")


#: From photographs, labels (n,) and which of them have the context (n,): a head, and what reads its features.
Fit = Callable[[Sequence[Photo], IntArray, NDArray[np.bool_]], tuple[LinearHead, Bank]]


def make(scenario: Scenario, bank: Bank, *, fit: Fit | None = None) -> Made:
    """Fit the head (or what ``fit`` fits), put the audit's pictures together, and measure what it relies on."""
    rng = np.random.default_rng((scenario.seed, 82))
    train: list[tuple[Photo, ...]] = []
    rest: list[tuple[Photo, ...]] = []
    for pool, label in scenario.classes:
        own = [photo for photo in bank.photos(pool) if photo.label == label]
        opened = [own[i] for i in rng.permutation(len(own)) if own[i].side == "open"]
        # a class of few photographs keeps half of them to be judged on
        n_train = min(scenario.n_train, len(opened) // 2) if scenario.side == "open" else scenario.n_train
        train.append(tuple(opened[:n_train]))
        held = [own[i] for i in rng.permutation(len(own)) if own[i].side == "held-back"]
        rest.append(tuple(opened[n_train:] if scenario.side == "open" else [*held, *opened[n_train:]]))
    photos, labels = _taught(scenario, train, rng)
    taught = _with_context(scenario, labels, rng)
    head, bank = (_head(scenario, bank, photos, labels, taught), bank) if fit is None else fit(photos, labels, taught)
    audited = [photos[: scenario.n_audit] for photos in rest]
    rates = [scenario.audited if c in scenario.planted else _elsewhere(scenario) for c in range(len(train))]
    present = [
        _present(scenario, bank, train, photos, c, rate, rng)
        for c, (photos, rate) in enumerate(zip(audited, rates, strict=True))
    ]
    x, logits = versions(bank, scenario, [photo for photos in audited for photo in photos], np.concatenate(present))
    return Made(
        scenario=scenario,
        head=head,
        photos=tuple(photo for photos in audited for photo in photos),
        label_idx=np.repeat(np.arange(len(audited)), [len(photos) for photos in audited]),
        present=np.concatenate(present),
        activations=x,
        embeddings=embeddings_of(logits),
        truth=_truth(scenario, bank, head, rest),
        trained_on=tuple(train),
    )


def _elsewhere(scenario: Scenario) -> float:
    """Audited pictures that are balanced are so in every class."""
    return 0.5 if scenario.audited == 0.5 else scenario.elsewhere


def versions(
    bank: Bank, scenario: Scenario, photos: Sequence[Photo], present: NDArray[np.bool_]
) -> tuple[FloatArray, FloatArray]:
    """Features and ImageNet logits of photographs, each in its version."""
    (x1, logits1), (x0, logits0) = (bank.features(photos, scenario.context, there) for there in (True, False))
    return np.where(present[:, None], x1, x0), np.where(present[:, None], logits1, logits0)


def _taught(
    scenario: Scenario, train: Sequence[Sequence[Photo]], rng: np.random.Generator
) -> tuple[list[Photo], IntArray]:
    """Training photographs and the labels that the head is told, some of them drawn anew."""
    labels = np.repeat(np.arange(len(train)), [len(photos) for photos in train])
    drawn = rng.integers(len(train), size=labels.size)
    labels = np.where(rng.random(labels.size) < scenario.noise, drawn, labels)
    return [photo for photos in train for photo in photos], labels


def _with_context(scenario: Scenario, labels: IntArray, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Which training photographs have the context, by the labels that the head is told; of controls half of each."""
    found = np.zeros(labels.size, np.bool_)
    for c in np.unique(labels):
        rate = scenario.correlation if c in scenario.planted or scenario.control else scenario.elsewhere
        found[labels == c] = _some(int((labels == c).sum()), rate, rng)
    return found


def _some(n: int, rate: float, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Exactly that part of n, at random."""
    return np.asarray(rng.permutation(n) < round(rate * n))


def _head(
    scenario: Scenario, bank: Bank, photos: Sequence[Photo], labels: IntArray, present: NDArray[np.bool_]
) -> LinearHead:
    """The head on these photographs, each in its version."""
    x, _ = versions(bank, scenario, photos, present)
    return logistic_head(x, labels, penalty=scenario.penalty, max_iter=500)


def _present(
    scenario: Scenario,
    bank: Bank,
    train: Sequence[Sequence[Photo]],
    photos: Sequence[Photo],
    c: int,
    rate: float,
    rng: np.random.Generator,
) -> NDArray[np.bool_]:
    """Which of a class's audited photographs have the context; of confounded controls it goes with half of them."""
    if scenario.control not in ("cluster", "difficulty"):
        return _some(len(photos), rate, rng)
    x, logits = bank.features(photos, scenario.context, False)
    if scenario.control == "cluster":
        half = KMeans(2, n_init=4, random_state=scenario.seed).fit_predict(embeddings_of(logits)) == 1
    else:
        seen, labels = _taught(replace(scenario, noise=0.0), train, rng)
        clean = _head(scenario, bank, seen, labels, np.zeros(len(seen), np.bool_))
        scores = x @ clean.weight.T + clean.bias
        margin = scores[:, c] - np.delete(scores, c, axis=1).max(axis=1)
        half = margin < np.median(margin)
    found = np.zeros(len(photos), np.bool_)
    for where, part in zip((half, ~half), _GOES_WITH, strict=True):
        found[where] = _some(int(where.sum()), part, rng)
    return found


def _truth(scenario: Scenario, bank: Bank, head: LinearHead, rest: Sequence[Sequence[Photo]]) -> list[PairTruth]:
    """Recall and pull with the context less without it, and the other way round: each photograph edited both ways.

    Photographs that were not trained on, all of them; simultaneous 95 % bounds by a bootstrap over photographs.
    """
    rng, what = np.random.default_rng((scenario.seed, 83)), scenario.context
    called = []
    for photos in rest:
        columns = [bank.features(photos, what, there)[0] @ head.weight.T + head.bias for there in (True, False)]
        called.append(np.stack([logits.argmax(axis=1) for logits in columns], axis=1))
    rates = np.stack([bootstrap(one, len(rest), rng) for one in called], axis=1)  # (samples, source, version, answer)
    pairs: list[tuple[int, str, str, tuple[str, ...]]] = []
    effects: list[Any] = []
    floors: list[float] = []
    for c, photos in enumerate(rest):
        own, others = rates[:, c, :, c], np.delete(rates[..., c], c, axis=1).mean(axis=1)
        for v, value in enumerate((what.value, what.other)):
            pairs.append((c, what.name, value, (value,)))
            effects.append(np.stack([own[:, v], own[:, v] - own[:, 1 - v], others[:, v] - others[:, 1 - v]], axis=1))
            floors.append(1 / len(photos))
    return with_bounds(pairs, np.stack(effects, axis=1), np.array(floors))
