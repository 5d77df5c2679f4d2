"""Words under the templates of their kind, and words that an encoder was never taught."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from toy_audit import toy_encoder

from auditor.errors import EncoderError
from auditor.extraction.concept_embeddings import cached_texts, embed_concepts
from auditor.extraction.embedding_cache import open_embedding_cache
from auditor.records import Concept, Vocabulary

ROWS = {
    "at water": [1, 0, 0], "by water": [0, 1, 0], "at lake": [0, 0, 1], "by lake": [0, 0, 1],
    "a photo of beak": [0, 1, 0], "a photo of sea bird": [3, 4, 0], "a photo of cat": [0, 0, 2],
    "nothing": [0, 1, 1], "one cat": [2, 0, 0], "a cat there": [0, 2, 0], "one sea bird": [1, 0, 0],
    "a sea bird there": [1, 0, 0],
}  # fmt: skip
WATER = Concept("water", "water", "scene", ("lake",))
BEAK = Concept("beak", "beak", "part")


def vocabulary(*concepts, templates=None, absent=None):
    given = {"scene": ("at {}", "by {}")} if templates is None else templates
    return Vocabulary(concepts, given, absent or {}, "v" * 64)


def test_one_unit_row_per_word_averaged_over_the_templates_of_its_kind():
    found = embed_concepts(vocabulary(WATER, BEAK), ("cat",), toy_encoder(ROWS))
    assert found.concepts == (WATER, BEAK)
    half = np.sqrt(0.5)
    np.testing.assert_allclose(found.word_rows[0], [[half, half, 0], [0, 0, 1]], atol=1e-6)
    np.testing.assert_allclose(found.word_rows[1], [[0, 1, 0]], atol=1e-6)  # a kind without templates of its own
    assert found.word_rows[0].dtype == np.float32
    assert found.dropped_words == ()


def test_words_never_taught_are_dropped_and_named_and_so_are_concepts_without_any():
    unicorn = Concept("unicorn", "unicorn", "object", ("pegasus",))
    encoder = toy_encoder(ROWS, knows=lambda word: word in ("lake", "beak"))
    found = embed_concepts(vocabulary(WATER, unicorn, BEAK), ("cat",), encoder)
    assert found.concepts == (WATER, BEAK)
    np.testing.assert_allclose(found.word_rows[0], [[0, 0, 1]])
    assert found.dropped_words == ("water", "unicorn", "pegasus")


@pytest.mark.parametrize("n_known", [0, 1])
def test_fewer_than_two_known_concepts_are_an_error(n_known):
    encoder = toy_encoder(ROWS, knows=lambda word: word == "beak" and n_known == 1)
    with pytest.raises(EncoderError, match=f"'toy' knows {n_known} of the 2 concepts .* --vocabulary"):
        embed_concepts(vocabulary(WATER, BEAK), ("cat",), encoder)


def test_absence_has_the_full_prompts_of_its_kind():
    found = embed_concepts(
        vocabulary(WATER, BEAK, absent={"scene": ("nothing",), "part": ()}), ("cat",), toy_encoder(ROWS)
    )
    assert list(found.absent_rows) == ["scene"]
    np.testing.assert_array_equal(found.absent_rows["scene"], [[0, 1, 1]])


def test_class_names_are_prompted_as_objects_with_spaces():
    found = embed_concepts(vocabulary(WATER, BEAK), ("sea_bird", "cat"), toy_encoder(ROWS))
    np.testing.assert_allclose(found.class_rows, [[0.6, 0.8, 0], [0, 0, 1]], atol=1e-6)
    templates = {"scene": ("at {}", "by {}"), "object": ("one {}", "a {} there")}
    found = embed_concepts(vocabulary(WATER, BEAK, templates=templates), ("sea_bird", "cat"), toy_encoder(ROWS))
    np.testing.assert_allclose(found.class_rows, [[1, 0, 0], [np.sqrt(0.5), np.sqrt(0.5), 0]], atol=1e-6)


def test_a_list_of_texts_is_encoded_once_and_always_as_a_whole(tmp_path):
    asked = []
    plain = toy_encoder(ROWS)
    encoder = replace(plain, encode_texts=lambda texts: asked.append(list(texts)) or plain.encode_texts(texts))
    with open_embedding_cache(tmp_path, encoder.digest, encoder.dim) as cache:
        first = cached_texts(encoder, cache).encode_texts(["nothing", "at water"])
        again = cached_texts(encoder, cache).encode_texts(["at water", "nothing", "at water"])
        assert asked == [["at water", "nothing"]]
        longer = cached_texts(encoder, cache).encode_texts(["nothing", "at lake", "at water"])
    assert asked[1:] == [["at lake", "at water", "nothing"]]  # beside others a row may be another by rounding
    np.testing.assert_array_equal(first, [[0, 1, 1], [1, 0, 0]])
    np.testing.assert_array_equal(again, [[1, 0, 0], [0, 1, 1], [1, 0, 0]])
    np.testing.assert_array_equal(longer, [[0, 1, 1], [0, 0, 1], [1, 0, 0]])


def test_two_halves_of_the_prompts_tell_every_concept_twice():
    found = embed_concepts(
        vocabulary(WATER, BEAK, absent={"scene": ("nothing", "one cat")}), ("cat",), toy_encoder(ROWS)
    )
    first, second = found.halves
    np.testing.assert_allclose(first.word_rows[0], [[1, 0, 0], [0, 0, 1]], atol=1e-6)  # "at {}"
    np.testing.assert_allclose(second.word_rows[0], [[0, 1, 0], [0, 0, 1]], atol=1e-6)  # "by {}"
    assert found.told_twice.tolist() == [True, False]  # one template, one word: nothing to halve
    np.testing.assert_allclose(first.word_rows[1], second.word_rows[1])
    assert (first.absent_rows["scene"].shape, second.absent_rows["scene"].shape) == ((1, 3), (1, 3))


def test_one_template_is_halved_by_its_words():
    found = embed_concepts(vocabulary(WATER, BEAK, templates={"scene": ("at {}",)}), ("cat",), toy_encoder(ROWS))
    assert [half.word_rows[0].tolist() for half in found.halves] == [[[1, 0, 0]], [[0, 0, 1]]]
    assert found.told_twice.tolist() == [True, False]


def test_encoder_that_does_not_know_absence_is_not_asked_what_it_reads_like():
    asked = []
    encoder = replace(toy_encoder(ROWS), knows_absence=False)
    encode = encoder.encode_texts
    encoder = replace(encoder, encode_texts=lambda texts: asked.extend(texts) or encode(texts))
    found = embed_concepts(vocabulary(WATER, BEAK, absent={"scene": ("nothing",)}), ("cat",), encoder)
    assert found.absent_rows["scene"].shape == (0, 3)
    assert "nothing" not in asked
