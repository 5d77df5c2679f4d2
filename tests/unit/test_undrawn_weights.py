import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from auditor.models.model_sources import build_model
from auditor.models.torchvision_cure import import_torchvision_safely
from auditor.models.undrawn_weights import UndrawnWeights

DRAWS = [
    nn.init.normal_,
    nn.init.uniform_,
    nn.init.xavier_uniform_,
    nn.init.xavier_normal_,
    nn.init.kaiming_uniform_,
    nn.init.kaiming_normal_,
    lambda tensor: nn.init.kaiming_normal_(tensor=tensor),
    lambda tensor: nn.init.trunc_normal_(tensor, std=0.02),
    lambda tensor: nn.init.trunc_normal_(tensor, mean=3, a=4, b=9),  # what is set to zero lies outside
    lambda tensor: nn.init.trunc_normal_(tensor, a=5, b=6),  # drawn in another way, as few lie inside
]


def weight():
    """Of what memory may hold."""
    return nn.Parameter(torch.full((8, 8), 5.0))


@pytest.mark.parametrize("draw", DRAWS[:-2])
def test_a_parameter_is_zero_inside_and_nothing_is_drawn(draw):
    before = torch.get_rng_state()
    with UndrawnWeights():
        draw(parameter := weight())
    assert not parameter.any()
    assert torch.get_rng_state().equal(before)


@pytest.mark.parametrize("draw", DRAWS)
def test_every_draw_ends_inside_and_is_as_ever_outside(draw):
    with UndrawnWeights():
        draw(inside := weight())
    assert inside.isfinite().all()
    draw(outside := weight())
    assert outside.unique().numel() > 1


def test_what_is_no_parameter_is_drawn():
    with UndrawnWeights():
        assert torch.zeros(4, 4).normal_().any()


def test_what_is_no_draw_is_done():
    with UndrawnWeights():
        norm = nn.BatchNorm2d(3)
        assert nn.init.constant_(weight(), 2.0).sum() == 128
    assert norm.weight.tolist() == [1, 1, 1]
    assert norm.running_var.tolist() == [1, 1, 1]


@pytest.mark.parametrize("spec", ["torchvision:resnet18", "torchvision:convnext_tiny", "timm:vit_tiny_patch16_224"])
def test_a_model_built_for_weights_of_a_file_has_all_of_them(spec, tmp_path):
    import_torchvision_safely()
    import timm
    import torchvision

    source, name = spec.split(":")
    make = torchvision.models.get_model if source == "torchvision" else timm.create_model
    expected = make(name, num_classes=7).state_dict()
    save_file(expected, tmp_path / "weights.safetensors")
    found = build_model(spec, tmp_path / "weights.safetensors", trust_code=False).module.state_dict()
    assert found.keys() == expected.keys()
    assert all(found[key].equal(value) for key, value in expected.items())
