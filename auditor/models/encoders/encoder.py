"""What an encoder is: pictures and texts to rows of one space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from auditor.models.preprocess import OpaqueTransform, Preprocess
from auditor.records import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class ImageFeatures:
    """What an encoder makes of pictures before it projects them onto its texts: F numbers that no text has.

    Attributes:
        dim: F.
        encode: (B, 3, H, W), preprocessed as for ``encode_images``, to (B, F) float32.
    """

    dim: int
    encode: Callable[[Tensor], FloatArray]


@dataclass(frozen=True, slots=True, eq=False)
class Encoder:
    """A joint space of pictures and texts, D dimensions, unit rows.

    Attributes:
        spec: As given.
        digest: sha256 over weights and preprocessing: the key of cached embeddings.
        dim: D.
        logit_scale: What cosines are multiplied by before a softmax over rivals.
        preprocess: From PIL image to (3, H, W) float32 tensor; its ``describe()`` is part of the digest.
        input_size: Short side that a decoder must not go below.
        encode_images: (B, 3, H, W) to (B, D).
        encode_texts: n texts to (n, D).
        knows: Whether every part of a text was taught.
        vocabulary_path: Vocabulary that belongs to the encoder, or None.
        notice: What a user must be told before the words are read, or None.
        knows_absence: Whether "a photo without people" is like a photo without people.
        features: Pictures before the projection, by which concepts are learnt from examples; None: it shows none.
    """

    spec: str
    digest: str
    dim: int
    logit_scale: float
    preprocess: Preprocess | OpaqueTransform
    input_size: int
    encode_images: Callable[[Tensor], FloatArray]
    encode_texts: Callable[[Sequence[str]], FloatArray]
    knows: Callable[[str], bool]
    vocabulary_path: Path | None = None
    notice: str | None = None
    knows_absence: bool = True
    features: ImageFeatures | None = None


def unit_rows(values: Tensor) -> FloatArray:
    """(n, D) float32 rows of unit norm; a row of zeros stays so."""
    rows: FloatArray = nn.functional.normalize(values.float(), dim=-1).cpu().numpy()
    return rows
