"""Which models a seed stands for: eight of the small grid; sixty, nine of them under five encoders, of the full one.

A scenario is drawn from its seed and its place in the grid alone, so that any of them can be made again by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import numpy as np

from benchmarks.planted import scenarios
from benchmarks.planted.scenarios import SORTS, Body, Scenario
from benchmarks.planted.worlds import FIRST_HELD_BACK_SEED, OPEN, SAMPLE, WIDE, World

Maker = Callable[[World, np.random.Generator], Scenario]

CORRELATIONS = (0.5, 0.7, 0.9, 0.95, 1.0)
#: Batches until a model knows its objects on every scene; and a few, after which it leans on what is planted.
_ARCHITECTURES = ("cnn", "vit-class", "vit-mean")
LONG = {"cnn": 200, "vit-class": 260, "vit-mean": 260}
SHORT = {"cnn": 90, "vit-class": 70, "vit-mean": 70}
#: Batches of a network that starts from nothing, and training pictures a class of a head.
SCRATCH = {"cnn": 500, "vit-class": 900, "vit-mean": 900}
HEAD_PICTURES = 500
#: Encoders that part of the models are audited with again; recall may fall, false alarms may not rise.
SWEEP = ("noise .5", "noise 1", "early", "class error")
#: Of the small grid, those that the tests have time for.
_QUICK_PLACES = (0, 2, 5, 7)
CONFOUNDED = (scenarios.sub_kind, scenarios.difficulty, scenarios.collinear, scenarios.misled_encoder)


def _made(maker: Callable[..., Scenario], *before: object) -> Maker:
    return partial(maker, *before)


def leaning(architecture: str) -> Body:
    """Takes shortcuts: knows scenes and marks better than its objects, and learns briefly."""
    return Body(architecture, "weak", 1, SHORT[architecture])


def learned(architecture: str) -> Body:
    """Knows its objects."""
    return Body(architecture, "strong", 1, LONG[architecture])


def small_grid(seed: int) -> Iterator[Scenario]:
    """Eight models: five planted, of which one has several shortcuts, two ordinary controls and a confounded one."""
    correlation = (0.95, 0.9, 1.0, 0.7)[seed % 4]
    first, second = ("cnn", "vit-class") if seed % 2 == 0 else ("vit-class", "cnn")
    other = ("cast", "border", "blur")[seed % 3]
    makers = (
        _made(scenarios.planted, "scene", 0.95, leaning(first)),
        _made(scenarios.planted, "scene", correlation, leaning(second)),
        _made(scenarios.planted, "tag", 0.95, leaning(second)),
        _made(scenarios.planted, other, 0.95, leaning(first)),
        _made((scenarios.several, scenarios.two_in_one)[seed % 2], 0.95, leaning(first)),
        _made(scenarios.balanced, learned(first)),
        _made(scenarios.not_learnt, learned(second)),
        _made(CONFOUNDED[seed % 4], learned(second)),
    )
    return _drawn(makers, SAMPLE, seed)


def quick_grid(seed: int) -> Iterator[Scenario]:
    """Four of the small grid's: a scene and a mark planted, an ordinary control and a confounded one."""
    for place, scenario in enumerate(small_grid(seed)):
        if place in _QUICK_PLACES:
            yield scenario


def _drawn(makers: tuple[Maker, ...] | list[Maker], world: World, seed: int) -> Iterator[Scenario]:
    for place, make in enumerate(makers):
        yield replace(make(world, np.random.default_rng((seed, place, 80))), seed=seed * 1000 + place)


def sample_world(seed: int) -> World:
    """What the bundled encoder knows, whatever the seed."""
    del seed
    return SAMPLE


def full_world(seed: int) -> World:
    """Seeds below `FIRST_HELD_BACK_SEED` do without the objects, scenes and surfaces that are held back."""
    return WIDE if seed >= FIRST_HELD_BACK_SEED else OPEN


