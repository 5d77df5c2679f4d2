"""Data and models that allow no verdict: each is a named state with its reason in store, text and JSON, never clean."""

from __future__ import annotations

import csv
import json
import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import Image, ImageDraw
from typer.testing import CliRunner

from auditor import cli
from auditor.records import Verdict
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from reports.written.json import json_report
from reports.written.text import render_text

Row = dict[str, str]
Audit = Callable[..., "Sentence"]

#: A model that calls every picture the first class: white pictures or black, its bias decides.
ONE_CLASS = """
import torch
from torch import nn
from torchvision import transforms

def build():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)
    )
    with torch.no_grad():
        module[4].bias.copy_(torch.tensor([50.0, 0, 0, 0, 0]))
    return module, transforms.Compose([transforms.Resize((64, 64)), transforms.ToTensor()])
"""


@dataclass(frozen=True)
class Sentence:
    """What an audit says, three times."""

    verdicts: dict[str, Verdict]
    notices: tuple[str, ...]
    attributes: dict[str, str]

    def says(self, sentence: str) -> list[str]:
        """Classes of which it says so."""
        return sorted(name for name, verdict in self.verdicts.items() if sentence in verdict.sentence)

    def found(self) -> set[str]:
        """Verdicts that there are."""
        return {verdict.verdict for verdict in self.verdicts.values()}


@pytest.fixture
def audit(sample_manifest: Path, encoder_cache: Path, tmp_path: Path) -> Audit:
    """Audit the sample with changed rows; what the store says stands in text and JSON too."""

    def run(change: Callable[[Row], Row | None] = dict, *flags: str, per_class: int = 30) -> Sentence:
        manifest, seen = sample_manifest.with_name(f"states-{tmp_path.name}.csv"), Counter[str]()
        with sample_manifest.open(newline="") as file:
            given = list(csv.DictReader(file))
        rows = []
        for row in given:
            seen[row["label"]] += 1
            changed = change(row) if seen[row["label"]] <= per_class else None
            rows += [] if changed is None else [changed]
        with manifest.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        common = ["--data", str(manifest), "--encoder", "sample", "--out", str(tmp_path / "out")]
        more = flags or ("--model", "sample:planted")
        arguments = ["run", *common, "--n-extreme", "30", "--cache", str(encoder_cache), "--quiet", *more]
        result = CliRunner().invoke(cli.app, arguments)
        assert result.exit_code == 0, result.output
        with open_audit_database(tmp_path / "out") as connection:
            verdicts = {verdict.class_name: verdict for verdict in queries.verdicts(connection)}
            notices = queries.run(connection).notices
            attributes = {column.attribute: column.state for column in queries.attributes(connection)}
            text = " ".join(render_text(connection).split())
            report = json.loads(json.dumps(json_report(connection)))
        for row in report["classes"]:
            assert row["sentence"] == verdicts[row["class_name"]].sentence
            if row["verdict"] != "clean":
                assert row["sentence"] in text
        assert report["run"]["notices"] == list(notices)
        assert all(notice in text for notice in notices)
        assert {row["attribute"]: row["state"] for row in report["attributes"]} == attributes
        return Sentence(verdicts, notices, attributes)

    return run


def test_pictures_named_as_training_data(audit):
    told = audit(lambda row: row | {"split": "train"})
    assert any("150 of 150 pictures are named as training data" in notice for notice in told.notices)
    assert "clean" not in told.found()
    assert told.says("these pictures are marked as training data")


def test_next_to_no_mistakes_where_no_split_says_that_the_pictures_are_new(audit, small_audit):
    with open_audit_database(small_audit) as connection:
        found = connection.execute("SELECT path FROM images JOIN predictions USING (image_id) WHERE correct").fetchall()
    right = {path for (path,) in found}

    def unnamed(row: Row) -> Row | None:
        return {name: value for name, value in row.items() if name != "split"} if row["path"] in right else None

    told = audit(unnamed)
    (notice,) = [notice for notice in told.notices if notice.startswith("the model recognises")]
    assert "that hides its weak points" in notice
    assert "clean" not in told.found()
    assert told.says("it may have been trained on them")


