"""Masks of a manifest: pictures that are white on the object, with which it can be covered."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from PIL import Image

from auditor.errors import InputError
from auditor.inputs.images import DecodedImage, read_image

#: Grey from which a pixel of a mask belongs to the object.
_WHITE = 128


def cover_object(picture: DecodedImage, mask_path: Path) -> DecodedImage:
    """The picture with its object in the mean colour of what surrounds it; the digest is that of both files.

    Args:
        picture: As it was read; it may have been decoded at less than its full size.
        mask_path: White on the object, of the full size that the picture has upright, as it is shown.

    Raises:
        InputError: a short reason, without the path of either: it cannot be read, has another size, shows no object
            or leaves no surroundings.
    """
    mask = read_image(mask_path)
    if mask.size != picture.size:
        found, expected = ("{} x {}".format(*size) for size in (mask.size, picture.size))
        raise InputError(f"the mask has {found} pixels, the picture {expected}: they must be alike")
    whole = mask.image.convert("L")
    is_white = np.asarray(whole) >= _WHITE
    if is_white.all() or not is_white.any():
        colour = "white" if is_white.any() else "black"
        raise InputError(f"the mask is {colour} everywhere: it must be white (128 to 255) on the object alone")
    is_object = np.asarray(whole.resize(picture.image.size, Image.Resampling.BOX)) >= _WHITE
    if is_object.all() or not is_object.any():
        raise InputError("what is white or what is black in the mask is too thin to be seen at the size that is used")
    pixels = np.array(picture.image)
    pixels[is_object] = np.rint(pixels[~is_object].mean(axis=0))
    digest = covered_digest(picture.content_digest, mask.content_digest)
    return DecodedImage(Image.fromarray(pixels), digest, picture.size)


def covered_digest(picture: str, mask: str | None) -> str:
    """Digest of a covered picture by those of both files: embeddings are kept under it."""
    # it changes with the way of covering
    return hashlib.sha256(f"{picture} covered/1 {mask}".encode()).hexdigest()
