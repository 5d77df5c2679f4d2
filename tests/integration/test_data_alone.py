"""``--model none``: what the data offer is said, stored and reported, and nothing is said of a model."""

from __future__ import annotations

import json

import jsonschema
import pytest
from typer.testing import CliRunner

from auditor import cli, pipeline
from auditor.config import AuditConfig, CoreEntry
from auditor.errors import InputError
from auditor.models import load_classifier
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from reports.written.json import SCHEMA_PATH, render_json
from reports.written.text import render_text


@pytest.fixture(scope="module")
def config(sample_manifest, encoder_cache, tmp_path_factory) -> AuditConfig:
    out = tmp_path_factory.mktemp("alone") / "audit"
    return AuditConfig(data=sample_manifest, model="none", encoder="sample", out=out, cache=encoder_cache)


@pytest.fixture(scope="module")
def audit(config):
    with pytest.MonkeyPatch.context() as patch:
        patch.delattr(load_classifier, "load_classifier")  # there is nothing to load
        return pipeline.run_audit(config)


def test_no_class_is_judged_and_the_leading_association_is_said(audit):
    with open_audit_database(audit) as connection:
        verdicts = {verdict.class_name: verdict for verdict in queries.verdicts(connection)}
        text = render_text(connection)
    assert {verdict.verdict for verdict in verdicts.values()} == {"not_analysed"}
    assert {name: verdict.concept for name, verdict in verdicts.items()} == {
        "waterbird": "water", "landbird": "forest", "vehicle": "watermark", "balloon": None, "cat": None,
    }  # fmt: skip
    for verdict in verdicts.values():
        assert verdict.sentence.startswith("No model was examined; in the data ")
        assert (verdict.share, verdict.gap, verdict.detectable_effect, verdict.severity) == (None, None, None, "none")
    assert "the manifest's scene = water agrees" in verdicts["waterbird"].sentence
    assert text.endswith("No model was examined: what goes with a class need not be used.")
    assert text.count("audit a model on these pictures (--model)") == 1
    assert text.splitlines()[2].split("  ")[0] == "Class"
    assert all(word in text for word in ("Goes with it most", "In the class", "In the others"))
    assert not [word for word in ("Recall gap", "Share:", "○", "Verdict") if word in text]
    assert "auditor explain" not in text
    assert "no model was examined" in text


def test_counts_are_exact_and_what_was_not_measured_is_null(audit):
    with open_audit_database(audit) as connection:
        assert connection.execute("SELECT DISTINCT rule_id FROM findings").fetchall() == [("E2",)]
        assert connection.execute(
            "SELECT count(*), count(predicted_idx), count(predicted_name), count(confidence), count(correct),"
            " count(label_name) FROM predictions"
        ).fetchone() == (300, 0, 0, 0, 0, 300)
        counted = connection.execute(
            "SELECT n FROM subgroups WHERE class_name = 'waterbird' AND concept = 'scene = water' ORDER BY present DESC"
        ).fetchall()
        expected = connection.execute(
            "SELECT count(*) FILTER (value = 'water'), count(*) FILTER (value <> 'water') FROM image_attributes"
            " JOIN images USING (image_id) WHERE label = 'waterbird' AND attribute = 'scene'"
        ).fetchone()
        assert tuple(n for (n,) in counted) == expected
        assert connection.execute("SELECT count(*) FROM subgroups WHERE n_correct IS NOT NULL").fetchone() == (0,)
        for table in ("channels", "attributions", "class_concepts", "saliency"):
            assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,), table
        run = queries.run(connection)
        assert (run.model_spec, run.model_digest) == ("none", "none")
        (picture, *_) = queries.pictures(connection, 4, "water", present=True, limit=3)
        assert (picture.predicted_name, picture.correct, picture.share) == (None, None, None)
        jsonschema.validate(json.loads(render_json(connection)), json.loads(SCHEMA_PATH.read_text(encoding="utf-8")))


def test_it_is_up_to_date_and_differs_from_an_audit_of_a_model(audit, config, monkeypatch):
    monkeypatch.setattr(pipeline, "write_audit", lambda *_: pytest.fail("written again"))
    assert pipeline.run_audit(config, resume=True) == audit


def test_few_pictures_are_enough(tmp_path, sample_manifest, encoder_cache):
    """Without channels nothing asks for extremes: the least is what a class needs to be compared."""
    settings = {"data": sample_manifest, "model": "none", "encoder": "sample", "cache": encoder_cache}
    out = pipeline.run_audit(AuditConfig(**settings, out=tmp_path / "few", max_images_per_class=9))
    with open_audit_database(out) as connection:
        (sentence,) = {verdict.sentence for verdict in queries.verdicts(connection) if verdict.class_name == "cat"}
    assert sentence.startswith('"cat" has 9 labelled pictures, too few to compare: 20 are needed')


def test_explain_says_that_there_is_no_model(audit):
    result = CliRunner().invoke(cli.app, ["explain", str(audit), "waterbird/0001.jpg"])
    assert result.exit_code == 2
    assert result.stderr.strip().splitlines() == [
        "error: this audit examined no model (--model none), so there is no decision to explain: audit one"
    ]


def test_settings_that_name_nothing_end_before_anything_is_written(config, tmp_path):
    changes = {"out": tmp_path / "never", "core": {"duck": {"water": CoreEntry(reason="it swims")}}}
    with pytest.raises(InputError, match="unknown class 'duck'"):
        pipeline.run_audit(config.model_copy(update=changes))
    assert not (tmp_path / "never").exists()
