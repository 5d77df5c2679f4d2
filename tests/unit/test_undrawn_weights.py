import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from auditor.models.model_sources import build_model
from auditor.models.torchvision_cure import import_torchvision_safely
from auditor.models.undrawn_weights import UndrawnWeights


def weight():
    return torch.zeros(4, 4)


@pytest.mark.parametrize(
    "draw",
    [
        nn.init.normal_,
        nn.init.uniform_,
        nn.init.trunc_normal_,
        nn.init.xavier_uniform_,
        nn.init.xavier_normal_,
        nn.init.kaiming_uniform_,
        nn.init.kaiming_normal_,
        lambda tensor: tensor.normal_(),
        lambda tensor: tensor.uniform_(1, 2),
    ],
)
def test_nothing_is_drawn_inside_and_as_ever_outside(draw):
    before = torch.get_rng_state()
    with UndrawnWeights():
        drawn = draw(tensor := weight())
        assert drawn is tensor
        assert not tensor.any()
    assert torch.get_rng_state().equal(before)
    assert draw(weight()).any()


def test_what_is_no_draw_is_done():
    with UndrawnWeights():
        norm = nn.BatchNorm2d(3)
        assert nn.init.constant_(weight(), 2.0).sum() == 32
    assert norm.weight.tolist() == [1, 1, 1]
    assert norm.running_var.tolist() == [1, 1, 1]


@pytest.mark.parametrize("spec", ["torchvision:resnet18", "timm:vit_tiny_patch16_224"])
def test_a_model_built_for_weights_of_a_file_is_the_model_they_are_of(spec, tmp_path):
    import_torchvision_safely()
    import timm
    import torchvision

    source, name = spec.split(":")
    make = torchvision.models.get_model if source == "torchvision" else timm.create_model
    torch.manual_seed(0)
    expected = make(name, num_classes=7).eval()
    save_file(expected.state_dict(), tmp_path / "weights.safetensors")
    found = build_model(spec, tmp_path / "weights.safetensors", trust_code=False).module.eval()
    picture = torch.rand(1, 3, 224, 224)
    with torch.inference_mode():
        assert found(picture).equal(expected(picture))
