import pytest
from PIL import Image, ImageDraw, ImageFont

from reports import typesetting
from reports.typesetting import fitted, write, written


def test_plain_letters_use_the_face_that_is_always_there():
    line, face = written("water, 41 % · …", 18)
    assert isinstance(face, ImageFont.FreeTypeFont)
    assert (line, face.getname()[0]) == ("water, 41 % · …", "Aileron")


def test_letters_that_no_face_has(monkeypatch):
    monkeypatch.setattr(typesetting, "_WIDER_FACES", ("no such face.ttf",))
    assert written("Käfer 水 naïve", 18)[0] == "Kafer ? naive"


@pytest.mark.parametrize("text", ["水鳥", "\U0001f426", "a\u202eb\nc", "", "\x00"])
def test_any_name_can_be_written(text):
    draw = ImageDraw.Draw(Image.new("RGB", (200, 40), "white"))
    assert write(draw, (0, 30), text, size=18, colour="#000000", width=200) <= 200


def test_long_names_are_cut():
    line, face = fitted("a very long name " * 1000, 18, 150)
    assert line.startswith("a very long")
    assert line.endswith("…")
    assert face.getlength(line) <= 150 < face.getlength(line[:-1] + "long…")
    assert fitted("short", 18, 150)[0] == "short"


def test_right_aligned_text_ends_at_its_position():
    image = Image.new("L", (200, 40), 255)
    write(ImageDraw.Draw(image), (150, 30), "41 %", size=18, colour="black", width=100, right=True)
    left, _, right, bottom = image.point(lambda value: 255 - value).getbbox()
    assert 145 <= right <= 151
    assert 100 < left < 140
    assert bottom <= 32
