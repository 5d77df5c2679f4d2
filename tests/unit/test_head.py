"""Every head that is affine in something is folded exactly; what is none is named, or attributed to first order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from built_models import classifier_of, pictures
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812  # torch's own habit
from toy_models import randomise

from auditor.errors import ModelError
from auditor.models import cam
from auditor.models.classifier import Classifier

Ending = Callable[[nn.ModuleDict, Tensor], Tensor]


class Ended(nn.Module):
    """A convolution (3 to 6 channels), ReLU and its mean, then what is tried."""

    def __init__(self, layers: dict[str, nn.Module], ending: Ending) -> None:
        super().__init__()
        self.conv, self.end = nn.Conv2d(3, 6, 3, 2, 1), nn.ModuleDict(layers)
        self.ending = ending

    def forward(self, x: Tensor) -> Tensor:
        return self.ending(self.end, self.conv(x).relu())


def mean(x: Tensor) -> Tensor:
    return x.mean((2, 3))


def loaded(layers: dict[str, nn.Module], ending: Ending) -> Classifier:
    return classifier_of(randomise(Ended(layers, ending)))


def check(classifier: Classifier, undone: Callable[[Tensor], Tensor] = lambda x: x) -> None:
    """Contributions and bias are what the module returns, and what is called its logits."""
    batch = pictures(4, 16)
    activations, logits = cam.forward(classifier, batch)
    found = activations.astype(np.float64) @ classifier.head.weight.T + classifier.head.bias
    with torch.no_grad():
        returned = undone(classifier.module(batch)).numpy()
    scale = np.abs(returned).max()
    np.testing.assert_allclose(found, returned, atol=1e-5 * scale)
    np.testing.assert_allclose(logits, returned, atol=1e-5 * scale)
    maps = cam.response_maps(classifier, batch, np.repeat(classifier.head.weight[None, :2], 4, 0))
    assert np.abs(maps).max() > 0


def linear(n_in: int = 6, n_out: int = 5) -> nn.Linear:
    torch.manual_seed(n_in + n_out)
    return nn.Linear(n_in, n_out)


def test_mean_of_two_heads_on_one_input_is_one_head_with_their_mean():
    layers = {"one": linear(), "two": linear()}
    nn.init.constant_(layers["two"].weight, 0.25)
    classifier = loaded(layers, lambda end, x: (end["one"](mean(x)) + end["two"](mean(x))) / 2)
    check(classifier)
    assert (classifier.head_layer, classifier.logits, classifier.map_method) == ("end.one + end.two", "fold", "cam")
    expected = (layers["one"].weight + layers["two"].weight) / 2
    np.testing.assert_array_equal(classifier.head.weight, expected.detach().numpy())


def test_heads_on_two_inputs_have_their_channels_side_by_side():
    layers = {"one": linear(), "two": linear()}
    classifier = loaded(layers, lambda end, x: end["one"](mean(x)) + end["two"](x.amax((2, 3))))
    check(classifier)
    assert classifier.head.weight.shape == (5, 12)
    assert [part.layer for part in classifier.head_parts] == ["end.one", "end.two"]
    np.testing.assert_array_equal(classifier.head.weight[:, 6:], layers["two"].weight.detach().numpy())


def test_one_layer_that_is_asked_twice():
    classifier = loaded({"one": linear()}, lambda end, x: 0.5 * (end["one"](mean(x)) + end["one"](x.amax((2, 3)))))
    check(classifier)
    assert [(part.layer, part.call) for part in classifier.head_parts] == [("end.one", 0), ("end.one", 1)]


@settings(max_examples=15, deadline=None)
@given(st.lists(st.floats(0.1, 9) | st.floats(-9, -0.1), min_size=1, max_size=3))
def test_whatever_the_factors_of_a_sum_are(factors: list[float]):
    torch.manual_seed(3)
    layers = {str(n): nn.Linear(6, 5) for n in range(len(factors))}
    check(loaded(layers, lambda end, x: sum(f * end[str(n)](mean(x)) for n, f in enumerate(factors))))


def test_behind_a_dropout_it_is_the_plain_layer():
    classifier = loaded({"end": nn.Sequential(nn.Dropout(0.5), linear())}, lambda end, x: end["end"](mean(x)))
    check(classifier)
    assert (classifier.head_layer, classifier.logits, classifier.map_method) == ("end.end.1", "layer", "cam")


def test_a_normalisation_before_it_is_folded_and_its_map_is_exact():
    layers = {"norm": nn.BatchNorm1d(6), "head": linear()}
    classifier = loaded(layers, lambda end, x: end["head"](end["norm"](mean(x))))
    check(classifier)
    assert ([part.layer for part in classifier.head_parts], classifier.map_method) == (["end.norm"], "cam")
    norm: Any = layers["norm"]
    scale = (norm.weight / (norm.running_var + norm.eps).sqrt()).detach()
    np.testing.assert_allclose(
        classifier.head.weight, (layers["head"].get_parameter("weight") * scale).detach().numpy(), atol=1e-6
    )


class Adapted(nn.Module):
    """A linear layer and what low-rank adaptation adds to it, as LoRA does."""

    def __init__(self) -> None:
        super().__init__()
        self.base, self.down, self.up = linear(), nn.Linear(6, 2, bias=False), nn.Linear(2, 5, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        added: Tensor = self.up(self.down(x))
        return 4 * added + self.base(x)


def test_an_adapted_layer_is_merged():
    layer = Adapted()
    classifier = loaded({"head": layer}, lambda end, x: end["head"](mean(x)))
    check(classifier)
    expected = layer.base.weight + 4 * layer.up.weight @ layer.down.weight
    np.testing.assert_allclose(classifier.head.weight, expected.detach().numpy(), atol=1e-6)
    assert (classifier.head_layer, classifier.map_method) == ("end.head", "cam")


class Cosine(nn.Module):
    """Cosine of the input with every row, times a temperature."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.rows = nn.Parameter(torch.randn(5, 6))

    def forward(self, x: Tensor) -> Tensor:
        return 16 * F.linear(F.normalize(x), F.normalize(self.rows))


