import logging

import numpy as np
import pytest
import torch
from built_models import classifier_of
from torch import nn
from toy_models import GapCnn

from auditor.errors import ModelError
from auditor.models import cam
from auditor.models.device_memory import DeviceMemoryError, in_parts


class Small(nn.Module):
    """A network on a device that has room for so many pictures; says how many came."""

    def __init__(self, room: int) -> None:
        super().__init__()
        self.net, self.room, self.came = GapCnn(), room, list[int]()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.came.append(len(x))
        if len(x) > self.room:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return self.net(x)


def small(room):
    torch.manual_seed(0)
    module = Small(room=100)
    classifier = classifier_of(module)
    module.room = room
    module.came.clear()
    return classifier, module


BATCH = torch.rand(8, 3, 16, 16, generator=torch.Generator().manual_seed(0))


def test_a_batch_without_room_goes_through_in_parts_and_gives_the_same(caplog):
    classifier, module = small(3)
    expected, _ = small(100)
    with caplog.at_level(logging.WARNING):
        activations, logits = cam.forward(classifier, BATCH)
    assert module.came == [8, 4, 2, 2, 2, 2]
    for found, wanted in zip((activations, logits), cam.forward(expected, BATCH), strict=True):
        np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert [record.getMessage() for record in caplog.records] == [
        "memory ran out for 8 pictures at once: they go through 4 by 4",
        "memory ran out for 4 pictures at once: they go through 2 by 2",
    ]


def test_what_fits_is_remembered_for_the_next_batch():
    classifier, module = small(5)
    cam.forward(classifier, BATCH)
    module.came.clear()
    cam.forward(classifier, BATCH)
    assert module.came == [4, 4]


def test_maps_come_in_parts_too():
    classifier, _ = small(3)
    expected, _ = small(100)
    weights = classifier.head.weight
    for draw in (
        lambda one: cam.forward_with_maps(one, BATCH, weights),
        lambda one: (cam.response_maps(one, BATCH, np.repeat(weights[None], len(BATCH), axis=0)),),
        lambda one: np.concatenate(cam.forward_outputs_with_maps(one, BATCH, [one.head, one.head])[1][1][:1]),
    ):
        for found, wanted in zip(draw(classifier), draw(expected), strict=True):
            np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_no_room_for_a_single_picture_is_one_line():
    classifier, _ = small(0)
    with pytest.raises(ModelError) as caught:
        cam.forward(classifier, BATCH)
    assert str(caught.value) == (
        "a single picture has no room in the memory of the device (memory of device 'cpu' ran out for 1 picture of "
        "shape (3, 16, 16) in model Small): take another --device, or end what else uses it"
    )


def test_memory_may_run_out_outside_of_the_model():
    """In a backward pass, or where a batch is copied to the device."""
    asked: list[int] = []

    def answer(part: slice) -> tuple[np.ndarray]:
        rows = np.arange(part.start, part.stop)
        asked.append(rows.size)
        if rows.size > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return (rows,)

    module = nn.Linear(1, 1)
    assert in_parts(module, 5, answer)[0].tolist() == [0, 1, 2, 3, 4]
    assert asked == [5, 2, 2, 1]
    assert in_parts(module, 0, answer)[0].tolist() == []
    with pytest.raises(DeviceMemoryError):
        in_parts(nn.Linear(1, 1), 3, lambda _: (_ for _ in ()).throw(DeviceMemoryError("none")))
