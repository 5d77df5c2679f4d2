"""A finished audit is current only while all that it was made from is as it was: ``run --resume`` sees what is not."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from auditor import audit_folder, cli, pipeline
from auditor.config import AuditConfig
from auditor.extraction import extract
from auditor.inputs import contents
from auditor.models.bundled import bundled_path
from auditor.store.open_audit import open_audit_database

#: Longer than any picture of the sample: padded to it, all are files of one size.
PADDED = 20_000


class AuditedAgainError(Exception):
    """Raised where a run starts the work on pictures."""


@pytest.fixture(scope="module")
def made(sample_manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with everything that an audit is made from, and the audit."""
    root = tmp_path_factory.mktemp("made")
    shutil.copytree(sample_manifest.parent, root / "data")
    for path in (root / "data").rglob("*.jpg"):
        path.write_bytes(path.read_bytes().ljust(PADDED, b"\0"))
    rows = read_rows(root)
    for number, row in enumerate(rows):
        row["mask"] = f"masks/{number}.png" if number < 2 else ""
        if row["mask"]:
            write_mask(root / "data" / row["mask"], root / "data" / row["path"])
    write_rows(root, rows)
    labels = sorted({row["label"] for row in rows})
    (root / "classes.json").write_text(json.dumps({label: label for label in labels}))
    shutil.copyfile(bundled_path("encoder", "vocabulary.toml"), root / "vocabulary.toml")
    shutil.copyfile(bundled_path("classifiers", "planted.safetensors"), root / "weights.safetensors")
    (root / "preprocess.toml").write_text("size = [64, 64]\nmean = [0.45, 0.5, 0.5]\nstd = [0.27, 0.25, 0.27]\n")
    pipeline.run_audit(config_of(root))
    return root


def config_of(root: Path, **changes: object) -> AuditConfig:
    settings = {
        "data": root / "data" / "manifest.csv",
        "model": "sample:planted",
        "weights": root / "weights.safetensors",
        "preprocess": root / "preprocess.toml",
        "class_map": root / "classes.json",
        "vocabulary": root / "vocabulary.toml",
        "encoder": "sample",
        "out": root / "audit",
        "cache": root / "cache",
        "n_extreme": 30,
    }
    return AuditConfig.model_validate({**settings, **changes})


@pytest.fixture
def world(made: Path, tmp_path: Path) -> Path:
    """A copy of it for one test, elsewhere."""
    shutil.copytree(made, tmp_path / "world")
    return tmp_path / "world"


@pytest.fixture(params=["", "1"], ids=["here", "ci"])
def anywhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """On somebody's machine, where what was read is remembered at once, and in CI."""
    for name in contents._CI_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CI", request.param)
    monkeypatch.setattr(contents, "_SETTLED_NS", 0)
    return request.param


@pytest.fixture
def audited_again(monkeypatch: pytest.MonkeyPatch) -> Callable[..., bool]:
    """Whether ``--resume`` makes the audit again; without making it."""

    def begin(*_: object, **__: object) -> None:
        raise AuditedAgainError

    def check(root: Path, **changes: object) -> bool:
        with monkeypatch.context() as patched:
            patched.setattr(pipeline, "extract", begin)
            try:
                pipeline.run_audit(config_of(root, **changes), resume=True)
            except AuditedAgainError:
                return True
        return False

    return check


