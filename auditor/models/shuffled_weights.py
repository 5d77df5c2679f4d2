"""A model that has learnt nothing, to see whether its maps differ: the model's own weights in an order by chance."""

from __future__ import annotations

import copy
from dataclasses import replace

import numpy as np
import torch

from auditor.models.classifier import Classifier
from auditor.records import LinearHead


def with_shuffled_weights(classifier: Classifier, seed: int) -> Classifier:
    """A copy whose weights are shuffled within each tensor, the head's among them; the classifier stays as it is.

    Each tensor keeps its values, and so the size of what passes through it, whatever the architecture (the parameter
    randomisation of Adebayo et al., arXiv:1810.03292, draws them anew). What normalisations counted stays.

    Args:
        classifier: The model under audit.
        seed: Of the order.
    """
    module = copy.deepcopy(classifier.module)
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in module.parameters():
            order = torch.randperm(parameter.numel(), generator=generator).to(parameter.device)
            parameter.copy_(parameter.flatten()[order].view_as(parameter))
    rng = np.random.default_rng(seed)
    head = classifier.head
    weight = rng.permutation(head.weight.reshape(-1)).reshape(head.weight.shape)
    return replace(classifier, module=module, head=LinearHead(weight, head.bias, head.multi_label))
