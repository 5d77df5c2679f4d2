"""The drawn audit is a finished one like any other, the same for the same seed, and its releases differ as said."""

import io

import pytest
from PIL import Image

from auditor.gate.release_diff import compare_releases
from auditor.release.facts import release_facts
from auditor.store.digest import contents_digest
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from benchmarks import big_audit, big_world
from benchmarks.big_audit import write_big_audit
from benchmarks.big_world import make_world
from benchmarks.report_speed import commands, measure
from reports.written.json import json_report

pytestmark = pytest.mark.slow

SIZES = {"n_images": 2500, "n_classes": 10, "n_concepts": 40}


@pytest.fixture(scope="module", autouse=True)
def small_pieces():
    """Several chunks, and few channels."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(big_world, "CHUNK", 700)
        patched.setattr(big_audit, "N_CHANNELS", 32)
        yield


@pytest.fixture(scope="module")
def releases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("big")
    return tuple(write_big_audit(folder / str(release), release=release, **SIZES) for release in (0, 1))


def test_the_same_seed_writes_the_same(tmp_path):
    digests = []
    for name, seed in (("one", 0), ("again", 0), ("other", 1)):
        folder = write_big_audit(tmp_path / name, seed=seed, n_images=800, n_classes=4, n_concepts=20)
        with open_audit_database(folder) as connection:
            digests.append(contents_digest(connection))
    assert digests[0] == digests[1] != digests[2]


def test_its_counts_are_those_of_its_pictures(releases):
    with open_audit_database(releases[0]) as connection:
        assert queries.picture_count(connection) == SIZES["n_images"]
        counted = connection.execute(
            """SELECT count(*), count(*) FILTER (WHERE correct)
               FROM predictions p
               JOIN concept_presence c USING (image_id)
               JOIN verdicts v ON v.class_idx = p.label_idx AND v.concept_id = c.concept_id
               WHERE v.class_idx = 0 AND c.presence > 0.5"""
        ).fetchone()
        subgroup = next(
            one for one in queries.subgroups(connection, 0) if one.present and one.concept_id == lead_of(connection)
        )
        assert counted == (subgroup.n, subgroup.n_correct)
        report = json_report(connection)
        assert (report["counts"]["flagged"], report["counts"]["failures"]) == (2, 100)
        thumbnails = queries.thumbnails(connection, [queries.findings(connection)[0].evidence_image_ids[0]])
    (thumbnail,) = thumbnails.values()
    assert 3_000 < len(thumbnail) < 6_000
    assert Image.open(io.BytesIO(thumbnail)).size == (160, 120)


def lead_of(connection):
    return next(one.concept_id for one in queries.verdicts(connection) if one.class_idx == 0)


def test_the_second_release_mends_every_other_shortcut(releases):
    old, new = make_world(10, 40, 0, 0), make_world(10, 40, 0, 1)
    assert (old.relies.nonzero()[0].tolist(), new.relies.nonzero()[0].tolist()) == ([0, 1], [0, 8, 9])
    with open_audit_database(releases[0]) as before, open_audit_database(releases[1]) as after:
        diff = compare_releases(release_facts(before), release_facts(after))
    changes = {one.class_name: one.change for one in diff.changes}
    assert (diff.shared_images, changes["class 0000"], changes["class 0001"]) == (
        SIZES["n_images"],
        "unchanged",
        "fixed",
    )
    assert changes["class 0008"] == changes["class 0009"] == "new"


def test_a_command_is_measured(releases, tmp_path):
    old, new = releases
    figure = measure("diff json", commands(old, new, tmp_path)["diff json"], tmp_path, 1)
    assert (figure.exit_code, figure.message) == (0, "")
    assert figure.seconds > figure.cpu_seconds / 8 > 0
    assert figure.peak_mebibytes > 20
    assert figure.output_mebibytes > 0
    failed = measure("report", ["report", str(tmp_path / "none")], tmp_path, 1)
    assert (failed.exit_code, failed.within_bars) == (2, False)
    assert failed.message.startswith("error: no audit at")
