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
        mask_path: A picture of the full size, white on the object.

    Raises:
        InputError: a short reason, without the path of either: it cannot be read, has another size, shows no object
            or leaves no surroundings.
    """
    mask = read_image(mask_path)
    if mask.size != picture.size:
        found, expected = ("{} x {}".format(*size) for size in (mask.size, picture.size))
        raise InputError(f"the mask has {found} pixels, the picture {expected}: they must be alike")
    small = mask.image.convert("L").resize(picture.image.size, Image.Resampling.BOX)
    is_object = np.asarray(small) >= _WHITE
    if is_object.all() or not is_object.any():
        colour = "white" if is_object.any() else "black"
        raise InputError(f"the mask is {colour} everywhere: it must be white on the object alone")
    pixels = np.array(picture.image)
    pixels[is_object] = np.rint(pixels[~is_object].mean(axis=0))
    digest = hashlib.sha256(f"{picture.content_digest} without {mask.content_digest}".encode()).hexdigest()
    return DecodedImage(Image.fromarray(pixels), digest, picture.size)
