"""What is kept beside the features comes back as it was; a damaged file, or another audit's, does not."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from auditor.edit_records import LevelEdits, PictureEdit
from auditor.errors import StoreError
from auditor.evidence.effects.kept_scores import UNKNOWN
from auditor.extraction.concept_embeddings import ConceptEmbeddings, PromptHalf
from auditor.extraction.edit_record import EditRecord
from auditor.extraction.interventions import Interventions
from auditor.extraction.kept_inputs import KEPT_NAME, KeptInputs, read_kept_inputs, write_kept_inputs
from auditor.extraction.swap_record import SwapRecord
from auditor.inputs.attributes import KnownAttributes
from auditor.inputs.core_concepts import CoreConceptOf
from auditor.inputs.examples import TaughtConcepts
from auditor.records import ClassMatch, Concept, Dataset, ImageItem, LinearHead

ITEMS = tuple(
    ImageItem(f"{row:016x}", f"bird/{row}.png", "bird" if row else None, "test", f"g{row}") for row in range(4)
)
SHARD = f"{'a' * 32}.parquet"
DIGESTS = {"data": "d" * 64, "config": "c" * 64}


def rows(*shape):
    return np.arange(np.prod(shape), dtype=np.float32).reshape(shape)


def words(start):
    return (rows(2, 3) + start, rows(1, 3) + start), {"scene": rows(2, 3), "artifact": np.zeros((0, 3), np.float32)}


INPUTS = KeptInputs(
    dataset=Dataset(Path("val"), "manifest", ITEMS, ("bird",), ("site",), "d" * 64),
    match=ClassMatch(("bird", "cat"), {"bird": 0}, "name", "cat has no label"),
    concepts=ConceptEmbeddings(
        concepts=(Concept("water", "water", "scene", ("sea",)), Concept("mud", "mud", "scene")),
        word_rows=words(0)[0],
        absent_rows=words(0)[1],
        class_rows=rows(2, 3),
        dropped_words=("unicorn",),
        halves=(PromptHalf(*words(10)), PromptHalf(*words(20))),
        told_twice=np.array([True, False]),
        families=(Concept("family-wet", "wet", "scene", members=("mud", "water")),),
    ),
    attributes=KnownAttributes(
        columns=(),
        concepts=(Concept("site-a", "site = a", "attribute", column="site"),),
        presence=np.array([[1], [np.nan], [0], [1]], np.float32),
        same_as={"site-a": "water"},
    ),
    core={("bird", "water"): CoreConceptOf("settings", "sea"), ("cat", "water"): CoreConceptOf("class name")},
    head=LinearHead(rows(2, 4), rows(2), multi_label=True),
    logit_scale=14.25,
    notices=("a toy",),
    shards=(SHARD,),
    taught=TaughtConcepts(
        concepts=(Concept("snow-1", "snow by example", "weather", column="snow", by_example=True),),
        presence=np.array([[0.25], [np.nan], [1]], np.float32),  # of the three that could be read
        kappa=np.array([0.75], np.float32),
        same_as={"snow-1": "water"},
    ),
    interventions=Interventions(
        swaps=SwapRecord(np.array([[0, 1, 2, 3, 4]]), np.array([[1, -1]]), "halves"),
        exchanges=SwapRecord(np.array([[0, 7, 6, 1, 3]]), np.array([[0, 1]]), "thirds"),
        looks=SwapRecord(np.array([[0, 7, 6, 1, 3]]), np.array([[-20, 31]]), "cut out"),
        surroundings=SwapRecord(np.array([[0, 1, 2, 3, 4]]), np.array([[0, 1, 250, -250]]), "middles"),
        looks_around=SwapRecord(np.array([[0, 1, 2, 3, 4]]), np.array([[7, -7]]), "seen"),
        edits=EditRecord(
            (PictureEdit("noise", 3.5), PictureEdit("border", "none", True)), np.array([[1, 2, 0, 7]]), "first"
        ),
    ),
    level_edits={
        "site-a": LevelEdits(PictureEdit("noise", 3.5), None, (1.0, 2.0, 3.0, 4.0, 5.0)),
        "water": LevelEdits(PictureEdit("greyscale", "yes"), PictureEdit("greyscale", "no"), (), True),
    },
)


def write(folder, inputs=INPUTS, *, shards=(SHARD,), read=(0, 2, 3)):
    """Picture 1 could not be read."""
    named = SimpleNamespace(names=list(shards), image_ids=lambda: tuple(ITEMS[row].image_id for row in read))
    write_kept_inputs(
        folder,
        inputs,
        taught=inputs.taught,
        digests=DIGESTS,
        notices=inputs.notices,
        shards=named,
        interventions=inputs.interventions,
        level_edits=inputs.level_edits,
    )
    return [ITEMS[row] for row in read]


def same(one, other):
    assert one.dtype == other.dtype
    np.testing.assert_array_equal(one, other)


def same_swaps(one, other):
    same(one.swaps, other.swaps)
    same(one.called, other.called)
    assert one.procedure == other.procedure


def test_everything_comes_back_with_the_pictures_that_could_not_be_read(tmp_path):
    inputs = INPUTS
    found = read_kept_inputs(tmp_path, write(tmp_path), DIGESTS)
    assert found.dataset == inputs.dataset
    assert found.match == inputs.match
    assert found.core == inputs.core
    assert (found.logit_scale, found.notices, found.shards) == (14.25, ("a toy",), (SHARD,))
    concepts, expected = found.concepts, inputs.concepts
    assert (concepts.concepts, concepts.dropped_words) == (expected.concepts, expected.dropped_words)
    same(concepts.class_rows, expected.class_rows)
    same(concepts.told_twice, expected.told_twice)
    sides: list[tuple[Any, Any]] = [(concepts, expected), *zip(concepts.halves, expected.halves, strict=True)]
    for half, other in sides:
        for one, two in zip(half.word_rows, other.word_rows, strict=True):
            same(one, two)
        assert list(half.absent_rows) == ["scene", "artifact"]
        for kind, one in half.absent_rows.items():
            same(one, other.absent_rows[kind])
    assert (found.attributes.concepts, found.attributes.same_as) == (
        inputs.attributes.concepts,
        inputs.attributes.same_as,
    )
    same(found.attributes.presence, inputs.attributes.presence)
    assert (found.taught.concepts, found.taught.same_as) == (inputs.taught.concepts, inputs.taught.same_as)
    same(found.taught.presence, inputs.taught.presence)
    same(found.taught.kappa, inputs.taught.kappa)
    assert found.head is not None
    assert inputs.head is not None
    same(found.head.weight, inputs.head.weight)
    same(found.head.bias, inputs.head.bias)
    assert found.head.multi_label
    for sort in ("swaps", "exchanges", "looks", "surroundings", "looks_around"):
        same_swaps(getattr(found.interventions, sort), getattr(inputs.interventions, sort))
    edits, written = found.interventions.edits, inputs.interventions.edits
    assert (edits.edits, edits.procedure) == (written.edits, "first")
    same(edits.called, written.called)
    assert found.level_edits == inputs.level_edits
    assert [path.name for path in tmp_path.iterdir()] == [KEPT_NAME]


def test_swaps_are_read_under_the_names_of_before_there_were_surroundings(tmp_path):
    items = write(tmp_path)
    with np.load(tmp_path / KEPT_NAME) as file:
        arrays = {name: file[name] for name in file.files}
    facts = json.loads(str(arrays.pop("facts")))
    for sort, called, procedure in (
        ("swaps", "called", "procedure"),
        ("exchanges", "exchanged", "place_procedure"),
        ("looks", "looked", "look_procedure"),
    ):
        arrays[called], facts[procedure] = arrays.pop(f"{sort}_called"), facts.pop(f"{sort}_procedure")
    for sort in ("surroundings", "looks_around"):
        del arrays[sort], arrays[f"{sort}_called"], facts[f"{sort}_procedure"]
    arrays["edited"] = arrays["edited"][:, :3]
    np.savez(tmp_path / KEPT_NAME, **arrays, facts=np.array(json.dumps(facts)))
    found = read_kept_inputs(tmp_path, items, DIGESTS).interventions
    for sort in ("swaps", "exchanges", "looks"):
        same_swaps(getattr(found, sort), getattr(INPUTS.interventions, sort))
    assert not found.surroundings.swaps.size
    assert found.edits.called.tolist() == [[1, 2, 0, UNKNOWN]]


def test_data_alone_have_no_head(tmp_path):
    assert read_kept_inputs(tmp_path, write(tmp_path, replace(INPUTS, head=None)), DIGESTS).head is None


def test_the_file_of_another_audit_is_refused(tmp_path):
    items = write(tmp_path)
    with pytest.raises(StoreError, match="belongs to another audit"):
        read_kept_inputs(tmp_path, items, {**DIGESTS, "data": "e" * 64})


@pytest.mark.parametrize("name", ["../audit.parquet", f"/{SHARD}", f"{SHARD}\n", "a.parquet"])
def test_no_name_leads_out_of_the_folder(tmp_path, name):
    items = write(tmp_path, shards=(name,))
    with pytest.raises(StoreError, match=r"is damaged .no name of a file of features"):
        read_kept_inputs(tmp_path, items, DIGESTS)


def test_pictures_that_are_fewer_than_the_columns_say(tmp_path):
    items = write(tmp_path)
    with pytest.raises(StoreError, match=r"an array of shape \(4, 1\) where \(3, 1\) is expected"):
        read_kept_inputs(tmp_path, items[1:], DIGESTS)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x04]", b"{}"])
def test_a_file_that_is_none(tmp_path, content):
    (tmp_path / KEPT_NAME).write_bytes(content)
    with pytest.raises(StoreError, match=r"kept_inputs\.npz is damaged \("):
        read_kept_inputs(tmp_path, [], DIGESTS)


def test_no_object_is_unpickled_and_no_row_is_of_no_picture(tmp_path):
    items = write(tmp_path)
    with np.load(tmp_path / KEPT_NAME) as file:
        arrays = {name: file[name] for name in file.files}
    for changed in (
        {"swaps": np.array([{"a": 1}], dtype=object)},
        {"facts": np.array(json.dumps([]))},
        {"edited": np.array([[1, 3, 0, 0]])},
        {"edited": np.array([[1, -1, 0, 0]])},
        {"surroundings_called": np.array([[0, 1]])},
        {"looks_around_called": np.array([[0]])},
    ):
        np.savez(tmp_path / KEPT_NAME, **{**arrays, **changed})
        with pytest.raises(StoreError, match="is damaged"):
            read_kept_inputs(tmp_path, items, DIGESTS)


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "features").write_text("")
    with pytest.raises(StoreError, match=r"kept_inputs\.npz cannot be written"):
        write(tmp_path / "features")
