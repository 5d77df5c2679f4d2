"""A class's leads in pictures: what lies at its places, cut out, and halves of it side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from auditor.concept_records import FixedPlace, UnnamedLead
from auditor.place_grid import MIDDLE, SURROUNDINGS, Box, GridPlace, place_of
from auditor.records import SaliencyMap
from reports.display import plain
from reports.page.records import HalvesStrip, PlaceStrip, Small

_SENTENCE_LIMIT = 1_000
#: Cut-outs of a place, and pictures of a half.
CUT_OUTS, PER_HALF = 6, 6

Smalls = Callable[[Iterable[str]], tuple[Small, ...]]
#: A part of a picture, and what of it is covered (None: nothing), both in fractions of the whole picture.
CutOut = Callable[[str, Box, Box | None], Small | None]


def place_strips(
    places: Iterable[FixedPlace], maps: Mapping[tuple[str, str | None], SaliencyMap], cut_out: CutOut
) -> tuple[PlaceStrip, ...]:
    """What lies at the places of a class that are not excluded.

    Args:
        places: Of the class.
        maps: Its maps, which know what the model saw of a picture.
        cut_out: Draws a part of a picture.
    """
    found = []
    for place in places:
        where = place_of(place.concept_id)
        if place.state == "excluded" or where is None:
            continue
        drawn = []
        for image_id in place.image_ids[:CUT_OUTS]:
            saliency = maps.get((image_id, None))
            if saliency is not None and saliency.crop is not None:
                if isinstance(where, GridPlace):
                    drawn.append(cut_out(image_id, _within(saliency.crop, where.box), None))
                else:
                    drawn.append(cut_out(image_id, saliency.crop, _within(saliency.crop, MIDDLE)))
        found.append(
            PlaceStrip(
                name=where.name,
                is_around=where == SURROUNDINGS,
                proven=place.state == "proven",
                sentence=plain(place.sentence, _SENTENCE_LIMIT),
                n_showing=place.n_showing,
                n_images=place.n_images,
                pictures=tuple(one for one in drawn if one is not None),
            )
        )
    return tuple(found)


def _within(crop: Box, box: Box) -> Box:
    """A part of what the model saw, in fractions of the whole picture."""
    left, top, right, bottom = crop
    width, height = right - left, bottom - top
    return left + box[0] * width, top + box[1] * height, left + box[2] * width, top + box[3] * height


def halves_strips(leads: Iterable[UnnamedLead], smalls: Smalls) -> tuple[HalvesStrip, ...]:
    """The halves of a class, two strips of pictures each."""
    return tuple(
        HalvesStrip(
            plain(lead.sentence, _SENTENCE_LIMIT),
            (lead.n_first_correct, lead.n_first),
            (lead.n_second_correct, lead.n_second),
            smalls(lead.first_ids[:PER_HALF]),
            smalls(lead.second_ids[:PER_HALF]),
        )
        for lead in leads
        if min(lead.n_first, lead.n_second) > 0  # an audit may come from anybody
    )
