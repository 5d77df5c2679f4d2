"""HEIC, the format of telephones: written by pillow-heif, read from folders and manifests, upright, and audited."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from auditor import cli
from auditor.inputs.dataset import load_dataset
from auditor.inputs.images import read_image
from auditor.inputs.picture_formats import holds_picture, kind_of, left_out_line
from auditor.store.open_audit import open_audit_database

pillow_heif = pytest.importorskip("pillow_heif")
ORIENTATION = 0x0112
TURN = Image.Transpose
#: What brings an upright picture into the form that is stored under each EXIF orientation.
STORED = {
    2: TURN.FLIP_LEFT_RIGHT,
    3: TURN.ROTATE_180,
    4: TURN.FLIP_TOP_BOTTOM,
    5: TURN.TRANSPOSE,
    6: TURN.ROTATE_90,
    7: TURN.TRANSVERSE,
    8: TURN.ROTATE_270,
}


@pytest.fixture(scope="module", autouse=True)
def _opener():
    pillow_heif.register_heif_opener()


def heic(path, pixels, orientation=1):
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    image = Image.fromarray(pixels)
    stored = image.transpose(STORED[orientation]) if orientation in STORED else image
    stored.save(path, format="HEIF", quality=100, exif=exif.tobytes())
    return path


@pytest.mark.parametrize("orientation", range(1, 9))
def test_it_is_upright_once(tmp_path, orientation):
    """The container turns the picture itself, and its EXIF says so once more: turned twice it would lie again."""
    upright = np.zeros((32, 64, 3), np.uint8)
    upright[:16, 32:, 0] = 255
    decoded = read_image(heic(tmp_path / "1", upright, orientation), min_side=16)
    assert decoded.image.size == decoded.size == (64, 32)
    assert ((np.asarray(decoded.image)[..., 0] > 128) == (upright[..., 0] > 128)).all()
    assert decoded.facts["format"] == "HEIF"


def test_transparency_and_wide_grey(tmp_path):
    Image.new("RGBA", (32, 32), (200, 30, 30, 0)).save(tmp_path / "1", format="HEIF")
    decoded = read_image(tmp_path / "1")
    assert decoded.see_through
    assert np.asarray(decoded.image).min() >= 250
    Image.fromarray(np.full((32, 32), 65535 // 2, np.uint16)).save(tmp_path / "2", format="HEIF")
    assert read_image(tmp_path / "2").wide_peak == pytest.approx(0.5, abs=0.01)


def test_a_damaged_one_is_left_out_with_what_to_do(tmp_path):
    path = heic(tmp_path / "1.heic", np.zeros((32, 32, 3), np.uint8))
    path.write_bytes(path.read_bytes()[:200])
    assert (holds_picture(path), kind_of(path)) == (False, "HEIC")
    assert left_out_line({"HEIC": 1}, 4).endswith(
        "left out: 1 HEIC; HEIC is read here, and these are damaged: save them again"
    )


@pytest.mark.slow
def test_an_audit_of_heic_by_folder_and_by_manifest(tmp_path, encoder_cache):
    rng = np.random.default_rng(0)
    rows = []
    for i in range(12):
        name, label = f"{'ant' if i % 2 else 'bee'}/{i}{'.HEIC' if i < 6 else ''}", ("bee", "ant")[i % 2]
        heic(tmp_path / "data" / name, rng.integers(0, 256, (24, 48, 3), np.uint8), 6 if i == 3 else 1)
        rows.append(f"{name},{label}")
    by_folder = load_dataset(tmp_path / "data")
    manifest = tmp_path / "data" / "m.csv"
    manifest.write_text("path,label\n" + "\n".join(rows))
    by_manifest = load_dataset(manifest)
    assert [item.path for item in by_folder.items] == [item.path for item in by_manifest.items]
    assert (len(by_folder.items), by_folder.labels, by_folder.notices) == (12, ("ant", "bee"), ())

    given = ["--data", manifest, "--model", "none", "--encoder", "sample", "--cache", encoder_cache]
    done = CliRunner().invoke(cli.app, ["run", *map(str, given), "--out", str(tmp_path / "audit"), "--quiet"])
    assert done.exit_code == 0, done.stderr
    with open_audit_database(tmp_path / "audit") as connection:
        assert connection.execute("SELECT count(*) FROM failures").fetchone() == (0,)
        sizes = connection.execute("SELECT DISTINCT width, height FROM images").fetchall()
    assert sizes == [(48, 24)]