def test_a_cosine_head_has_channels_of_length_1():
    layer = Cosine()
    classifier = loaded({"head": layer}, lambda end, x: end["head"](mean(x)))
    check(classifier)
    assert classifier.unit
    np.testing.assert_allclose(np.linalg.norm(cam.forward(classifier, pictures(4, 16))[0], axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(classifier.head.weight, 16 * F.normalize(layer.rows).detach().numpy(), atol=1e-5)
    assert classifier.map_method == "centred_gradient"  # its input has no length to tell


class ZeroShot(nn.Module):
    """A network that embeds pictures, and texts that they are compared with: no layer holds the texts."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(2)
        self.visual = Ended({"proj": nn.Linear(6, 8)}, lambda end, x: end["proj"](mean(x)))
        self.texts, self.scale = F.normalize(torch.randn(5, 8)), nn.Parameter(torch.tensor(4.6))

    def forward(self, x: Tensor) -> Tensor:
        return self.scale.exp() * F.normalize(self.visual(x)) @ self.texts.T


def test_texts_that_pictures_are_compared_with_are_the_head():
    module = ZeroShot()
    classifier = classifier_of(module)
    check(classifier)
    assert (classifier.unit, classifier.head.weight.shape) == (True, (5, 8))
    assert classifier.head_parts[0].side == "output"
    expected = module.scale.exp() * module.texts
    np.testing.assert_allclose(classifier.head.weight, expected.detach().numpy(), rtol=1e-5)


def test_a_temperature_is_in_the_weights():
    layer = linear()
    classifier = loaded({"head": layer}, lambda end, x: end["head"](mean(x)) / 0.07)
    check(classifier)
    np.testing.assert_allclose(classifier.head.weight, layer.weight.detach().numpy() / 0.07, rtol=1e-5)


@pytest.mark.parametrize(
    ("end", "undone"), [(torch.sigmoid, torch.logit), (lambda x: x.log_softmax(1), lambda x: x)], ids=["sigmoid", "log"]
)
def test_a_sum_of_heads_under_a_function(end: Callable[[Tensor], Tensor], undone: Callable[[Tensor], Tensor]):
    layers = {"one": linear(), "two": nn.Linear(6, 5)}
    classifier = loaded(layers, lambda e, x: end((e["one"](mean(x)) + e["two"](mean(x))) / 2))
    assert classifier.head_layer == "end.one + end.two"
    if end is torch.sigmoid:
        check(classifier, undone)


def test_two_heads_of_one_logit_are_two_classes():
    classifier = loaded({"a": linear(6, 1), "b": linear(6, 1)}, lambda end, x: end["a"](mean(x)) + end["b"](mean(x)))
    _, logits = cam.forward(classifier, pictures(4, 16))
    with torch.no_grad():
        z = classifier.module(pictures(4, 16)).numpy()
    np.testing.assert_allclose(logits, np.concatenate([-z, z], axis=1) / 2, atol=1e-6)


def test_something_that_is_not_linear_behind_is_attributed_to_first_order_and_said():
    layer = nn.Conv2d(6, 40, 1)
    nn.init.constant_(layer.bias, 0.2)
    classifier = loaded({"head": layer}, lambda end, x: 10 * end["head"](x).relu().mean((2, 3)))
    assert not classifier.exact
    (notice,) = classifier.notices
    assert "contribute is not exact: Ended does something after its last linear layer 'end.head'" in notice
    assert "to the first order" in notice
    activations, logits = cam.forward(classifier, pictures(4, 16))
    with torch.no_grad():
        np.testing.assert_array_equal(logits, classifier.module(pictures(4, 16)).numpy())
    assert np.abs(activations @ classifier.head.weight.T + classifier.head.bias - logits).max() > 1e-3


class Half(nn.Module):
    """A linear layer that forward runs in half precision."""

    def __init__(self) -> None:
        super().__init__()
        self.head = linear()

    def forward(self, x: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16):
            return self.head(x).float()


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(
    ("layers", "ending", "expected"),
    [
        (
            lambda: {"head": nn.Conv2d(6, 3, 1)},
            lambda end, x: end["head"](x).amax((2, 3)),
            "returns the maximum over the places of layer 'end.head'",
        ),
        (
            lambda: {"one": nn.Linear(6, 3), "two": nn.Linear(6, 3)},
            lambda end, x: (end["one"](mean(x)).softmax(1) + end["two"](mean(x)).softmax(1)) / 2,
            "averages the probabilities of 2 heads",
        ),
        (
            lambda: {"head": Half()},
            lambda end, x: end["head"](mean(x)),
            "'end.head.head' of Ended runs in bfloat16",
        ),
        (lambda: {"head": nn.Identity()}, lambda end, x: end["head"](mean(x)), "calls no linear layer"),
        (
            lambda: {"head": linear()},
            lambda end, x: end["head"](mean(x)).sort(1).values ** 3,
            "something that is not linear follows it",
        ),
        (
            lambda: {"head": linear()},
            lambda end, x: end["head"](F.dropout(mean(x))),
            "gives two results for one picture in evaluation mode: take out what is drawn by chance, such as dropout",
        ),
        (
            lambda: {"head": torch.jit.script(linear())},
            lambda end, x: end["head"](mean(x)),
            "layer 'end.head' of model Ended is a result of torch.jit",
        ),
        (
            lambda: torch.ao.quantization.quantize_dynamic(nn.ModuleDict({"head": linear()}), dtype=torch.qint8),
            lambda end, x: end["head"](mean(x)),
            "layer 'end.head' of model Ended is quantised (Linear), which no gradient passes",
        ),
    ],
    ids=["maximum", "probabilities", "autocast", "no-classifier", "not-linear", "dropout", "scripted", "quantised"],
)
def test_what_is_refused_names_the_cause(layers: Callable[[], dict[str, nn.Module]], ending: Ending, expected: str):
    with pytest.raises(ModelError) as caught:
        classifier_of(Ended(dict(layers()), ending))
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)
