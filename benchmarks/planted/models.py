"""From a scenario to a model, its answers about the truth's bank, and its audit's pictures; kept in the work folder."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from auditor.models.encoders.encoder import Encoder
from auditor.records import FloatArray, LinearHead
from benchmarks.planted import answers, backbones, bank, drawing, networks, properties, worlds
from benchmarks.planted.answers import model_answers, shared_answers
from benchmarks.planted.audit import Examined, embed
from benchmarks.planted.backbones import backbone
from benchmarks.planted.bank import Bank, IntArray, PixelArray
from benchmarks.planted.drawing import draw_rows
from benchmarks.planted.networks import features_of, train
from benchmarks.planted.properties import image_properties
from benchmarks.planted.scenarios import Scenario

_CODE = (answers, backbones, bank, drawing, networks, properties, worlds)
_FEATURES = "features."
_PEAK_RATE = {"strong": 2e-3, "weak": 2e-3, "scratch": 3e-3}


@dataclass(frozen=True, slots=True)
class Sizes:
    """Pictures a class: of the audit, and of the bank that the truth is measured on."""

    audit: int
    truth: int


SMALL_SIZES = Sizes(audit=400, truth=300)
TOY_SIZES = Sizes(audit=40, truth=24)
FULL_SIZES = Sizes(audit=400, truth=1000)


@dataclass(frozen=True, slots=True, eq=False)
class Made:
    """A model under test."""

    scenario: Scenario
    examined: Examined
    truth_labels: IntArray  # (n,) scenes of the truth's bank
    called: NDArray[np.int8]  # (n, variants) what the model calls them
    features: Mapping[str, NDArray[Any]]  # the weights before the head, by name

    def network(self) -> networks.Classifier:
        """The whole model, from pixels to logits."""
        what, head = self.scenario, self.examined.head
        model = networks.Classifier(networks.ARCHITECTURES[what.architecture](), len(what.classes))
        state = {_FEATURES + name: torch.from_numpy(values) for name, values in self.features.items()}
        weight, bias = torch.from_numpy(head.weight), torch.from_numpy(head.bias)
        model.load_state_dict({**state, "head.weight": weight, "head.bias": bias})
        return model.eval()

    @property
    def accuracy(self) -> tuple[float, ...]:
        """Of every class, on the audit's pictures."""
        right = self.examined.logits.argmax(axis=1) == self.examined.label_idx
        n_classes = len(self.examined.class_names)
        return tuple(round(float(right[self.examined.label_idx == c].mean()), 4) for c in range(n_classes))

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""
        one = self.examined
        features: dict[str, Any] = {_FEATURES + name: values for name, values in self.features.items()}
        partial = path.with_suffix(f".{os.getpid()}.npz")
        np.savez(
            partial,
            weight=one.head.weight,
            bias=one.head.bias,
            activations=one.activations,
            embeddings=one.embeddings,
            label_idx=one.label_idx,
            rows=one.rows,
            properties=one.properties,
            truth_labels=self.truth_labels,
            called=self.called,
            **features,
        )
        partial.replace(path)

    @staticmethod
    def load(path: Path, scenario: Scenario) -> Made:
        """Read what `save` wrote."""
        with np.load(path) as stored:
            examined = Examined(
                tuple(one.name for one in scenario.classes),
                LinearHead(stored["weight"], stored["bias"]),
                stored["activations"],
                stored["embeddings"],
                stored["label_idx"],
                stored["rows"],
                stored["properties"],
            )
            features = {name.removeprefix(_FEATURES): stored[name] for name in stored if name.startswith(_FEATURES)}
            return Made(scenario, examined, stored["truth_labels"], stored["called"], features)


