"""What was left out, or read otherwise than it was written, is said by the run, kept, and said by every report."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from auditor import cli

DICOM = b"\0" * 128 + b"DICM"
SAID = (
    "4 of 24 files are no pictures that can be read, and are left out: 3 DICOM, 1 .txt; convert DICOM to PNG or TIFF, "
    "with the window that the model was trained on; convert what is a picture to PNG or JPEG",
    "names of class folders were written with blanks at their ends or letters in parts (NFD), and are read without: "
    "'bee ' as 'bee' (10 pictures)",
    "1 class folder without pictures left out: 'wasp'",
    "18 of 20 pictures are grey of more than 8 bits, and the lightest place of all is 6.2 % of white: they come out "
    "nearly black, as data of fewer bits than their files do; multiply them by 16, all by the same, and audit again",
    "2 of 20 pictures have transparency and are laid on white; if the model was trained on another ground, lay them on "
    "that",
)


@pytest.fixture(scope="module")
def run(tmp_path_factory, encoder_cache):
    """Two classes of ten pictures without a suffix, data of 12 bits but for one of RGBA, and what is none beside."""
    folder = tmp_path_factory.mktemp("left_out")
    rng = np.random.default_rng(0)
    for name in ("ant", "bee ", "wasp"):
        (folder / "data" / name).mkdir(parents=True)
        (folder / "data" / name / "1.dcm").write_bytes(DICOM)
    (folder / "data" / "ant" / "notes.txt").write_text("ants")
    for name in ("ant", "bee "):
        for i in range(9):
            grey = rng.integers(0, 4096, (32, 32)).astype(np.uint16)
            grey[0, 0] = 4095
            Image.fromarray(grey).save(folder / "data" / name / f"{i}", format="PNG")
        Image.new("RGBA", (32, 32), (200, 30, 30, 128)).save(folder / "data" / name / "9", format="PNG")
    audit = folder / "audit"
    arguments = ["--data", folder / "data", "--model", "none", "--encoder", "sample", "--cache", encoder_cache]
    result = CliRunner().invoke(cli.app, ["run", *map(str, arguments), "--out", str(audit)])
    return audit, result


def test_the_run_says_it(run):
    _, result = run
    assert result.exit_code == 0, result.stderr
    shown = " ".join(result.stderr.split())
    for line in SAID:
        assert shown.count(line) == 1, shown


def test_reports_say_it(run):
    audit, _ = run

    def report(form):
        return CliRunner().invoke(cli.app, ["report", str(audit), "--format", form]).stdout

    notices = json.loads(report("json"))["run"]["notices"]
    assert [notice for notice in notices if notice in SAID] == list(SAID)
    text = " ".join(report("text").split())
    for line in SAID:
        assert line in text
