"""A small world with a known truth: latent pictures, a feature map, a head fitted on correlated data, an encoder.

The same picture can be made again with only its scene changed, so the reliance of a head is measured, not assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from auditor.evidence.presence.presence import concept_presence
from auditor.evidence.verdicts.judge import EvidenceInput
from auditor.records import Concept, LinearHead

CLASSES = ("waterbird", "landbird", "vehicle", "cat", "balloon")
SCENES = ("water", "forest", "sand", "snow", "grass", "city", "sky", "night")
ARTIFACTS = ("watermark", "ruler", "sticker", "frame")
LIGHTS = ("bright", "dusk")
CONCEPTS = (
    *(Concept(name, name, "scene") for name in SCENES),
    *(Concept(name, name, "artifact") for name in ARTIFACTS),
    *(Concept(name, name, "light") for name in LIGHTS),
    *(Concept(name, name, "object") for name in CLASSES),
)
V = {concept.concept_id: v for v, concept in enumerate(CONCEPTS)}
WIDTH, DIM = 96, 48


@dataclass
class Pictures:
    """Latents of pictures: class, scene, artifact (-1 for none), light, sub-kind, and how prototypical each is."""

    label: np.ndarray
    scene: np.ndarray
    artifact: np.ndarray
    light: np.ndarray
    kind: np.ndarray
    typical: np.ndarray
    noise: np.ndarray


@dataclass
class World:
    """``planted`` maps a class to (factor, value, correlation); the rest is uniform."""

    planted: dict[str, tuple[str, str, float]] = field(default_factory=dict)
    seed: int = 0
    class_strength: float = 1.6
    scene_strength: float = 2.0
    noise: float = 1.0
    kind_by_scene: float = 0.0  # how far sub-kind goes with scene "water" in class "cat"
    encoder_bias: float = 0.0  # how far the encoder sees water in prototypical cats
    encoder_noise: float = 0.06
    classes: tuple[str, ...] = CLASSES

    def __post_init__(self) -> None:
        # the world's laws do not depend on its seed's pictures
        laws = np.random.default_rng((self.seed, 1))
        size = len(self.classes)
        self.mix = laws.normal(size=(size * 2 + len(SCENES) + len(ARTIFACTS) + len(LIGHTS), WIDTH)) / np.sqrt(8)
        self.bias = laws.normal(size=WIDTH) * 0.3
        words = laws.normal(size=(size + len(SCENES) + len(ARTIFACTS) + len(LIGHTS) + 2, DIM))
        self.words = words / np.linalg.norm(words, axis=1, keepdims=True)

    def draw(self, per_class: int, stream: int) -> Pictures:
        rng = np.random.default_rng((self.seed, 2, stream))
        label = np.repeat(np.arange(len(self.classes)), per_class)
        n = label.size
        scene = rng.integers(len(SCENES), size=n)
        artifact = np.where(rng.random(n) < 0.2, rng.integers(len(ARTIFACTS), size=n), -1)
        light = rng.integers(len(LIGHTS), size=n)
        for name, (factor, value, correlation) in self.planted.items():
            mine = np.flatnonzero(label == self.classes.index(name))
            held = rng.random(mine.size) < correlation
            if factor == "scene":
                scene[mine[held]] = SCENES.index(value)
            else:
                artifact[mine[held]] = ARTIFACTS.index(value)
        kind = rng.integers(2, size=n)
        if self.kind_by_scene:
            cats = np.flatnonzero(label == self.classes.index("cat"))
            tied = rng.random(cats.size) < self.kind_by_scene
            water = rng.random(cats.size) < 0.5
            scene[cats[water]] = SCENES.index("water")
            scene[cats[~water]] = rng.integers(1, len(SCENES), size=(~water).sum())
            kind[cats[tied]] = water[tied]
        return Pictures(label, scene, artifact, light, kind, rng.random(n), rng.normal(size=(n, WIDTH)))

    def features(self, p: Pictures) -> np.ndarray:
        size = len(self.classes)
        latent = np.zeros((p.label.size, len(self.mix)))
        rows = np.arange(p.label.size)
        # the second sub-kind looks less like its class; a less typical picture as well
        strength = self.class_strength * (0.5 + p.typical) * (1.0 if not self.kind_by_scene else 0.45 + 0.7 * p.kind)
        latent[rows, p.label] = strength
        latent[rows, size + p.label] = p.kind
        latent[rows, 2 * size + p.scene] = self.scene_strength
        marked = p.artifact >= 0
        latent[rows[marked], 2 * size + len(SCENES) + p.artifact[marked]] = self.scene_strength
        latent[rows, 2 * size + len(SCENES) + len(ARTIFACTS) + p.light] = 0.5
        return np.maximum(latent @ self.mix + self.bias + self.noise * 0.6 * p.noise, 0).astype(np.float32)

    def fit_head(self, per_class: int = 600) -> LinearHead:
        train = self.draw(per_class, 0)
        with threadpool_limits(1):  # on a busy machine threads that wait for each other take a minute
            model = LogisticRegression(C=0.05, max_iter=200).fit(self.features(train), train.label)
        weight, bias = model.coef_, model.intercept_
        if len(self.classes) == 2:  # one logit stands as two classes
            weight, bias = np.vstack([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
        return LinearHead(weight.astype(np.float32), bias.astype(np.float32))

    def embed(self, p: Pictures) -> np.ndarray:
        rng = np.random.default_rng((self.seed, 3, p.label.size))
        size = len(self.classes)
        n = p.label.size
        scene = self.words[size : size + len(SCENES)]
        artifact = self.words[size + len(SCENES) : size + len(SCENES) + len(ARTIFACTS)]
        light = self.words[size + len(SCENES) + len(ARTIFACTS) : -2]
        clean = self.words[-2]
        image = 0.8 * self.words[p.label] * (0.6 + 0.8 * p.typical)[:, None] + scene[p.scene] + 0.4 * light[p.light]
        image += 0.15 * (p.kind[:, None] - 0.5) * self.words[-1]
        image += np.where((p.artifact >= 0)[:, None], artifact[p.artifact], 0.7 * clean)
        if self.encoder_bias:
            cats = p.label == self.classes.index("cat")
            image += self.encoder_bias * np.where(cats, p.typical - 0.5, 0)[:, None] * scene[0]
        image += self.encoder_noise * rng.normal(size=(n, DIM)) * 2
        return (image / np.linalg.norm(image, axis=1, keepdims=True)).astype(np.float32)

    def audit(self, per_class: int = 400, *, head: LinearHead | None = None, stream: int = 1) -> EvidenceInput:
        """Evidence of a head on freshly drawn pictures of the same world."""
        head = head or self.fit_head()
        p = self.draw(per_class, stream)
        x, embeddings = self.features(p), self.embed(p)
        logits = x @ head.weight.T + head.bias
        size = len(self.classes)
        concepts = (*CONCEPTS[: V[LIGHTS[-1]] + 1], *(Concept(name, name, "object") for name in self.classes))
        words = [*self.words[size : size + len(SCENES) + len(ARTIFACTS) + len(LIGHTS)], *self.words[:size]]
        presence = concept_presence(
            embeddings,
            [w[None].astype(np.float32) for w in words],
            [c.kind for c in concepts],
            {"artifact": self.words[-2:-1].astype(np.float32)},
            logit_scale=20.0,
        )
        predicted = logits.argmax(axis=1)
        return EvidenceInput(
            image_ids=tuple(f"{i:06d}" for i in range(p.label.size)),
            label_idx=p.label.astype(np.int64),
            predicted_idx=predicted.astype(np.int64),
            class_names=self.classes,
            concepts=concepts,
            shares=_shares(x, p.label, presence, head, predicted),
            residuals=np.full(p.label.size, 0.3, dtype=np.float32),
            presence=presence,
            embeddings=embeddings,
            class_prompt_score=(embeddings @ self.words[:size].T).astype(np.float32),
            groups=None,
            head=head,
            head_chunks=chunked(x, logits.astype(np.float32)),
            seed=0,
        )

    def reliance(self, head: LinearHead, per_class: int = 300) -> np.ndarray:
        """(C, scenes) accuracy with a scene less the upper quartile of those with the others, on the same pictures."""
        p = self.draw(per_class, 9)
        rates = np.zeros((len(self.classes), len(SCENES)))
        for s in range(len(SCENES)):
            p.scene[:] = s
            called = (self.features(p) @ head.weight.T + head.bias).argmax(axis=1)
            for c in range(len(self.classes)):
                rates[c, s] = np.mean(called[p.label == c] == c)
        others = [np.quantile(np.delete(rates, s, axis=1), 0.75, axis=1) for s in range(len(SCENES))]
        return rates - np.stack(others, axis=1)


def _shares(x, label, presence, head, predicted) -> sparse.csr_array:
    """A stand-in for the phrases: the head's weight on what a concept adds to the features, where it is present."""
    centred = x - np.stack([x[label == c].mean(axis=0) for c in range(label.max() + 1)])[label]
    seen = presence - presence.mean(axis=0)
    effect = (seen.T @ centred) / np.maximum((seen**2).sum(axis=0), 1e-6)[:, None]
    core = presence.shape[1] - head.weight.shape[0]
    for c in range(head.weight.shape[0]):  # what a class's own object adds is what sets the class apart
        effect[core + c] = x[label == c].mean(axis=0) - x.mean(axis=0) if np.any(label == c) else 0
    weights = head.weight - head.weight.mean(axis=0)
    support = np.maximum(weights @ effect.T, 0)[predicted] * (presence > 0.5)
    total = np.maximum(support.sum(axis=1, keepdims=True), 1e-6)
    return sparse.csr_array((support / total * 0.7).astype(np.float32))


