"""One picture explained with the model and the words of a finished audit."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from packed_files import write_tar
from PIL import Image
from toy_audit import COLOURS, toy_analysis, toy_classifier, toy_config, toy_encoder

from auditor import audited_model, explain
from auditor.audit_folder import write_audit
from auditor.errors import InputError, ModelError, StoreError
from auditor.explain import Explanation, explain_image
from auditor.extraction.picture_maps import PictureMaps
from auditor.inputs.dataset import image_id
from auditor.records import Concept
from auditor.store.amend import amended
from auditor.store.model_words import read_run_settings
from auditor.store.open_audit import open_audit_database


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    config = toy_config(folder, folder / "audit")
    write_audit(config.out, toy_analysis(folder), config)
    return folder


@pytest.fixture
def loaded(monkeypatch):
    """What the model was loaded with."""
    calls = []

    def load(spec, **options):
        calls.append((spec, options))
        return toy_classifier()

    monkeypatch.setattr(audited_model, "load_classifier", load)
    monkeypatch.setattr(explain, "load_encoder", lambda spec: toy_encoder())
    return calls


@pytest.mark.parametrize("name", ["rose/0.png", image_id("rose/0.png")])
def test_a_picture_of_the_data_by_path_or_id(world, loaded, name):
    found = explain_image(world / "audit", name)
    assert (found.path, found.label) == ("rose/0.png", "rose")
    assert (found.class_name, found.predicted_name) == ("rose", "rose")
    assert found.probability == pytest.approx(1 / (1 + np.exp(-0.5)), abs=1e-6)  # logits 1 and .5
    assert [word.concept.term for word in found.words] == ["red"]
    np.testing.assert_allclose(found.maps.phrase_shares, [0.9], atol=1e-5)
    np.testing.assert_array_equal(np.asarray(found.image), np.full((8, 8, 3), (255, 0, 0)))
    assert loaded == [
        (
            "toy",
            {"weights": None, "preprocess": None, "trust_code": False, "target_layer": None, "model_output": None}
            | {"n_labels": 2, "multi_label": False},
        ),
    ]


def test_summary_says_prediction_and_words(world, loaded):
    assert explain_image(world / "audit", "rose/0.png").summary() == (
        "rose/0.png: predicted rose, labelled rose; rose 62 %\nwords for rose: none that the picture shows; "
        "not seen in it: red (colour) 90 %; unexplained 1 %"
    )


@pytest.fixture
def unfit(world, tmp_path):
    """An audit whose encoder sees rose in every word, and leaf in few."""
    folder = shutil.copytree(world / "audit", tmp_path / "audit")
    with amended(folder) as connection:
        connection.execute("DELETE FROM encoder_fit")
        connection.execute("INSERT INTO encoder_fit VALUES (0, 'rose', 20, 15, false), (1, 'leaf', 20, 2, true)")
    return folder


def test_of_a_class_that_the_encoder_sees_in_every_word_no_words_are_said(unfit, loaded):
    found = explain_image(unfit, "rose/0.png")
    assert (found.class_name, found.words, found.against) == ("rose", (), ())
    assert found.maps.class_map.any()
    assert found.maps.phrase_maps.shape[0] == 0
    assert found.summary() == (
        "rose/0.png: predicted rose, labelled rose; rose 62 %\nno words: this encoder sees the class in every word: "
        "15 of 20 context words tell it from the others (AUC over 0.80); --doubtful-words gives them"
    )
    assert explain_image(unfit, "rose/0.png", class_name="leaf").words_kept


def test_words_that_are_doubted_are_said_where_they_are_asked_for(unfit, world, loaded):
    asked = explain_image(unfit, "rose/0.png", doubtful_words=True)
    assert [word.concept.term for word in asked.words] == ["red"]
    doubt = "this encoder sees the class in every word: a word here, and whether it is seen, may be wrong"
    assert asked.notes[0] == doubt
    fit = explain_image(world / "audit", "rose/0.png", doubtful_words=True)
    assert not any("every word" in note for note in fit.notes)


def test_without_the_encoder_words_are_mapped_by_their_channels(world, loaded, monkeypatch):
    changed = replace(toy_encoder(), digest="f" * 64)
    monkeypatch.setattr(explain, "load_encoder", lambda spec: changed)
    found = explain_image(world / "audit", "rose/0.png")
    assert found.maps.phrase_maps.any()
    assert found.notes == [
        "maps of words show the channels that serve them, not their places: encoder 'toy' is not the one of the audit "
        "any more"
    ]


def test_an_encoder_that_cannot_be_loaded_or_may_not_be_read_is_said(world, loaded, monkeypatch):
    settings = replace(read_settings(world), encoder="open_clip:A@/etc/w.pt")
    assert explain._encoder_again(settings, trust_code=False)[1].endswith("read with --trust-code alone")
    monkeypatch.undo()
    assert "'odd' is unknown" in explain._encoder_again(replace(settings, encoder="odd"), trust_code=False)[1]


def read_settings(world):
    with open_audit_database(world / "audit") as connection:
        return read_run_settings(connection)


def test_maps_of_another_method(world, loaded):
    drawn = [explain_image(world / "audit", "rose/0.png", map_method=method) for method in (None, "grad_cam")]
    assert [one.map_method for one in drawn] == ["CAM", "Grad-CAM"]
    np.testing.assert_allclose(drawn[0].maps.class_map, drawn[1].maps.class_map, atol=1e-5)
    with pytest.raises(InputError, match="map method 'gradcam' is not known; did you mean 'grad_cam'"):
        explain_image(world / "audit", "rose/0.png", map_method="gradcam")


def test_words_that_the_picture_shows_come_first():
    water, forest = Concept("water", "water", "scene"), Concept("forest", "forest", "scene")
    maps = PictureMaps(
        logits=np.zeros(2), class_map=np.zeros((1, 1)), phrase_idx=(1, 0), phrase_shares=(0.43, 0.1),
        phrase_maps=np.array([[[1.0]], [[0.0]]]), residual=0.2, strength=0.4, against_idx=(1,), against_shares=(0.3,),
    )  # fmt: skip
    seen = {0: True, 1: False}
    first = explain._shown_first(maps, seen)
    assert (first.phrase_idx, first.phrase_shares, first.phrase_maps.ravel().tolist()) == ((0, 1), (0.1, 0.43), [0, 1])
    assert explain._shown_first(maps, None).phrase_idx == (1, 0)
    concepts = (water, forest)
    words = explain._said(concepts, first.phrase_idx, first.phrase_shares, seen)
    against = explain._said(concepts, maps.against_idx, maps.against_shares, None)
    told = Explanation(Image.new("RGB", (1, 1)), "a.png", None, "duck", "duck", 0.9, words, against, first).summary()
    assert told.splitlines()[1:] == [
        "words for duck: water (scene) 10 %; not seen in it: forest (scene) 43 %; unexplained 20 %",
        "no place of its own here: water",
        "little speaks for duck here: 40 % of what pictures have of it on average",
        "words against duck: forest (scene) 30 %",
    ]
    first_order = Explanation(
        Image.new("RGB", (1, 1)), "a.png", None, "duck", "duck", 0.9, words, (), first, exact=False
    )
    assert first_order.notes[0].startswith("words and maps are not exact: something that is not linear follows")


def test_a_class_that_was_asked_for(world, loaded):
    found = explain_image(world / "audit", "rose/1.png", class_name="rose")
    assert (found.class_name, found.predicted_name) == ("rose", "leaf")
    assert found.probability < 0.5
    assert [word.concept.term for word in found.words] == ["red"]
    assert "rose/1.png: predicted leaf, labelled rose; rose 43 %" in found.summary()


def test_nothing_to_say(world, loaded):
    summary = explain_image(world / "audit", "leaf/0.png", class_name="rose").summary()
    assert "words for rose: none; unexplained 100 %" in summary.splitlines()


def test_any_other_picture(world, loaded, tmp_path):
    Image.new("RGB", (9, 9), (0, 255, 0)).save(tmp_path / "new.png")
    found = explain_image(world / "audit", str(tmp_path / "new.png"))
    assert (found.label, found.class_name) == (None, "leaf")
    assert "labelled" not in found.summary()


def test_a_picture_of_any_shard(world, loaded, tmp_path):
    Image.new("RGB", (9, 9), (0, 255, 0)).save(tmp_path / "new.png")
    write_tar(tmp_path / "new.tar", [("a/new.png", (tmp_path / "new.png").read_bytes())])
    address = str(tmp_path / "new.tar#a/new.png")
    found = explain_image(world / "audit", address)
    assert (found.path, found.class_name) == (address, "leaf")


def test_data_that_have_moved(world, loaded, tmp_path):
    (world / "data").rename(tmp_path / "moved")
    try:
        found = explain_image(world / "audit", "rose/0.png", data=tmp_path / "moved")
        np.testing.assert_array_equal(np.asarray(found.image)[0, 0], [255, 0, 0])
        (tmp_path / "moved" / "manifest.csv").write_text("path,label\n")
        found = explain_image(world / "audit", "rose/0.png", data=tmp_path / "moved" / "manifest.csv")
        np.testing.assert_array_equal(np.asarray(found.image)[0, 0], [255, 0, 0])
    finally:
        (tmp_path / "moved").rename(world / "data")


def test_another_picture_in_the_place_of_the_audited_one_is_refused_under_its_name(world, loaded, tmp_path):
    shutil.copytree(world / "data", tmp_path / "moved")
    other = tmp_path / "moved" / "rose" / "0.png"
    Image.new("RGB", (9, 9), (0, 0, 255)).save(other)
    with pytest.raises(InputError, match=r"'rose/0.png' is not the picture that was audited: .* --data, or the whole"):
        explain_image(world / "audit", "rose/0.png", data=tmp_path / "moved")
    found = explain_image(world / "audit", str(other))
    assert (found.label, np.asarray(found.image)[0, 0].tolist()) == (None, [0, 0, 255])


def test_model_and_weights_that_have_moved(world, loaded):
    explain_image(world / "audit", "rose/0.png", model="m.py:build", weights=Path("w.safetensors"), trust_code=True)
    spec, options = loaded[0]
    assert (spec, options["weights"], options["trust_code"]) == ("m.py:build", Path("w.safetensors"), True)


def test_another_model_is_refused(world, monkeypatch):
    other = replace(toy_classifier(), digest="0" * 64)
    monkeypatch.setattr(audited_model, "load_classifier", lambda *_, **__: other)
    with pytest.raises(ModelError, match=r"is not the one that was audited .*000000000000"):
        explain_image(world / "audit", "rose/0.png")


def test_no_such_picture(world, loaded):
    with pytest.raises(
        InputError, match=r"'rose/9.png' is neither a path or image id of the audited data .* nor a file"
    ):
        explain_image(world / "audit", "rose/9.png")
    assert loaded == []  # said before a model is loaded


@pytest.mark.parametrize(("wrong", "hint"), [("rosa", "did you mean 'rose'"), ("xyz", "classes: rose, leaf")])
def test_no_such_class(world, loaded, wrong, hint):
    with pytest.raises(InputError, match=f"class '{wrong}' is not one of the audit's 2 classes; {hint}"):
        explain_image(world / "audit", next(iter(COLOURS)), class_name=wrong)


def test_no_audit(tmp_path, loaded):
    with pytest.raises(StoreError, match="no audit at"):
        explain_image(tmp_path / "none", "rose/0.png")
