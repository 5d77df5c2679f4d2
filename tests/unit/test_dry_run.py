"""``auditor run --dry-run``: what would be done, from pictures that were timed here, and nothing is written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from auditor.dry_run import AuditPlan, plan_audit
from auditor.errors import InputError

PLAN = AuditPlan(
    data=Path("val"),
    per_class=(120, 80),
    n_pictures=201,
    model="timm:x on cpu",
    encoder="conse on cpu",
    n_concepts=33,
    n_extracted=0,
    n_known=51,
    n_timed=32,
    timed_seconds=3.21,
    seconds=200.4,
    disk=50 * 2**20,
    free=3 * 2**30,
    out=Path("audits/7"),
    is_up_to_date=False,
)


def contents(folder):
    return {path.relative_to(folder): path.stat().st_mtime_ns for path in folder.rglob("*")}


def test_what_is_told():
    assert PLAN.lines() == [
        "data: val, 201 pictures of 2 classes, 80 to 120 each",
        "model: timm:x on cpu",
        "encoder: conse on cpu; 33 concepts",
        "embeddings in the cache: 51 of 201",
        "time: about 3 min 20 s to bring 201 pictures through the models (32 pictures took 3.2 s here, now); loading "
        "before it and the evidence after it are not in that; of few pictures the evidence takes several times "
        "as long",
        "disk: 50 MiB in audits/7 for features, thumbnails and the search index, and besides what is found; 3.0 GiB "
        "are free",
        "Nothing was written; the same command without --dry-run does it.",
    ]


def test_what_is_told_of_an_audit_that_was_begun_or_is_there():
    assert replace(PLAN, n_extracted=150).lines()[3:5] == [
        "extracted before: 150 pictures in audits/7", "embeddings in the cache: 51 of 51",
    ]  # fmt: skip
    assert replace(PLAN, is_up_to_date=True).lines()[3:] == [
        "audits/7 holds this audit already: there is nothing to do"
    ]


def test_what_does_not_fit_is_said_beforehand():
    assert replace(PLAN, free=2**20).lines()[-2] == (
        "warning: that is more than is free; give --out a folder on another disk, or --no-thumbnails"
    )


@pytest.mark.slow
def test_pictures_are_timed_and_nothing_is_written(small_config, sample_manifest, tmp_path):
    (tmp_path / "cache").mkdir()
    config = small_config.model_copy(update={"out": tmp_path / "audit", "cache": tmp_path / "cache"})
    before = contents(sample_manifest.parent)
    plan = plan_audit(config)
    assert (plan.n_pictures, plan.per_class, plan.n_extracted, plan.n_known) == (300, (60,) * 5, 0, 0)
    assert plan.n_timed == 96  # three batches, after a first one
    assert plan.seconds == pytest.approx(plan.timed_seconds / 96 * 300)
    assert 0 < plan.disk < plan.free
    assert "128 channels into 5 outputs" in plan.model
    assert contents(tmp_path) == {Path("cache"): (tmp_path / "cache").stat().st_mtime_ns}
    assert contents(sample_manifest.parent) == before


@pytest.mark.slow
def test_what_was_done_before_counts(small_config, small_audit, tmp_path):
    before = contents(small_audit), contents(small_config.cache)
    assert plan_audit(small_config.model_copy(update={"out": small_audit}), resume=True).is_up_to_date
    begun = tmp_path / "begun"
    begun.mkdir()
    (begun / "features").symlink_to(small_audit / "features")
    plan = plan_audit(small_config.model_copy(update={"out": begun}), resume=True)
    assert (plan.n_extracted, plan.n_timed, plan.seconds, plan.is_up_to_date) == (300, 0, 0, False)
    plan = plan_audit(small_config.model_copy(update={"out": tmp_path / "new"}))
    assert (plan.n_extracted, plan.n_known) == (0, 300)
    assert (contents(small_audit), contents(small_config.cache)) == before


def test_what_would_end_the_audit_ends_the_plan(small_config, tmp_path):
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(InputError, match="holds other files"):
        plan_audit(small_config.model_copy(update={"out": tmp_path}))
