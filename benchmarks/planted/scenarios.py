"""What a model and its audit are made of: classes, what is planted in the training pictures, what the audit shows."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from benchmarks.planted.drawing import ClassOf, Mixture, Plant, Tie
from benchmarks.planted.worlds import HELD_BACK, World

#: Sorts of shortcut: the factor, and the values of it that make one (None: all but the neutral one).
SORTS: dict[str, tuple[str, tuple[str, ...] | None]] = {
    "scene": ("background", None),
    "tag": ("artifact", ("watermark", "ruler", "sticker")),
    "border": ("artifact", ("border",)),
    "surface": ("surface", None),
    "cast": ("cast", None),
    "blur": ("quality", None),
}
#: Classes of several objects that look alike.
GROUPS = {
    "waterbird": ("duck", "swan", "heron"),
    "landbird": ("owl", "rooster", "crow"),
    "vehicle": ("car", "truck", "bus"),
}
_SINGLE = ("cat", "balloon", "boat")
N_CLASSES = 5
_HELD_BACK_CLASSES = 3  # of the five, where the world has such objects


@dataclass(frozen=True, slots=True)
class Scenario:
    """One model and its audit.

    Attributes:
        sort: What is planted or controlled, for the tables.
        control: None for planted models; else the name of the control.
        correlation: Of the planted value with its class in training and audit; 0 where nothing is planted.
        architecture: One of `networks.ARCHITECTURES`.
        backbone: What it starts from: "strong", "weak" or "scratch".
        tier: 1 where the whole network learns, 2 where only the head does.
        steps: Batches (tier 1) or training pictures a class (tier 2) that it learns from.
        classes: In the order of the outputs.
        train: How its training pictures are drawn.
        audit: How the pictures of its audit are drawn.
        encoder: Which encoder audits it: "own" or one of the sweep.
        encoder_error: (class_idx, concept, strength): in this class the encoder sees the concept the more, the more
            typical of the class a picture is.
        seed: Of everything that is left to chance.
    """

    sort: str
    control: str | None
    correlation: float
    architecture: str
    backbone: str
    tier: int
    steps: int
    classes: tuple[ClassOf, ...]
    train: Mixture
    audit: Mixture
    encoder: str = "own"
    encoder_error: tuple[tuple[int, str, float], ...] = ()
    seed: int = 0

    def model_digest(self) -> str:
        """Names the model: the same whichever encoder audits it."""
        fields = {name: value for name, value in asdict(self).items() if not name.startswith("encoder")}
        return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()[:16]

    def as_dict(self) -> dict[str, Any]:
        """For tables: what was planted, without the details of the draw."""
        return {
            "sort": self.sort,
            "control": self.control,
            "correlation": self.correlation,
            "seed": self.seed,
            "architecture": self.architecture,
            "backbone": self.backbone,
            "tier": self.tier,
            "steps": self.steps,
            "encoder": self.encoder,
            "audit": "as training" if self.audit == self.train else "of its own",
            "classes": [one.name for one in self.classes],
            "planted": [[one.class_idx, one.factor, one.value] for one in self.train.plants],
        }


@dataclass(frozen=True, slots=True)
class Body:
    """What a model is, whatever it learns."""

    architecture: str
    backbone: str
    tier: int
    steps: int


def values_of(sort: str, world: World) -> tuple[str, ...]:
    """Values that make a shortcut of this sort in this world."""
    factor, values = SORTS[sort]
    allowed = world.of(factor)
    return values or tuple(value for value in allowed if value not in ("none", "sharp"))


def pick(sort: str, world: World, rng: np.random.Generator, n: int = 1) -> list[str]:
    """So many values of a sort; values that were held back come first where the world has some."""
    values = values_of(sort, world)
    fresh = [value for value in values if value in HELD_BACK.get(SORTS[sort][0], ())]
    others = [value for value in values if value not in fresh]
    ordered = [*rng.permutation(fresh), *rng.permutation(others)]
    return [str(value) for value in ordered[:n]]


def draw_classes(world: World, rng: np.random.Generator) -> tuple[ClassOf, ...]:
    """Five classes sorted by name: of one object each, or groups of two or three objects and single ones."""
    fresh = [name for name in world.of("object") if name in HELD_BACK["object"]]
    if fresh:
        known = [name for name in world.of("object") if name not in fresh]
        names = [*_some(fresh, _HELD_BACK_CLASSES, rng), *_some(known, N_CLASSES - _HELD_BACK_CLASSES, rng)]
        return tuple(ClassOf(name, (name,)) for name in sorted(names))
    if rng.random() < 0.5:
        return tuple(ClassOf(name, (name,)) for name in sorted(_some(world.of("object"), N_CLASSES, rng)))
    return tuple(_group(name, rng) for name in sorted(_some([*GROUPS, *_SINGLE], N_CLASSES, rng)))


def grouped_classes(world: World, rng: np.random.Generator) -> tuple[ClassOf, ...]:
    """The three groups, each of two objects, and two single objects, held-back ones where the world has some."""
    fresh = [name for name in world.of("object") if name in HELD_BACK["object"]]
    names = [*GROUPS, *_some(fresh or _SINGLE, 2, rng)]
    return tuple(_group(name, rng, n_objects=2) for name in sorted(names))


def scene_classes(world: World, rng: np.random.Generator) -> tuple[ClassOf, ...]:
    """Five classes that are scenes: their background is what they are, whatever stands before it."""
    return tuple(ClassOf(name, world.of("object"), background=name) for name in sorted(pick("scene", world, rng, 5)))


def _group(name: str, rng: np.random.Generator, n_objects: int | None = None) -> ClassOf:
    members = GROUPS.get(name, (name,))
    size = min(len(members), n_objects or int(rng.integers(2, 4)))
    return ClassOf(name, tuple(sorted(_some(members, size, rng))))


def _some(values: Sequence[str], n: int, rng: np.random.Generator) -> list[str]:
    return [str(value) for value in rng.choice(list(values), size=n, replace=False)]


def plant(sort: str, correlation: float, n_planted: int, world: World, rng: np.random.Generator) -> Mixture:
    """The same sort of shortcut in so many classes, each with a value of its own."""
    values = pick(sort, world, rng, n_planted)
    classes = rng.choice(N_CLASSES, size=len(values), replace=False)
    factor = SORTS[sort][0]
    return Mixture(tuple(Plant(int(c), factor, value, correlation) for c, value in zip(classes, values, strict=True)))


def planted(sort: str, correlation: float, body: Body, world: World, rng: np.random.Generator) -> Scenario:
    """One sort of shortcut in one or two classes."""
    mixture = plant(sort, correlation, 2 if sort == "scene" else 1, world, rng)
    return _scenario(sort, None, correlation, body, draw_classes(world, rng), mixture, mixture)


def several(correlation: float, body: Body, world: World, rng: np.random.Generator) -> Scenario:
    """A scene in one class, a tag in a second, a cast in a third."""
    classes = rng.choice(N_CLASSES, size=3, replace=False)
    plants = Mixture(
        tuple(
            Plant(int(c), SORTS[sort][0], pick(sort, world, rng)[0], correlation)
            for c, sort in zip(classes, ("scene", "tag", "cast"), strict=True)
        )
    )
    return _scenario("several", None, correlation, body, draw_classes(world, rng), plants, plants)


def two_in_one(correlation: float, body: Body, world: World, rng: np.random.Generator) -> Scenario:
    """A scene and a tag in one class, each on its own at this rate."""
    c = int(rng.integers(N_CLASSES))
    plants = Mixture(
        tuple(Plant(c, SORTS[sort][0], pick(sort, world, rng)[0], correlation) for sort in ("scene", "tag"))
    )
    return _scenario("two in one", None, correlation, body, draw_classes(world, rng), plants, plants)


def balanced(body: Body, world: World, rng: np.random.Generator) -> Scenario:
    """Nothing goes with anything."""
    return _scenario("none", "balanced", 0.0, body, draw_classes(world, rng), Mixture(), Mixture())


def not_learnt(body: Body, world: World, rng: np.random.Generator) -> Scenario:
    """Learnt from balanced pictures, audited on pictures where scenes go with three of the classes."""
    mixture = plant("scene", 0.95, 3, world, rng)
    return _scenario("scene", "not learnt", 0.95, body, draw_classes(world, rng), Mixture(), mixture)


def core(body: Body, world: World, rng: np.random.Generator) -> Scenario:
    """Classes that are scenes: every one rests on its scene, by definition."""
    return _scenario("scene", "core by definition", 1.0, body, scene_classes(world, rng), Mixture(), Mixture())


def sub_kind(body: Body, world: World, rng: np.random.Generator) -> Scenario:
    """Rare sub-kinds are learnt badly; in the audit they are away from one scene, the common ones in it."""
    classes = grouped_classes(world, rng)
    groups = [c for c, one in enumerate(classes) if len(one.objects) == 2]
    scenes = pick("scene", world, rng, len(groups))
    half = tuple(Plant(c, "background", scene, 0.5) for c, scene in zip(groups, scenes, strict=True))
    ties = tuple(
        Tie(one.class_idx, "background", one.value, "object", common, rare, 0.9)
        for one in half
        for common, rare in [classes[one.class_idx].objects]
    )
    rare = Mixture(kinds=tuple((c, (0.94, 0.06)) for c in groups))
    return _scenario("scene", "sub-kind", 0.9, body, classes, rare, Mixture(half, ties))


def difficulty(body: Body, world: World, rng: np.random.Generator) -> Scenario:
    """Learnt with faint objects everywhere; in the audit they are faint unless one scene lies behind them."""
    half = tuple(Plant(c, "background", v, 0.5) for c, v in enumerate(pick("scene", world, rng, N_CLASSES)))
    ties = tuple(Tie(one.class_idx, "background", one.value, "faint", 0, 72, 0.9) for one in half)
    return _scenario(
        "scene", "difficulty", 0.9, body, draw_classes(world, rng), Mixture(faintest=85), Mixture(half, ties)
    )


def collinear(body: Body, world: World, rng: np.random.Generator) -> Scenario:
    """Two classes may rely on a scene; in the audit a tag goes with that scene, which they never learnt."""
    mixture = plant("scene", 0.9, 2, world, rng)
    tags = pick("tag", world, rng, 2)
    ties = tuple(
        Tie(one.class_idx, one.factor, one.value, "artifact", tag, "none", 0.9)
        for one, tag in zip(mixture.plants, tags, strict=True)
    )
    return _scenario("scene", "collinear", 0.9, body, draw_classes(world, rng), mixture, Mixture(mixture.plants, ties))


def misled_encoder(body: Body, world: World, rng: np.random.Generator) -> Scenario:
    """A model without shortcuts, and an encoder that sees a scene in every class's most typical pictures."""
    wrong = tuple((c, v, 1.0) for c, v in enumerate(pick("scene", world, rng, N_CLASSES)))
    return _scenario(
        "none", "encoder error", 0.0, body, draw_classes(world, rng), Mixture(), Mixture(), encoder_error=wrong
    )


def _scenario(
    sort: str,
    control: str | None,
    correlation: float,
    body: Body,
    classes: tuple[ClassOf, ...],
    train: Mixture,
    audit: Mixture,
    **more: Any,
) -> Scenario:
    return Scenario(
        sort,
        control,
        correlation,
        body.architecture,
        body.backbone,
        body.tier,
        body.steps,
        classes,
        train,
        audit,
        **more,
    )
