"""What happens to a picture before it enters a model: resize, crop, scale, and where each of them is read from."""

from __future__ import annotations

import difflib
import hashlib
import math
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from auditor.errors import ModelError
from auditor.models.user_code import users_code
from auditor.regular_files import read_regular_text
from auditor.wording import quote, shown

Interpolation = Literal["nearest", "bilinear", "bicubic", "lanczos", "box", "hamming"]
Transform = Callable[[Image.Image], Tensor]
#: Pixels of a side; no network takes as many, and one made a mistake who asks for more.
_MOST_SIDE = 10_000
_FILTERS: dict[str, Image.Resampling] = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
    "box": Image.Resampling.BOX,
    "hamming": Image.Resampling.HAMMING,
}
#: Parts of torchvision's, timm's and open_clip's transforms that turn a picture into a tensor in [0, 1].
_CONVERSIONS = (
    "ToTensor",
    "ToImage",
    "ToDtype",
    "PILToTensor",
    "ConvertImageDtype",
    "MaybeToTensor",
    "MaybeConvertMode",
)
#: Short side asked of the decoder where a transform's own wish cannot be known: the whole picture.
WHOLE_PICTURE = 1 << 20


@dataclass(frozen=True, slots=True)
class Preprocess:
    """Resize in Pillow (antialiased), crop the centre, then ``(RGB / 255 - mean) / std`` as a (3, H, W) float32 tensor.

    ``size`` is the length of the short side, or (height, width) for a resize that does not keep the aspect.
    ``crop`` is (height, width) of the centre, or None to keep all. Rounding follows torchvision, so the result equals
    its Resize, CenterCrop, ToTensor and Normalize to float precision.
    """

    size: int | tuple[int, int]
    crop: tuple[int, int] | None = None
    interpolation: Interpolation = "bilinear"
    mean: tuple[float, float, float] = (0.485, 0.456, 0.406)
    std: tuple[float, float, float] = (0.229, 0.224, 0.225)

    def __post_init__(self) -> None:
        sides = [*(self.size if isinstance(self.size, tuple) else (self.size,)), *(self.crop or ())]
        if min(sides) < 1 or max(sides) > _MOST_SIDE:
            raise ModelError(
                f"preprocessing with size {quote(self.size)} and crop {quote(self.crop)}: "
                f"sides must be at least 1 and at most {_MOST_SIDE:,}"
            )
        if self.crop is None and not isinstance(self.size, tuple):
            raise ModelError(f"preprocessing with size {self.size} needs a crop, or a (height, width) pair as size")
        if not isinstance(self.interpolation, str) or self.interpolation not in _FILTERS:
            raise ModelError(f"interpolation {quote(self.interpolation)} is unknown; one of {', '.join(_FILTERS)}")
        if min(self.std) <= 0 or not all(map(math.isfinite, (*self.mean, *self.std))):
            raise ModelError(
                f"preprocessing with mean {self.mean} and std {self.std}: std must be positive, all finite"
            )

    def __call__(self, image: Image.Image) -> Tensor:
        """(3, H, W) float32 of a picture of any mode."""
        image = image if image.mode == "RGB" else image.convert("RGB")
        width, height = _resized(image.size, self.size)
        if (width, height) != image.size:
            image = image.resize((width, height), _FILTERS[self.interpolation])
        if self.crop is not None and self.crop != (height, width):
            top, left = (round((side - wanted) / 2.0) for side, wanted in zip((height, width), self.crop, strict=True))
            # Pillow fills with black what lies outside, as torchvision's padding does.
            image = image.crop((left, top, left + self.crop[1], top + self.crop[0]))
        # NumPy and not torch: this runs in decoding threads, which must not start torch's own threads as well.
        pixels = np.asarray(image).transpose(2, 0, 1)
        scale = np.float32(1.0) / (np.float32(255.0) * np.asarray(self.std, np.float32))
        shift = np.asarray(self.mean, np.float32) / np.asarray(self.std, np.float32)
        values = np.multiply(pixels, scale[:, None, None], dtype=np.float32, order="C")
        values -= shift[:, None, None]
        return torch.from_numpy(values)

    @property
    def input_size(self) -> int:
        """Short side that a decoder must not go below."""
        return max(self.size) if isinstance(self.size, tuple) else self.size

    def as_toml(self) -> str:
        """The same as a file for ``--preprocess``."""
        size = self.size if isinstance(self.size, int) else list(self.size)
        lines = [f"size = {size}", *([] if self.crop is None else [f"crop = {list(self.crop)}"])]
        lines.append(f'interpolation = "{self.interpolation}"')
        return "\n".join([*lines, f"mean = {list(self.mean)}", f"std = {list(self.std)}"]) + "\n"

    def describe(self) -> str:
        """The same text for the same preprocessing: part of the digests of models and encoders."""
        return repr(sorted(asdict(self).items()))


