"""What user code raises or returns becomes one line with the place in it: factories, transforms, forwards."""

from __future__ import annotations

import textwrap
from pathlib import Path

import numpy as np
import pytest
import torch
from built_models import classifier_of
from model_files import PREPROCESS, message
from PIL import Image
from torch import nn
from toy_models import GapCnn

from auditor.errors import InputError, ModelError
from auditor.models.load_classifier import load_classifier, make_classifier
from auditor.models.preprocess import OpaqueTransform, from_transform, probe_picture
from auditor.models.user_code import call_model, users_code

HEAD = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent)!r})
import torch
from torch import nn
from toy_models import GapCnn
"""


def test_own_errors_interruptions_and_memory_pass():
    for error in (InputError("ours"), KeyboardInterrupt(), MemoryError()):
        with pytest.raises(type(error)), users_code("it", "mend it"):
            raise error


def test_the_line_of_the_users_own_code_is_the_last_one_outside_libraries():
    with pytest.raises(ModelError) as caught, users_code("it", "mend it"):
        torch.zeros(2).view(3)
    line = caught.traceback[0].lineno + 2  # the traceback counts from 0, and the call is the line after
    assert f"({__file__}:{line}); mend it" in str(caught.value)
    assert str(caught.value).startswith("it raised RuntimeError: shape '[3]' is invalid")
    assert isinstance(caught.value.__cause__, RuntimeError)


# --- factories ----


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ("raise KeyError('backbone')", "make() raised KeyError: 'backbone' ("),
        ("sys.exit(0)", "make() raised SystemExit: 0 ("),
        ("class Odd(BaseException): ...\n    raise Odd('a\\nb')", "make() raised Odd: a b ("),
        ("return None", "make returned NoneType; expected a torch module or (module, transform)"),
        (
            "return torch.export.export(GapCnn(), (torch.ones(2, 3, 8, 8),))",
            "returned ExportedProgram; expected a torch",
        ),
        (
            "return torch.export.export(GapCnn(), (torch.ones(2, 3, 8, 8),)).module()",
            "into evaluation mode on 'cpu' raised NotImplementedError: Calling eval() is not supported yet.; expected "
            "a plain torch module, no result of torch.export",
        ),
        (
            "with torch.device('meta'):\n        return GapCnn()",
            "has 3 parameters without values (first: 'conv.weight')",
        ),
        ("m = GapCnn(); m.fc = nn.LazyLinear(2); return m", "has 2 parameters without values (first: 'fc.weight')"),
        ("m = GapCnn(); m.forward = lambda x: m.nothing; return m", "has no attribute 'nothing' ("),
        ("m = GapCnn(); m.forward = lambda x: {}['logits']; return m", "(2, 3, 16, 16) raised KeyError: 'logits' ("),
        ("m = GapCnn(); m.forward = lambda x: None; return m", "returns NoneType for 2 pictures; expected (B, C)"),
        ("m = GapCnn(); m.forward = lambda x: 'cat'; return m", "returns str for 2 pictures; expected (B, C)"),
        ("m = GapCnn(); m.forward = lambda x: x.sum(); return m", "returns shape () for 2 pictures; expected (B, C)"),
        ("m = GapCnn(); m.fc.weight.data[:] = float('nan'); return m", "values that are not finite on a probe"),
        ("m = GapCnn(); m.state_dict = lambda: 1 / 0; return m", "raised ZeroDivisionError: division by zero ("),
    ],
)
def test_factories_and_forwards(tmp_path: Path, body: str, expected: str):
    path = tmp_path / "mine.py"
    path.write_text(HEAD + f"def make():\n    {body}\n")
    (tmp_path / "p.toml").write_text(PREPROCESS)
    text = message(f"{path}:make", weights=None, preprocess=tmp_path / "p.toml", trust_code=True)
    assert expected in text
    if expected.endswith("("):
        assert f"({path}:8" in text or f"({path}:9" in text
        assert "; expected" in text or "; mend" in text


def test_names_of_another_number():
    names = ("red", "green", "blue")
    with pytest.raises(
        ModelError, match=r"toy has 2 outputs but 3 class names \('red', 'green', 'blue'\); expected one"
    ):
        make_classifier(GapCnn(), classifier_of(GapCnn()).preprocess, spec="toy", class_names=names)


def test_a_compiled_module_is_taken_as_it_was():
    compiled = torch.compile(GapCnn(), backend="eager")
    assert classifier_of(compiled).head_layer == "fc"


def test_memory_of_a_device_that_runs_out_is_no_fault_of_the_model():
    def forward(_):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    module = nn.Module()
    module.forward = forward
    with pytest.raises(ModelError) as caught:
        call_model(module, torch.zeros(64, 3, 8, 8), "toy")
    assert str(caught.value) == (
        "memory of device 'cpu' ran out for 64 pictures of shape (3, 8, 8) in model toy; lower --batch-size, or take "
        "another --device"
    )


class Scaled(nn.Module):
    """Two convolutions, and a parameter of five axes, which no memory format fits."""

    def __init__(self) -> None:
        super().__init__()
        self.net, self.first = GapCnn(), nn.Conv2d(3, 3, 1)
        self.scale = nn.Parameter(torch.ones(1, 1, 1, 1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.net(self.first(x) * self.scale[0])


def test_a_parameter_of_five_axes_keeps_the_usual_layout():
    assert not classifier_of(Scaled()).channels_last


# --- transforms ----


def mapped(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.asarray(image, np.float64).transpose(2, 0, 1) / 255)


def test_float64_is_cast():
    transform = from_transform(lambda image: mapped(image)[:, :8, :8].requires_grad_(), "toy")
    found = transform(probe_picture())
    assert (found.dtype, found.requires_grad, tuple(found.shape)) == (torch.float32, False, (3, 8, 8))


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (
            lambda image: image.info["dpi"],
            r"400 x 300 picture raised KeyError: 'dpi' \(.*test_user_code.py:\d+\); expected",
        ),
        (lambda image: image.pixels, "raised AttributeError: .* has no attribute 'pixels'"),
        (lambda image: None, "gives NoneType for a 400 x 300 picture; expected a float tensor"),
        (lambda image: mapped(image)[None], r"gives torch.float64 \(1, 3, 300, 400\) for"),
        (lambda image: mapped(image) / 0, "gives values that are not finite for a 400 x 300 picture"),
        (lambda image: mapped(image).to("meta"), "raised NotImplementedError: Cannot copy out of meta tensor"),
    ],
)
def test_transforms(made, expected):
    with pytest.raises(ModelError, match=f"transform of toy .*{expected}"):
        from_transform(made, "toy")


def test_a_factorys_transform_fails_at_load_with_its_line(tmp_path: Path):
    path = tmp_path / "mine.py"
    path.write_text(
        HEAD
        + textwrap.dedent("""
        def transform(image):
            return image.exif["Orientation"]

        def make():
            return GapCnn(), transform
        """)
    )
    text = message(f"{path}:make", weights=None, trust_code=True)
    assert "raised AttributeError: 'Image' object has no attribute 'exif'" in text
    assert f"({path}:9); expected a float tensor (3, H, W): mend the transform" in text


def test_transform_of_a_factory_is_cast_for_the_model(tmp_path: Path):
    path = tmp_path / "mine.py"
    path.write_text(HEAD + "def make():\n    return GapCnn(), lambda image: torch.ones(3, 8, 8, dtype=torch.float64)\n")
    classifier = load_classifier(f"{path}:make", weights=None, trust_code=True)
    assert isinstance(classifier.preprocess, OpaqueTransform)
    assert classifier.preprocess(probe_picture()).dtype == torch.float32
