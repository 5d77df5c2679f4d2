"""``--predictions``: what needs no model is said to the digit as with one, and nothing is shown that is not there."""

from __future__ import annotations

import csv
import json
import logging
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from typer.testing import CliRunner

import auditor
from auditor import cli
from auditor.errors import InputError, ModelError, StoreError
from auditor.explain import explain_image
from auditor.extraction.kept_inputs import KEPT_NAME
from auditor.extraction.shards import FeatureShards
from auditor.gate.policy import Policy
from auditor.rejudge import rejudge_audit
from auditor.release.check import read_release
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from reports.page.html_report import html_parts
from reports.written.json import SCHEMA_PATH, render_json
from reports.written.text import render_text


def _rows(folder, query):
    with open_audit_database(folder) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture(scope="module")
def files(small_audit, tmp_path_factory):
    """What the model of the small audit called its pictures, and the inputs of its head."""
    folder = tmp_path_factory.mktemp("given")
    with (folder / "preds.csv").open("w", newline="") as file:
        rows = _rows(small_audit, "SELECT path, predicted_name FROM predictions JOIN images USING (image_id)")
        csv.writer(file).writerows([("path", "prediction"), *rows])
    kept = np.load(small_audit / "features" / KEPT_NAME, allow_pickle=False)
    facts = json.loads(str(kept["facts"]))
    shards = FeatureShards([small_audit / "features" / name for name in facts["shards"]])
    path_of = dict(_rows(small_audit, "SELECT image_id, path FROM images"))
    np.savez(
        folder / "head.npz",
        paths=[path_of[image_id] for image_id in shards.image_ids()],
        features=np.concatenate(list(shards.activation_chunks())),
        weight=kept["head_weight"],
        bias=kept["head_bias"],
        class_names=facts["class_names"],
    )
    return folder


@pytest.fixture(scope="module")
def alone(files, sample_manifest, encoder_cache, tmp_path_factory):
    out = tmp_path_factory.mktemp("alone") / "audit"
    flags = ["run", "--data", sample_manifest, "--predictions", files / "preds.csv", "--encoder", "sample", "--quiet"]
    done = CliRunner().invoke(cli.app, list(map(str, [*flags, "--out", out, "--cache", encoder_cache])))
    assert done.exit_code == 0, done.output
    return out


@pytest.fixture(scope="module")
def with_head(files, sample_manifest, encoder_cache, tmp_path_factory):
    audit = auditor.run_audit(
        data=sample_manifest,
        predictions=files / "preds.csv",
        features=files / "head.npz",
        encoder="sample",
        n_extreme=30,
        cache=encoder_cache,
        out=tmp_path_factory.mktemp("head") / "audit",
        quiet=True,
    )
    return Path(audit)


FINDINGS = "SELECT class_idx, concept_id, rule_id, effect, low, high, p, n_images FROM findings"


def test_association_and_gaps_are_the_whole_audits_to_the_digit(small_audit, alone):
    whole, found = set(_rows(small_audit, FINDINGS)), _rows(alone, FINDINGS)
    assert {row[2] for row in found} <= {"E2", "E4-recall", "E4-pull", "E4-harm"}
    assert {row[2] for row in found} >= {"E2", "E4-recall", "E4-pull"}
    both = {row[:3] for row in whole}
    assert [row for row in found if row[:3] in both and row not in whole] == []
    assert sum(row[:3] in both for row in found) > 20
    assert set(_rows(alone, "FROM subgroups")) >= set(_rows(small_audit, "FROM subgroups"))


def test_what_is_flagged_with_the_model_is_neither_flagged_nor_clean_without_it(small_audit, alone):
    verdicts = "SELECT class_name, verdict, concept_id FROM verdicts"
    whole, found = ({row[0]: row[1:] for row in _rows(one, verdicts)} for one in (small_audit, alone))
    flagged = {name: concept for name, (verdict, concept) in whole.items() if verdict == "flagged"}
    assert flagged
    assert {found[name][0] for name in flagged} <= {"suspect", "not_shown"}
    assert {verdict for verdict, _ in found.values()}.isdisjoint({"flagged", "harmed"})