def test_a_class_with_too_few_pictures_and_a_concept_that_is_never_there(audit):
    taken: list[str] = []

    def few(row: Row) -> Row | None:
        if row["scene"] == "snow":
            return None
        taken.append(row["label"])
        return row if row["label"] != "cat" or taken.count("cat") <= 12 else None

    told = audit(few, per_class=60)
    assert told.says('"cat" has 12 labelled pictures, too few to compare: 20 are needed') == ["cat"]
    assert told.verdicts["cat"].verdict == "not_analysed"
    (notice,) = [notice for notice in told.notices if "context concepts are in fewer than 10" in notice]
    assert "snow" in notice
    assert told.attributes["scene"] == "examined"
    assert not [verdict for verdict in told.verdicts.values() if verdict.concept in ("snow", "scene = snow")]


def test_columns_that_never_vary_or_follow_the_label(audit):
    told = audit(lambda row: row | {"constant": "x", "code": f"s{sum(map(ord, row['label']))}"})
    assert (told.attributes["constant"], told.attributes["code"]) == ("constant", "follows_label")
    assert "clean" not in told.found()


def test_all_predictions_one_class(audit, tmp_path):
    (tmp_path / "model.py").write_text(ONE_CLASS)
    told = audit(dict, "--model", f"{tmp_path / 'model.py'}:build", "--trust-code")
    assert 'all 150 pictures are called "balloon": there is no decision to audit' in told.notices
    assert told.found() == {"not_analysed"}
    assert told.says("No picture is called") == ["cat", "landbird", "vehicle", "waterbird"]
    assert told.says("(at chance)") == ["balloon"]


def test_a_model_at_chance(audit):
    draw = random.Random(0)
    names = ["balloon", "cat", "landbird", "vehicle", "waterbird"]
    told = audit(lambda row: row | {"label": draw.choice(names)})
    # a shortcut that the model does have shows on wrong labels too
    assert told.found() <= {"flagged", "not_analysed"}
    chance = told.says("and others as often (at chance)")
    assert chance == [name for name in names if told.verdicts[name].verdict == "not_analysed"]
    planted = {"landbird": "forest", "vehicle": "watermark", "waterbird": "water"}
    flagged = {name: one.concept for name, one in told.verdicts.items() if one.verdict == "flagged"}
    assert flagged.items() <= planted.items()
    assert {"balloon", "cat"} <= set(chance)


def test_masks_some_of_which_cannot_be_used(audit, sample_manifest, tmp_path):
    """Scenes are told with the objects covered, and still told; a mask of the wrong size costs no picture."""
    folder = sample_manifest.parent / f"masks-{tmp_path.name}"
    folder.mkdir()
    mask = Image.new("L", (128, 128))
    ImageDraw.Draw(mask).rectangle((40, 40, 88, 88), fill=255)
    mask.save(folder / "object.png")
    Image.new("L", (64, 128), 255).save(folder / "narrow.png")
    # one in each of two classes of thirty
    given = iter(["narrow.png", *["object.png"] * 39, "absent.png", *["object.png"] * 109])
    told = audit(lambda row: row | {"mask": f"{folder.name}/{next(given)}"})
    (notice,) = [notice for notice in told.notices if "a usable mask" in notice]
    assert notice.startswith(
        "148 of 150 pictures have a usable mask: what lies around their objects is told with these covered; "
    )
    assert f"2 cannot be used ('{folder.name}/narrow.png': the mask has 64 x 128 pixels" in notice
    assert notice.endswith("absent.png': file not found)")
    with open_audit_database(tmp_path / "out") as connection:
        assert queries.picture_count(connection) == 150
        assert queries.failure_counts(connection) == {}
        failed = connection.execute("SELECT stage, path FROM failures ORDER BY path").fetchall()
        (agreement,) = connection.execute(
            "SELECT min(agreement) FROM attribute_concepts WHERE attribute = 'scene'"
        ).fetchall()
    assert failed == [("mask", f"{folder.name}/absent.png"), ("mask", f"{folder.name}/narrow.png")]
    assert agreement[0] > 0.9
