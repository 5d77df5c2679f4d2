"""One output of a multi-label classifier as a classifier of two classes: pictures without its label, and with it.

An output z stands for itself: its picture is called by the label where sigmoid(z) is over the threshold t, which is
where z - logit(t) is above 0. So its row of the head, with that much taken off the bias, is a model with one logit.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Literal

import numpy as np
from torch import Tensor

from auditor.errors import ModelError
from auditor.figures import decimals_of, percent
from auditor.models.classifier import Classifier, LabelOutput
from auditor.records import LinearHead
from auditor.wording import quote

#: By so much the sum of probabilities may miss 1.
_ROUNDED = 1e-4


def of_label(classifier: Classifier, wanted: LabelOutput, *, without: str) -> Classifier:
    """The classifier that tells pictures with a label from those without it.

    Its logits are -z/2 and z/2 of z = channels . w + b - logit(threshold), so that it calls a picture by the label
    where the probability is over the threshold. Its digest is that of the whole model.

    Args:
        classifier: With every output, made with ``multi_label``.
        wanted: The output.
        without: Name of the class without the label.

    Raises:
        ModelError: the channels' contributions do not add up to the model's outputs.
    """
    if not classifier.exact:
        raise ModelError(
            f"{classifier.spec} does something after its last linear layer '{classifier.head_layer}' that is not "
            "linear, so an output cannot be taken by itself: give a factory whose model returns that layer's output"
        )
    weight = classifier.head.weight[wanted.output] / 2
    bias = (classifier.head.bias[wanted.output] - math.log(wanted.threshold / (1 - wanted.threshold))) / 2
    head = LinearHead(np.stack([-weight, weight]).astype(np.float32), np.array([-bias, bias], np.float32))
    n = len(classifier.head.weight)
    over = percent(wanted.threshold, decimals=decimals_of(wanted.threshold))
    notice = (
        f"multi-label: {quote(wanted.label)} is output {wanted.output} of {n} (0 to {n - 1}), and a picture is called "
        f"so where its probability is over {over}"
    )
    if wanted.threshold != 0.5:
        notice += "; probabilities of this audit are counted from there, so that one at the threshold is 50 %"
    found = with_two_classes(classifier, head, (without, wanted.label))
    return replace(found, label_output=wanted, notices=(*classifier.notices, notice))


def with_two_classes(classifier: Classifier, head: LinearHead, class_names: tuple[str, ...]) -> Classifier:
    """The classifier with the head (2, K) of one of its outputs, as :func:`of_label` made it.

    Raises:
        ModelError: the head does not fit its channels.
    """
    n_channels = classifier.head.weight.shape[1]
    if head.weight.shape != (2, n_channels):
        raise ModelError(
            f"a head of {head.weight.shape} for {n_channels} channels of {classifier.spec}; expected two classes of as "
            "many channels: give the model that was audited"
        )
    return replace(classifier, head=head, class_names=class_names, logits="fold")


def kind_of_outputs(values: Tensor) -> Literal["softmax", "sigmoid", "other"]:
    """What a model returned (B, C): probabilities that add up to 1 (or their logarithms), each by itself, or else."""
    if values.shape[1] < 2:
        return "other"
    for probabilities in (values, values.exp()):
        if bool((probabilities >= 0).all()) and bool(((probabilities.sum(1) - 1).abs() < _ROUNDED).all()):
            return "softmax"
    return "sigmoid" if bool(((values > 0) & (values < 1)).all()) else "other"
