"""The figure of ``auditor explain``: picture, class map, and one map per phrase with its words and share.

Every map is drawn on the same crop with its own scale (from nothing to the largest value in the panel): a map says
where, the share under it says how much.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from auditor.figures import percent
from auditor.records import CONTEXT_KINDS, ByteArray, FloatArray
from reports.typesetting import fitted, write

if TYPE_CHECKING:
    from auditor.explain import Explanation

_PANEL, _GAP, _MARGIN = 256, 20, 36
_HEADER, _UNDER, _ROW_GAP, _FOOTER, _NOTE = 104, 76, 22, 64, 24
#: One row: picture, class map and the largest phrases; how many are left out stands below.
_MOST_COLUMNS, _MOST_PHRASES = 6, 4
#: Of a map over its picture.
OPACITY = 0.55
#: Of the peak: below it lie the ripples of the enlargement, where less than a tenth of the picture has any evidence.
_LEAST_OUTLINED = 0.05
#: Why there are no phrases, in lines.
_LIKE_NOTHING = ("No words:", "this evidence is like no concept", "of the vocabulary.")
_SEES_CLASS = ("No words:", "the encoder of the audit sees", "this class in every word.")
_INK, _GREY, _RULE, _PAPER = "#16191d", "#5c6570", "#d9dde2", "#ffffff"
_ACCENT, _CORE = "#b4470e", "#77818d"

# Viridis, by S. van der Walt and N. Smith (CC0): even steps of value look like even steps.
_VIRIDIS = (
    "440154",
    "481a6c",
    "472f7d",
    "414487",
    "39568c",
    "31688e",
    "2a788e",
    "23888e",
    "1f988b",
    "22a884",
    "35b779",
    "54c568",
    "7ad151",
    "a5db36",
    "d2e21b",
    "fde725",
)


@dataclass(frozen=True, slots=True, eq=False)
class PhrasePanel:
    """One phrase: its words, kind and share of the evidence, and where the channels that carry it look."""

    words: str
    kind: str
    share: float
    map: FloatArray  # (h, w), evidence for the class is positive
    seen: bool | None = None  # whether the picture shows it; None where that is not known


def draw_explanation(explanation: Explanation) -> Image.Image:
    """The figure of a picture that was explained."""
    maps = explanation.maps
    phrases = [
        PhrasePanel(word.concept.term, word.concept.kind, word.share, phrase_map, word.seen)
        for word, phrase_map in zip(explanation.words, maps.phrase_maps, strict=True)
    ]
    return draw_panels(
        explanation.image,
        name=explanation.path,
        class_name=explanation.class_name,
        predicted_name=explanation.predicted_name,
        probability=explanation.probability,
        label=explanation.label,
        class_map=maps.class_map,
        map_method=explanation.map_method,
        phrases=phrases,
        residual=maps.residual if explanation.words_kept else None,
        notes=explanation.notes,
    )


def draw_panels(
    image: Image.Image,
    *,
    name: str,
    class_name: str,
    predicted_name: str,
    probability: float,
    label: str | None,
    class_map: FloatArray,
    map_method: str = "",
    phrases: Sequence[PhrasePanel],
    residual: float | None,
    notes: Sequence[str] = (),
) -> Image.Image:
    """Draw picture, class map and phrases in rows of at most six panels.

    Args:
        image: what the maps cover, that is the crop that the model saw.
        name: of the picture, for the reader.
        class_name: class that is explained.
        predicted_name: class that the model chose.
        probability: of ``class_name``.
        label: class in the data, None for a picture without one.
        class_map: (h, w) evidence for the class; positive is for it.
        map_method: what the variant of the class activation map is called.
        phrases: largest share first; at most ten are drawn.
        residual: share of the evidence that the phrases leave unexplained; None where no words are said of the class.
        notes: lines that stand below the panels: that little speaks for the class, what speaks against it.

    Returns:
        An RGB picture, ready to be saved as PNG.
    """
    drawn = phrases[:_MOST_PHRASES]
    n_panels = 2 + len(drawn)
    columns = min(n_panels, _MOST_COLUMNS)
    rows = -(-n_panels // columns)
    picture = ImageOps.contain(image.convert("RGB"), (_PANEL, _PANEL), Image.Resampling.LANCZOS)
    row_height = picture.height + _UNDER
    # Two panels alone would leave no room for the lines above and below them.
    width = 2 * _MARGIN + max(columns, 4) * _PANEL + (max(columns, 4) - 1) * _GAP
    height = _HEADER + rows * row_height + (rows - 1) * _ROW_GAP + len(notes) * _NOTE + _FOOTER + _MARGIN // 2
    figure = Image.new("RGB", (width, height), _PAPER)
    draw = ImageDraw.Draw(figure)
    _draw_header(draw, width, class_name, predicted_name, probability, label)

    panels: list[tuple[Image.Image, PhrasePanel | None]] = [(picture, None), (overlay(picture, class_map), None)]
    panels += [(overlay(picture, phrase.map), phrase) for phrase in drawn]
    for position, (panel, phrase) in enumerate(panels):
        row, column = divmod(position, columns)
        left = _MARGIN + column * (_PANEL + _GAP)
        top = _HEADER + row * (row_height + _ROW_GAP)
        figure.paste(panel, (left + (_PANEL - picture.width) // 2, top))
        under = top + picture.height
        if phrase is None:
            class_title = f"class map ({map_method})" if map_method else "class map"
            titles = [("picture", name), (class_title, f"where it looks for {class_name}")]
            _draw_caption(draw, left, under, *titles[position])
        else:
            _draw_phrase(draw, left, under, phrase)
    if not drawn:
        left = _MARGIN + 2 * (_PANEL + _GAP)
        for line, text in enumerate(_LIKE_NOTHING if residual is not None else _SEES_CLASS):
            write(draw, (left, _HEADER + 26 + 24 * line), text, size=16, colour=_GREY, width=width - _MARGIN - left)
    for line, note in enumerate(notes):
        baseline = height - _FOOTER - _MARGIN // 2 - (len(notes) - 1 - line) * _NOTE - 10
        write(draw, (_MARGIN, baseline), note, size=16, colour=_INK, width=width - 2 * _MARGIN)
    _draw_footer(figure, draw, residual, left_out=len(phrases) - len(drawn))
    return figure


def draw_map(image: Image.Image, class_map: FloatArray) -> Image.Image:
    """A picture and the map of its class beside it, without words.

    Args:
        image: what the map covers.
        class_map: (h, w) evidence for the class; positive is for it.
    """
    picture = ImageOps.contain(image.convert("RGB"), (_PANEL, _PANEL), Image.Resampling.LANCZOS)
    figure = Image.new("RGB", (2 * picture.width + _GAP, picture.height), _PAPER)
    figure.paste(picture, (0, 0))
    figure.paste(overlay(picture, class_map), (picture.width + _GAP, 0))
    return figure


def _draw_header(
    draw: ImageDraw.ImageDraw, width: int, class_name: str, predicted_name: str, probability: float, label: str | None
) -> None:
    room = width - 2 * _MARGIN
    write(draw, (_MARGIN, 52), f"Why {class_name}?", size=27, colour=_INK, width=room)
    chosen = f"predicted {predicted_name}"
    if class_name == predicted_name:
        chosen += f", {percent(probability)}"
    else:
        chosen += f"; {class_name} has {percent(probability)}"
    x = _MARGIN + write(draw, (_MARGIN, 80), chosen, size=16, colour=_GREY, width=room * 0.6)
    if label is None:
        verdict, colour = "· no label", _GREY
    elif label == predicted_name:
        verdict, colour = f"· labelled {label}", _GREY
    else:
        verdict, colour = f"· labelled {label}: the prediction is wrong", _ACCENT
    x += 6
    write(draw, (x, 80), verdict, size=16, colour=colour, width=width - _MARGIN - x)


def _draw_caption(draw: ImageDraw.ImageDraw, left: int, top: int, title: str, detail: str) -> None:
    write(draw, (left, top + 26), title, size=18, colour=_INK, width=_PANEL)
    write(draw, (left, top + 62), detail, size=14, colour=_GREY, width=_PANEL)


def _draw_phrase(draw: ImageDraw.ImageDraw, left: int, top: int, phrase: PhrasePanel) -> None:
    context = phrase.kind in CONTEXT_KINDS
    colour = _ACCENT if context else _CORE
    share_width = write(
        draw, (left + _PANEL, top + 26), percent(phrase.share), size=18, colour=_INK, width=80, right=True
    )
    write(draw, (left, top + 26), phrase.words, size=18, colour=_INK, width=_PANEL - share_width - 12)
    bar_top = top + 36
    draw.rectangle((left, bar_top, left + _PANEL - 1, bar_top + 6), fill=_RULE)
    filled = round(min(max(phrase.share, 0.0), 1.0) * _PANEL)
    if filled:
        draw.rectangle((left, bar_top, left + filled - 1, bar_top + 6), fill=colour)
    kind = phrase.kind.replace("_", " ") + (", context" if context and "context" not in phrase.kind else "")
    kind += {True: " · seen in the picture", False: " · not seen in the picture", None: ""}[phrase.seen]
    write(draw, (left, top + 62), kind, size=14, colour=colour if context else _GREY, width=_PANEL)


def _draw_footer(figure: Image.Image, draw: ImageDraw.ImageDraw, residual: float | None, *, left_out: int) -> None:
    baseline = figure.height - _MARGIN // 2 - 18
    top, right = baseline - 34, figure.width - _MARGIN
    draw.line((_MARGIN, top, right, top), fill=_RULE)
    x = _MARGIN + write(draw, (_MARGIN, baseline), "none", size=14, colour=_GREY, width=80) + 8
    ramp = np.broadcast_to(_colours(np.linspace(0, 1, 150))[None], (10, 150, 3))
    figure.paste(Image.fromarray(np.ascontiguousarray(ramp)), (round(x), baseline - 10))
    x += 158
    legend = "most, each map by itself · outline: its strongest tenth"
    x += write(draw, (x, baseline), legend, size=14, colour=_GREY, width=right - x) + 24
    rest = "" if residual is None else f"unexplained {percent(residual)}"
    if left_out:
        rest = f"{left_out} smaller phrases not drawn · {rest}"
    write(draw, (right, baseline), rest, size=16, colour=_INK, width=max(right - x, 60), right=True)


def _colours(values: NDArray[np.floating[Any]]) -> ByteArray:
    """Viridis of values in [0, 1]: (...) to (..., 3)."""
    anchors = np.array([[int(code[at : at + 2], 16) for at in (0, 2, 4)] for code in _VIRIDIS], dtype=np.float64)
    places = np.linspace(0, 1, len(anchors))
    channels = [np.interp(values, places, anchors[:, channel]) for channel in range(3)]
    return np.round(np.stack(channels, axis=-1)).astype(np.uint8)


def _scaled(values: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Positive part of a map at the size of the panel, in [0, 1]; all zero where there is no evidence."""
    positive = np.maximum(np.nan_to_num(np.asarray(values, np.float32), posinf=0.0, neginf=0.0), 0)
    grown = np.asarray(Image.fromarray(positive).resize(size, Image.Resampling.BICUBIC), np.float32)
    peak = float(grown.max())
    return np.clip(grown / peak, 0, 1) if peak > 0 else np.zeros_like(grown)


