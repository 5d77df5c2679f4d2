"""The folder of an audit: what is refused, what counts as finished, and what is written where."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import faiss
import numpy as np
import pytest
from toy_audit import CONCEPTS, toy_analysis, toy_config

from auditor import audit_folder
from auditor.audit_folder import audit_digests, check_out_folder, is_up_to_date, write_audit
from auditor.errors import InputError, StoreError
from auditor.store.digest import contents_digest
from auditor.store.open_audit import open_audit_database

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The analysis, and a folder with its pictures."""
    folder = tmp_path_factory.mktemp("world")
    return toy_analysis(folder), folder


@pytest.fixture
def written(world, tmp_path):
    analysis, folder = world
    config = toy_config(folder, tmp_path / "audit")
    write_audit(config.out, analysis, config)
    return config


def rows(folder, sql):
    with open_audit_database(folder) as connection:
        return connection.execute(sql).fetchall()


def test_a_new_or_an_empty_folder_will_do(tmp_path):
    check_out_folder(tmp_path / "new", resume=False)
    check_out_folder(tmp_path, resume=False)


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "out").write_text("")
    with pytest.raises(InputError, match=r"out is a file; .* another --out"):
        check_out_folder(tmp_path / "out", resume=True)


@pytest.mark.parametrize("resume", [False, True])
def test_other_people_s_files_are_left_alone(tmp_path, resume):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(InputError, match=r"holds other files \(thesis.tex, ...\) and no audit"):
        check_out_folder(tmp_path, resume=resume)


@pytest.mark.parametrize("name", ["audit.duckdb", "features"])
def test_an_unfinished_audit_is_gone_on_with(tmp_path, name):
    (tmp_path / name).mkdir()
    (tmp_path / "more").write_text("")
    check_out_folder(tmp_path, resume=False)


def test_a_finished_audit_needs_resume(written):
    with pytest.raises(InputError, match="holds a finished audit: add --resume"):
        check_out_folder(written.out, resume=False)
    check_out_folder(written.out, resume=True)


def test_up_to_date_means_the_same_inputs_and_settings(written, world):
    inputs = world[0].inputs
    assert is_up_to_date(written.out, written, inputs)
    assert is_up_to_date(written.out, written.model_copy(update={"jobs": 7, "device": "cpu"}), inputs)
    assert not is_up_to_date(written.out, written.model_copy(update={"seed": 1}), inputs)
    assert not is_up_to_date(written.out, written, replace(inputs, vocabulary_digest="w" * 64))
    assert not is_up_to_date(written.out, written, replace(inputs, dataset=replace(inputs.dataset, digest="x")))
    assert not is_up_to_date(written.out / "elsewhere", written, inputs)
    other_map = replace(inputs.match, label_to_class={"rose": 1, "leaf": 0})
    assert not is_up_to_date(written.out, written, replace(inputs, match=other_map))
    other_names = replace(inputs.match, class_names=("rose", "tree"))
    assert not is_up_to_date(written.out, written, replace(inputs, match=other_names))
    (written.out / "audit.json").unlink()
    assert not is_up_to_date(written.out, written, inputs)


def test_where_things_lie_is_no_setting_that_counts(written, world):
    elsewhere = {name: Path("elsewhere") for name in ("data", "weights", "preprocess", "class_map", "vocabulary")}
    assert is_up_to_date(written.out, written.model_copy(update=elsewhere), world[0].inputs)
    assert not is_up_to_date(written.out, written.model_copy(update={"thumbnails": False}), world[0].inputs)


def test_an_audit_by_another_auditor_is_made_anew(written, world, monkeypatch):
    monkeypatch.setattr(audit_folder, "auditor_version", lambda: "99")
    assert not is_up_to_date(written.out, written, world[0].inputs)


def test_the_manifest_has_digests_versions_and_counts(written, world):
    manifest = json.loads((written.out / "audit.json").read_text())
    assert manifest["digests"] == audit_digests(written, world[0].inputs)
    assert {"auditor", "python", "torch", "duckdb", "numpy"} <= set(manifest["versions"])
    assert manifest["counts"] == {
        "images": 5, "failures": 0, "classes": 2, "concepts": 3, "dropped_words": 1,
        "flagged": 1, "harmed": 0, "suspect": 0, "not_analysed": 0, "not_shown": 0, "clean": 1,
    }  # fmt: skip
    ((notices, names),) = rows(written.out, "SELECT notices, class_names FROM runs")
    assert (notices, names) == (["a toy"], ["rose", "leaf"])