def test_with_the_head_words_and_erasure_are_the_whole_audits(small_audit, with_head):
    shown = "SELECT class_idx, concept_id, effect FROM findings WHERE rule_id = 'E3-recall' AND status = 'measured'"
    whole = {row[:2]: row[2] for row in _rows(small_audit, shown)}
    found = {row[:2]: row[2] for row in _rows(with_head, shown)}
    assert found.keys() == whole.keys()
    assert found == pytest.approx(whole, abs=1e-6)
    shares = "SELECT class_idx, concept_id, share FROM class_concepts"
    words = [{row[:2]: row[2] for row in _rows(one, shares)} for one in (small_audit, with_head)]
    assert len(words[0]) > 10
    assert words[1] == pytest.approx(words[0], abs=1e-5)
    assert _rows(with_head, "SELECT DISTINCT rule_id FROM findings WHERE rule_id IN ('E5', 'E6-recall')") == []
    assert _rows(with_head, "FROM saliency") == []


def test_nothing_is_shown_of_a_model_that_was_not_run(alone):
    with open_audit_database(alone) as connection:
        text, page = render_text(connection), "".join(html_parts(connection))
        document = json.loads(render_json(connection))
    jsonschema.validate(document, json.loads(SCHEMA_PATH.read_text()))
    told = " ".join(text.split())
    assert "no model was run: predictions from 'preds.csv'" in told
    for absent in (
        "auditor explain",
        "auditor calibrate",
        "no map kept",
        "where it looks",
        ">Words<",
        "Erasure is linear",
    ):
        assert absent not in text
        assert absent not in page
    assert _rows(alone, "FROM saliency") == []
    with pytest.raises(ModelError, match="no model was run for this audit"):
        explain_image(alone, "cat/0001.jpg")


def test_rejudging_says_the_same(with_head, tmp_path):
    """It tries no intervention on pictures that the audit could not try either."""
    again = rejudge_audit(with_head, tmp_path / "again")
    for table in ("findings", "verdicts", "subgroups", "predictions", "counterexamples"):
        assert sorted(map(repr, _rows(again, f"FROM {table}"))) == sorted(map(repr, _rows(with_head, f"FROM {table}")))


def test_the_gate_says_that_suspects_pass_and_wants_no_words(alone, tmp_path, caplog):
    policy = tmp_path / "policy.toml"
    with open_audit_database(alone) as connection:
        with caplog.at_level(logging.WARNING):
            assert read_release(connection).decide(None).exit_code == 0
        assert 'say fail_on = ["flagged", "suspect"]' in caplog.text
        policy.write_text('fail_on = ["flagged", "suspect"]')
        caplog.clear()
        read_release(connection, policy=policy)
        assert "suspect at most" not in caplog.text
        policy.write_text("max_share = 0.2")
        with pytest.raises(StoreError, match="an audit of predictions alone has none"):
            read_release(connection, policy=policy)
    assert Policy().fails_on_suspects is False


def test_the_run_says_what_it_was_made_of(alone):
    with open_audit_database(alone) as connection:
        made = queries.run(connection)
    assert (made.model_spec, made.model_was_run, made.by_predictions_alone) == ("predictions", False, True)
    assert len(made.model_digest) == 64


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--predictions", "p.csv", "--model", "sample:planted"], "both --predictions and --model 'sample:planted'"),
        (["--features", "f.npz", "--model", "sample:planted"], "features without predictions"),
        (["--predictions", "p.csv", "--target-layer", "x"], "--target-layer with --predictions"),
        (["--model", "predictions"], "model 'predictions' without predictions"),
        (["--predictions", "none.csv", "--encoder", "sample"], "cannot be read"),
    ],
)
def test_mistakes_are_one_line_and_code_2(flags, told, sample_manifest, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(cli.app, ["run", "--data", str(sample_manifest), "--out", "out", *flags])
    assert done.exit_code == 2
    assert told in done.output
    assert len(done.output.strip().splitlines()) == 1


def test_python_asks_for_a_model_or_predictions():
    with pytest.raises(InputError, match="run_audit without data and out"):
        auditor.run_audit(predictions="p.csv")
