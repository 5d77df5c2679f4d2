"""A classifier in memory: nothing of it changes, and its digest is of all that can be seen of it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from toy_models import GapCnn

from auditor.errors import InputError, ModelError
from auditor.models.live_model import LiveModel, model_given
from auditor.models.model_sources import build_model


def to_tensor(picture):
    pixels = np.asarray(picture.convert("RGB").resize((8, 8)), np.float32) / 255
    return torch.from_numpy(pixels).permute(2, 0, 1)


def darker(picture):
    return to_tensor(picture) - 0.5


class SlopedCnn(GapCnn):
    """The same weights, and an activation of its own."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.add_module("act", nn.LeakyReLU(slope))


class OtherForward(GapCnn):
    """The same weights and layers, and another way through them."""

    def forward(self, x):
        return super().forward(x) + 0.0


def digest(module, transform=to_tensor, **options):
    return LiveModel(module, transform).classifier(**options).digest


def test_the_classifier_is_of_a_copy_and_the_module_stays_as_it_was():
    module = GapCnn().half().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    classifier = LiveModel(module, to_tensor, ("rose", "leaf")).classifier()
    assert classifier.spec == "live:GapCnn"
    assert classifier.class_names == ("rose", "leaf")
    np.testing.assert_array_equal(classifier.head.weight, [[1, -1], [0, 2]])
    assert module.training
    assert not any(layer._forward_hooks for layer in module.modules())
    for name, value in module.state_dict().items():
        assert value.dtype == torch.float16
        assert torch.equal(value, before[name])
    assert classifier.notices[-1] == (
        "the model live:GapCnn was a module in memory: its digest covers its weights, its layers, the source of its "
        "own classes and what its transform makes of one picture, and no hooks or functions that they call"
    )


def test_the_module_stays_as_it_was_where_it_cannot_be_audited():
    module = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Dropout(0.5)).train()
    with pytest.raises(ModelError):
        LiveModel(module, to_tensor).classifier()
    assert module.training
    assert not module[0]._forward_hooks


def test_one_digest_for_one_model_and_another_for_every_difference_that_can_be_seen():
    other_weights = GapCnn()
    with torch.no_grad():
        other_weights.fc.bias[0] = 0.25
    same = digest(GapCnn())
    different = [
        digest(other_weights),
        digest(GapCnn(), darker),
        digest(OtherForward()),
        digest(SlopedCnn(0.1)),
        digest(SlopedCnn(0.2)),
    ]
    assert same == digest(GapCnn().train()) == digest(GapCnn())
    assert len({same, *different}) == 6


def test_a_class_without_a_source_is_named():
    namespace: dict[str, Any] = {"GapCnn": GapCnn, "__name__": "__main__"}
    exec("class Typed(GapCnn):\n    pass", namespace)  # as a prompt makes it
    notice = LiveModel(namespace["Typed"](), to_tensor).classifier().notices[-1]
    assert "(not of __main__.Typed, whose source is nowhere)" in notice


def test_no_file_holds_such_a_model():
    with pytest.raises(ModelError) as raised:
        build_model("live:GapCnn", None, trust_code=True)
    assert str(raised.value) == (
        "model 'live:GapCnn' was a module in memory, which no file holds: give it once more in Python (model=module, "
        "transform=…), or audit it by a spec"
    )


class NoCopy(GapCnn):
    def __deepcopy__(self, memo):
        raise TypeError("holds a socket")


@pytest.mark.parametrize(
    ("make", "line"),
    [
        (
            lambda: LiveModel(3),
            "model is a int; expected a torch module, or a spec such as 'timm:resnet50'",
        ),
        (
            lambda: LiveModel(GapCnn(), "bicubic"),
            "transform is a str; expected a function from a PIL picture to a tensor (3, H, W), the one used for "
            "evaluation",
        ),
        (
            lambda: LiveModel(GapCnn()).classifier(),
            "nothing says what pictures go through before live:GapCnn: give transform=…, the one used for evaluation, "
            "or preprocess=FILE.toml (size, crop, interpolation, mean, std)",
        ),
        (
            lambda: model_given("timm:resnet50", transform=to_tensor, class_names=None, weights=None),
            "transform and class_names belong to a module in memory, and model is 'timm:resnet50': leave them out; "
            "preprocess=FILE.toml says what its pictures go through, class_map=FILE which output is which",
        ),
        (
            lambda: model_given(GapCnn(), transform=to_tensor, class_names=None, weights="w.safetensors"),
            "weights='w.safetensors' with live:GapCnn, which has its own: load them into it before",
        ),
    ],
)
def test_a_mistake_is_one_line(make, line):
    with pytest.raises((InputError, ModelError)) as raised:
        make()
    assert str(raised.value) == line


def test_a_module_that_cannot_be_copied_is_one_line():
    with pytest.raises(ModelError, match=r"copying live:NoCopy raised TypeError: holds a socket .*give a factory"):
        LiveModel(NoCopy(), to_tensor).classifier()