def taken(inputs: EvidenceInput, rows: np.ndarray, ids: tuple[str, ...] | None = None) -> EvidenceInput:
    """The same audit with its pictures in another order, or some of them more than once (under other ids)."""
    every = list(inputs.head_chunks())
    x, logits = (np.concatenate([chunk[i] for chunk in every]) for i in (1, 2))
    return replace(
        inputs,
        image_ids=ids or tuple(inputs.image_ids[row] for row in rows),
        label_idx=inputs.label_idx[rows],
        predicted_idx=inputs.predicted_idx[rows],
        shares=inputs.shares[rows],
        residuals=inputs.residuals[rows],
        presence=inputs.presence[rows],
        embeddings=inputs.embeddings[rows],
        class_prompt_score=inputs.class_prompt_score[rows],
        groups=None if inputs.groups is None else inputs.groups[rows],
        copies=None if inputs.copies is None else inputs.copies[rows],
        head_chunks=chunked(x[rows], logits[rows]),
    )


def relabelled(inputs: EvidenceInput, new_of_old: np.ndarray) -> EvidenceInput:
    """The same audit with its classes in another order."""
    old_of_new = np.argsort(new_of_old)
    every = list(inputs.head_chunks())
    x, logits = (np.concatenate([chunk[i] for chunk in every]) for i in (1, 2))
    return replace(
        inputs,
        label_idx=new_of_old[inputs.label_idx],
        predicted_idx=new_of_old[inputs.predicted_idx],
        class_names=tuple(inputs.class_names[c] for c in old_of_new),
        class_prompt_score=inputs.class_prompt_score[:, old_of_new],
        head=LinearHead(inputs.head.weight[old_of_new], inputs.head.bias[old_of_new]),
        head_chunks=chunked(x, logits[:, old_of_new]),
    )


def chunked(x: np.ndarray, logits: np.ndarray, size: int = 512):
    """The head's inputs as the pipeline gives them: chunks that can be gone through again."""

    def chunks():
        for start in range(0, len(x), size):
            rows = slice(start, min(start + size, len(x)))
            yield rows, x[rows], logits[rows]

    return chunks
