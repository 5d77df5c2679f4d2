"""Model files as users write them, and the one line that a wrong one gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from auditor.errors import ModelError
from auditor.models.load_classifier import load_classifier

FACTORY = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
from toy_models import GapCnn, NoPlaces
import torch

def plain():
    return GapCnn()

def with_transform():
    return GapCnn(), lambda image: torch.full((3, 8, 8), image.size[0] / 1000)

def random_transform():
    return GapCnn(), lambda image: torch.rand(3, 8, 8)

def wrong_transform():
    return GapCnn(), lambda image: image

def dropping():
    class Dropping(GapCnn):
        def forward(self, x):
            return super().forward(torch.nn.functional.dropout(x))
    return Dropping()

def text():
    return "resnet18"

def broken():
    raise ValueError("no checkpoint")
"""
PREPROCESS = "size = 16\nmean = [0.0, 0.0, 0.0]\nstd = [1.0, 1.0, 1.0]\n"


def message(*args: object, **options: object) -> str:
    with pytest.raises(ModelError) as caught:
        load_classifier(*args, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)
