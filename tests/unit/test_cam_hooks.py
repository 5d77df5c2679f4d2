"""Maps leave a model as it was, whatever happens, and refuse what they cannot do."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from built_models import built, classifier_of, pictures
from torch import Tensor, nn
from toy_models import GapCnn, MlpHead, SharedActivation

from auditor.errors import ModelError
from auditor.models import cam


class Failing(nn.Module):
    """Fails behind its target layer when told to."""

    def __init__(self) -> None:
        super().__init__()
        self.inner = MlpHead()
        self.gate = nn.Identity()
        self.fails = False

    def forward(self, x: Tensor) -> Tensor:
        x = self.gate(self.inner.features(x))
        if self.fails:
            raise RuntimeError("broken")
        return self.inner.classifier(x.flatten(1))


@pytest.mark.parametrize("call", ["forward", "maps"])
@pytest.mark.parametrize("fails", [False, True])
def test_everything_is_put_back(call: str, fails: bool):
    classifier = classifier_of(Failing())
    module: Any = classifier.module
    module.train()
    module.inner.classifier.eval()
    module.inner.features[0].weight.requires_grad_(False)
    modes = [m.training for m in module.modules()]
    wants = [p.requires_grad for p in module.parameters()]
    module.fails = fails

    def run() -> None:
        if call == "forward":
            cam.forward(classifier, pictures(2, 16))
        else:
            cam.response_maps(classifier, pictures(2, 16), np.ones((2, 1, 10), np.float32))

    if fails:
        with pytest.raises(ModelError, match="raised RuntimeError: broken"):
            run()
    else:
        run()
    assert [m.training for m in module.modules()] == modes
    assert [p.requires_grad for p in module.parameters()] == wants
    assert all(p.grad is None for p in module.parameters())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())
    assert torch.is_grad_enabled()


def test_loading_leaves_no_hooks():
    for module in (classifier_of(SharedActivation()).module, built("timm:vit_tiny_patch16_224", 64).module):
        assert not any(m._forward_hooks or m._forward_pre_hooks for m in module.modules())


def test_weights_of_another_shape():
    classifier = classifier_of(GapCnn())
    with pytest.raises(ModelError, match=r"channel weights \(1, 1, 3\).*expected \(1, P, 2\)"):
        cam.response_maps(classifier, pictures(1, 16), np.ones((1, 1, 3), np.float32))


def test_no_maps_wanted():
    for module in (GapCnn(), MlpHead()):
        classifier = classifier_of(module)
        k = classifier.head.weight.shape[1]
        assert cam.response_maps(classifier, pictures(2, 16), np.zeros((2, 0, k), np.float32)).shape == (2, 0, 16, 16)


def test_target_that_does_not_lead_to_the_head():
    class Aside(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.main, self.aside = GapCnn(), nn.Conv2d(3, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            self.aside(x)
            return self.main(x)

    with pytest.raises(
        ModelError, match="no map of Aside: layer 'aside' does not lead to the head; leave out --target-layer"
    ):
        classifier_of(Aside(), target_layer="aside")


def test_batches_change_nothing():
    classifier = built("torchvision:resnet18", 64)
    batch = pictures(3, 64)
    together = cam.forward(classifier, batch)[0]
    alone = np.concatenate([cam.forward(classifier, batch[i : i + 1])[0] for i in range(3)])
    np.testing.assert_allclose(together, alone, atol=1e-5)
