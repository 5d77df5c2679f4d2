"""Checkpoints as training scripts leave them: the tensors are found, code is refused, nothing is dropped unsaid."""

from __future__ import annotations

import argparse
import pathlib
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from toy_models import GapCnn

from auditor.errors import ModelError
from auditor.models.weights import fit_keys, load_into, read_weights

STATE = {key: torch.full_like(value, 0.5) for key, value in GapCnn().state_dict().items()}


def under(prefix: str, state: dict[str, Tensor] = STATE) -> dict[str, Tensor]:
    return {f"{prefix}{key}": value for key, value in state.items()}


def loaded(path: Path, content: object) -> tuple[str, ...]:
    """Notices of a file with this content; that its weights arrived is asserted."""
    torch.save(content, path)
    module = GapCnn()
    notices = load_into(module, read_weights(path)[0], weights=path, model="toy")
    assert all(bool((value == 0.5).all()) for value in module.state_dict().values())
    return notices


LIGHTNING = {
    "epoch": 3,
    "global_step": 12,
    "pytorch-lightning_version": "2.4.0",
    "state_dict": under("model."),
    "loops": {"fit_loop": {"state_dict": {}}},
    "callbacks": {"ModelCheckpoint{'monitor': 'loss'}": {"best_model_score": torch.tensor(0.5), "best_model_path": ""}},
    "optimizer_states": [{"state": {0: {"exp_avg": torch.zeros(2)}}, "param_groups": [{"lr": 0.1}]}],
    "hyper_parameters": {"lr": np.float64(0.1)},
}


@pytest.mark.parametrize(
    "content",
    [
        {"net": STATE},
        {"model": under("module."), "epoch": 3},
        {"model": {"state_dict": STATE}},
        {"network_weights": STATE, "optimizer": {"state": {0: {"momentum_buffer": torch.zeros(2)}}}},
        {
            "state_dict": STATE,
            "args": argparse.Namespace(lr=0.1, arch="toy", seed=np.int64(3)),
            "best": np.float32(0.5),
        },
        {"model": STATE, "opt": {"state": [], "hypers": [{"lr": 0.01}]}},  # as fastai's learn.save does
        LIGHTNING,
        OrderedDict(under("net.")),
        under("module.model.backbone."),
    ],
    ids=["net", "ddp", "nested", "own-name", "namespace", "fastai", "lightning", "prefix", "long-prefix"],
)
def test_the_tensors_of_the_model_are_found(tmp_path: Path, content: object):
    assert loaded(tmp_path / "w.pt", content) == ()


def test_what_stands_beside_the_model_is_left_out_and_said(tmp_path: Path):
    content = {**under("model."), "criterion.weight": torch.ones(2), "ema.decay": torch.ones(())}
    assert loaded(tmp_path / "w.pt", content) == (
        f"2 tensors of {tmp_path / 'w.pt'} that the model has not are left out: criterion.weight, ema.decay",
    )


def test_two_models_that_fit_alike_are_told_apart_by_nobody(tmp_path: Path):
    torch.save({**under("student."), **under("teacher.")}, tmp_path / "w.pt")
    with pytest.raises(
        ModelError, match=r"hold 2 sets of tensors that fit, under 'student\.' and 'teacher\.'; save one"
    ):
        load_into(GapCnn(), read_weights(tmp_path / "w.pt")[0], weights=tmp_path / "w.pt", model="toy")
    torch.save({"one": STATE, "two": STATE}, tmp_path / "w.pt")
    with pytest.raises(ModelError, match=r"hold tensors under 2 names \('one', 'two'\), and which are the model's"):
        read_weights(tmp_path / "w.pt")


def test_a_state_that_fits_as_it_is_keeps_its_keys():
    assert fit_keys(STATE, GapCnn(), Path("w.pt")) is STATE
    strange = {"a.b": torch.zeros(1), "c": torch.zeros(1)}
    assert fit_keys(strange, GapCnn(), Path("w.pt")) is strange


class Odd:
    """Not on the list of what may stand beside tensors."""


@pytest.mark.parametrize(("odd", "named"), [(pathlib.PurePosixPath("x"), "pathlib.PurePosixPath"), (Odd(), "Odd")])
def test_nothing_else_may_stand_beside_the_tensors(tmp_path: Path, odd: object, named: str):
    torch.save({"state_dict": STATE, "args": argparse.Namespace(lr=0.1), "odd": odd}, tmp_path / "w.pt")
    with pytest.raises(ModelError) as caught:
        read_weights(tmp_path / "w.pt")
    assert "hold a pickle with code (" in str(caught.value)
    assert named in str(caught.value)
    assert "weights_only" not in str(caught.value)  # torch's advice is to run it
    assert "Namespace" not in str(caught.value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_weights_of_whole_numbers_are_named(tmp_path: Path):
    quantised = torch.ao.quantization.quantize_dynamic(GapCnn(), dtype=torch.qint8)
    torch.save(quantised.state_dict(), tmp_path / "w.pt")
    with pytest.raises(ModelError, match="are quantised to whole numbers, which no gradient passes; give the float32"):
        read_weights(tmp_path / "w.pt")