def test_every_table_is_filled_from_its_stage(written):
    images = rows(written.out, "SELECT path, label, width, height, thumbnail IS NOT NULL FROM images ORDER BY path")
    assert images[0] == ("leaf/0.png", "leaf", 12, 10, True)
    predictions = rows(
        written.out, "SELECT path, predicted_name, correct FROM predictions JOIN images USING (image_id) ORDER BY path"
    )
    # channels [1, 0] give logits 1 and .5, [.8, .2] give .6 and .9, [.4, 0] give .4 and .5
    assert predictions == [
        ("leaf/0.png", "leaf", True), ("leaf/1.png", "leaf", True),
        ("rose/0.png", "rose", True), ("rose/1.png", "leaf", False), ("rose/2.png", "leaf", False),
    ]  # fmt: skip
    assert rows(written.out, "SELECT words FROM channels ORDER BY channel_idx") == [("red",), ("green, water, red",)]
    # largest weight first, not in the order of the vocabulary
    assert rows(written.out, "SELECT name, n_channels FROM channel_groups") == [("green, red, water", 2)]
    assert rows(written.out, "SELECT class_name, verdict, concept FROM verdicts ORDER BY class_idx") == [
        ("rose", "flagged", "water"), ("leaf", "clean", None),
    ]  # fmt: skip
    assert rows(written.out, "SELECT count(*) FROM subgroups") == [(1,)]
    assert rows(written.out, "SELECT share, lift FROM class_concepts") == [(0.5, 50.0)]
    assert rows(written.out, "SELECT height, width, scale FROM saliency") == [(1, 2, 2.0)]
    assert rows(written.out, "SELECT class_name, group_idx, share FROM class_channel_groups") == [("rose", 0, 0.75)]


def test_presence_is_kept_of_the_concepts_that_a_finding_names(written):
    assert rows(written.out, "SELECT DISTINCT concept_id, presence FROM concept_presence") == [("water", 0.75)]
    assert rows(written.out, "SELECT count(*) FROM concept_presence") == [(5,)]


def test_which_words_a_picture_shows_is_kept_of_all_words(written):
    assert rows(written.out, "SELECT count(*), any_value(concept_idx) FROM concepts_seen") == [(5, [2])]


def test_attributions_hold_what_the_pictures_were_described_by(written, world):
    descriptions, image_ids = world[0].gathered.decisions.descriptions, world[0].gathered.pictures.image_ids
    found = rows(written.out, "SELECT image_id, class_idx, concept_id, weight, share FROM attributions ORDER BY ALL")
    weights, shares = descriptions.weights.toarray(), descriptions.shares.toarray()
    expected = sorted(
        (
            image_ids[descriptions.image_idx[r]],
            descriptions.class_idx[r],
            CONCEPTS[v].concept_id,
            weights[r, v],
            shares[r, v],
        )
        for r, v in zip(*np.nonzero(weights), strict=True)
    )
    assert len(expected) >= 5
    assert [row[:3] for row in found] == [row[:3] for row in expected]
    np.testing.assert_allclose([row[3:] for row in found], [row[3:] for row in expected], rtol=1e-6)
    assert rows(written.out, "SELECT count(*) FROM attribution_residuals") == [(len(descriptions.image_idx),)]


def test_batches_on_the_way_in_change_nothing(written, world, tmp_path, monkeypatch):
    monkeypatch.setattr(audit_folder, "_BATCH_ROWS", 2)
    config = written.model_copy(update={"out": tmp_path / "other"})
    write_audit(config.out, world[0], config)
    with open_audit_database(written.out) as one, open_audit_database(config.out) as two:
        assert contents_digest(one) == contents_digest(two)


def test_the_search_index_has_the_embeddings_in_order(written, world):
    index = faiss.deserialize_index(np.fromfile(written.out / "embeddings.faiss", np.uint8))
    np.testing.assert_array_equal(index.reconstruct_n(0, 5), world[0].gathered.pictures.embeddings)


def test_a_failure_before_the_end_leaves_no_audit_that_looks_finished(written, world, monkeypatch):
    def full(*_):
        raise StoreError("No space left on device")

    monkeypatch.setattr(audit_folder, "write_embedding_index", full)
    with pytest.raises(StoreError):
        write_audit(written.out, world[0], written)
    assert not (written.out / "audit.json").exists()


def test_a_failure_in_the_database_leaves_the_old_audit_whole(written, world, monkeypatch):
    def broken(*_):
        raise StoreError("No space left on device")

    before = (written.out / "audit.json").read_bytes(), rows(written.out, "SELECT run_id FROM runs")
    monkeypatch.setattr(audit_folder.AuditDatabase, "add_verdicts", broken)
    with pytest.raises(StoreError):
        write_audit(written.out, world[0], written)
    assert before == ((written.out / "audit.json").read_bytes(), rows(written.out, "SELECT run_id FROM runs"))