def full_grid(seed: int) -> Iterator[Scenario]:
    """Six networks trained end to end, fifty-four heads on shared backbones, and nine of these under four encoders."""
    world = full_world(seed)
    yield from _drawn([*_first_tier(seed), *_second_tier(seed)], world, seed)
    for scenario in _drawn([*_first_tier(seed), *_second_tier(seed)], world, seed):
        if _is_swept(scenario):
            for encoder in SWEEP:
                yield _under(scenario, encoder, world)


def _first_tier(seed: int) -> list[Maker]:
    """Planted ones that start from nothing and from backbones, and controls; what is planted changes with the seed."""
    sorts = [list(SORTS)[(3 * seed + k) % len(SORTS)] for k in range(3)]
    correlations = [CORRELATIONS[(seed + 2 * k) % len(CORRELATIONS)] for k in range(3)]
    first, second, third = (_ARCHITECTURES[(seed + k) % len(_ARCHITECTURES)] for k in range(3))
    bodies = (Body(first, "scratch", 1, SCRATCH[first]), leaning(second), leaning(third))
    return [
        *(
            _made(scenarios.planted, sort, correlation, body)
            for sort, correlation, body in zip(sorts, correlations, bodies, strict=True)
        ),
        _made((scenarios.several, scenarios.two_in_one)[seed % 2], 0.95, leaning(first)),
        _made(scenarios.balanced, learned(second)),
        _made(CONFOUNDED[seed % len(CONFOUNDED)], learned(third)),
    ]


def _second_tier(seed: int) -> list[Maker]:
    """Every sort at every correlation, several shortcuts, and the controls with each architecture."""
    weak = [Body(name, "weak", 2, HEAD_PICTURES) for name in _ARCHITECTURES]
    strong = [Body(name, "strong", 2, HEAD_PICTURES) for name in _ARCHITECTURES]
    planted = [
        _made(scenarios.planted, sort, correlation, weak[(seed + i + k) % len(weak)])
        for i, sort in enumerate(SORTS)
        for k, correlation in enumerate(CORRELATIONS)
    ]
    more = [
        _made(maker, correlation, weak[(seed + k) % len(weak)])
        for maker in (scenarios.several, scenarios.two_in_one)
        for k, correlation in enumerate((0.9, 0.95))
    ]
    controls = [_made(maker, body) for maker in (scenarios.balanced, scenarios.not_learnt) for body in strong]
    controls += [_made(scenarios.core, strong[(seed + k) % len(strong)]) for k in range(2)]
    return [*planted, *more, *controls, *(_made(maker, body) for maker in CONFOUNDED for body in strong)]


def _is_swept(scenario: Scenario) -> bool:
    """One head of every sort of shortcut, and three controls of one architecture."""
    if scenario.tier == 1:
        return False
    if scenario.control is None:
        return scenario.sort in SORTS and scenario.correlation == 0.95
    return scenario.control in ("balanced", "not learnt", "sub-kind") and scenario.architecture == "cnn"


def _under(scenario: Scenario, encoder: str, world: World) -> Scenario:
    """The same model under another encoder."""
    if encoder != "class error":
        return replace(scenario, encoder=encoder)
    rng = np.random.default_rng((scenario.seed, 86))
    wrong = tuple((c, value, 0.5) for c, value in enumerate(scenarios.pick("scene", world, rng, scenarios.N_CLASSES)))
    return replace(scenario, encoder=encoder, encoder_error=wrong)


def toy_grid(seed: int) -> Iterator[Scenario]:
    """One head on a shared backbone, under two encoders: nothing can be learnt from it but that everything runs."""
    (one,) = _drawn([_made(scenarios.planted, "scene", 0.95, Body("cnn", "weak", 2, 40))], SAMPLE, seed)
    yield one
    yield _under(one, "early", SAMPLE)


GRIDS: dict[str, Callable[[int], Iterator[Scenario]]] = {
    "small": small_grid,
    "quick": quick_grid,
    "full": full_grid,
    "toy": toy_grid,
}
