"""Write a large finished audit without running a model: what reports are timed on.

``python -m benchmarks.big_audit DIR [--images N] [--classes C] [--concepts V] [--seed S] [--release 0|1]``

Straight through the store's writer, a chunk of pictures at a time; the same contents for the same arguments. Counts
follow from the pictures: recall by concept, subgroups and gaps are those of what was drawn. Release 1 is a second model
on the pictures of release 0, which no longer relies on every other shortcut, and relies on two new ones.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from auditor.concept_records import Counterexample, CounterexampleState
from auditor.gate.gap_change import Estimate, plain_gap, wilson_interval
from auditor.records import (
    ActivationStats,
    AtlasSpace,
    ChannelGroups,
    ClassChannelGroup,
    ClassConcept,
    Failure,
    Finding,
    FloatArray,
    IntArray,
    SaliencyMap,
    Severity,
    Subgroup,
    Verdict,
)
from auditor.rules import MIN_ARM
from auditor.store.database import AuditDatabase
from auditor.store.manifest import write_manifest
from auditor.store.run_record import Run
from auditor.version import auditor_version
from benchmarks.big_world import Chunk, World, chunks, make_world

N_CHANNELS, N_GROUPS, DIM, MAP_SIDE = 2048, 16, 512, 14
#: Pictures that a finding names; those with a map, per class.
_EXAMPLES, _MAPPED = 12, 18
_UNIT = Estimate(0.0, -1.0, 1.0)


@dataclass(slots=True, eq=False)
class Counts:
    """What adds up over the pictures."""

    n_with: IntArray  # (C, V)
    n_with_correct: IntArray
    n: IntArray  # (C,)
    n_correct: IntArray
    shares: NDArray[np.float64]  # (C, V) sums over the pictures called the class
    n_called: IntArray
    examples: dict[int, list[str]]  # first pictures of every class

    @classmethod
    def none(cls, n_classes: int, n_concepts: int) -> Counts:
        """Nothing counted yet."""
        wide = n_classes, n_concepts
        return cls(
            n_with=np.zeros(wide, np.int64),
            n_with_correct=np.zeros(wide, np.int64),
            n=np.zeros(n_classes, np.int64),
            n_correct=np.zeros(n_classes, np.int64),
            shares=np.zeros(wide),
            n_called=np.zeros(n_classes, np.int64),
            examples={c: [] for c in range(n_classes)},
        )

    def add(self, chunk: Chunk) -> None:
        """Count a chunk's pictures."""
        present, right = chunk.presence > 0.5, chunk.label_idx == chunk.predicted_idx
        np.add.at(self.n_with, chunk.label_idx, present)
        np.add.at(self.n_with_correct, chunk.label_idx, present & right[:, None])
        np.add.at(self.n, chunk.label_idx, 1)
        np.add.at(self.n_correct, chunk.label_idx, right)
        np.add.at(self.shares, chunk.predicted_idx, chunk.phrases.shares)
        np.add.at(self.n_called, chunk.predicted_idx, 1)
        for image_id, c in zip(chunk.image_ids, chunk.label_idx.tolist(), strict=True):
            if len(self.examples[c]) < _MAPPED:
                self.examples[c].append(image_id)

    def arms(self, c: int, v: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """(right, all) with the concept, and without it."""
        n1, x1 = int(self.n_with[c, v]), int(self.n_with_correct[c, v])
        return (x1, n1), (int(self.n_correct[c]) - x1, int(self.n[c]) - n1)

    def gap(self, c: int, v: int) -> Estimate | None:
        """The plain gap of recall."""
        (x1, n1), (x0, n0) = self.arms(c, v)
        return plain_gap((x1, x0), (n1, n0))


def write_big_audit(
    folder: Path, *, n_images: int, n_classes: int, n_concepts: int, seed: int = 0, release: int = 0
) -> Path:
    """Write the audit and return its folder; memory does not follow ``n_images``."""
    world = make_world(n_classes, n_concepts, seed, release)
    counts = Counts.none(n_classes, n_concepts)
    run = _run(world, n_images)
    used, used_ids = world.used, [world.concepts[v].concept_id for v in world.used]
    with AuditDatabase(folder) as database:
        database.add_run(run)
        for chunk in chunks(world, n_images):
            ids, names = chunk.image_ids, world.class_names
            database.add_images(chunk.items, [(500, 375)] * len(ids), [f"{i:0<64}" for i in ids], chunk.thumbnails)
            database.add_predictions(ids, chunk.predicted_idx, chunk.label_idx, chunk.confidence, names)
            database.add_attributions(
                ids, chunk.predicted_idx, chunk.phrases, class_names=names, concepts=world.concepts
            )
            database.add_concept_presence(ids, used_ids, chunk.presence[:, used])
            for space in get_args(AtlasSpace):
                database.add_atlas(ids, space, _places(chunk, n_classes))
            counts.add(chunk)
        _add_words(database, world)
        database.add_class_concepts(list(_class_concepts(world, counts)))
        database.add_subgroups(list(_subgroups(world, counts)))
        database.add_findings(list(_findings(world, counts)))
        database.add_verdicts([_verdict(world, counts, c) for c in range(n_classes)])
        database.add_counterexamples(list(_counterexamples(world, counts)))
        database.add_failures([Failure(f"{i:016x}", f"broken/{i}.jpg", "decode", "truncated") for i in range(100)])
        database.add_saliency(list(_maps(world, counts)), world.class_names)
        database.add_class_channel_groups(
            [
                ClassChannelGroup(c, name, group, 0.3 - 0.05 * group, int(counts.n_called[c]), _named(counts, c))
                for c, name in enumerate(world.class_names)
                for group in range(5)
            ]
        )
    write_manifest(folder, run)
    return folder


def _places(chunk: Chunk, n_classes: int) -> FloatArray:
    """Where a chunk's pictures lie in the atlas: a ring of classes, each around its own place."""
    turn = 2 * np.pi * chunk.label_idx / n_classes
    ring = 0.8 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    jitter = np.random.default_rng(int(chunk.image_ids[0], 16)).uniform(-0.1, 0.1, ring.shape)
    return (ring + jitter).astype(np.float32)


def _run(world: World, n_images: int) -> Run:
    return Run(
        run_id=f"big-{world.seed}-{world.release}-{n_images}",
        created_at="2025-01-02T03:04:05+00:00",
        data_path="drawn",
        data_digest=f"{world.seed:064x}",
        model_spec=f"drawn:{world.release}",
        model_digest=f"{world.release:064x}",
        encoder_spec="drawn",
        encoder_digest="e" * 64,
        vocabulary_digest="v" * 64,
        config={"seed": world.seed, "out": f"big-{world.release}"},
        config_digest="c" * 64,
        versions={"auditor": auditor_version()},
        counts={"images": n_images, "failures": 100, "classes": len(world.class_names)},
        seed=world.seed,
        class_names=world.class_names,
        notices=("drawn at random for timing: it says nothing of any model",),
    )


def _add_words(database: AuditDatabase, world: World) -> None:
    rng = world.rng(4, world.release)
    rows = rng.standard_normal((len(world.concepts), DIM), dtype=np.float32)
    database.add_concepts(world.concepts, rows / np.linalg.norm(rows, axis=1, keepdims=True))
    directions = rng.standard_normal((N_CHANNELS, DIM), dtype=np.float32)
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    use: FloatArray = rng.random(N_CHANNELS, np.float32)
    terms = [concept.term for concept in world.concepts]
    database.add_channels(
        use,
        [", ".join(terms[(j * 3 + i) % len(terms)] for i in range(3)) for j in range(N_CHANNELS)],
        ChannelGroups(np.arange(N_CHANNELS) % N_GROUPS, directions[:N_GROUPS]),
        [terms[g % len(terms)] for g in range(N_GROUPS)],
        directions=directions,
        stats=ActivationStats(use, use * np.float32(0.5)),
    )


def _named(counts: Counts, c: int, n: int = _EXAMPLES) -> tuple[str, ...]:
    return tuple(counts.examples[c][:n])


def _class_concepts(world: World, counts: Counts) -> Iterator[ClassConcept]:
    means = counts.shares / np.maximum(counts.n_called, 1)[:, None]
    elsewhere = (means.sum(axis=0) - means) / max(len(means) - 1, 1)
    for c, name in enumerate(world.class_names):
        for v in np.flatnonzero(means[c] > 0).tolist():
            concept, share, other = world.concepts[v], float(means[c, v]), float(elsewhere[c, v])
            words = concept.concept_id, concept.term, concept.kind
            lift = share / max(other, 0.01)
            yield ClassConcept(c, name, *words, share, share * 0.9, share * 1.1, other, lift, int(counts.n_called[c]))


def _subgroups(world: World, counts: Counts) -> Iterator[Subgroup]:
    for c, name in enumerate(world.class_names):
        for v, concept in enumerate(world.concepts):
            if concept.is_context:
                for present, (right, n) in zip((True, False), counts.arms(c, v), strict=True):
                    yield Subgroup(c, name, concept.concept_id, concept.term, present, n, right)


def _findings(world: World, counts: Counts) -> Iterator[Finding]:
    """All rules of every measured pair; only E4's recall is counted, the rest has its size and shape."""
    for c, row in enumerate(world.measured):
        for v in row.tolist():
            concept, gap = world.concepts[v], counts.gap(c, v)
            shown = gap or _UNIT
            q = 0.001 if world.relies[c] and v == row[0] else 0.6
            pair = c, world.class_names[c], concept.concept_id, concept.term, concept.kind
            for rule in ("E1", "E2", "E4-recall", "E4-pull", "E3-recall", "E3-margin", "E3-pull"):
                counted = rule == "E4-recall"
                effect = (shown.effect, shown.low, shown.high) if counted else (0.03, -0.02, 0.08)
                tested = q if rule.startswith("E4") else None
                status = "measured" if gap or not counted else "too_few"
                yield Finding(*pair, rule, *effect, tested, tested, int(counts.n[c]), _named(counts, c), status)


def _verdict(world: World, counts: Counts, c: int) -> Verdict:
    name, kind, n = world.class_names[c], world.verdicts[c], int(counts.n[c])
    if kind in ("clean", "not_analysed"):
        sentence = f"{kind.replace('_', ' ')}: drawn at random, so nothing is said of {name}"
        return Verdict(c, name, kind, "none", None, None, None, sentence, n, detectable_effect=0.09)
    v = int(world.measured[c, 0])
    concept, gap = world.concepts[v], counts.gap(c, v)
    share = float(counts.shares[c, v] / max(int(counts.n_called[c]), 1))
    sentence = (
        f'The model calls a picture "{name}" largely because of {concept.term} ({concept.kind}): ' + "drawn. " * 20
    )
    severity: Severity = "high" if kind == "flagged" else "low"
    verdict = Verdict(
        c,
        name,
        kind,
        severity,
        concept.concept_id,
        concept.term,
        concept.kind,
        sentence,
        n,
        share,
        detectable_effect=0.09,
    )
    return replace(verdict, gap=gap.effect, gap_low=gap.low, gap_high=gap.high) if gap else verdict


def _counterexamples(world: World, counts: Counts) -> Iterator[Counterexample]:
    for c, kind in enumerate(world.verdicts):
        if kind not in ("flagged", "suspect"):
            continue
        for v in world.measured[c, : 1 if kind == "flagged" else 2].tolist():
            concept = world.concepts[v]
            state: CounterexampleState = "proven" if kind == "flagged" else "open"
            for present, (right, n) in zip((True, False), counts.arms(c, v), strict=True):
                low, high = wilson_interval(right / max(n, 1), max(n, 1))
                yield Counterexample(
                    c,
                    world.class_names[c],
                    concept.concept_id,
                    concept.term,
                    concept.kind,
                    state,
                    present,
                    n,
                    right,
                    right / max(n, 1),
                    low,
                    high,
                    max(MIN_ARM * 10 - n, 0),
                    9 * n,
                    n,
                    0,
                    _named(counts, c),
                )


def _maps(world: World, counts: Counts) -> Iterator[SaliencyMap]:
    """The class and its leading concept in 18 pictures of a class that was found, the class alone in 6 of others."""
    rng = world.rng(5)
    for c, kind in enumerate(world.verdicts):
        found = kind in ("flagged", "suspect")
        lead = world.concepts[int(world.measured[c, 0])].concept_id
        for image_id in counts.examples[c][: _MAPPED if found else 6]:
            for concept_id in (None, lead) if found else (None,):
                data = rng.integers(0, 256, (MAP_SIDE, MAP_SIDE), dtype=np.uint8)
                yield SaliencyMap(image_id, c, concept_id, data, 1.5, (0.125, 0.0, 0.875, 1.0))


def main() -> None:
    """Write one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, metavar="DIR")
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--classes", type=int, default=100)
    parser.add_argument("--concepts", type=int, default=477)  # as many as the default vocabulary has
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--release", type=int, choices=(0, 1), default=0)
    given = parser.parse_args()
    folder = write_big_audit(
        given.folder,
        n_images=given.images,
        n_classes=given.classes,
        n_concepts=given.concepts,
        seed=given.seed,
        release=given.release,
    )
    size = (folder / "audit.duckdb").stat().st_size / 2**20
    print(f"{folder}: {given.images:,} pictures x {given.classes} classes, {size:,.0f} MiB")


if __name__ == "__main__":
    main()
