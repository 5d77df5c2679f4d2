"""Code beside every kind of input, and inside it: without ``--trust-code`` none of it runs, whatever the command.

Each piece of foreign code leaves a file behind when it runs. What is refused ends with 2 and one line; what is not is
used as data.
"""

from __future__ import annotations

import gzip
import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
import torch
from click.testing import Result
from safetensors.torch import save_file
from typer.testing import CliRunner

from auditor.cli import app
from auditor.models.bundled import bundled_path
from auditor.models.torchvision_cure import import_torchvision_safely
from auditor.store.manifest import DATABASE_NAME

import_torchvision_safely()
import open_clip  # noqa: E402

CLIP: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "head_width": 16, "patch_size": 8},
    "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
#: What Python, transformers or a tool of theirs might pick up from the folder of an input or the working directory.
MODULES = (
    "sitecustomize", "usercustomize", "torch", "open_clip", "transformers", "tokenizer", "tokenization_evil",
    "modeling_evil", "configuration_evil", "model", "__init__", "conftest", "hubconf",
)  # fmt: skip
AUTO_MAP = {
    "AutoTokenizer": ["tokenization_evil.Evil", None],
    "AutoConfig": "configuration_evil.Evil",
    "AutoModel": "modeling_evil.Evil",
}


class Bomb:
    """A pickle that writes ``marker`` when it is read as code."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.marker,)


class Place:
    """A working directory with foreign inputs in it."""

    def __init__(self, folder: Path, pictures: Path) -> None:
        self.folder, self.marker = folder, folder / "code-ran"
        shutil.copytree(pictures, folder / "data")
        shutil.copyfile(bundled_path("classifiers", "planted.safetensors"), self.below("model") / "w.safetensors")
        shutil.copyfile(bundled_path("encoder", "vocabulary.toml"), self.below("words") / "vocabulary.toml")
        labels = json.loads(bundled_path("classifiers", "classifier.json").read_text())["class_names"]
        (self.below("classes") / "classes.json").write_text(json.dumps({label: label for label in labels}))
        torch.manual_seed(0)
        state = open_clip.model.CLIP(**CLIP).state_dict()
        save_file({key: value.clone() for key, value in state.items()}, self.below("encoder") / "w.safetensors")
        self.describe({"tokenizer_kwargs": {"trust_remote_code": True, "clean": "lower"}})
        for path in sorted(folder.rglob("*")):
            if path.is_dir():
                self.plant(path)
        self.plant(folder)

    def below(self, name: str) -> Path:
        (self.folder / name).mkdir(exist_ok=True)
        return self.folder / name

    def plant(self, folder: Path) -> None:
        source = f"from pathlib import Path\nPath({str(self.marker)!r}).touch()\nclass Evil: ...\ndef build(): ...\n"
        for name in MODULES:
            (folder / f"{name}.py").write_text(source)
        (folder / "tokenizer_config.json").write_text(
            json.dumps({"auto_map": AUTO_MAP, "tokenizer_class": "Evil", "trust_remote_code": True})
        )
        (folder / "config.json").write_text(json.dumps({"auto_map": AUTO_MAP, "model_type": "evil"}))

    def describe(self, text: dict[str, Any], **more: Any) -> None:
        """Write the description beside the encoder's weights."""
        model = {**CLIP, "text_cfg": {**CLIP["text_cfg"], **text}, **more}
        described = {"model_cfg": model, "preprocess_cfg": {"size": 32}, "trust_remote_code": True}
        (self.folder / "encoder" / "open_clip_config.json").write_text(json.dumps(described))

    def settings(self, **changes: object) -> None:
        values = {
            "data": "data/manifest.csv", "model": "sample:planted", "weights": "model/w.safetensors", "out": "audit",
            "encoder": self.encoder, "vocabulary": "words/vocabulary.toml", "class_map": "classes/classes.json",
            "cache": "cache", "n_extreme": 12, "max_images_per_class": 24,
        } | changes  # fmt: skip
        lines = [f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None]
        (self.folder / "auditor.toml").write_text("\n".join(lines))

    @property
    def encoder(self) -> str:
        return f"open_clip:mine@{self.folder}/encoder/w.safetensors"

    @property
    def audit(self) -> Path:
        return self.folder / "audit"

    @property
    def given_again(self) -> list[str]:
        """What calibrate asks for where it is not told to trust the audit."""
        return [
            "--weights", "model/w.safetensors", "--encoder", self.encoder, "--vocabulary", "words/vocabulary.toml",
            "--class-map", "classes/classes.json",
        ]  # fmt: skip


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, sample_manifest: Path) -> Place:
    return Place(tmp_path_factory.mktemp("foreign"), sample_manifest.parent)


