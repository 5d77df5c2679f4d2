"""Copies of pictures in an audit from files to reports: equal ones count once, near ones as one, and both are told."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageEnhance

from auditor.models.bundled import bundled_path
from auditor.pipeline import run_audit
from auditor.rejudge import rejudge_audit
from auditor.release.facts import release_facts
from auditor.store.open_audit import open_audit_database

N_COPIES = 30
#: In batches of other pictures an embedding differs in the last bits, and with it which of two presences near 1 is the
#: larger: one pair of a picture of the class (60) and one of the others (240) may count otherwise in an AUC, and in its
#: lower bound as much again.
ONE_RANK_PAIR = 1 / (60 * 240)


def _folder_of(manifest: Path, folder: Path) -> Path:
    """The pictures of a manifest as a folder of classes, its columns left out."""
    with manifest.open(encoding="utf-8") as file:
        for row in csv.DictReader(file):
            (folder / row["path"]).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(manifest.parent / row["path"], folder / row["path"])
    return folder


def _tables(audit: Path) -> dict[str, list[tuple[Any, ...]]]:
    queries = {
        "notices": "SELECT unnest(notices) FROM runs",
        "verdicts": "SELECT class_name, verdict, concept_id, n_images, gap_low, gap_high FROM verdicts"
        " ORDER BY class_idx",
        "gaps": "SELECT class_name, concept_id, rule_id, effect, low, high, n_images FROM findings"
        " WHERE rule_id LIKE 'E4%' OR rule_id IN ('E1', 'E2') ORDER BY ALL",
        "copies": "SELECT i.path, o.path, c.label, c.counted, c.copy_group FROM copies c JOIN images i USING (image_id)"
        " JOIN images o ON o.image_id = c.same_content_as ORDER BY i.path",
    }
    with open_audit_database(audit) as connection:
        return {name: connection.execute(sql).fetchall() for name, sql in queries.items()}


@pytest.fixture(scope="module")
def plain(small_config, sample_manifest, tmp_path_factory):
    """A folder of pictures without copies, one of them, and its audit."""
    root = tmp_path_factory.mktemp("plain")
    folder = _folder_of(sample_manifest, root / "data")
    first = sorted((folder / "landbird").iterdir())[0]
    return folder, first, run_audit(small_config.model_copy(update={"data": folder, "out": root / "audit"}))


def test_an_audit_without_copies_tells_of_none(plain):
    found = _tables(plain[2])
    assert found["copies"] == []
    assert not [notice for (notice,) in found["notices"] if "cop" in notice]


def _as_manifest(folder: Path) -> Path:
    with (folder / "manifest.csv").open("w", encoding="utf-8") as file:
        file.write("path,label\n")
        file.writelines(f"{path.relative_to(folder)},{path.parent.name}\n" for path in sorted(folder.glob("*/*")))
    return folder / "manifest.csv"


@pytest.mark.parametrize("kind", ["folder", "manifest"])
def test_thirty_byte_copies_change_nothing_that_is_found(plain, small_config, tmp_path, kind):
    folder, first, audit = plain
    copied = Path(shutil.copytree(folder, tmp_path / "data"))
    for k in range(N_COPIES):
        shutil.copy(first, copied / "landbird" / f"{first.stem}_{k:02d}.jpg")
    data = copied if kind == "folder" else _as_manifest(copied)
    again = run_audit(small_config.model_copy(update={"data": data, "out": tmp_path / "audit"}))
    found, expected = _tables(again), _tables(audit)
    assert found["verdicts"] == expected["verdicts"]
    assert [row[:3] for row in found["gaps"]] == [row[:3] for row in expected["gaps"]]
    for row, other in zip(found["gaps"], expected["gaps"], strict=True):
        assert row[3:] == pytest.approx(other[3:], abs=2 * ONE_RANK_PAIR if row[2] == "E2" else 1e-6), row[:3]
    name = f"landbird/{first.name}"
    assert [row[3] for row in found["copies"]] == [True] + [False] * N_COPIES
    assert {row[1] for row in found["copies"]} == {name}
    assert [notice for (notice,) in found["notices"] if "copies" in notice] == [
        f"{N_COPIES} of 330 pictures are copies of others, byte for byte, such as 'landbird/{first.stem}_00.jpg' of "
        f"'{name}': one of each counts"
    ]
    with open_audit_database(again) as connection:
        pictures = release_facts(connection).pictures
    assert (pictures.label_idx >= 0).sum() == 300
    assert pictures.groups is None


def test_pictures_encoded_again_are_one_group_and_one_under_two_labels_is_named(plain, small_config, tmp_path):
    folder, first, _ = plain
    copied = Path(shutil.copytree(folder, tmp_path / "data"))
    image = Image.open(first).convert("RGB")
    small = image.resize((image.width * 4 // 5, image.height * 4 // 5), Image.Resampling.BICUBIC)
    image.save(copied / "landbird" / f"{first.stem}_jpeg.jpg", quality=60)
    small.save(copied / "landbird" / f"{first.stem}_small.png")
    ImageEnhance.Brightness(image).enhance(0.9).save(copied / "cat" / "dark.png")
    again = run_audit(small_config.model_copy(update={"data": copied, "out": tmp_path / "audit"}))
    found = _tables(again)
    names = sorted(["cat/dark.png", *(f"landbird/{first.stem}{end}" for end in (".jpg", "_jpeg.jpg", "_small.png"))])
    assert [row[0] for row in found["copies"]] == names
    assert all(row[3] for row in found["copies"])
    assert len({row[4] for row in found["copies"]}) == 1
    told = [notice for (notice,) in found["notices"] if "the same" in notice]
    assert told[0].startswith("4 pictures are nearly the same as others")
    assert "in 1 group" in told[0]
    assert told[1] == (
        "1 picture stands under more than one label, as the same or nearly the same picture: 'cat/dark.png' is 'cat' "
        f"and 'landbird/{first.name}' is 'landbird'; mend the labels"
    )
    n_images = {row[0]: row[3] for row in found["verdicts"]}
    assert (n_images["landbird"], n_images["cat"]) == (60, 61)
    with open_audit_database(again) as connection:
        pictures = release_facts(connection).pictures
    assert pictures.label_idx.size - len(set(pictures.groups.tolist())) == 3
    rejudged = _tables(rejudge_audit(again, tmp_path / "rejudged"))  # copies are found once more, and told
    assert rejudged.pop("notices")[1:] == found.pop("notices")
    assert rejudged == found


@pytest.mark.slow
def test_the_planted_landbird_stays_flagged_beside_copies(small_config, tmp_path):
    """Thirty copies of a landbird that is recognised without forest, as bytes and encoded again, are one such bird."""
    folder = _folder_of(bundled_path("planted", "manifest.csv"), tmp_path / "data")
    image = folder / "landbird" / "0037.jpg"
    for k in range(N_COPIES):
        shutil.copy(image, folder / "landbird" / f"byte_{k:02d}.jpg")
        Image.open(image).save(folder / "landbird" / f"again_{k:02d}.jpg", quality=60 + k)
    audit = run_audit(small_config.model_copy(update={"data": folder, "out": tmp_path / "audit", "n_extreme": 60}))
    verdicts = {row[0]: row for row in _tables(audit)["verdicts"]}
    assert verdicts["landbird"][1:4] == ("flagged", "forest", 550)
    assert verdicts["landbird"][4] > 0.6
