"""Editing pictures for a network set by hand: channel 0 is red, channel 1 green minus blue."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from lettered import lettered, scene
from PIL import Image
from toy_audit import PLAIN, toy_classifier

from auditor.edit_records import PictureEdit
from auditor.errors import ModelError
from auditor.evidence.effects.edits import CANNOT_BE_SET, NOT_READABLE
from auditor.extraction import picture_edits as hands
from auditor.extraction.picture_edits import object_places, picture_edits
from auditor.inputs.images import read_image
from auditor.properties.lettering_edits import lettering_of
from auditor.records import ActivationStats, ChannelWords, ImageItem

assert isinstance(PLAIN.size, tuple)
SIDE = PLAIN.size[0]
WORDS = ChannelWords(
    np.eye(2, 3, dtype=np.float32),
    ActivationStats(np.zeros(2, np.float32), np.ones(2, np.float32)),
    np.eye(3, dtype=np.float32),
)
GREY = PictureEdit("greyscale", "yes")
LABELS = np.array([0, 1, 0, 0])


@pytest.fixture
def world(tmp_path):
    """A picture that is red on its left, a grey one, one that is gone; the first one again with a mask of its left."""
    red = Image.new("RGB", (SIDE, SIDE), (0, 60, 0))
    red.paste((255, 0, 0), (0, 0, SIDE // 2, SIDE))
    red.save(tmp_path / "red.png")
    Image.new("RGB", (SIDE, SIDE), (90, 90, 90)).save(tmp_path / "grey.png")
    mask = Image.new("L", (SIDE, SIDE))
    mask.paste(255, (0, 0, SIDE // 2, SIDE))
    mask.save(tmp_path / "mask.png")
    paths = ("red.png", "grey.png", "gone.png", "red.png")
    items = [ImageItem(str(i), path, "rose") for i, path in enumerate(paths)]
    classifier = toy_classifier()
    places = object_places(classifier, tmp_path, [None, None, None, "mask.png"], WORDS, (0, None), LABELS)
    qualities = {"jpeg_quality": [20.0, None, None, 90.0]}
    return picture_edits(
        classifier, reading(tmp_path, items), qualities, range(4), places, LABELS, min_side=SIDE, n_jobs=2
    )


def reading(root, items):
    return lambda row, side: read_image(root / items[row].path, min_side=side).image


@pytest.fixture
def seen(monkeypatch):
    """Batches that went through the model."""
    batches = []
    forward = hands.cam.forward

    def watched(classifier, batch):
        batches.append(batch.clone())
        return forward(classifier, batch)

    monkeypatch.setattr(hands.cam, "forward", watched)
    return batches


def test_the_edited_picture_goes_through_the_model_preprocessed(world, seen):
    called = world(GREY, [0, 1, 2]).called
    assert called[2] == NOT_READABLE
    assert (called[:2] >= 0).all()
    (batch,) = seen
    values = (batch * torch.tensor(PLAIN.std)[:, None, None] + torch.tensor(PLAIN.mean)[:, None, None]) * 255
    assert torch.allclose(values[0, 0], values[0, 2], atol=0.01)  # red as blue: grey
    assert torch.allclose(values[0, :, 0, 0], torch.full((3,), 76.0), atol=0.6)  # the luma of red


def test_what_cannot_be_set_goes_through_no_model(world, seen):
    assert world(PictureEdit("greyscale", "no"), [1]).called.tolist() == [CANNOT_BE_SET]
    assert world(PictureEdit("jpeg_quality", 30.0), [0]).called.tolist() == [CANNOT_BE_SET]  # its file has 20
    assert not seen
    assert world(PictureEdit("jpeg_quality", 30.0), [3]).called[0] >= 0


def test_a_picture_that_cannot_be_written_again_ends_nothing(world, monkeypatch):
    def refuses(*_, **__):
        raise OSError("encoder error -2")

    monkeypatch.setattr(hands, "set_property", refuses)
    assert world(GREY, [0, 2]).called.tolist() == [NOT_READABLE, NOT_READABLE]


@pytest.fixture
def large(tmp_path):
    """A picture eight times as large as the model takes, with fine stripes, that the audit decodes at an eighth."""
    pixels = np.random.default_rng(0).integers(0, 256, (8 * SIDE, 8 * SIDE, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "large.jpg", quality=90)
    items = [ImageItem("0", "large.jpg", "rose")]
    places = object_places(toy_classifier(), tmp_path, [None], WORDS, (0, None), LABELS)
    values = {"jpeg_quality": [90.0], "width": [8.0 * SIDE], "brightness": [0.5]}
    read = reading(tmp_path, items)
    sizes = []

    def watched(row, side):
        found = read(row, side)
        sizes.append(found.size[0])
        return found

    return picture_edits(toy_classifier(), watched, values, [0], places, LABELS, min_side=SIDE), read, sizes


@pytest.mark.parametrize("level", [8.0 * SIDE, 2.0 * SIDE])
def test_an_edit_that_changes_nothing_shows_the_model_what_the_audit_did(large, seen, level):
    edit, read, sizes = large
    assert edit(PictureEdit("width", level), [0]).called[0] >= 0
    assert torch.equal(seen[0][0], PLAIN(read(0, SIDE)))
    assert set(sizes) == {SIDE}


def test_compression_is_done_at_full_size_and_decoded_as_a_file_is(large, seen, tmp_path):
    edit, read, sizes = large
    edit(PictureEdit("jpeg_quality", 30.0), [0])
    read(0, None).save(tmp_path / "again.jpg", quality=30)
    assert torch.equal(seen[0][0], PLAIN(read_image(tmp_path / "again.jpg", min_side=SIDE).image))
    assert sizes[0] == 8 * SIDE


def test_a_picture_that_the_transform_refuses_when_edited_cannot_be_set(world, monkeypatch):
    def refuses(image):
        if image.width < SIDE:
            raise ModelError("too small")
        return PLAIN(image)

    classifier = replace(toy_classifier(), preprocess=refuses)
    read = lambda row, side: Image.new("RGB", (SIDE, SIDE))  # noqa: E731
    edit = picture_edits(classifier, read, {}, [0], None, LABELS, min_side=SIDE)
    assert edit(PictureEdit("width", SIDE / 2), [0]).called.tolist() == [CANNOT_BE_SET]
    other = picture_edits(
        replace(classifier, preprocess=lambda one: torch.zeros(3, 1, one.width)),
        read,
        {},
        [0],
        None,
        LABELS,
        min_side=SIDE,
    )
    assert other(PictureEdit("width", SIDE / 2), [0]).called.tolist() == [CANNOT_BE_SET]


def test_a_mask_says_which_place_is_left_as_it_is(world, seen):
    world(PictureEdit("brightness", 0.05), [3])
    world(PictureEdit("brightness", 0.05, keep_object=True), [3])
    edited, kept = (batch[0] for batch in seen)
    half = SIDE // 2
    assert torch.equal(kept[..., half:], edited[..., half:])
    assert not torch.equal(kept[..., :half], edited[..., :half])
    assert kept[0, 0, 0] > edited[0, 0, 0]


def test_without_a_mask_the_place_is_where_the_picture_shows_the_name_of_its_class(world, seen):
    world(PictureEdit("brightness", 0.05, keep_object=True), [0])
    kept = seen[-1][0]
    assert kept[0, SIDE // 2, 0] > kept[0, SIDE // 2, -1]


def test_a_class_without_a_name_has_no_place(world):
    assert world(PictureEdit("brightness", 0.2, keep_object=True), [1]).called.tolist() == [CANNOT_BE_SET]


@pytest.mark.parametrize("lettered_pictures", [2, 0])
def test_lettering_is_looked_for_once_and_where_there_is_none_nothing_is_laid_on(tmp_path, lettered_pictures):
    names = [f"{i}.png" for i in range(4)]
    for i, name in enumerate(names):
        lettered(scene(i), "PREVIEW" if i < lettered_pictures else "", opacity=1.0).save(tmp_path / name)
    items = [ImageItem(str(i), name, "rose") for i, name in enumerate(names)]
    reads = []

    def read(row, side):
        reads.append(row)
        return reading(tmp_path, items)(row, side)

    values = {"lettering": ["yes", "yes", "no", "no"]}
    edit = picture_edits(toy_classifier(), read, values, range(4), None, LABELS, min_side=SIDE, n_jobs=2)
    for _ in range(2):
        called = edit(PictureEdit("lettering", "yes"), [2, 3]).called
        assert (called >= 0).all() if lettered_pictures else (called == CANNOT_BE_SET).all()
    assert sorted(reads) == [0, 1, 2, 2, 3, 3]


def test_lettering_that_is_laid_on_is_that_of_the_pictures_with_the_most(tmp_path):
    names = ("bare.png", "full.png", "part.png", "gone.png")
    for name, text in zip(names[:3], ("", "PREVIEW", "PREV"), strict=True):
        lettered(scene(1), text, opacity=1.0).save(tmp_path / name)
    items = [ImageItem(str(i), name, "rose") for i, name in enumerate(names)]
    layers = hands._lettering(
        lambda row: reading(tmp_path, items)(row, None), ["no", "yes", "yes", "yes"], [3, 2, 1, 0]
    )
    assert [layer.n_marks for layer in layers] == [lettering_of(lettered(scene(1), opacity=1.0)).n_marks]
