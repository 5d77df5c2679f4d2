"""A world of many classes: in a few of them, or in all, snow makes a head call pictures "wolf"."""

import numpy as np
from evidence_world import chunked
from scipy import sparse

from auditor.evidence.evidence_input import EvidenceInput
from auditor.records import ATTRIBUTE_KIND, Concept, LinearHead

WIDTH = 64
NAMES = ("wolf", "husky", "malamute", *(f"class {k:03d}" for k in range(3, 1000)))
CONCEPTS = (Concept("snow", "ground = snow", ATTRIBUTE_KIND, column="ground"), Concept("mark", "mark", "artifact"))


def many_classes(
    seed: int,
    *,
    pulled: tuple[int, ...] = (),
    rate: float = 0.8,
    n_classes: int = 100,
    per_class: int = 100,
    of_wolves: float = 0.5,
) -> EvidenceInput:
    """Snow is in a quarter of the pictures (``of_wolves`` of the wolves'), a mark in a fifth; a column and a word.

    The features say class, snow and mark. Of the ``pulled`` classes this ``rate`` of the snowy pictures is called
    wolf, by a head that adds as much to the wolf for snow as that takes; a hundredth is called some other class.
    """
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(n_classes), per_class)
    n = labels.size
    snow = rng.random(n) < np.where(labels == 0, of_wolves, 0.25)
    mark = rng.random(n) < 0.2
    # class k is called by the k-th channel; the last three say snow, the mark, and which pictures snow can pull
    x = np.zeros((n, n_classes + 3))
    x[np.arange(n), labels] = 4
    wrong = rng.random(n) < 0.01
    x[wrong, rng.integers(n_classes, size=wrong.sum())] += 8
    x[:, -3], x[:, -2] = snow, mark
    susceptible = np.isin(labels, pulled) & (rng.random(n) < rate)
    x[susceptible, 0] += 3  # nearly a wolf: snow decides
    x += rng.normal(size=x.shape) * 0.05
    weight = np.zeros((n_classes, n_classes + 3))
    weight[np.arange(n_classes), np.arange(n_classes)] = 1
    if pulled:
        weight[0, -3] = 2
    head = LinearHead(weight.astype(np.float32), np.zeros(n_classes, np.float32))
    x = x.astype(np.float32)
    logits = x @ head.weight.T
    embeddings = rng.normal(size=(n, 8)).astype(np.float32)
    return EvidenceInput(
        image_ids=tuple(f"{i:06d}" for i in rng.permutation(n)),
        label_idx=labels,
        predicted_idx=logits.argmax(axis=1),
        class_names=NAMES[:n_classes],
        concepts=CONCEPTS,
        shares=sparse.csr_array((n, 2), dtype=np.float32),
        residuals=np.zeros(n, np.float32),
        presence=np.stack([snow, mark], axis=1).astype(np.float32),
        embeddings=embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True),
        class_prompt_score=rng.normal(size=(n, n_classes)).astype(np.float32) * 0.01,
        groups=None,
        head=head,
        head_chunks=chunked(x, logits),
        seed=seed,
    )
