"""Maps drawn after the audit are those that it would have drawn, and nothing that an audit names is run for them."""

from dataclasses import replace

import numpy as np
import pytest
from toy_audit import toy_analysis, toy_classifier, toy_config

from auditor import audited_model
from auditor.audit_folder import write_audit
from auditor.errors import InputError, ModelError
from auditor.evidence.verdicts.exemplars import Exemplar
from auditor.extraction.picture_maps import exemplar_maps
from auditor.inputs.dataset import image_id
from auditor.more_maps import load_map_drawer
from auditor.records import ImageItem
from auditor.store.model_words import read_channel_words, read_concepts
from auditor.store.open_audit import open_audit_database


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    config = toy_config(folder, folder / "audit")
    write_audit(config.out, toy_analysis(folder), config)
    return folder


def test_they_are_those_of_the_audit(world, monkeypatch):
    monkeypatch.setattr(audited_model, "load_classifier", lambda *_, **__: toy_classifier())
    drawer = load_map_drawer(world / "audit")
    with open_audit_database(world / "audit") as connection:
        concepts, words = read_concepts(connection), read_channel_words(connection)
    picture = image_id("rose/0.png")
    red = next(v for v, concept in enumerate(concepts) if concept.term == "red")
    expected = exemplar_maps(
        [Exemplar(0, 0, red)],
        drawer.root,
        [ImageItem(picture, "rose/0.png", "rose")],
        toy_classifier(),
        concepts,
        words,
    )
    found = drawer.draw(picture, 0, concepts[red].concept_id)
    assert [one.concept_id for one in found] == [None, concepts[red].concept_id]
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one.data, other.data)
        assert (one.image_id, one.class_idx, one.scale, one.crop) == (picture, 0, other.scale, other.crop)
    assert [one.concept_id for one in drawer.draw(picture, 0, "place-top-left-corner")] == [None]  # it has no words
    with pytest.raises(InputError, match="no picture 'other'"):
        drawer.draw("other", 0, None)


def test_a_picture_that_is_gone_or_another_one_is_not_drawn(world, tmp_path, monkeypatch):
    monkeypatch.setattr(audited_model, "load_classifier", lambda *_, **__: toy_classifier())
    drawer = replace(load_map_drawer(world / "audit"), root=tmp_path)
    with pytest.raises(InputError, match="not there any more"):
        drawer.draw(image_id("rose/0.png"), 0, None)
    (tmp_path / "rose").mkdir()
    data = next(path for path in world.rglob("leaf/0.png"))
    (tmp_path / "rose" / "0.png").write_bytes(data.read_bytes())
    with pytest.raises(InputError, match="not the picture that was audited"):
        drawer.draw(image_id("rose/0.png"), 0, None)


def test_code_that_an_audit_names_runs_only_with_trust(world, tmp_path, monkeypatch):
    code = tmp_path / "model.py"
    code.write_text("raise SystemExit('it ran')\n")
    read = audited_model.load_classifier
    monkeypatch.setattr(audited_model, "load_classifier", lambda _, **options: read(f"{code}:build", **options))
    with pytest.raises(ModelError, match="--trust-code"):
        load_map_drawer(world / "audit")
    with pytest.raises((ModelError, SystemExit), match="it ran"):
        load_map_drawer(world / "audit", trust_code=True)
