"""Thumbnails as they are shown: plain, or cut to what the model saw and under a map; no Streamlit."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from auditor.records import SaliencyMap
from reports.explain_figure import overlay
from reports.page.pictures import as_webp, fitted, open_thumbnail, part_seen
from reports.page.records import Drawn

#: Thumbnails have at most this many pixels a side.
LONGEST = 160
_QUALITY = 80
#: Thumbnails that are kept drawn, of each kind, a few KB each: stepping to and fro draws nothing twice.
_KEPT = 512


def draw(jpeg: bytes, saliency: SaliencyMap | None = None, opacity: int = 0, *, longest: int = LONGEST) -> Drawn | None:
    """A thumbnail, under its map where one is given and its place is known; None where it is no picture.

    Args:
        jpeg: as the audit keeps it.
        saliency: the map.
        opacity: of the map in percent; 0 is the same part of the picture without the map.
        longest: side in pixels; a whole picture is not enlarged.
    """
    if saliency is None:
        return _plain(jpeg, longest)
    data = saliency.data
    return _under_map(jpeg, data.tobytes(), data.shape, saliency.crop, opacity, longest) or _plain(jpeg, longest)


@lru_cache(maxsize=_KEPT)
def _plain(jpeg: bytes, longest: int) -> Drawn | None:
    image = open_thumbnail(jpeg)
    return None if image is None else as_webp(fitted(image, longest), _QUALITY)


@lru_cache(maxsize=_KEPT)
def _under_map(
    jpeg: bytes,
    data: bytes,
    shape: tuple[int, ...],
    crop: tuple[float, float, float, float] | None,
    opacity: int,
    longest: int,
) -> Drawn | None:
    """None where it is no picture, or the place of the map is not known."""
    image = open_thumbnail(jpeg)
    seen = None if image is None else part_seen(image, crop, longest)
    if seen is None or opacity <= 0:
        return None if seen is None else as_webp(seen, _QUALITY)
    values = np.frombuffer(data, np.uint8).reshape(shape).astype(np.float32)
    return as_webp(overlay(seen, values, opacity=opacity / 100), _QUALITY)


def map_for(
    maps: Iterable[SaliencyMap], image_id: str, class_idx: int | None, concept_id: str | None
) -> SaliencyMap | None:
    """The stored map of a picture for a class (concept id None) or for a phrase of it."""
    wanted = (image_id, class_idx, concept_id)
    return next((found for found in maps if (found.image_id, found.class_idx, found.concept_id) == wanted), None)
