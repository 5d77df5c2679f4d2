import logging

import numpy as np
import pytest
import torch
from built_models import classifier_of
from torch import nn
from toy_models import GapCnn

from auditor.errors import ModelError
from auditor.models import cam
from auditor.models.device_memory import DeviceMemoryError, NoRoomError, in_parts
from auditor.models.map_choice import drawing_with
from auditor.records import LinearHead


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
        "memory ran out for 8 pictures: they go through 4 at a time",
        "memory ran out for 4 pictures: they go through 2 at a time",
    ]


def test_what_fits_is_remembered_for_the_next_batch():
    classifier, module = small(5)
    cam.forward(classifier, BATCH)
    module.came.clear()
    cam.forward(classifier, BATCH)
    assert module.came == [4, 4]


def of_outputs(classifier):
    """All that comes of two unlike outputs."""
    head = classifier.head
    heads = [LinearHead(head.weight, head.bias), LinearHead(3 * head.weight[::-1], head.bias)]
    channels, found = cam.forward_outputs_with_maps(classifier, BATCH, heads)
    return [channels, *(array for of_output in found for array in of_output)]


@pytest.mark.parametrize(
    "draw",
    [
        lambda one: cam.forward_with_maps(one, BATCH, one.head.weight),
        lambda one: [cam.response_maps(one, BATCH, np.repeat(one.head.weight[None], len(BATCH), axis=0))],
        of_outputs,
    ],
)
def test_maps_come_in_parts_too(draw):
    (classifier, module), (expected, _) = small(3), small(100)
    found, wanted = draw(classifier), draw(expected)
    assert module.came == [8, 4, 2, 2, 2, 2]
    for one, other in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_memory_may_run_out_in_the_backward_pass(monkeypatch):
    """It is no sign that the layer does not lead to the head."""
    (classifier, module), backward = small(100), torch.autograd.grad
    drawing = drawing_with(classifier, "layer_cam")
    weights = np.repeat(classifier.head.weight[None], len(BATCH), axis=0)
    expected = cam.response_maps(drawing, BATCH, weights)

    def short(outputs, inputs, **options):
        if len(inputs) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return backward(outputs, inputs, **options)

    monkeypatch.setattr(torch.autograd, "grad", short)
    module.came.clear()
    np.testing.assert_allclose(cam.response_maps(drawing, BATCH, weights), expected, atol=1e-5)
    assert module.came == [8, 4, 2, 2, 2, 2]


def test_no_room_for_a_single_picture_is_one_line():
    classifier, _ = small(0)
    with pytest.raises(ModelError) as caught:
        cam.forward(classifier, BATCH)
    assert str(caught.value) == (
        "a single picture has no room in the memory of the device (memory of device 'cpu' ran out for 1 picture of "
        "shape (3, 16, 16) in model Small): take another --device, or end what else uses it"
    )


def test_memory_may_run_out_outside_of_the_model():
    """Such as where a batch is copied to the device."""
    asked: list[int] = []

    def answer(part: slice) -> tuple[np.ndarray]:
        rows = np.arange(part.start, part.stop)
        asked.append(rows.size)
        if rows.size > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return (rows,)

    module = nn.Linear(1, 1)
    assert in_parts(module, "maps", 5, answer)[0].tolist() == [0, 1, 2, 3, 4]
    assert asked == [5, 2, 2, 1]
    assert in_parts(module, "maps", 0, answer)[0].tolist() == []
    asked.clear()
    assert in_parts(module, "features", 3, answer)[0].tolist() == [0, 1, 2]
    assert asked == [3, 1, 1, 1]  # what fits in one kind of pass says nothing of another


def test_a_pass_within_a_pass_says_once_that_there_is_no_room():
    module = nn.Linear(1, 1)

    def nothing(_: slice) -> tuple[np.ndarray]:
        raise DeviceMemoryError("memory of device 'cuda' ran out; lower --batch-size")

    def outer(part: slice) -> tuple[np.ndarray, ...]:
        return in_parts(module, "features", part.stop - part.start, nothing)

    with pytest.raises(
        NoRoomError,
        match=r"^a single picture has no room in the memory of the device \(memory of device 'cuda' ran out\): take",
    ):
        in_parts(module, "maps", 4, outer)
