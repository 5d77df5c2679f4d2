"""Swapping regions on a network set by hand: channel 0 is red, channel 1 green minus blue."""

import numpy as np
import pytest
from PIL import Image
from toy_audit import PLAIN, toy_classifier

from auditor.evidence.effects.swaps import Swap
from auditor.extraction import region_swaps as interventions
from auditor.extraction.region_swaps import picture_files, region_swaps
from auditor.inputs.dataset import load_dataset
from auditor.records import ActivationStats, ChannelWords, ImageItem

ROSE, LEAF = 0, 1
assert isinstance(PLAIN.size, tuple)
SIDE = PLAIN.size[0]
RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
#: Concept 0 is what channel 0 says (red), concept 1 what channel 1 says (green), concept 2 what none says.
WORDS = ChannelWords(
    np.eye(2, 3, dtype=np.float32),
    ActivationStats(np.zeros(2, np.float32), np.ones(2, np.float32)),
    np.eye(3, dtype=np.float32),
)


def picture(left, right):
    """One colour in the left half, one in the right."""
    made = Image.new("RGB", (SIDE, SIDE), left)
    made.paste(right, (SIDE // 2, 0, SIDE, SIDE))
    return made


PICTURES = {
    "rose/wanted.png": picture(GREEN, RED),  # its concept on the right
    "other/red.png": picture(RED, RED),
    "other/blue.png": picture(BLUE, BLUE),
    "rose/plain.png": picture(BLUE, BLUE),  # shows neither
}


@pytest.fixture
def world(tmp_path):
    for path, made in PICTURES.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        made.save(tmp_path / path)
    items = [*load_dataset(tmp_path).items, ImageItem("gone", "rose/gone.png", "rose")]
    intervene = region_swaps(toy_classifier(), picture_files(tmp_path, items, min_side=SIDE), WORDS, (None, 1))
    return intervene, {item.path: i for i, item in enumerate(items)}


def swap(row, target="rose/wanted.png", control="other/blue.png", word=0, class_idx=ROSE):
    return Swap(class_idx, word, row[target], row["other/red.png"], row[control])


@pytest.fixture
def seen(monkeypatch):
    """Batches that went through the model."""
    batches = []
    forward = interventions.cam.forward

    def watched(classifier, batch):
        batches.append(batch.clone())
        return forward(classifier, batch)

    monkeypatch.setattr(interventions.cam, "forward", watched)
    return batches


@pytest.mark.parametrize("class_idx", [ROSE, LEAF])
def test_the_place_of_the_concept_is_filled_and_nothing_else(world, seen, monkeypatch, class_idx):
    """Red is on the right; that the name of the class says green, or nothing, moves it no further."""
    monkeypatch.setattr(interventions, "FILLED", 0.51)
    intervene, row = world
    # logits are [a0 - a1, 2 a1 + .5]; a1 = .5 whatever fills the right half
    assert intervene([swap(row, class_idx=class_idx)]).tolist() == [[LEAF, LEAF]]
    given, without = (batch[0] for batch in seen)
    half = SIDE // 2
    assert given[:, 0].tolist() == [[0.0] * half + [1.0] * half, [1.0] * half + [0.0] * half, [0.0] * SIDE]
    assert without[:, 0].tolist() == [[0.0] * SIDE, [1.0] * half + [0.0] * half, [0.0] * half + [1.0] * half]


def test_what_the_class_is_named_for_is_not_covered(world, seen, monkeypatch):
    """Green is asked for, in the picture of a class whose name is green: no place shows it more than its name."""
    monkeypatch.setattr(interventions, "FILLED", 0.51)
    intervene, row = world
    assert intervene([swap(row, word=1, class_idx=LEAF)]).tolist() == [[-1, -1]]
    assert intervene([swap(row, word=1, class_idx=ROSE)]).tolist() == [[ROSE, ROSE]]
    assert seen[-2][0][0].min() == 1  # all red
    assert seen[-1][0][1].max() == 0  # the green half went


def test_pictures_that_are_gone_or_show_no_place_give_nothing(world, monkeypatch):
    monkeypatch.setattr(interventions, "FILLED", 0.51)
    intervene, row = world
    asked = [swap(row, control="rose/gone.png"), swap(row, word=2), swap(row, target="rose/plain.png"), swap(row)]
    assert intervene(asked).tolist() == [[-1, -1], [-1, -1], [-1, -1], [LEAF, LEAF]]


def test_batches_change_nothing(world, monkeypatch):
    intervene, row = world
    swaps = [swap(row), swap(row, word=1)] * 3
    whole = intervene(swaps)
    monkeypatch.setattr(interventions, "BATCH", 2)
    assert intervene(swaps).tolist() == whole.tolist()
    assert intervene([]).shape == (0, 2)