@pytest.fixture(autouse=True)
def here(place: Place, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Stand among the foreign files; nothing of them has run when a test is over."""
    monkeypatch.chdir(place.folder)
    monkeypatch.delenv("AUDITOR_TRUST_CODE", raising=False)
    place.settings()
    yield
    assert not place.marker.exists()


def auditor(*arguments: object, answer: str = "y\n" * 9) -> Result:
    """A command in this process, with somebody at the terminal who says yes to everything."""
    return CliRunner().invoke(app, list(map(str, arguments)), input=answer)


def refused(*arguments: object) -> str:
    done = auditor(*arguments)
    assert done.exit_code == 2, done.output
    line = done.stderr.strip().splitlines()[-1]
    assert line.startswith("error: "), done.output
    return line


@pytest.fixture(scope="module")
def audited(place: Place) -> Path:
    """An audit made from settings of a stranger, of files with code beside them; by the command in its own process."""
    place.settings()
    command = Path(sys.executable).with_name("auditor")
    if not command.exists():
        pytest.skip("auditor is not installed as a command")
    done = subprocess.run([command, "run", "--quiet"], cwd=place.folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return place.audit


@pytest.mark.parametrize(
    "command",
    [
        *(["report", "audit", "--format", name] for name in ("text", "json", "html", "markdown", "sarif")),
        ["gate", "audit"], ["diff", "audit", "audit"], ["export", "audit", "--output", "tables"],
        ["rules"], ["cache", "info", "--cache", "cache"], ["init", "--output", "new.toml"],
        ["manifest", "waterbirds", "data", "--output", "found.csv"],
    ],
    ids=lambda command: " ".join(command[:4]),
)  # fmt: skip
def test_commands_that_read_an_audit_or_a_folder_run_nothing(audited: Path, command: list[str]):
    done = auditor(*command)
    assert done.exception is None or isinstance(done.exception, SystemExit)


def test_calibrate_reads_no_file_that_the_audit_names_unasked(place: Place, audited: Path):
    line = refused("calibrate", "audit", "--heads", 1, "--quiet")
    for flag in ("--weights", "--encoder", "--vocabulary", "--class-map"):
        assert flag in line
    assert "--trust-code" in line
    for given in (["--trust-code"], place.given_again):
        done = auditor("calibrate", "audit", "--heads", 1, "--quiet", *given)
        assert done.exit_code == 0, done.output


def test_explain_reads_no_file_that_the_audit_names_unasked(audited: Path, monkeypatch: pytest.MonkeyPatch):
    with duckdb.connect(str(audited / DATABASE_NAME), read_only=True) as connection:
        (picture,) = connection.execute("SELECT path FROM images ORDER BY path").fetchone() or ("",)
    line = refused("explain", "audit", picture, "--output", "figure.png")
    assert "give --weights" in line
    for given in (["--trust-code"], ["--weights", "model/w.safetensors"]):
        assert auditor("explain", "audit", picture, "--output", "figure.png", *given).exit_code == 0
    monkeypatch.setenv("AUDITOR_TRUST_CODE", "1")
    assert auditor("explain", "audit", picture, "--output", "figure.png").exit_code == 0


@pytest.mark.parametrize("command", ["calibrate", "explain"])
def test_an_audit_cannot_say_that_code_may_run(audited: Path, tmp_path: Path, command: str):
    shutil.copytree(audited, tmp_path / "audit")
    manifest = json.loads((tmp_path / "audit" / "audit.json").read_text())
    for key in ("files", "digest"):  # whoever makes an audit up can do so as an older auditor
        del manifest[key]
    (tmp_path / "audit" / "audit.json").write_text(json.dumps(manifest))
    with duckdb.connect(str(tmp_path / "audit" / DATABASE_NAME)) as connection:
        (config,) = connection.execute("SELECT config FROM runs").fetchone() or ("{}",)
        (picture,) = connection.execute("SELECT path FROM images ORDER BY path").fetchone() or ("",)
        unnamed = dict.fromkeys(("weights", "vocabulary", "class_map"))
        evil = {
            **json.loads(config),
            **unnamed,
            "model": "model/model.py:build",
            "encoder": "sample",
            "trust_code": True,
        }
        values = [json.dumps(evil), "model/model.py:build"]
        connection.execute("UPDATE runs SET config = ?, model_spec = ?", values)
    rest = [picture] if command == "explain" else []
    line = refused(command, tmp_path / "audit", *rest)
    assert "model/model.py: read it, then add --trust-code" in line


def test_a_settings_file_cannot_say_that_code_may_run(place: Place):
    place.settings(model="model/model.py:build", trust_code=True)
    line = refused("run")
    assert "trust_code" in line
    assert "--trust-code" in line
    settings = (place.folder / "auditor.toml").read_text()
    (place.folder / "auditor.toml").unlink()
    (place.folder / "pyproject.toml").write_text(f"[tool.auditor]\n{settings}")
    try:
        assert "--trust-code" in refused("run")
    finally:
        (place.folder / "pyproject.toml").unlink()
    place.settings(model="model/model.py:build")
    assert "--trust-code" in refused("run", "--out", "never")
    assert "--trust-code" in auditor("doctor", "--model", "model/model.py:build").output


@pytest.mark.parametrize(
    "description",
    [
        {"text": {"hf_tokenizer_name": "here", "tokenizer_kwargs": {"trust_remote_code": True}}},
        {"text": {"hf_tokenizer_name": "here", "tokenizer_kwargs": {"tokenizer_type": "evil", "use_fast": False}}},
        {"text": {"hf_model_name": "encoder", "hf_tokenizer_name": "encoder", "hf_model_pretrained": True}},
        {"text": {"hf_model_name": ".", "hf_proj_type": "mlp"}},
        {"text": {"hf_model_name": "someone/else"}},
        {"text": {}, "vision_cfg": {"timm_model_name": "local-dir:encoder", "image_size": 32}},
        {"text": {}, "vision_cfg": {"timm_model_name": "hf-hub:someone/else", "timm_model_pretrained": True}},
        {"text": {}, "vision_cfg": "model.py"},
    ],
    ids=lambda description: json.dumps(description)[:60],
)
def test_code_that_a_description_beside_weights_asks_for(place: Place, description: dict[str, Any]):
    try:
        place.describe(**description)
        line = refused("run", "--out", "never")
    finally:
        place.describe({"tokenizer_kwargs": {"trust_remote_code": True, "clean": "lower"}})
    assert "encoder" in line or "open_clip" in line
    assert not (place.folder / "never").exists()


def test_a_folder_here_that_is_called_like_a_model_of_the_hub(place: Place):
    shutil.copytree(place.folder / "encoder", place.folder / "roberta-base")
    try:
        line = refused("run", "--out", "never", "--encoder", "open_clip:roberta-ViT-B-32@encoder/w.safetensors")
        assert "roberta-base" in line
        assert "another folder" in line
    finally:
        shutil.rmtree(place.folder / "roberta-base")


def pickled(path: Path, marker: Path) -> None:
    path.write_bytes(pickle.dumps(Bomb(marker)))


def saved(path: Path, marker: Path) -> None:
    torch.save({"state_dict": Bomb(marker)}, path)


def zipped(path: Path, marker: Path) -> None:
    path.write_bytes(gzip.compress(pickle.dumps(Bomb(marker))))


@pytest.mark.parametrize("write", [pickled, saved, zipped])
@pytest.mark.parametrize(
    ("flag", "name"),
    [
        ("--weights", "w.pt"), ("--weights", "w.safetensors"), ("--encoder", "e.pt"), ("--encoder", "e.npz"),
        ("--encoder", "e.safetensors"), ("--vocabulary", "v.toml"), ("--class-map", "c.csv"),
        ("--class-map", "c.json"), ("--data", "d.csv"), ("--data", "d.parquet"), ("--preprocess", "p.toml"),
        ("--config", "s.toml"),
    ],
)  # fmt: skip
def test_code_inside_a_file(place: Place, tmp_path: Path, flag: str, name: str, write: Callable[[Path, Path], None]):
    write(tmp_path / name, place.marker)
    given: object = tmp_path / name
    if flag == "--encoder":
        shutil.copyfile(place.folder / "encoder" / "open_clip_config.json", tmp_path / "open_clip_config.json")
        given = f"open_clip:mine@{tmp_path / name}"
    refused("run", "--out", "never", flag, given)


def test_pictures_that_are_no_pictures(place: Place, tmp_path: Path):
    for label in ("waterbird", "landbird"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for name in ("a.png", "b.jpg", "c.tif"):
            pickled(tmp_path / "data" / label / name, place.marker)
        (tmp_path / "data" / label / "d.png").write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n")
    place.settings(class_map=None, vocabulary=None, encoder="sample", n_extreme=2)
    assert "could not be read" in refused("run", "--quiet", "--data", tmp_path / "data", "--out", tmp_path / "audit")


def test_an_index_that_is_a_pickle(place: Place, audited: Path, tmp_path: Path):
    from auditor.errors import AuditorError
    from auditor.store.embedding_index import INDEX_NAME, read_embedding_index

    pickled(tmp_path / INDEX_NAME, place.marker)
    with pytest.raises(AuditorError):
        read_embedding_index(tmp_path, 120)


def test_with_the_flag_code_runs(place: Place, tmp_path: Path):
    (tmp_path / "mine.py").write_text(
        "from pathlib import Path\nimport torch\nfrom torchvision import transforms\n"
        f"Path({str(tmp_path / 'ran')!r}).touch()\n"
        "def build():\n    net = torch.nn.Sequential(torch.nn.Conv2d(3, 8, 5), torch.nn.ReLU(),\n"
        "        torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(), torch.nn.Linear(8, 5))\n"
        "    return net, transforms.Compose([transforms.Resize((32, 32)), transforms.ToTensor()])\n"
    )
    done = auditor("doctor", "--model", f"{tmp_path / 'mine.py'}:build")
    assert not (tmp_path / "ran").exists()
    done = auditor("doctor", "--model", f"{tmp_path / 'mine.py'}:build", "--trust-code")
    assert (tmp_path / "ran").exists()
    assert "5 outputs, 8 channels" in done.output