def make(scenario: Scenario, layers: Bank, encoder: Encoder, sizes: Sizes, work: Path) -> Made:
    """Train the model, ask it about the bank of the truth, and bring its audit pictures through it and the encoder."""
    torch.manual_seed(scenario.seed)
    rng = np.random.default_rng((scenario.seed, 81))
    features = backbone(scenario.architecture, scenario.backbone, layers.world, work)
    head = (
        _end_to_end(scenario, layers, features, rng) if scenario.tier == 1 else _head(scenario, layers, features, rng)
    )

    def predict(pixels: PixelArray) -> IntArray:
        return np.asarray((features_of(features, pixels) @ head.weight.T + head.bias).argmax(axis=1), dtype=np.int64)

    if is_shared(scenario):
        labels, called = shared_answers(scenario, head, layers, sizes.truth, work)
    else:
        labels, called = model_answers(
            predict, scenario.classes, scenario.audit, layers, per_class=sizes.truth, seed=scenario.seed
        )
    label_idx = np.repeat(np.arange(len(scenario.classes)), sizes.audit)
    rows = draw_rows(scenario.classes, scenario.audit, label_idx, layers, "audit", rng)
    pixels = layers.pictures(rows)
    examined = Examined(
        class_names=tuple(one.name for one in scenario.classes),
        head=head,
        activations=features_of(features, pixels),
        embeddings=embed(encoder, pixels),
        label_idx=label_idx,
        rows=rows,
        properties=image_properties(pixels).astype(np.float32),
    )
    return Made(scenario, examined, labels, called, {name: one.numpy() for name, one in features.state_dict().items()})


def is_shared(scenario: Scenario) -> bool:
    """Whether its truth is read off the shared features of its backbone: objects alike often and of usual faintness."""
    usual = not any(tie.goes_with in ("faint", "object") for tie in scenario.audit.ties)
    return scenario.tier == 2 and usual and not any(one.background for one in scenario.classes)


def _end_to_end(scenario: Scenario, layers: Bank, features: torch.nn.Module, rng: np.random.Generator) -> LinearHead:
    """Tier 1: all weights learn, from fresh pictures in every batch; ``features`` is changed in place."""
    n_classes = len(scenario.classes)

    def next_batch(n: int) -> tuple[PixelArray, IntArray]:
        class_idx = rng.integers(n_classes, size=n)
        return layers.pictures(draw_rows(scenario.classes, scenario.train, class_idx, layers, "train", rng)), class_idx

    rate = _PEAK_RATE[scenario.backbone]
    head = train(features, n_classes, next_batch, steps=scenario.steps, peak_rate=rate).head
    return LinearHead(head.weight.detach().numpy().copy(), head.bias.detach().numpy().copy())


def _head(scenario: Scenario, layers: Bank, features: torch.nn.Module, rng: np.random.Generator) -> LinearHead:
    """Tier 2: a logistic head on the features of a shared backbone."""
    labels = np.repeat(np.arange(len(scenario.classes)), scenario.steps)
    rows = draw_rows(scenario.classes, scenario.train, labels, layers, "train", rng)
    x = features_of(features.eval(), layers.pictures(rows))
    return logistic_head(x, labels, penalty=0.1, max_iter=300)


def logistic_head(x: FloatArray, labels: IntArray, *, penalty: float, max_iter: int) -> LinearHead:
    """Logistic regression on standardised features (n, K), folded back into weights on the features themselves."""
    spread = x.std(axis=0) + 1e-6
    with threadpool_limits(1):
        fitted = LogisticRegression(C=penalty, max_iter=max_iter).fit((x - x.mean(axis=0)) / spread, labels)
    coefficients, intercept = fitted.coef_, fitted.intercept_
    if len(coefficients) == 1:  # of two classes half each
        coefficients, intercept = np.vstack([-coefficients, coefficients]) / 2, np.r_[-intercept, intercept] / 2
    weight = coefficients / spread
    return LinearHead(weight.astype(np.float32), (intercept - weight @ x.mean(axis=0)).astype(np.float32))


def code_digest() -> str:
    """sha256 over the code that models and truth come from, and over the bundled backbones."""
    digest = hashlib.sha256(backbones.backbones_digest().encode())
    for path in [Path(str(module.__file__)) for module in _CODE] + [Path(__file__)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()
