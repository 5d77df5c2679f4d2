"""A new last layer on features of an earlier audit: what a full run would say, without a pass through the network."""

from __future__ import annotations

import shutil

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from auditor.errors import InputError
from auditor.extraction import extract
from auditor.extraction.new_head import REUSED_NOTICE
from auditor.models.bundled import bundled_path
from auditor.pipeline import run_audit
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries

_LEADS = ("fixed_places", "unnamed_leads")


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Weights of the planted model with other rows for two classes, and weights whose first layer is another one."""
    folder = tmp_path_factory.mktemp("weights")
    source = bundled_path("classifiers", "planted.safetensors")
    with safe_open(source, framework="pt") as file:
        metadata = file.metadata()
    state = load_file(source)
    head = state["head.weight"].clone()
    head[-1] = 0.5 * head[-1] + 0.5 * head[0]
    save_file(
        {**state, "head.weight": head, "head.bias": state["head.bias"] + 0.1}, folder / "head.safetensors", metadata
    )
    first = next(key for key in state if key not in ("head.weight", "head.bias") and state[key].is_floating_point())
    save_file({**state, first: state[first] + 0.01}, folder / "body.safetensors", metadata)
    return folder


@pytest.fixture(scope="module")
def config(small_config, weights, tmp_path_factory):
    out = tmp_path_factory.mktemp("audits") / "full"
    return small_config.model_copy(update={"weights": weights / "head.safetensors", "out": out})


def _said(folder):
    with open_audit_database(folder) as connection:
        return {
            "verdicts": queries.verdicts(connection),
            "findings": [repr(one) for one in queries.findings(connection) if not one.concept_id.startswith("place-")],
            "logits": connection.execute(
                "SELECT image_id, predicted_idx, confidence FROM predictions ORDER BY 1"
            ).fetchall(),
        }


def test_verdicts_are_those_of_a_full_run_to_the_digit(small_audit, config, tmp_path, monkeypatch):
    full = run_audit(config)
    monkeypatch.setattr(extract, "_decided", lambda *_: 1 / 0)  # a pass through the network
    monkeypatch.setattr(extract, "read_image", lambda *_, **__: 1 / 0)  # a picture that is read for it
    reused = run_audit(config.model_copy(update={"out": tmp_path / "reused"}), features_of=small_audit)
    assert _said(reused) == _said(full)
    with open_audit_database(reused) as connection:
        assert REUSED_NOTICE in queries.run(connection).notices
        assert all(not connection.table(name).fetchall() for name in _LEADS)


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"weights": "body.safetensors"}, "the network before the last layer is not that of the features"),
        ({"thumbnails": False}, "are of other settings"),
        ({"model": "none"}, "needs a model whose head is one plain linear layer"),
    ],
)
def test_what_does_not_fit_is_one_line_and_writes_nothing(small_audit, config, weights, tmp_path, change, says):
    if "weights" in change:
        change = {"weights": weights / change["weights"]}
    elif "model" in change:
        change = {**change, "weights": None}
    out = tmp_path / "out"
    with pytest.raises(InputError, match=says) as error:
        run_audit(config.model_copy(update={**change, "out": out}), features_of=small_audit)
    assert "\n" not in str(error.value)
    assert not list(out.glob("**/*.parquet"))


def test_features_that_are_gone_damaged_or_of_before(small_audit, config, tmp_path):
    copy = shutil.copytree(small_audit, tmp_path / "copy")
    shard = min((copy / "features").glob("*.parquet"))
    shard.write_bytes(shard.read_bytes()[:-9] + b"\0" * 9)
    asked = config.model_copy(update={"out": tmp_path / "out"})
    with pytest.raises(InputError, match=r"(are|is) damaged"):
        run_audit(asked, features_of=copy)
    shutil.rmtree(copy / "features")
    with pytest.raises(InputError, match="there are no features at"):
        run_audit(asked, features_of=copy)


def test_only_the_head_is_left_out_of_the_digest_of_the_body(weights):
    from auditor.models.load_classifier import load_classifier

    old, head, body = (
        load_classifier("sample:planted", weights=path)
        for path in (None, weights / "head.safetensors", weights / "body.safetensors")
    )
    assert old.body == head.body != body.body
    assert old.digest != head.digest
    assert not torch.equal(torch.from_numpy(old.head.weight), torch.from_numpy(head.head.weight))