def read_rows(root: Path) -> list[dict[str, str]]:
    with (root / "data" / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def write_rows(root: Path, rows: list[dict[str, str]]) -> None:
    with (root / "data" / "manifest.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def write_mask(path: Path, picture: Path) -> None:
    with Image.open(picture) as opened:
        white = np.zeros((opened.height, opened.width), np.uint8)
    white[: len(white) // 2] = 255
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"")
    Image.fromarray(white).save(path)


def put(path: Path, content: bytes) -> None:
    """Overwrite a file and bring its time of change back, as rsync does, or somebody who hides it."""
    before = path.stat()
    path.write_bytes(content)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns


def overwrite_landbirds(root: Path) -> None:
    for bird, balloon in zip(
        sorted((root / "data" / "landbird").iterdir()), sorted((root / "data" / "balloon").iterdir()), strict=True
    ):
        put(bird, balloon.read_bytes())


def overwrite_one(root: Path) -> None:
    rows = read_rows(root)
    put(root / "data" / rows[0]["path"], (root / "data" / rows[1]["path"]).read_bytes())


def add_a_picture(root: Path) -> None:
    rows = read_rows(root)
    shutil.copyfile(root / "data" / rows[0]["path"], root / "data" / "new.jpg")
    write_rows(root, [*rows, {**rows[0], "path": "new.jpg", "mask": ""}])


def drop_a_row(root: Path) -> None:
    write_rows(root, read_rows(root)[:-1])


def delete_a_picture(root: Path) -> None:
    (root / "data" / read_rows(root)[-1]["path"]).unlink()


def change_a_label(root: Path) -> None:
    rows = read_rows(root)
    write_rows(root, [{**rows[0], "label": rows[-1]["label"]}, *rows[1:]])


def overwrite_a_mask(root: Path) -> None:
    mask = root / "data" / "masks" / "0.png"
    before = mask.stat()
    with Image.open(mask) as opened:
        white = np.asarray(opened)
    Image.fromarray(255 - white).save(mask)
    mask.write_bytes(mask.read_bytes().ljust(before.st_size, b"\0"))
    os.utime(mask, ns=(before.st_atime_ns, before.st_mtime_ns))


def change_the_class_map(root: Path) -> None:
    mapping = json.loads((root / "classes.json").read_text())
    mapping["landbird"], mapping["waterbird"] = "waterbird", "landbird"
    put(root / "classes.json", json.dumps(mapping).encode())


def change_the_vocabulary(root: Path) -> None:
    text = (root / "vocabulary.toml").read_text(encoding="utf-8")
    put(root / "vocabulary.toml", text.replace('"woods", ', "").encode())


def change_the_preprocessing(root: Path) -> None:
    put(root / "preprocess.toml", (root / "preprocess.toml").read_bytes().replace(b"0.45", b"0.44"))


def change_the_weights(root: Path) -> None:
    put(root / "weights.safetensors", bundled_path("classifiers", "balanced.safetensors").read_bytes())


CHANGES = [
    overwrite_landbirds, overwrite_one, add_a_picture, drop_a_row, delete_a_picture, change_a_label, overwrite_a_mask,
    change_the_class_map, change_the_vocabulary, change_the_preprocessing, change_the_weights,
]  # fmt: skip


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_a_change_is_seen_and_so_is_that_it_was_taken_back(world, anywhere, audited_again, change):
    assert not audited_again(world)
    shutil.copytree(world, world.parent / "before")
    change(world)
    assert audited_again(world)
    assert audited_again(world)  # nothing was audited, so that nothing is current
    for path in (world.parent / "before").rglob("*"):
        if path.is_file() and "cache" not in path.parts and "audit" not in path.parts:
            shutil.copy2(path, world / path.relative_to(world.parent / "before"))
    assert not audited_again(world)


def test_where_things_lie_does_not_count(world, anywhere, audited_again):
    assert not audited_again(world)
    moved = world.rename(world.parent / "moved")
    assert not audited_again(moved)
    assert not audited_again(moved, jobs=1, batch_size=7, device="cpu", cache=moved / "another")


@pytest.mark.parametrize(
    "changes", [{"thumbnails": False}, {"seed": 1}, {"core": {"landbird": {"forest": "owls live there"}}}]
)
def test_settings_count(world, audited_again, changes):
    assert audited_again(world, **changes)


def test_another_auditor_audits_again(world, audited_again, monkeypatch):
    monkeypatch.setattr(audit_folder, "auditor_version", lambda: "99")
    assert audited_again(world)


def test_in_ci_contents_count_whatever_the_system_says_of_the_files(world, audited_again, monkeypatch):
    """A file system that keeps no times: here what was read is taken at its word, and in CI it is read."""
    state = contents.FileState(PADDED, 1, 1_000_000_001, 7, 1)
    monkeypatch.setattr(contents, "_state", lambda _: state)
    for name in contents._CI_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    assert not audited_again(world)
    overwrite_landbirds(world)
    assert not audited_again(world)
    monkeypatch.setenv("CI", "true")
    assert audited_again(world)


def test_nothing_changed_is_quick(world, anywhere, monkeypatch):
    pipeline.run_audit(config_of(world), resume=True)
    read = []

    def spied(path: str) -> str | None:
        read.append(path)
        return digest(path)

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a picture was decoded or brought through a model")

    digest = contents.file_digest
    monkeypatch.setattr(contents, "file_digest", spied)
    monkeypatch.setattr(extract, "read_image", never)
    monkeypatch.setattr(extract, "cam", SimpleNamespace(forward=never))
    before = (world / "audit" / "audit.json").read_bytes()
    pipeline.run_audit(config_of(world), resume=True)
    assert (world / "audit" / "audit.json").read_bytes() == before
    assert len(read) == (302 if anywhere else 0)  # 300 pictures and two masks


def test_a_changed_picture_redoes_its_shard_and_only_it(world, monkeypatch):
    decoded = []

    def spied(path: Path, *, min_side: int) -> object:
        decoded.append(path.relative_to(world / "data").as_posix())
        return read(path, min_side=min_side)

    read = extract.read_image
    monkeypatch.setattr(extract, "read_image", spied)
    overwrite_one(world)
    pipeline.run_audit(config_of(world), resume=True)
    paths = sorted(row["path"] for row in read_rows(world))
    assert sorted(decoded) == paths[: extract.SHARD_IMAGES]
    with open_audit_database(world / "audit") as connection:
        known = dict(connection.execute("SELECT path, content_digest FROM images").fetchall())
    assert known == {path: contents.file_digest(world / "data" / path) for path in paths}


def test_landbirds_overwritten_with_balloons_change_the_table(world, monkeypatch):
    """The command itself, as the recipes for CI have it, and the gate after it."""
    monkeypatch.setenv("CI", "true")
    config = config_of(world)
    flags = ["run", "--resume", "--quiet"]
    for name in ("data", "model", "weights", "preprocess", "class_map", "vocabulary", "encoder", "out", "cache"):
        flags += [f"--{name.replace('_', '-')}", str(getattr(config, name))]
    flags += ["--n-extreme", "30"]

    def recall() -> float:
        with open_audit_database(world / "audit") as connection:
            sql = "SELECT avg(correct::INT) FROM predictions WHERE label_name = 'landbird'"
            ((found,),) = connection.execute(sql).fetchall()
        return float(found)

    first = CliRunner().invoke(cli.app, flags)
    assert (first.exit_code, recall() > 0.5) == (0, True), first.output
    overwrite_landbirds(world)
    again = CliRunner().invoke(cli.app, flags)
    assert (again.exit_code, recall()) == (0, 0.0), again.output
    assert again.stdout != first.stdout
    made = json.loads((world / "audit" / "audit.json").read_text())
    gated = CliRunner().invoke(cli.app, ["gate", str(world / "audit")])
    assert f"audited {made['created_at']}, data {made['digests']['data'][:12]}" in gated.stdout
