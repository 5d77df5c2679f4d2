"""Files that a user or a pull request names: regular ones, or one line that says what is wrong."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_audit import write_small_audit
from typer.testing import CliRunner

from auditor.cli.app import app
from auditor.config import find_settings_file, make_config
from auditor.errors import AuditorError, InputError
from auditor.gate.acceptance import check_acceptance, today_utc
from auditor.gate.baseline import load_baseline
from auditor.gate.policy import load_policy
from auditor.inputs.class_map import match_classes
from auditor.inputs.manifest import read_manifest
from auditor.inputs.vocabulary import load_vocabulary
from auditor.models.device import find_device
from auditor.models.encoders.load import load_encoder
from auditor.models.load_classifier import load_classifier
from auditor.models.preprocess import read_preprocess
from auditor.regular_files import MOST_BYTES, read_regular

LOADERS = {
    "policy.toml": load_policy,
    "baseline.toml": load_baseline,
    "auditor.toml": lambda path: make_config({}, path),
    "vocabulary.toml": load_vocabulary,
    "map.toml": lambda path: match_classes(["cat", "dog"], 2, None, path),
    "map.json": lambda path: match_classes(["cat", "dog"], 2, None, path),
    "map.csv": lambda path: match_classes(["cat", "dog"], 2, None, path),
    "preprocess.toml": read_preprocess,
    "manifest.csv": read_manifest,
    "manifest.parquet": read_manifest,
}


def mistake(load, *arguments):
    with pytest.raises(AuditorError) as caught:
        load(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", LOADERS)
def test_pipes_devices_folders_and_dangling_links_are_told_at_once(tmp_path, name):
    path = tmp_path / name
    os.mkfifo(path)
    assert "it is no regular file" in mistake(LOADERS[name], path)
    path.unlink()
    path.symlink_to("/dev/zero")
    assert "it is no regular file" in mistake(LOADERS[name], path)
    path.unlink()
    path.mkdir()
    assert "Is a directory" in mistake(LOADERS[name], path)
    path.rmdir()
    path.symlink_to(tmp_path / "nowhere")
    assert "No such file" in mistake(LOADERS[name], path)
    said = mistake(LOADERS[name], tmp_path / f"a\0{name}")
    assert "its name holds a NUL character" in said or "does not exist" in said


@pytest.mark.parametrize("name", ["w.safetensors", "w.pt", "w"])
def test_weights_are_files(tmp_path, name):
    os.mkfifo(tmp_path / name)
    assert "no such file" in mistake(lambda: load_classifier("timm:resnet18", weights=tmp_path / name))
    assert "no such file" in mistake(load_encoder, f"open_clip:ViT-B-32@{tmp_path / name}")


def test_small_files_are_bounded(tmp_path):
    with (tmp_path / "large").open("wb") as file:
        file.truncate(MOST_BYTES + 1)
    with pytest.raises(OSError, match="it is larger than 64 MiB"):
        read_regular(tmp_path / "large")
    (tmp_path / "small").write_bytes(b"x")
    (tmp_path / "link").symlink_to("small")
    assert read_regular(tmp_path / "link") == b"x"


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("pyproject.toml", b"[tool.auditor]\nx = '\xff'\n", "pyproject.toml is not valid TOML: 'utf-8' codec"),
        ("pyproject.toml", b"tool = 1 # [tool.auditor]", "tool = 1; expected a table [tool.auditor]"),
        ("pyproject.toml", b"[tool]\nauditor = 1 # [tool.auditor]", "auditor = 1; expected a table [tool.auditor]"),
        ("auditor.toml", b'data = "a\\u0000b"', "setting 'data' = '"),
        ("auditor.toml", b'model = "a\\u0000b"', r"setting 'model' = 'a\x00b': holds a NUL character"),
        ("auditor.toml", b'data = "~nobody-of-this-name/x"', "data = '~nobody-of-this-name/x' is no path"),
        ("auditor.toml", b"seed = 2030-02-30", "is not valid TOML"),
        ("auditor.toml", b"seed = " + b"9" * 5000, "is not valid TOML"),
        (
            "auditor.toml",
            'data = "d"\nmodel = "m"\nout = "o"\n[core.cat]\nsnow = "\u200b\u2060"\n'.encode(),
            "[core.cat] snow: reason = '\\u200b\\u2060'; expected why the class may rest on it, in words",
        ),
    ],
)
def test_settings(tmp_path, name, content, expected):
    (tmp_path / name).write_bytes(content)
    assert expected in mistake(make_config, {}, find_settings_file(tmp_path))


def test_a_pyproject_of_others_is_not_read_and_an_auditor_toml_that_cannot_be_is_not_passed_over(tmp_path):
    (tmp_path / "pyproject.toml").write_bytes(b"name = '\xff'")
    assert find_settings_file(tmp_path) is None
    (tmp_path / "auditor.toml").symlink_to("nowhere")
    assert "No such file" in mistake(make_config, {}, find_settings_file(tmp_path))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("size = 8\ninterpolation = ['a']", "interpolation \"['a']\" is unknown"),
        ("size = 10001", "at most 10,000"),
        (f"size = 8\nmean = [1, 2, 1{'0' * 400}]", "expected three numbers below 1e308"),
        ("size = 8\nmean = " + "[" * 2000, "is no TOML"),
    ],
)
def test_preprocessing(tmp_path, content, expected):
    (tmp_path / "p.toml").write_text(content)
    assert expected in mistake(read_preprocess, tmp_path / "p.toml")


def test_parquet_text_that_is_no_utf8(tmp_path):
    wrong = pa.Array.from_buffers(
        pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")]
    )  # fmt: skip
    pq.write_table(pa.table({"path": ["a.png"], "label": wrong}), tmp_path / "val.parquet")
    assert "column 'label' holds a value that cannot be read" in mistake(read_manifest, tmp_path / "val.parquet")


@pytest.mark.parametrize("device", ["meta", "gpu", "cuda:99", "", "cpu\n", "mps:7", "xla"])
def test_devices_that_compute_nothing(device):
    assert "expected auto, cpu, cuda, cuda:1 or mps" in mistake(find_device, device)
    assert find_device("cpu") == "cpu"


_ENTRY = """
[[accepted]]
class = "waterbird"
concept = "water"
fingerprint = "{}"
reason = "{}"
who = "Ann"
expires = {}
"""


def test_reasons_of_no_width(tmp_path):
    (tmp_path / "b.toml").write_text(_ENTRY.format("a" * 64, "\u200b", "2030-01-31"), encoding="utf-8")
    assert r"reason = '\u200b'; expected why the finding is accepted, in words" in mistake(
        load_baseline, tmp_path / "b.toml"
    )
    with pytest.raises(InputError, match="the reason is blank"):
        check_acceptance("\u2060 \u00ad", today_utc(), today_utc())


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    return write_small_audit(tmp_path_factory.mktemp("audit") / "small")


def gate(*arguments):
    result = CliRunner().invoke(app, ["gate", *map(str, arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.stderr


@pytest.mark.parametrize("name", ["policy", "baseline"])
def test_a_default_file_that_cannot_be_read_is_not_passed_over(audit, tmp_path, monkeypatch, name):
    """A stricter policy would be lost."""
    monkeypatch.chdir(tmp_path)
    path = Path(f"{name}.toml")
    path.symlink_to("nowhere")
    code, err = gate(audit)
    assert (code, "cannot be read: No such file" in err, err.count("\n")) == (2, True, 1)
    path.unlink()
    path.mkdir()
    code, err = gate(audit)
    assert (code, "cannot be read: Is a directory" in err, err.count("\n")) == (2, True, 1)


def test_acceptances_to_the_last_day_there_is(audit, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("policy.toml").write_text('may_skip = ["boat"]\n')
    assert gate(audit, "--update-baseline", "--expires", "9999-12-31") == (0, "2 accepted in baseline.toml\n")
    assert gate(audit)[0] == 0
    code, err = gate(audit, "--update-baseline", "--expires", "10000-01-01")
    assert (code, err.count("\n")) == (2, 1)
