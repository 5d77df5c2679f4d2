import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from picture_files import reason, saved
from PIL import Image

from auditor.inputs import picture_bytes
from auditor.inputs.picture_formats import readable_words

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)
#: Left half red, right half green; 32 x 16.
HALVES = np.concatenate([np.full((16, 16, 3), RED), np.full((16, 16, 3), GREEN)], axis=1).astype(np.uint8)


def test_absent_empty_and_no_picture(tmp_path):
    assert reason(tmp_path / "no.jpg") == "file not found"
    (tmp_path / "a.jpg").write_bytes(b"")
    assert reason(tmp_path / "a.jpg") == "file is empty"
    (tmp_path / "a.jpg").write_bytes(b"%PDF-1.4 and so on")
    assert reason(tmp_path / "a.jpg") == f"not a {readable_words()} picture"
    (tmp_path / "d.jpg").mkdir()
    assert reason(tmp_path / "d.jpg") == "not a regular file"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes")
def test_named_pipe_does_not_hang(tmp_path):
    os.mkfifo(tmp_path / "a.jpg")
    assert reason(tmp_path / "a.jpg") == "not a regular file"


def test_other_formats_are_not_decoded(tmp_path):
    for name in ("JPEG2000", "TGA", "ICO", "PDF", "EPS"):
        path = saved(Image.fromarray(HALVES), tmp_path / "a.jpg", format=name)
        assert reason(path).startswith(f"not a {readable_words()} picture")


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "bmp", "tiff"])
def test_truncated(tmp_path, suffix):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = saved(Image.fromarray(noise), tmp_path / f"a.{suffix}")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert reason(path)


def png_of(width: int, height: int) -> bytes:
    """A PNG that claims a size and holds hardly any data."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


@pytest.mark.filterwarnings("ignore:Image size")
@pytest.mark.parametrize(
    ("size", "expected"),
    [
        ((10_000, 10_000), "10000 x 10000 pixels, over the limit of 89,478,485"),
        ((2**30, 2**30), "more than 89,478,485 pixels"),
        ((1, 80_000), "1 x 80000 pixels: one side is over 100 times the other"),
    ],
)
def test_bombs_are_refused_before_decoding(tmp_path, size, expected):
    (tmp_path / "a.png").write_bytes(png_of(*size))
    assert reason(tmp_path / "a.png") == expected
    assert reason(tmp_path / "a.png", min_side=64) == expected


def test_large_files_are_not_read(tmp_path, monkeypatch):
    path = saved(Image.fromarray(HALVES), tmp_path / "a.bmp")
    monkeypatch.setattr(picture_bytes, "MAX_FILE_BYTES", 100)
    assert reason(path) == f"file of {path.stat().st_size:,} bytes, over the limit of 100"


def test_pillow_says_nothing_on_stderr(tmp_path):
    (tmp_path / "bomb.png").write_bytes(png_of(10_000, 10_000))
    saved(Image.new("RGB", (8, 8)), tmp_path / "exif.jpg", exif=b"Exif\x00\x00MM\x00\x2a\xff\xff\xff\xff rubbish")
    palette = Image.new("P", (8, 8))
    saved(palette, tmp_path / "palette.png", transparency=b"\x00\x80\xff")
    tiff = saved(Image.fromarray(HALVES), tmp_path / "a.tiff")
    tiff.write_bytes(tiff.read_bytes()[:-6])  # the list of its tags is cut
    program = (
        "import sys\nfrom pathlib import Path\nfrom auditor.errors import InputError\n"
        "from auditor.inputs.images import read_image\n"
        "for path in sorted(Path(sys.argv[1]).iterdir()):\n"
        "    try:\n        read_image(path)\n    except InputError as error:\n        print('refused', path.name)\n"
        "print('done')\n"
    )
    done = subprocess.run([sys.executable, "-W", "always", "-c", program, tmp_path], capture_output=True, text=True)
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "done"
    assert "refused bomb.png" in done.stdout
