from dataclasses import replace

import duckdb
import numpy as np
import pytest
from small_audit import (
    CLASSES,
    IMAGE_IDS,
    LABELS,
    PREDICTED,
    findings,
    make_run,
    subgroups,
    verdicts,
    write_small_audit,
)

from auditor.concept_records import Counterexample
from auditor.errors import StoreError
from auditor.gate.release_diff import compare_releases
from auditor.gate.releases import Pair
from auditor.records import ImageItem
from auditor.release.facts import release_facts
from auditor.store.database import AuditDatabase
from auditor.store.manifest import write_manifest
from auditor.store.open_audit import open_audit_database


def read(folder):
    with open_audit_database(folder) as connection:
        return release_facts(connection)


@pytest.fixture(scope="module")
def facts(tmp_path_factory):
    config = {"seed": 3, "n_extreme": 60, "out": "/audits/release-7", "weights": "/models/w7.pt", "jobs": 2}
    return read(write_small_audit(tmp_path_factory.mktemp("audit"), make_run(config=config)))


def test_how_it_was_made(facts):
    release = facts.release
    assert (release.name, release.weights, release.n_images) == ("release-7", "w7.pt", 6)
    assert (release.model_spec, release.data_digest, release.auditor_version) == ("sample:planted", "d" * 64, "0.1.0")
    assert facts.settings == {"seed": 3, "n_extreme": 60}


def test_verdicts_counts_and_words(facts):
    assert sorted(facts.verdicts, key=lambda one: one.class_idx) == verdicts()
    assert list(facts.subgroups) == subgroups()
    assert facts.class_names == CLASSES
    assert {"water", "beak", "watermark"} <= facts.concept_ids
    assert facts.core == {Pair("cat", "water")}
    assert facts.allowed[Pair("cat", "water")].why == "cats swim here"
    assert "core" not in facts.settings
    assert facts.same_as == {"scene-s0-3f": "water"}
    assert "scene-s0-3f" in facts.concept_ids
    assert facts.states == {Pair("waterbird", "water"): "proven"}
    assert [gap.rule_id for gap in facts.gaps] == ["E4-recall"]


def test_pictures(facts):
    pictures = facts.pictures
    np.testing.assert_array_equal(pictures.label_idx, LABELS)
    np.testing.assert_array_equal(pictures.predicted_idx, PREDICTED)
    assert np.unique(pictures.keys).size == 6
    assert pictures.groups is None
    # found are water (twice) and watermark; the small audit kept presence of both
    assert {name: column.tolist() for name, column in pictures.present.items()} == {
        "water": [1, 0, 0, 0, 0, 1], "watermark": [0, 0, 0, 1, 0, 0],
    }  # fmt: skip


def test_groups(facts):
    assert (facts.groups.names, facts.groups.n_channels) == (("water", "beak"), (2, 1))
    np.testing.assert_array_equal(facts.groups.use, [4, 2])
    assert facts.groups.directions.shape == (2, 3)


def write_audit(folder, *, content="x", group=None, presence=((0.75, 0.25), IMAGE_IDS[:2]), gaps=(), run=None):
    """Two pictures of class 0, the second without a prediction; concept "water" leads the class."""
    run = run or make_run()
    items = [ImageItem(image_id, f"{image_id}.png", "waterbird", group_id=group) for image_id in IMAGE_IDS[:2]]
    with AuditDatabase(folder) as database:
        database.add_run(run)
        database.add_images(items, [(8, 8)] * 2, [content, "y"], [None] * 2)
        database.add_predictions(IMAGE_IDS[:2], np.array([1, 0]), np.array([0, -1]), np.ones(2, np.float32), CLASSES)
        database.add_concept_presence(presence[1], ["water"], np.array([presence[0]], np.float32).T)
        database.add_verdicts(verdicts()[:1])
        database.add_findings(gaps)
        database.add_counterexamples([Counterexample(0, "waterbird", "water", "water", "scene", "open", True, 1, 1,
                                                     None, None, None, None, 0, None, None)])  # fmt: skip
        database.connection.execute("UPDATE predictions SET predicted_idx = NULL WHERE label_idx IS NULL")
    write_manifest(folder, run)
    return folder


def test_gaps_without_their_pictures(tmp_path):
    gap = replace(findings()[0], rule_id="E4-recall")
    missing = replace(findings()[1], class_idx=0, rule_id="E4-pull")
    first, second = read(write_audit(tmp_path, gaps=[gap, missing, replace(gap, rule_id="E1")])).gaps
    assert second == replace(gap, evidence_image_ids=())
    assert np.isnan([first.effect, first.low, first.high]).all()
    assert (first.p, first.q, first.status) == (None, None, "not_identified")


def test_groups_of_pictures_and_what_is_not_known(tmp_path):
    facts = read(write_audit(tmp_path, group="patient 1", presence=((0.75,), IMAGE_IDS[:1])))
    assert np.unique(facts.pictures.groups).size == 1
    assert facts.pictures.label_idx.tolist() == [0, -1]
    assert facts.pictures.predicted_idx.tolist() == [1, -1]
    assert facts.pictures.present["water"].tolist() == [1, -1]
    assert facts.states == {Pair("waterbird", "water"): "open"}


def test_a_picture_is_the_same_where_path_and_content_are(tmp_path):
    one, same, other = (
        read(write_audit(tmp_path / name, content=content)).pictures.keys
        for name, content in (("a", "x"), ("b", "x"), ("c", "z"))
    )
    np.testing.assert_array_equal(one, same)
    assert (one == other).tolist() == [False, True]


def test_an_audit_and_itself(facts):
    diff = compare_releases(facts, facts)
    assert {one.change for one in diff.changes} == {"unchanged"}
    assert (diff.shared_images, diff.old_accuracy) == (6, pytest.approx(5 / 6))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE predictions SET predicted_idx = 7", "a prediction is of class 7, and there are 5 class names"),
        ("UPDATE predictions SET label_idx = -2", "a label is of class"),
        (
            "UPDATE verdicts SET verdict = 'fine\n'",
            "the verdict 'fine\\n' of severity 'high', which this auditor does not know",
        ),
        ("UPDATE runs SET versions = 'none'", "cannot be read"),
        ("UPDATE channel_groups SET direction = [1, 2, 3, 4] WHERE group_idx = 0", "cannot be read"),
        ("UPDATE channel_groups SET direction = ['nan'::REAL, 0, 0]", "not finite"),
    ],
)
def test_a_foreign_file_is_one_line(tmp_path, statement, words):
    write_small_audit(tmp_path)
    with duckdb.connect(str(tmp_path / "audit.duckdb")) as connection:
        connection.execute(statement)
    with open_audit_database(tmp_path) as connection, pytest.raises(StoreError) as caught:
        release_facts(connection)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
