import numpy as np
import pytest
from PIL import Image

from reports.explain_figure import PhrasePanel, draw_panels, overlay

ACCENT, CORE, RULE = (0xB4, 0x47, 0x0E), (0x77, 0x81, 0x8D), (0xD9, 0xDD, 0xE2)
PURPLE, YELLOW = np.array([0x44, 0x01, 0x54]), np.array([0xFD, 0xE7, 0x25])
LEFT, TOP, PANEL, GAP = 36, 104, 256, 20
MAP = np.arange(49, dtype=np.float32).reshape(7, 7)


def picture(width=256, height=256):
    ramp = np.linspace(0, 255, width).astype(np.uint8)
    return Image.fromarray(np.broadcast_to(np.stack([ramp, ramp[::-1], ramp // 2], -1), (height, width, 3)).copy())


def draw(image=None, phrases=(), **changes):
    values = {
        "name": "val/a.png", "class_name": "bee", "predicted_name": "bee", "probability": 0.98, "label": "bee",
        "class_map": MAP, "residual": 0.28,
    }  # fmt: skip
    return draw_panels(image or picture(), phrases=phrases, **{**values, **changes})


def phrase(share, kind="scene"):
    return PhrasePanel("water", kind, share, MAP)


def panel(figure, column, row_top=TOP, height=PANEL):
    left = LEFT + column * (PANEL + GAP)
    return np.asarray(figure.crop((left, row_top, left + PANEL, row_top + height)), np.int64)


def test_the_picture_is_shown_as_it_is_and_every_map_lies_on_the_same_crop():
    figure = draw(phrases=[phrase(0.5)])
    np.testing.assert_array_equal(panel(figure, 0), np.asarray(picture()))
    np.testing.assert_array_equal(panel(figure, 1), np.asarray(overlay(picture(), MAP)))
    np.testing.assert_array_equal(panel(figure, 2), panel(figure, 1))


@pytest.mark.parametrize(
    ("share", "pixels"), [(0.0, 0), (0.25, 64), (0.5, 128), (1.0, 256), (1.5, 256), (-0.5, 0), (0.001, 0)]
)
def test_a_share_is_drawn_as_long_as_it_is(share, pixels):
    row = panel(draw(phrases=[phrase(share)]), 2, TOP + PANEL + 39, 1)[0]
    assert np.all(row[:pixels] == ACCENT)
    assert np.all(row[pixels:] == RULE)


def test_only_context_is_in_the_accent_colour():
    figure = draw(phrases=[phrase(0.5, "scene"), phrase(0.5, "object"), phrase(0.5, "context_object")])
    colours = [tuple(panel(figure, column, TOP + PANEL + 39, 1)[0, 0]) for column in (2, 3, 4)]
    assert colours == [ACCENT, CORE, ACCENT]


def test_overlay_mixes_colour_and_grey_at_55_percent():
    white = Image.new("RGB", (64, 64), "white")
    # The same value everywhere: the top of the scale, and no edge to outline.
    everywhere = np.asarray(overlay(white, np.full((4, 4), 3.0, np.float32)))
    np.testing.assert_array_equal(everywhere, np.broadcast_to(np.round(0.45 * 255 + 0.55 * YELLOW), (64, 64, 3)))
    step = np.zeros((2, 64), np.float32)
    step[:, 60:] = 1
    mixed = np.asarray(overlay(white, step), np.int64)
    np.testing.assert_array_equal(mixed[:, :40], np.broadcast_to(np.round(0.45 * 255 + 0.55 * PURPLE), (64, 40, 3)))


def test_the_outline_is_around_the_strongest_tenth():
    spot = np.zeros((10, 10), np.float32)
    spot[4:7, 4:7] = 1
    black = Image.new("RGB", (200, 200))
    bright = np.asarray(overlay(black, spot)).min(axis=2) > 180  # white line on dark colours
    rows, columns = np.nonzero(bright)
    assert 60 <= rows.min() < rows.max() <= 160
    assert 60 <= columns.min() < columns.max() <= 160
    assert not bright[100:120, 100:120].any()  # a line, not a patch
    inside = np.zeros((200, 200), bool)
    inside[rows.min() : rows.max(), columns.min() : columns.max()] = True
    assert 0.06 < inside.mean() < 0.16


@pytest.mark.parametrize("values", [np.zeros((4, 4)), np.full((4, 4), -1.0), np.full((4, 4), np.nan)])
def test_a_map_without_evidence_says_so_and_has_no_outline(values):
    white = Image.new("RGB", (256, 256), "white")
    drawn = np.asarray(overlay(white, values.astype(np.float32)), np.int64)
    ground = np.round(0.45 * 255 + 0.55 * PURPLE)
    np.testing.assert_array_equal(drawn[:100], np.broadcast_to(ground, (100, 256, 3)))
    assert np.any(drawn[118:138] != ground)


def test_own_scale_of_every_map():
    small = overlay(picture(), MAP * 1e-6)
    np.testing.assert_array_equal(np.asarray(small), np.asarray(overlay(picture(), MAP)))


def test_one_row_of_at_most_four_phrases_and_the_rest_is_counted():
    wide = picture(256, 16)  # flat, to be quick
    all_drawn = draw(wide, [phrase(0.1)] * 4)
    some_left_out = draw(wide, [phrase(0.1)] * 10)
    assert all_drawn.size == some_left_out.size == (2 * 36 + 6 * 256 + 5 * 20, all_drawn.height)
    changed = np.flatnonzero((np.asarray(all_drawn) != np.asarray(some_left_out)).any(axis=(1, 2)))
    assert changed.min() > all_drawn.height - 60  # only the footer says so
    assert draw(wide).width == 2 * 36 + 4 * 256 + 3 * 20


@pytest.mark.parametrize("size", [(400, 300), (300, 400), (30, 20), (1, 500)])
def test_any_shape_of_picture(size):
    figure = draw(picture(*size), [phrase(0.2)])
    assert figure.mode == "RGB"
    assert panel(figure, 0).min() < 255


def test_a_wrong_prediction_is_marked_in_the_accent_colour():
    header = (0, 60, 1000, 95)
    wrong = np.asarray(draw(label="ant").crop(header))
    right = np.asarray(draw(label="bee").crop(header))
    assert (wrong == ACCENT).all(axis=2).any()
    assert not (right == ACCENT).all(axis=2).any()


def test_odd_names_change_nothing_but_the_text():
    odd = "<b>" + "水\n\x00\u202e" * 5000
    figure = draw(
        phrases=[PhrasePanel(odd, "no_kind", 0.5, MAP)], class_name=odd, predicted_name=odd, label=odd, name=odd
    )
    assert figure.size == draw(phrases=[phrase(0.5)]).size
    np.testing.assert_array_equal(panel(figure, 0), np.asarray(picture()))


def test_the_same_input_gives_the_same_bytes():
    assert draw(phrases=[phrase(0.3)]).tobytes() == draw(phrases=[phrase(0.3)]).tobytes()
