"""Layers whose map is empty, or that hold a part, are passed over; any tensor of a call may be the mapped one."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
import torch
from built_models import classifier_of, pictures
from torch import Tensor, nn
from toy_models import TokensFirst, randomise

from auditor.errors import ModelError
from auditor.models import cam
from auditor.models.load_classifier import other_map_layers
from auditor.models.map_proof import is_empty, what_passes
from auditor.models.trace import tensors_in, with_tensors


def test_the_last_block_before_a_class_token_is_empty_and_refused():
    torch.manual_seed(0)
    module = randomise(TokensFirst())
    expected = "no map of TokensFirst: layer 'encoder.layers.2' has places that no logit depends on, so its map is 0"
    with pytest.raises(ModelError, match=expected):
        classifier_of(module, target_layer="encoder.layers.2")
    found = classifier_of(module)
    assert found.target_layer == "encoder.layers.1"
    assert (what_passes(found, pictures(2, 16)), is_empty(found, pictures(2, 16))) == ("all", False)
    assert "encoder.layers.0" in other_map_layers(found, 5)


class TwoBranches(nn.Module):
    """Two branches of one stem, which meet in the head."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, 2, 1)
        self.left, self.right = nn.Conv2d(4, 5, 3, 2, 1), nn.Conv2d(4, 6, 3, 2, 1)
        self.fc = nn.Linear(11, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x).relu()
        left, right = self.left(x).relu().mean((2, 3)), self.right(x).relu().amax((2, 3))
        return self.fc(torch.cat([left, right], 1))


def test_a_branch_is_no_complete_cut_and_the_layer_before_it_is_taken():
    torch.manual_seed(0)
    module = TwoBranches()
    found = classifier_of(module)
    assert (found.target_layer, found.map_method) == ("stem", "gradient")
    with pytest.raises(ModelError, match="no map of TwoBranches: layer 'right' holds only a part of what"):
        classifier_of(module, target_layer="right")


class NoCut(nn.Module):
    """The same without a stem: nothing but the picture itself is all."""

    def __init__(self) -> None:
        super().__init__()
        self.left, self.right = nn.Conv2d(3, 5, 3, 2, 1), nn.Conv2d(3, 6, 3, 2, 1)
        self.fc = nn.Linear(11, 3)

    def forward(self, x: Tensor) -> Tensor:
        left, right = self.left(x).relu().mean((2, 3)), self.right(x).relu().amax((2, 3))
        return self.fc(torch.cat([left, right], 1))


def test_where_no_layer_holds_all_the_line_names_those_that_were_tried():
    torch.manual_seed(0)
    with pytest.raises(ModelError) as caught:
        classifier_of(NoCut())
    text = str(caught.value)
    assert text.startswith("no layer of NoCut gives a map: layer 'right' holds only a part")
    assert "layer 'left' holds only a part" in text
    assert text.endswith("name one with --target-layer NAME")


class Pair(nn.Module):
    """Mixes a class token, which goes beside the map, with the map: PiT in small."""

    def __init__(self) -> None:
        super().__init__()
        self.mix = nn.Conv2d(5, 5, 1)
        self.query = nn.Linear(5, 5)

    def forward(self, given: Any) -> Any:
        places, token = given
        looked = (self.query(token)[:, :, None, None] * places).sum(1, keepdim=True).flatten(2).softmax(-1)
        return self.mix(places).relu(), token + (looked * places.flatten(2)).sum(-1)


class Named(Pair):
    """The same with names, the token first."""

    def forward(self, given: Any) -> Any:
        places, token = super().forward((given["places"], given["token"]))
        return {"token": token, "places": places}


class TokenBeside(nn.Module):
    """Two such blocks; the head gets the token alone."""

    def __init__(self, block: type[Pair]) -> None:
        super().__init__()
        self.embed, self.token = nn.Conv2d(3, 5, 4, 4), nn.Parameter(torch.ones(1, 5))
        self.blocks, self.fc = nn.ModuleList([block(), block()]), nn.Linear(5, 3)

    def forward(self, x: Tensor) -> Tensor:
        places, token = self.embed(x), self.token.expand(len(x), -1)
        if isinstance(self.blocks[0], Named):
            named = {"token": token, "places": places}
            for block in self.blocks:
                named = block(named)
            return self.fc(named["token"])
        for block in self.blocks:
            places, token = block((places, token))
        return self.fc(token)


@pytest.mark.parametrize(("block", "part"), [(Pair, 0), (Named, 1)])
def test_places_are_found_among_several_tensors(block: type[Pair], part: int):
    torch.manual_seed(0)
    found = classifier_of(randomise(TokenBeside(block)))
    assert (found.target_layer, found.target.part, found.target.grid) == ("blocks.0", part, (4, 4))
    maps = cam.response_maps(found, pictures(2, 16), found.head.weight[None, :1].repeat(2, 0))
    assert np.abs(maps).max() > 0


@dataclass
class Output:
    """As transformers returns, in small."""

    logits: Tensor
    size: int


Point = namedtuple("Point", "x y")


def test_every_tensor_is_found_and_replaced_and_the_rest_stays():
    one, two = torch.zeros(1), torch.ones(2)
    for value in ((one, [two, 3]), Point(one, two), OrderedDict(a=one, b={"c": two}), [Output(one, 4), two]):
        assert [tensor.shape for tensor in tensors_in(value)] == [(1,), (2,)]
        changed = with_tensors(value, [two, one])
        assert type(changed) is type(value)
        assert [tensor.shape for tensor in tensors_in(changed)] == [(2,), (1,)]
        assert [tensor.shape for tensor in tensors_in(value)] == [(1,), (2,)]
    assert with_tensors([Output(one, 4)], [two])[0].size == 4
    assert tensors_in("text") == []
