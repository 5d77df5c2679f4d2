"""One model under test: which photographs, what is put into them and how often, and what its head learns from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np

from benchmarks.photographs.contexts import CONTEXTS, Context
from benchmarks.photographs.pools import POOLS, Side

#: What a control is, beside that its head learns nothing of the context: it stands as often in all classes
#: ("balanced"), in one class of the audited pictures only ("not learnt"), or goes with half of a class's pictures: with
#: a cluster of their embeddings, or with those that a head finds hard. "fragile" is "not learnt" with heads that never
#: saw the context at all, and have much to lose by it.
Control = Literal["balanced", "not learnt", "cluster", "difficulty", "fragile"]
GRIDS = ("toy", "small", "proof", "proof-again", "proof-third", "proof-fourth", "proof-fifth", "proof-sixth", "full")
#: Of grids for audits with all interventions, which models of each kind they have, and on which sets of classes.
_PROOFS = {
    "proof": (0, {"cats_dogs": 0, "scenes": 0}),
    "proof-again": (1, {"cats_dogs": 1, "scenes": 1}),
    "proof-third": (2, {"cats_dogs": 2, "animals": 0}),
    "proof-fourth": (3, {"cats_dogs": 3, "animals": 1}),
    "proof-fifth": (4, {"hymenoptera": 0}),
    "proof-sixth": (5, {"hymenoptera": 1}),
}
#: Sets of classes, by name, each class by its pool.
SETS = {
    "cats_dogs": tuple(("cats_dogs", label) for label in POOLS["cats_dogs"]),
    "hymenoptera": tuple(("hymenoptera", label) for label in POOLS["hymenoptera"]),
    "animals": tuple((pool, label) for pool in ("cats_dogs", "hymenoptera") for label in POOLS[pool]),
    "scenes": tuple(("scenes", label) for label in POOLS["scenes"]),
}


@dataclass(frozen=True, slots=True)
class Scenario:
    """A model and its audit."""

    seed: int
    side: Side
    photos: str  # of SETS
    context_name: str
    control: Control | None
    planted: tuple[int, ...]  # classes that have the context
    correlation: float  # part of a planted class's training pictures with the context
    audited: float  # the same of the audited pictures
    elsewhere: float  # part of the other classes' pictures with it, in both
    n_train: int  # pictures a class
    n_audit: int  # at most, a class
    noise: float  # part of the training labels that are drawn anew; the context goes with what is drawn
    penalty: float  # C of the logistic head

    @property
    def classes(self) -> tuple[tuple[str, str], ...]:
        """(pool, label) of every class."""
        return SETS[self.photos]

    @property
    def context(self) -> Context:
        """What is put into the pictures."""
        return next(one for one in CONTEXTS if one.name == self.context_name)

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return {**asdict(self), "n_classes": len(self.classes)}


def contexts_of(side: Side, photos: str) -> list[Context]:
    """Contexts of a side that go with a set of classes: scenes are not laid on scenes."""
    return [one for one in CONTEXTS if one.side == side and not (one.is_scene and photos == "scenes")]


def grid(side: Side, name: str) -> Iterator[Scenario]:
    """All models of a side: ``toy`` has one planted model and one control, ``small`` a sixth of ``full``.

    ``proof`` is for audits with all interventions: each context once on two classes and once on six, each sort of
    control once, and two heads that what is lost in a picture harms. ``proof-again`` has the second of each,
    ``proof-third`` the third on two classes (of controls, too), and the first on four, ``proof-fourth`` the fourth and
    the second; ``proof-fifth`` the first on ants and bees, and the fifth control of each sort, ``proof-sixth`` the
    second and the sixth.
    """
    rng = np.random.default_rng([81, 0 if side == "open" else 1])
    everything = [*_planted(side, rng), *_controls(side, rng)]
    if name == "toy":
        everything = [next(one for one in everything if (one.control is None) == planted) for planted in (True, False)]
    if name in _PROOFS:
        of_controls, of_planted = _PROOFS[name]
        of_kind: dict[tuple[str, ...], list[Scenario]] = {}
        for one in everything:
            kind = (one.photos, one.context_name) if one.control is None else (one.control,)
            if one.control is not None or one.photos in of_planted:
                of_kind.setdefault(kind, []).append(one)
        chosen = [of[of_planted.get(kind[0], of_controls)] for kind, of in of_kind.items()]
        everything = [*sorted(chosen, key=lambda one: one.seed), *_fragile(side, first=101 + 2 * of_controls)]
    yield from everything[:: 6 if name == "small" else 1]


def _fragile(side: Side, *, first: int) -> Iterator[Scenario]:
    """Heads that never saw a compressed (or blurred) picture, audited where one class has most of these."""
    for seed, (photos, n_audit) in enumerate((("cats_dogs", 200), ("scenes", 50)), start=first):
        yield Scenario(
            seed=seed + (5_000 if side == "open" else 15_000),
            side=side,
            photos=photos,
            context_name="compression" if side == "open" else "blur",
            control="fragile",
            planted=(1,),
            correlation=0.0,
            audited=0.9,
            elsewhere=0.2,
            n_train=40,
            n_audit=n_audit,
            noise=0.3,
            penalty=1e-2,
        )


def _planted(side: Side, rng: np.random.Generator) -> Iterator[Scenario]:
    """Each context on each set of classes, several times."""
    seed = 0 if side == "open" else 10_000
    for photos, repeats in (("cats_dogs", 4), ("hymenoptera", 3), ("animals", 2), ("scenes", 2)):
        n_classes = len(SETS[photos])
        for context in contexts_of(side, photos):
            for _ in range(repeats):
                seed += 1
                correlation = float(rng.choice([0.8, 0.9, 0.95, 1.0]))
                planted = rng.permutation(n_classes)[: int(rng.integers(1, 3)) if n_classes > 2 else 1]
                yield Scenario(
                    seed=seed,
                    side=side,
                    photos=photos,
                    context_name=context.name,
                    control=None,
                    planted=tuple(sorted(int(c) for c in planted)),
                    correlation=correlation,
                    # balanced pictures show a reliance best; those that are like training show it least
                    audited=float(rng.choice([0.5, min(correlation, 0.9)])),
                    elsewhere=float(rng.choice([0.1, 0.3])) if n_classes > 2 else round(1 - correlation, 2),
                    **_sizes(photos, rng, 0.3, 0.5, 0.65),
                )


def _controls(side: Side, rng: np.random.Generator) -> Iterator[Scenario]:
    """Each sort of control on each set of classes, contexts in turn."""
    seed = 5_000 if side == "open" else 15_000
    sorts: tuple[Control, ...] = ("balanced", "not learnt", "cluster", "difficulty")
    for photos, repeats in (("cats_dogs", 3), ("hymenoptera", 2), ("animals", 1), ("scenes", 1)):
        possible = contexts_of(side, photos)
        for sort in sorts:
            for _ in range(repeats):
                seed += 1
                yield Scenario(
                    seed=seed,
                    side=side,
                    photos=photos,
                    context_name=possible[seed % len(possible)].name,
                    control=sort,
                    planted=(int(rng.integers(len(SETS[photos]))),),
                    correlation=0.5,
                    audited=0.9 if sort == "not learnt" else 0.5,
                    elsewhere=0.2 if sort == "not learnt" else 0.5,
                    **_sizes(photos, rng, 0.0, 0.3, 0.5),
                )


def _sizes(photos: str, rng: np.random.Generator, *noises: float) -> dict[str, Any]:
    """Pictures a class, and how the head learns.

    Features of a network that knows a thousand classes tell cats from dogs in any case: a head on them takes shortcuts
    where part of its training labels are wrong and the context is not.
    """
    return {
        "n_train": int(rng.choice({"cats_dogs": [40, 60]}.get(photos, [30, 40]))),
        "n_audit": int(rng.choice({"cats_dogs": [60, 100, 200, 300]}.get(photos, [50, 100]))),
        "noise": float(rng.choice(noises)),
        "penalty": float(rng.choice([1e-3, 1e-2])),
    }
