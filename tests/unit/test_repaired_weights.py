"""Weights with another head: preprocessing that they do not tell is written beside them, and is used by their audit."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

from auditor import repair_audit
from auditor.models.load_classifier import load_classifier
from auditor.models.preprocess import Preprocess, read_preprocess
from auditor.models.repaired_weights import head_keys, preprocess_path, write_repaired

OTHER = Preprocess(size=(64, 64), interpolation="bicubic", mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.25))


def _written(tmp_path, classifier):
    output = tmp_path / "mended.safetensors"
    _, notices = write_repaired(
        classifier, head_keys(classifier, None, trust_code=False), classifier.head, output,
        class_names=classifier.class_names, says={}, preprocess=None, trust_code=False,
    )  # fmt: skip
    return output, notices


def test_weights_that_tell_their_preprocessing_have_nothing_beside_them(tmp_path):
    output, notices = _written(tmp_path, load_classifier("sample:planted", weights=None))
    assert notices == ()
    assert not preprocess_path(output).exists()


def test_other_preprocessing_is_written_beside_them_and_used_by_their_audit(tmp_path, monkeypatch):
    output, (notice,) = _written(tmp_path, replace(load_classifier("sample:planted", weights=None), preprocess=OTHER))
    beside = preprocess_path(output)
    assert f"give --preprocess {beside}, which was written beside them" in notice
    assert read_preprocess(beside) == OTHER

    asked = []
    monkeypatch.setattr(repair_audit, "settings_again", lambda folder, given, **_: asked.append(given))
    monkeypatch.setattr(repair_audit, "run_audit", lambda *_, **__: None)
    monkeypatch.setattr(repair_audit, "_keep", lambda *_: ())
    repaired = SimpleNamespace(written=output, made=SimpleNamespace(body=None))
    repair_audit.audit_repaired(tmp_path, repaired, tmp_path / "again", {"preprocess": None})
    own = tmp_path / "own.toml"
    repair_audit.audit_repaired(tmp_path, repaired, tmp_path / "again", {"preprocess": own})
    assert [given["preprocess"] for given in asked] == [beside, own]
    assert all(given["weights"] == output for given in asked)