def _resized(size: tuple[int, int], wanted: int | tuple[int, int]) -> tuple[int, int]:
    """(width, height) after the resize, rounded as torchvision does."""
    if isinstance(wanted, tuple):
        return wanted[1], wanted[0]
    width, height = size
    if width <= height:
        return wanted, int(wanted * height / width)
    return int(wanted * width / height), wanted


@dataclass(frozen=True, slots=True)
class OpaqueTransform:
    """A transform that came with a factory and is no plain resize, crop and scale."""

    transform: Transform
    fingerprint: str
    where: str  # whose it is, for errors

    def __call__(self, image: Image.Image) -> Tensor:
        """The transform's own result, (3, H, W) as float32.

        Raises:
            ModelError: it raised something, or gave something else.
        """
        whose = f"transform of {self.where}"
        given = f"a {image.width} x {image.height} picture"
        with users_code(f"{whose} on {given}", "expected a float tensor (3, H, W): mend the transform"):
            made = self.transform(image.copy())  # one that works in place changes no picture of ours
            if not isinstance(made, Tensor) or made.ndim != 3 or made.shape[0] != 3 or not made.is_floating_point():
                found = f"{made.dtype} {tuple(made.shape)}" if isinstance(made, Tensor) else type(made).__name__
                raise ModelError(f"{whose} gives {found} for {given}; expected a float tensor (3, H, W)")
            values = made.detach().cpu().float()
        if not values.isfinite().all():
            raise ModelError(f"{whose} gives values that are not finite for {given}; expected finite ones")
        return values

    @property
    def input_size(self) -> int:
        """No short side is known to be enough."""
        return WHOLE_PICTURE

    def describe(self) -> str:
        """What it does to a fixed picture: a name or a repr would not change with the code."""
        return f"transform {self.fingerprint}"


def probe_picture() -> Image.Image:
    """A fixed picture of 400 x 300 with structure at all scales."""
    noise = np.random.Generator(np.random.PCG64(7)).integers(0, 256, (300, 400, 3), dtype=np.uint8)
    ramp = np.linspace(0, 255, 400)[None, :, None] * np.ones((300, 1, 3))
    return Image.fromarray(((noise.astype(np.float64) + ramp) / 2).astype(np.uint8))


def from_transform(transform: Any, where: str) -> Preprocess | OpaqueTransform:
    """Understand a transform of torchvision, timm, open_clip or a factory, or wrap it as it is.

    Args:
        transform: Callable from PIL image to (3, H, W) float tensor.
        where: Named in errors.

    Raises:
        ModelError: it fails, gives another shape or type, or gives two results for one picture.
    """
    picture = probe_picture()
    opaque = OpaqueTransform(transform, "", where)
    first, second = opaque(picture), opaque(picture)
    if not torch.equal(first, second):
        raise ModelError(f"transform of {where} gives two results for one picture: return the one used for evaluation")
    known = _recognise(transform)
    if known is not None:
        ours = known(picture)
        # Recognised by its parts, believed by its result.
        if ours.shape == first.shape and torch.allclose(ours, first, atol=1e-4):
            return known
    digest = hashlib.sha256(first.contiguous().numpy().tobytes())
    return replace(opaque, fingerprint=f"{tuple(first.shape)} {digest.hexdigest()}")


