"""Models that return several things: which one holds the classes is said, and asked where it cannot be told."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from built_models import PLAIN, classifier_of
from torch import Tensor, nn
from toy_models import GapCnn

from auditor.errors import ModelError
from auditor.models.load_classifier import make_classifier
from auditor.models.outputs import output_tables
from auditor.models.preprocess import Preprocess

Pair = namedtuple("Pair", ["kind", "colour"])


@dataclass
class Record:
    colour: Tensor
    features: Tensor


class Several(GapCnn):
    """A head of three, one of two, and what stands before them; ``shape`` makes the output of them."""

    def __init__(self, shape: Any) -> None:
        super().__init__()
        self.other, self.third, self.shape = nn.Linear(2, 3), nn.Linear(2, 2), shape

    def forward(self, x: Tensor) -> Any:
        features = torch.flatten(self.pool(self.act(self.conv(x))), 1)
        return self.shape(self.fc(features), self.other(features), self.third(features), features)


def of(shape: Any, **options: Any) -> Any:
    torch.manual_seed(0)
    return make_classifier(Several(shape), Preprocess(size=(16, 16), **PLAIN), spec="toy", **options)


@pytest.mark.parametrize(
    ("shape", "options", "output", "head"),
    [
        (lambda two, three, also, x: (x, two), {}, "1", "fc"),  # features are no output of a linear layer
        (lambda two, three, also, x: {"aux": two, "logits": three}, {}, "logits", "other"),
        (lambda two, three, also, x: OrderedDict(logits=two, states=(three, also)), {}, "logits", "fc"),
        (lambda two, three, also, x: Pair(three, two), {"n_labels": 2}, "colour", "fc"),
        (
            lambda two, three, also, x: Pair(three, two),
            {"class_names": ("a", "b", "c"), "n_labels": 2},
            "kind",
            "other",
        ),
        (lambda two, three, also, x: Pair(three, two), {"model_output": "colour", "n_labels": 3}, "colour", "fc"),
        (lambda two, three, also, x: [[three, two], x], {"model_output": "0.1"}, "0.1", "fc"),
        (lambda two, three, also, x: {"raw": two, "soft": two.softmax(1)}, {}, "raw", "fc"),  # one thing
        (lambda two, three, also, x: Record(two, x), {}, "colour", "fc"),
        (lambda two, three, also, x: SimpleNamespace(logits=two), {}, "logits", "fc"),
    ],
)
def test_the_output_that_is_taken(shape: Any, options: Any, output: str, head: str):
    classifier = of(shape, **options)
    assert (classifier.output, classifier.head_layer) == (output, head)


def test_what_was_taken_is_said():
    assert of(lambda two, three, also, x: (two, x)).notices == (
        "toy returns '0' with 2 columns, '1' with 2 columns; '0' was taken for the classes; if that is wrong, say "
        "which one with --model-output NAME",
    )
    assert of(lambda two, three, also, x: (two, x), model_output="0").notices == ()  # the user said so
    assert (
        of(lambda two, three, also, x: {"logits": two, "map": x[:, :, None]}).notices == ()
    )  # no other could be meant
    assert classifier_of(GapCnn()).notices == ()


@pytest.mark.parametrize(
    ("shape", "options", "expected"),
    [
        (
            lambda two, three, also, x: (two, also),
            {"n_labels": 2},
            "toy returns 2 outputs that may be the classes: '0' with 2 columns, '1' with 2 columns; say which one with "
            "--model-output NAME",
        ),
        (
            lambda two, three, also, x: {"kind": three, "colour": two},
            {"n_labels": 7},  # none has the right size
            "2 outputs that may be the classes: 'kind' with 3 columns, 'colour' with 2 columns; say which",
        ),
        (
            lambda two, three, also, x: {"kind": three, "colour": two},
            {"model_output": "color"},
            "returns no output 'color'; expected one of 'kind' with 3 columns, 'colour' with 2 columns; did you mean "
            "'colour'?",
        ),
        (
            lambda two, three, also, x: two,
            {"model_output": "logits"},
            "returns one tensor, which has no name: leave out",
        ),
        (lambda two, three, also, x: (x, two / 0), {"model_output": "1"}, "values that are not finite"),
        (lambda two, three, also, x: {}, {}, "returns dict for 2 pictures; expected (B, C) logits"),
        (lambda two, three, also, x: (x, x * 2), {}, "no linear layer of toy alone gives its output"),
    ],
)
def test_what_is_asked_or_refused(shape: Any, options: Any, expected: str):
    with pytest.raises(ModelError) as caught:
        of(shape, **options)
    assert expected in str(caught.value)


def test_another_output_is_another_model():
    both = [of(lambda two, three, also, x: Pair(three, two), model_output=name).digest for name in Pair._fields]
    assert both[0] != both[1]


def test_tables_of_parts_of_parts():
    table, cube = torch.ones(4, 2, dtype=torch.float64), torch.ones(4, 2, 2)
    deep: dict[str, Any] = {"again": table}
    deep["self"] = deep
    assert {
        name: tuple(t.shape) for name, t in output_tables((table, cube, table[:, 0], table[:3], "a"), 4).items()
    } == {
        "0": (4, 2),
        "2": (4, 1),
    }
    assert list(output_tables(deep, 4)) == ["again", "self.again", "self.self.again"]
    assert output_tables(table, 4)[""].dtype == torch.float32
    assert output_tables(None, 4) == {}