def overlay(picture: Image.Image, values: FloatArray, *, opacity: float = OPACITY) -> Image.Image:
    """Lay a map over a picture: colours on its grey, an outline around the strongest tenth.

    Args:
        picture: RGB.
        values: (h, w) of any size, covering the picture; negative values count as nothing.
        opacity: of the colours; 0 leaves the grey and the outline.
    """
    map_ = _scaled(values, picture.size)
    grey = np.asarray(picture.convert("L"), np.float32)[..., None]
    mixed = (1 - opacity) * grey + opacity * _colours(map_)
    panel = Image.fromarray(np.round(mixed).astype(np.uint8))
    if map_.max() <= 0:
        line, face = fitted("no place stands out", 14, panel.width)
        centre = (panel.width / 2, panel.height / 2)
        ImageDraw.Draw(panel).text(centre, line, font=face, fill=_PAPER, anchor="mm", stroke_width=1, stroke_fill=_INK)
        return panel
    return _outlined(panel, map_)


def _outlined(panel: Image.Image, map_: FloatArray) -> Image.Image:
    """White line with a dark rim, to read on any colour and in print; drawn large and shrunk, for smoothness."""
    threshold = max(float(np.quantile(map_, 0.9)), _LEAST_OUTLINED)
    large = Image.fromarray(map_).resize((panel.width * 3, panel.height * 3), Image.Resampling.BICUBIC)
    inside = Image.fromarray((np.asarray(large) >= threshold).astype(np.uint8) * 255)
    for reach, colour in ((6, _INK), (3, _PAPER)):
        # Where a blurred mask is neither full nor empty is the line along its edge.
        blurred = np.asarray(inside.filter(ImageFilter.BoxBlur(reach)))
        line = Image.fromarray(((blurred > 0) & (blurred < 255)).astype(np.uint8) * 255)
        panel.paste(colour, (0, 0), line.resize(panel.size, Image.Resampling.LANCZOS))
    return panel
