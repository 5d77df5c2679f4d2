"""A network that learns end to end runs through the tier of photographs; on pictures made here, so none is needed."""

from __future__ import annotations

import csv

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.photographs import fine_tuned
from benchmarks.photographs.bank import Bank, network

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Pictures of cats and dogs that are blue and red."""
    root = tmp_path_factory.mktemp("photos")
    folder = root / "cats_dogs"
    folder.mkdir()
    rng = np.random.default_rng(0)
    with (folder / "metadata.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["path", "label"])
        for k in range(24):
            label = ("cat", "dog")[k % 2]
            pixels = rng.integers(0, 120, (64, 64, 3), dtype=np.uint8)
            pixels[..., 2 * (label == "cat")] += 130
            Image.fromarray(pixels).save(folder / f"{label}{k}.png")
            rows.writerow([f"{label}{k}.png", label])
    return root


def test_every_layer_learns_and_the_audit_reads_the_tuned_network(pictures, tmp_path, monkeypatch):
    torch.manual_seed(0)
    kept = []
    tune = fine_tuned.tune
    monkeypatch.setattr(fine_tuned, "tune", lambda *given: kept.append(tune(*given)) or kept[-1])
    scenario = next(one for one in fine_tuned.scenarios("toy") if one.context_name == "border")
    words, column = fine_tuned.examine(scenario, 1, Bank(pictures, tmp_path))
    (tuned,) = kept
    before = dict(network(fine_tuned.LinearHead(tuned._fc.weight.numpy(), tuned._fc.bias.numpy())).named_parameters())
    moved = [name for name, after in tuned.named_parameters() if not torch.equal(after, before[name])]
    assert len([name for name in moved if not name.startswith("_fc.")]) > 100  # not its head alone
    assert (words["scenario"]["mode"], column["scenario"]["mode"]) == ("words", "column")
    assert [one["class_name"] for one in column["classes"]] == ["cat", "dog"]
    truth = [(pair["class_idx"], pair["concept"]) for pair in column["pairs"]]
    assert truth == [(c, f"border: {value}") for c in (0, 1) for value in ("yes", "no")]
    table = fine_tuned.lines([words, column]).splitlines()
    assert len(table) == 2 + 4
    assert table[2].startswith("| border | cat | words | ")
