"""The benchmark of public sets on a miniature in the layout of Waterbirds, made of the bundled rendered pictures."""

from __future__ import annotations

import csv
import json
import shutil
from pathlib import Path

import pytest

from auditor.errors import InputError
from auditor.models.bundled import bundled_path
from benchmarks import public

PER_GROUP = {("waterbird", "water"): 60, ("waterbird", "land"): 24, ("landbird", "water"): 20, ("landbird", "land"): 60}


@pytest.fixture(scope="module")
def waterbirds(tmp_path_factory):
    """Pictures of the planted set as metadata.csv has them; water is place 1."""
    root = tmp_path_factory.mktemp("waterbirds")
    source = bundled_path("planted", "manifest.csv")
    left = dict(PER_GROUP)
    rows = []
    with source.open(newline="") as file:
        for row in csv.DictReader(file):
            place = "water" if row["scene"] == "water" else "land"
            if left.get((row["label"], place), 0) > 0:
                left[row["label"], place] -= 1
                name = f"{row['label']}/{len(rows):04}.jpg"
                (root / row["label"]).mkdir(exist_ok=True)
                shutil.copyfile(source.parent / row["path"], root / name)
                y, on_water = int(row["label"] == "waterbird"), int(place == "water")
                rows.append((len(rows) + 1, name, y, 2, on_water, f"/{place[0]}/{place}/{len(rows)}.jpg"))
    with (root / "metadata.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["img_id", "img_filename", "y", "split", "place", "place_filename"])
        writer.writerows(rows)
    return root, {group: n - left[group] for group, n in PER_GROUP.items()}


def test_it_audits_and_measures(waterbirds, encoder_cache, tmp_path, capsys):
    root, counts = waterbirds
    output = tmp_path / "public.json"
    arguments = [
        f"waterbirds={root}", "--model", "sample:planted", "--encoder", "sample", "--by-name", "--split", "test",
        "--out", str(tmp_path / "audits"), "--output", str(output),
    ]  # fmt: skip
    result = public.main(arguments)["waterbirds"]
    assert result["n"] == sum(counts.values())
    worst = result["worst_group"]["place"]
    # the bundled classifier was trained with water behind 95 % of the waterbirds
    assert (worst["class"], worst["value"]) == ("waterbird", "land")
    (gap,) = [
        g for g in result["known_gaps"] if (g["class"], g["attribute"], g["value"]) == ("waterbird", "place", "water")
    ]
    assert (gap["n_with"], gap["n_without"]) == (counts["waterbird", "water"], counts["waterbird", "land"])
    assert 0.05 < gap["low"] < gap["gap"] < gap["high"] <= 1
    assert worst["accuracy"] < result["accuracy"]
    printed = capsys.readouterr().out
    assert printed.startswith(f"waterbirds: {result['n']} pictures, accuracy ")
    assert "waterbird, place = water: " in printed
    document = json.loads(output.read_text())
    assert document["sets"]["waterbirds"]["known_gaps"] == result["known_gaps"]
    assert public.main(arguments)["waterbirds"] == result  # the audit is there already


def test_what_is_no_set_is_refused(tmp_path):
    common = ["--model", "sample:planted", "--out", str(tmp_path)]
    for entry in ("mnist=x", "waterbirds", "waterbirds="):
        with pytest.raises(InputError, match="expected NAME=ROOT"):
            public.main([entry, *common])
    assert not Path(tmp_path / "audits").exists()