def _recognise(transform: Any) -> Preprocess | None:
    """Preprocess of a torchvision preset, or of a Compose of Resize, CenterCrop, conversion and Normalize."""
    try:
        if hasattr(transform, "resize_size") and hasattr(transform, "crop_size"):
            size, crop, interpolation, normal = transform.resize_size, transform.crop_size, transform, transform
        else:
            parts = {type(part).__name__: part for part in transform.transforms}
            if not parts.keys() <= {"Resize", "CenterCrop", "Normalize", *_CONVERSIONS}:
                return None
            resize, normal = parts["Resize"], parts["Normalize"]
            size, interpolation = resize.size, resize
            crop = parts["CenterCrop"].size if "CenterCrop" in parts else None
        return Preprocess(
            size=_size(size, "size"),
            crop=None if crop is None else _pair(crop, "crop"),
            interpolation=interpolation.interpolation.value,
            mean=_triple(normal.mean, "mean"),
            std=_triple(normal.std, "std"),
        )
    except (AttributeError, KeyError, ModelError):
        return None


def read_preprocess(path: Path) -> Preprocess:
    """Read ``--preprocess FILE.toml``.

    Keys are those of :class:`Preprocess`. ``size`` is needed; ``crop`` (a side or [height, width]) defaults to the
    square of ``size``.

    Raises:
        ModelError: no such file, no TOML, an unknown key (the nearest one is named), or a value of the wrong shape.
    """
    try:
        given = tomllib.loads(read_regular_text(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelError(
            f"preprocessing file {path} cannot be read: {reason}; expected a TOML file with size, crop, mean, std"
        ) from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"preprocessing file {path} is no TOML: {error}; expected lines such as size = 256") from error
    return from_mapping(given, str(path))


def from_mapping(given: Mapping[str, Any], where: str) -> Preprocess:
    """Preprocess of a table with its keys; see :func:`read_preprocess`."""
    names = [field.name for field in fields(Preprocess)]
    for key in given:
        if key not in names:
            near = difflib.get_close_matches(key, names, n=1, cutoff=0)[0]
            raise ModelError(f"{where}: unknown key '{key}'; did you mean '{near}'? Keys: {', '.join(names)}")
    if "size" not in given:
        raise ModelError(f"{where}: key 'size' is missing (short side in pixels, or [height, width])")
    try:
        size = _size(given["size"], "size")
        crop = given.get("crop", None if isinstance(size, tuple) else size)
        return Preprocess(
            size=size,
            crop=None if crop is None else _pair(crop, "crop"),
            interpolation=given.get("interpolation", "bilinear"),
            **{key: _triple(given[key], key) for key in ("mean", "std") if key in given},
        )
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from error


def _size(value: Any, key: str) -> int | tuple[int, int]:
    if type(value) is int:
        return value
    if isinstance(value, Sequence) and len(value) == 1 and type(value[0]) is int:
        return value[0]
    return _pair(value, key)


def _pair(value: Any, key: str) -> tuple[int, int]:
    values = [value, value] if isinstance(value, int) else value
    values = [*values] * 2 if isinstance(values, Sequence) and len(values) == 1 else values
    if not isinstance(values, Sequence) or len(values) != 2 or not all(type(side) is int for side in values):
        raise ModelError(f"{key} = {shown(value)}: expected a whole number or [height, width]")
    return int(values[0]), int(values[1])


def _triple(value: Any, key: str) -> tuple[float, float, float]:
    values = value.tolist() if isinstance(value, Tensor) else value
    if not isinstance(values, Sequence) or len(values) != 3 or not all(isinstance(v, int | float) for v in values):
        raise ModelError(f"{key} = {shown(value)}: expected three numbers")
    try:
        return float(values[0]), float(values[1]), float(values[2])
    except OverflowError as error:  # a whole number of 400 digits
        raise ModelError(f"{key} = {shown(value)}: expected three numbers below 1e308") from error
