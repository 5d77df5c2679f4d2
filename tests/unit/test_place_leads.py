"""Fixed places in made worlds: maps by hand, and a model that is asked by a function."""

from dataclasses import replace

import numpy as np
import pytest
from evidence_world import World

from auditor.place_grid import PLACES

NAMES = [place.name for place in PLACES]
CORNER = NAMES.index("bottom right corner")
CAT = 3


def silent(*_):
    pass


@pytest.fixture(scope="module")
def inputs():
    """Five classes of 60; three quarters of the cats have something at the bottom right, and 5 % of the others."""
    world = World(seed=4)
    made = world.inputs(60, head=world.fit_head(200)) if hasattr(world, "inputs") else None
    assert made is not None
    return made


def marked(inputs, often=0.75):
    rng = np.random.default_rng(0)
    shares = rng.dirichlet([1, 1, 1, 1, 6, 1, 1, 1, 1], len(inputs.image_ids)).astype(np.float32)
    there = rng.random(len(shares)) < np.where(inputs.predicted_idx == CAT, often, 0.05)
    shares[there] *= 0.5
    shares[there, 8] += 0.5
    return replace(inputs, places=shares), there
