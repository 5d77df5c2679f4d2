"""What an audit of photographs is given as examples: of the training side, both sides of every class, none twice."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.photographs.contexts import CONTEXTS
from benchmarks.photographs.examples import example_concept, taught
from benchmarks.photographs.pools import Photo

WATERMARK = next(one for one in CONTEXTS if one.name == "watermark")


class Bank:
    """Features (n, 40) of noise by photograph, with the context in the first; remembers what was asked."""

    root = Path("photos")

    def __init__(self) -> None:
        self.asked: list[tuple[str, bool]] = []

    def example_features(self, photos, context, present):
        self.asked += [(photo.path, present) for photo in photos]
        rows = [np.random.default_rng(list(photo.path.encode())).normal(size=40) for photo in photos]
        found = np.array(rows, np.float32).reshape(len(photos), 40)
        found[:, 0] += 8 if present else -8
        return found


def made(n_train):
    trained_on = tuple(
        tuple(Photo("cats_dogs", label, f"{label}/{k}", "open") for k in range(n_train)) for label in ("cat", "dog")
    )
    photos = tuple(Photo("cats_dogs", "cat", f"audited/{k}", "open") for k in range(6))
    scenario = SimpleNamespace(seed=1, context=WATERMARK)
    return SimpleNamespace(scenario=scenario, trained_on=trained_on, photos=photos, present=np.arange(6) % 2 == 0)


def test_twenty_of_each_side_are_learnt_from():
    bank = Bank()
    result = taught(made(30), bank, seed=0)
    (record,) = result.records
    assert (record.state, record.n_yes, record.n_no, record.n_classes, record.n_in_audit) == ("learnt", 20, 20, 2, 0)
    assert ((result.presence[:, 0] > 0.5) == (np.arange(6) % 2 == 0)).all()
    given = [path for path, _ in bank.asked if not path.startswith("audited")]
    assert len(given) == len(set(given)) == 40
    assert result.concepts[0].term == "watermark by example"


def test_of_few_training_photographs_half_are_given():
    (record,) = taught(made(12), Bank(), seed=0).records
    assert (record.n_yes, record.n_no) == (12, 12)


@pytest.mark.parametrize("context", CONTEXTS, ids=[one.name for one in CONTEXTS])
def test_every_context_is_called_by_what_is_there(context):
    assert example_concept(context).term == f"{context.value if context.is_scene else context.name} by example"
