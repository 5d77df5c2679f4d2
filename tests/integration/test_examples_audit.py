"""Concepts by example through a whole audit: learnt, judged, told, judged again, and made anew when examples change."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import jsonschema
import pytest

from auditor.audit_folder import is_up_to_date
from auditor.config import AttributeSettings, AuditConfig, ExampleSettings
from auditor.models.bundled import bundled_path
from auditor.pipeline import load_inputs, run_audit
from auditor.rejudge import rejudge_audit
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from auditor.store.queries.concepts import concept, concepts
from reports.page.html_report import html_parts
from reports.written.json import json_report

SCHEMA = Path(__file__).parents[2] / "reports" / "written" / "report.schema.json"


def examples_of(folder: Path, artifact: str, n: int) -> ExampleSettings:
    """n pictures of every class with an artifact, and n without it, of the set that is not audited."""
    source = bundled_path("balanced", "manifest.csv")
    with source.open(newline="") as file:
        rows = list(csv.DictReader(file))
    for side, wanted in (("yes", True), ("no", False)):
        for label in sorted({row["label"] for row in rows}):
            found = [row for row in rows if row["label"] == label and (row["artifact"] == artifact) == wanted]
            (folder / side / label).mkdir(parents=True)
            for row in found[:n]:
                shutil.copy(source.parent / row["path"], folder / side / label)
    return ExampleSettings(yes=folder / "yes", no=folder / "no", kind="artifact")


@pytest.fixture(scope="module")
def config(small_config, tmp_path_factory) -> AuditConfig:
    folder = tmp_path_factory.mktemp("examples")
    marks = examples_of(folder / "stamp", "watermark", 5)
    audited = small_config.data.parent / "cat"  # three of the audited pictures are given as examples
    for path in sorted(audited.iterdir())[:3]:
        shutil.copy(path, folder / "stamp" / "no" / "cat" / f"audited-{path.name}")
    (folder / "stamp" / "no" / "cat" / "broken.png").write_bytes(b"no picture")
    too_few = ExampleSettings(yes=folder / "stamp" / "yes" / "cat", no=folder / "stamp" / "no")
    return small_config.model_copy(
        update={
            "out": folder / "audit",
            "attributes": AttributeSettings(include=()),
            "concepts": {"stamp": marks, "grain": too_few},
        }
    )


@pytest.fixture(scope="module")
def audit(config) -> Path:
    return run_audit(config)


def test_it_is_learnt_and_stands_in_every_report(audit):
    with open_audit_database(audit) as connection:
        grain, stamp = queries.example_concepts(connection)
        report = json_report(connection)
        page = "".join(html_parts(connection))
        (listed,) = concepts(connection, find="stamp", limit=10)
        one = concept(connection, stamp.concept_id)
    assert (grain.concept, grain.state, grain.auc) == ("grain by example", "too_few", None)
    assert (stamp.state, stamp.concept_kind, stamp.n_yes, stamp.n_no) == ("learnt", "artifact", 25, 28)
    assert (stamp.n_left_out, stamp.n_in_audit, stamp.n_classes) == (1, 3, 5)
    assert stamp.auc > 0.95
    assert stamp.kappa > 0.8
    assert [row["state"] for row in report["examples"]] == ["too_few", "learnt"]
    jsonschema.validate(json.loads(json.dumps(report)), json.loads(SCHEMA.read_text(encoding="utf-8")))
    assert "stamp by example" in page
    assert "(learnt, 25 + 28 pictures, AUC" in page
    assert (listed.concept, listed.kappa) == ("stamp by example", pytest.approx(stamp.kappa))
    assert one.auc == pytest.approx(stamp.auc)


def test_it_is_told_where_it_is_and_examples_are_in_neither_arm(audit):
    with open_audit_database(audit) as connection:
        known = {row.concept: row for row in queries.attribute_concepts(connection)}["stamp by example"]
        manifest = connection.execute(
            "SELECT i.path, p.presence FROM images i LEFT JOIN concept_presence p ON p.image_id = i.image_id"
            " AND p.concept_id = ? ORDER BY i.path",
            [known.concept_id],
        ).fetchall()
    assert known.n_known == 297
    with (bundled_path("planted", "manifest.csv")).open(newline="") as file:
        truth = {row["path"]: row["artifact"] == "watermark" for row in csv.DictReader(file)}
    told = [(truth[path], presence > 0.5) for path, presence in manifest if presence is not None]
    if told:  # presence is stored for what has a finding
        assert sum(one == other for one, other in told) / len(told) > 0.95
    assert known.n_images == pytest.approx(sum(truth[path] for path, _ in manifest), abs=6)


def test_it_is_judged_again_alike_without_pictures_and_examples(audit, tmp_path):
    again = rejudge_audit(audit, tmp_path / "again")
    rows = []
    for folder in (audit, again):
        with open_audit_database(folder) as connection:
            rows.append(
                (queries.verdicts(connection), queries.findings(connection), queries.example_concepts(connection))
            )
            notices = queries.run(connection).notices
    assert rows[0] == rows[1]
    assert any("'stamp by example' was learnt from 25 pictures" in notice for notice in notices)


def test_another_example_makes_another_audit(config, audit):
    assert is_up_to_date(audit, config, load_inputs(config))
    next((config.concepts["stamp"].yes / "cat").iterdir()).unlink()
    assert not is_up_to_date(audit, config, load_inputs(config))
