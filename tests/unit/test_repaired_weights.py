"""Repaired weights keep the form they came in; preprocessing that they do not tell is written beside them."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from safetensors.torch import load_file

from auditor import repair_audit
from auditor.errors import ModelError
from auditor.models.load_classifier import load_classifier
from auditor.models.preprocess import Preprocess, read_preprocess
from auditor.models.repaired_weights import head_keys, preprocess_path, write_repaired
from auditor.records import LinearHead

OTHER = Preprocess(size=(64, 64), interpolation="bicubic", mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.25))

#: Factories of a model of one logit, as its one linear layer or as the sum of two.
FACTORIES = """
import torch
from torchvision import transforms


class Net(torch.nn.Module):
    def __init__(self, heads):
        super().__init__()
        torch.manual_seed(0)
        self.conv = torch.nn.Conv2d(3, 6, 3, 2, 1)
        self.heads = torch.nn.ModuleList(torch.nn.Linear(6, 1) for _ in range(heads))

    def forward(self, x):
        x = self.conv(x).relu().mean((2, 3))
        return sum(head(x) for head in self.heads)


def _with_transform(net):
    return net, transforms.Compose([transforms.Resize((32, 32)), transforms.ToTensor()])


def one():
    return _with_transform(Net(1))


def two():
    return _with_transform(Net(2))
"""


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


def _of_factory(tmp_path, name):
    factory = tmp_path / "one_logit.py"
    factory.write_text(FACTORIES)
    return load_classifier(f"{factory}:{name}", weights=None, trust_code=True)


def test_one_logit_stays_one_logit(tmp_path):
    classifier, output = _of_factory(tmp_path, "one"), tmp_path / "mended.safetensors"
    assert classifier.one_logit
    head = LinearHead(2 * classifier.head.weight, classifier.head.bias + np.array([-0.25, 0.25], np.float32))
    loaded, _ = write_repaired(
        classifier, head_keys(classifier, None, trust_code=True), head, output,
        class_names=("no", "yes"), says={}, preprocess=None, trust_code=True,
    )  # fmt: skip
    assert load_file(output)["heads.0.weight"].shape == (1, 6)
    np.testing.assert_allclose(np.diff(loaded.head.weight, axis=0), np.diff(head.weight, axis=0), rtol=1e-5)
    np.testing.assert_allclose(np.diff(loaded.head.bias), np.diff(head.bias), rtol=1e-5)


def test_a_sum_of_heads_is_refused(tmp_path):
    with pytest.raises(ModelError, match="are not those of one linear layer"):
        head_keys(_of_factory(tmp_path, "two"), None, trust_code=True)
