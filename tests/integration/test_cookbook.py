"""The layouts of docs/cookbook.md: every command runs on what the page says people have."""

from __future__ import annotations

import csv
import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from packed_files import png, samples, write_parquet, write_tar
from PIL import Image
from typer.testing import CliRunner

from auditor.cli import app

PAGE = (Path(__file__).parents[2] / "docs" / "cookbook.md").read_text(encoding="utf-8")
SECTIONS = re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL)
CLASSES = ("duck", "swan")
N = 12  # pictures of a class in each folder


def picture(path: Path, seed: int, size: tuple[int, int] = (64, 64)) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(path)


def class_folders(root: Path, start: int = 0) -> list[tuple[str, str]]:
    """Pictures in class folders; gives their paths from the parent of the root, and labels."""
    rows = []
    for c, label in enumerate(CLASSES):
        for i in range(1, N + 1):
            picture(root / label / f"{i:04}.png", start + 100 * c + i)
            rows.append((f"{root.name}/{label}/{i:04}.png", label))
    return rows


def table(path: Path, header: list[str], rows: list[list[str]], delimiter: str = ",", encoding: str = "utf-8") -> None:
    path.parent.mkdir(exist_ok=True)
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file, delimiter=delimiter).writerows([header, *rows])


def lay_out(here: Path) -> None:
    """Everything that the page has, in a folder."""
    rows = class_folders(here / "photos")
    class_folders(here / "data" / "train", 1000)
    class_folders(here / "data" / "val", 2000)
    class_folders(here / "birds" / "images")
    (here / "birds" / "README.txt").write_text("birds")
    kinds = {"duck": "mallard", "swan": "whooper"}
    own = [[path, kinds[label], label, "AB"[i % 2], ("yes", "no")[i % 2]] for i, (path, label) in enumerate(rows)]
    table(here / "birds.csv", ["filename", "species", "class", "scanner", "flower"], own)
    site = [[path, f"{label} ", "north"] for path, label in rows]
    table(here / "export.csv", ["Image", "Category", "Site"], site, ";", "utf-8-sig")
    table(here / "export.tsv", ["Image", "Category", "Site"], site, "\t")
    lines = [json.dumps({"image": path, "label": label, "flower": i % 2 == 0}) for i, (path, label) in enumerate(rows)]
    (here / "pictures.jsonl").write_text("\n".join(lines) + "\n")
    for split, start in (("train", 3000), ("test", 4000)):
        for i in range(2 * N):
            picture(here / "hub" / split / f"{i:04}.png", start + i)
        given = [json.dumps({"file_name": f"{i:04}.png", "label": CLASSES[i % 2]}) for i in range(2 * N)]
        (here / "hub" / split / "metadata.jsonl").write_text("\n".join(given))
    table(here / "lists" / "val.csv", ["path", "label"], [[str(here / path), label] for path, label in rows])
    tags = [[path, "duck|swan" if i < 2 else f"{label}|reed"] for i, (path, label) in enumerate(rows)]
    table(here / "tags.csv", ["file", "tags"], tags)
    said = [[path, *(int(name in label.split("|")) for name in (*CLASSES, "reed"))] for path, label in tags]
    table(here / "columns.csv", ["file", *CLASSES, "reed"], [[str(cell) for cell in row] for row in said])
    coco(here / "coco")
    for start, name in enumerate(("train-00000-of-00002", "train-00001-of-00002", "test-00000-of-00001")):
        pictures = [png(6000 + 100 * start + i, side=64) for i in range(2 * N)]
        write_parquet(here / "cub" / "data" / f"{name}.parquet", pictures, [0, 1] * N, names=CLASSES)
    for start in (0, 1):
        pictures = [png(7000 + 100 * start + i, side=64) for i in range(N)]
        write_tar(here / "shards" / "test" / f"{start}.tar", samples(pictures, [0, 1] * (N // 2), N * start))
    (here / "shards" / "classnames.txt").write_text("duck\nswan\n")
    bad = [[f"photos/duck/009{i}.png", "duck"] for i in range(1, 6)]
    first = ["photos/duck/0001.png", "duck"]
    table(here / "broken.csv", ["path", "label"], [first, ["", "duck"], ["a", "b", "c"], first, *bad])
    cache = json.dumps(str(here / "cache"))
    (here / "auditor.toml").write_text(f'encoder = "sample"\ncache = {cache}\n')


def coco(root: Path) -> None:
    images, annotations = [], []
    for i in range(2 * N):
        picture(root / "val" / f"{i:04}.png", 5000 + i)
        images.append({"id": i, "file_name": f"{i:04}.png", "width": 64, "height": 64})
        for category in (0, 1) if i < 4 else (i % 2,):
            annotations.append({"image_id": i, "category_id": category, "bbox": [4 + category, 8, 40, 48]})
    categories = [{"id": c, "name": name} for c, name in enumerate(CLASSES)]
    (root / "annotations").mkdir()
    given = {"images": images, "annotations": annotations, "categories": categories}
    (root / "annotations" / "instances_val.json").write_text(json.dumps(given))


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    here = tmp_path_factory.mktemp("cookbook")
    lay_out(here)
    return here


def test_there_are_twelve():
    assert [int(title.split(".")[0]) for title, _ in SECTIONS[:12]] == list(range(1, 13))
    assert all("```console\n$ auditor " in text for _, text in SECTIONS)


@pytest.mark.parametrize(("title", "text"), SECTIONS, ids=[title.split(".")[0] for title, _ in SECTIONS])
def test_every_command_reads_what_the_page_has(title, text, workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        for call in re.split(r"^\$ auditor ", block, flags=re.MULTILINE)[1:]:
            command, *expected = call.splitlines()
            exit_code = re.search(r"# exit code (\d)$", command)
            done = CliRunner().invoke(app, shlex.split(command, comments=True))
            assert done.exit_code == int(exit_code[1] if exit_code else 0), (command, done.output)
            printed = done.output.replace("\n\n", "\n")
            for line in expected:
                pattern = r".*".join(re.escape(part.strip()) for part in line.split("…"))
                assert re.search(rf"^\s*{pattern}\s*$", printed, re.MULTILINE), (line, printed)
