"""An output of a multi-label classifier is a model of two classes: its label, where p is over the threshold, or not."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from toy_models import GapCnn

from auditor.errors import ModelError
from auditor.extraction.extract import _features_key
from auditor.models import cam
from auditor.models.classifier import LabelOutput
from auditor.models.label_output import kind_of_outputs, of_label
from auditor.models.live_model import LiveModel
from auditor.models.load_classifier import make_classifier
from auditor.models.preprocess import Preprocess
from auditor.textcam.attribution import centred_weights

PLAIN = Preprocess((8, 8), None, "bilinear", (0.5, 0.5, 0.5), (0.5, 0.5, 0.5))
NAMES = ("rose", "leaf", "water")
#: Logits [a0 - a1, 2 a1 + 0.5, 0.5 a0 - 1] of the two channels.
WEIGHT, BIAS = torch.tensor([[1.0, -1], [0, 2], [0.5, 0]]), torch.tensor([0.0, 0.5, -1])


class Ended(nn.Module):
    """GapCnn with three outputs and something behind them."""

    def __init__(self, end=None):
        super().__init__()
        self.net, self.end = GapCnn(), end
        self.net.fc = nn.Linear(2, 3)
        with torch.no_grad():
            self.net.fc.weight.copy_(WEIGHT)
            self.net.fc.bias.copy_(BIAS)

    def forward(self, x):
        return self.end(self.net(x)) if self.end else self.net(x)


def loaded(end=None, names=NAMES, **options):
    return make_classifier(Ended(end), PLAIN, spec="toy", class_names=names, multi_label=True, **options)


def batch():
    return torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("end", [None, torch.sigmoid], ids=["logits", "sigmoid"])
@pytest.mark.parametrize("threshold", [0.5, 0.4, 0.9])
@pytest.mark.parametrize("output", [0, 1, 2])
def test_a_picture_is_called_by_the_label_where_p_is_over_the_threshold(end, threshold, output):
    whole = loaded(end)
    one = of_label(whole, LabelOutput(output, NAMES[output], threshold), without="none of it")
    z = Ended()(batch()).detach()[:, output]
    channels, logits = cam.forward(one, batch())
    assert one.class_names == ("none of it", NAMES[output])
    np.testing.assert_array_equal(logits.argmax(axis=1) == 1, (torch.sigmoid(z) > threshold).numpy())
    offset = np.log(threshold / (1 - threshold))
    # contributions and bias are the logit, and that is the model's, counted from the threshold
    np.testing.assert_allclose(channels @ one.head.weight.T + one.head.bias, logits, atol=1e-6)
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], z.numpy() - offset, atol=1e-5)
    np.testing.assert_allclose(centred_weights(one.head)[1], WEIGHT[output].numpy() / 2)


def test_all_outputs_in_one_pass_are_each_by_itself():
    whole = loaded()
    ones = [of_label(whole, LabelOutput(at, name, 0.3), without="no") for at, name in enumerate(NAMES)]
    channels, found = cam.forward_outputs_with_maps(ones[0], batch(), [one.head for one in ones])
    for one, (logits, maps) in zip(ones, found, strict=True):
        own = cam.forward_with_maps(one, batch(), centred_weights(one.head))
        for ours, expected in zip((channels, logits, maps), own, strict=True):
            np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_its_digest_is_the_models_and_its_features_are_its_own():
    whole = loaded()
    ones = [of_label(whole, LabelOutput(at, "x", t), without="no") for at, t in ((0, 0.5), (1, 0.5), (0, 0.4))]
    assert {one.digest for one in ones} == {whole.digest}

    class Encoder:
        digest = "e"

    assert len({_features_key(one, Encoder(), True, True) for one in ones}) == 3


def test_the_audit_says_which_output_and_threshold():
    told = of_label(loaded(), LabelOutput(2, "water", 0.4), without="not water").notices[-1]
    assert told.startswith(
        "multi-label: 'water' is output 2 of 3 (0 to 2), and a picture is called so where its probability is over 40 %"
    )
    assert "one at the threshold is 50 %" in told
    assert "threshold" not in of_label(loaded(), LabelOutput(2, "water", 0.5), without="not water").notices[-1]


def test_one_logit_is_one_output():
    module = GapCnn()
    module.fc = nn.Linear(2, 1)
    whole = LiveModel(module, PLAIN, ("bee",)).classifier(multi_label=True)
    assert (whole.n_classes, whole.class_names, whole.one_logit) == (1, ("bee",), False)
    one = of_label(whole, LabelOutput(0, "bee", 0.5), without="not bee")
    z = module(batch()).detach()[:, 0].numpy()
    np.testing.assert_allclose(cam.forward(one, batch())[1], np.stack([-z, z], 1) / 2, atol=1e-6)


@pytest.mark.parametrize("end", [lambda x: x.softmax(1), lambda x: x.log_softmax(1)], ids=["softmax", "log"])
def test_outputs_that_share_one_probability_are_refused(end):
    with pytest.raises(ModelError, match="probabilities that add up to 1, so it calls a picture by one class"):
        loaded(end)


def test_sigmoids_are_told_unasked():
    named = make_classifier(Ended(torch.sigmoid), PLAIN, spec="toy", class_names=NAMES)
    assert any("--multi-label audits it label by label" in notice for notice in named.notices)
    assert not make_classifier(Ended(), PLAIN, spec="toy", class_names=NAMES).notices
    assert not loaded(torch.sigmoid).notices


def test_what_outputs_are():
    z = torch.tensor([[1.0, -2, 0.5], [0, 3, -1]])
    outputs = (z, z.softmax(1), z.log_softmax(1), z.sigmoid(), z[:, :1].sigmoid())
    assert [kind_of_outputs(values) for values in outputs] == [
        "other", "softmax", "softmax", "sigmoid", "other",
    ]  # fmt: skip
