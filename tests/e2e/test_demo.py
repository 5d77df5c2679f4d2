"""The demo, as the wheels alone run it: what was planted is found, nothing else is, and the figures are right."""

from __future__ import annotations

import csv
import json
import re
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from demo_runs import PLANTED, UNNAMED, Demo, auditor
from PIL import Image
from torch import Tensor
from wheels import run

import reports
from auditor import pipeline
from auditor.config import AuditConfig
from auditor.explain import explain_image
from auditor.models.bundled import bundled_path
from auditor.records import FloatArray
from auditor.store.open_audit import open_audit_database
from sample_data.render import render
from sample_data.sets import audit_scenes

CLASSES = ("balloon", "cat", "landbird", "vehicle", "waterbird")
#: Of reports/explain_figure.py.
LEFT, TOP, PANEL, GAP = 36, 104, 256, 20
DRAWN_PHRASES = 4


@pytest.fixture(scope="session")
def reported(demo: Demo) -> dict[str, dict[str, dict[str, object]]]:
    """Each audit's classes as ``auditor report --format json`` gives them, by name."""
    found = {}
    schema = json.loads((Path(reports.__file__).parent / "written" / "report.schema.json").read_text(encoding="utf-8"))
    for name in ("planted", "balanced", "stamped"):
        done = auditor("report", demo.folder / name, "--format", "json")
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        jsonschema.validate(report, schema, cls=jsonschema.Draft202012Validator)
        found[name] = {entry["class_name"]: entry for entry in report["classes"]}
    return found


@pytest.fixture(scope="session")
def truth() -> dict[str, dict[str, dict[str, dict[str, dict[str, float]]]]]:
    """What the classifiers rely on, by model, class, factor and value, measured from paired renders."""
    measured: dict[str, dict[str, dict[str, dict[str, dict[str, float]]]]] = json.loads(
        bundled_path("truth.json").read_text(encoding="utf-8")
    )["models"]
    return measured


def test_the_planted_shortcuts_are_flagged_and_nothing_else(reported):
    found = {name: (entry["verdict"], entry["concept"]) for name, entry in reported["planted"].items()}
    expected = {name: ("flagged", concept) for name, concept in PLANTED.items()}
    assert {name: value for name, value in found.items() if value[0] != "clean"} == expected
    assert sorted(found) == sorted(CLASSES)


def test_every_class_of_the_balanced_set_is_clean(reported):
    assert {name: entry["verdict"] for name, entry in reported["balanced"].items()} == dict.fromkeys(CLASSES, "clean")


def test_shortcuts_that_no_word_names_are_flagged_and_nothing_else(reported):
    """By a measured property that is set in the pictures, and by a place that is exchanged between classes."""
    flagged = {name: entry for name, entry in reported["stamped"].items() if entry["verdict"] == "flagged"}
    assert {name: entry["concept"] for name, entry in flagged.items()} == UNNAMED
    rules = {f["rule_id"] for name in UNNAMED for f in flagged[name]["findings"] if f["concept"] == UNNAMED[name]}
    assert {"E6-recall", "E6-pull", "E5-place", "E5-place-given"} <= rules


def test_a_flag_has_what_it_takes(reported):
    """A share of the words or an association, a gap whose interval leaves 5 points, and E3 that agrees."""
    for name, concept in PLANTED.items():
        entry = reported["planted"][name]
        findings = {f["rule_id"]: f for f in entry["findings"] if f["concept"] == concept}
        gaps = [findings[rule] for rule in ("E4-recall", "E4-pull")]
        assert any(gap["low"] > 0.05 and gap["q"] is not None and gap["q"] <= 0.05 for gap in gaps), name
        assert any(f["status"] == "measured" and f["low"] > 0 for r, f in findings.items() if r.startswith("E3")), name
        assert all(f["evidence_image_ids"] for f in gaps if f["low"] > 0.05), name


def test_the_report_on_stdout_names_them(demo, alone):
    planted, balanced = demo.part("planted"), demo.part("balanced")
    for name, concept in PLANTED.items():
        assert re.search(rf"^{name} +\S flagged +{concept} \(", planted, re.MULTILINE), planted
    for name in ("balloon", "cat"):
        assert re.search(rf"^{name} +\S clean ", planted, re.MULTILINE), planted
    for name in CLASSES:
        assert re.search(rf"^{name} +\S clean ", balanced, re.MULTILINE), balanced
    program = alone / "venv" / "bin" / "auditor"  # not on the path, so that it is told whole
    assert f"\nNext: {program} explain " in demo.stdout
    last = demo.stdout.splitlines()[-1]
    assert last == f"In the browser: {program} dashboard {demo.folder}"


def test_the_demo_writes_a_page_for_each_audit(demo):
    for name, classes in (
        ("planted", 3),
        ("balanced", 0),
        ("stamped", 5),
    ):  # of the last, two are flagged, three harmed
        page = demo.folder / name / "report.html"
        assert f"report with pictures: {page}" in demo.stdout
        text = page.read_text(encoding="utf-8")
        assert text.count('<section class="class"') == classes
        assert len(text) < 1_000_000
        # every picture that a section shows has its map: the crop was told
        assert "no map kept" not in text


def test_verdicts_agree_with_the_truth_of_paired_renders(reported, truth):
    for model in truth:
        for name, entry in reported[model].items():
            measured = {value: effect for values in truth[model][name].values() for value, effect in values.items()}
            if entry["verdict"] == "flagged":
                assert measured[entry["concept"]]["low"] > 0.10, (model, name)
            else:
                worst = max(effect["high"] for effect in measured.values())
                assert worst < 0.05, (model, name, worst)


def _strongest(folder: Path, label: str, concept: str, *, n: int) -> list[str]:
    """Recognised pictures of a class that bear the concept in truth, the largest share of it in the words first."""
    with bundled_path("planted", "manifest.csv").open(newline="") as file:
        true = {row["path"] for row in csv.DictReader(file) if concept in (row["scene"], row["artifact"])}
    with open_audit_database(folder) as connection:
        rows = connection.execute(
            "SELECT path FROM images JOIN predictions USING (image_id) JOIN attributions a USING (image_id)"
            " WHERE label = $1 AND correct AND a.class_name = $1 AND a.concept = $2 ORDER BY a.share DESC, path",
            [label, concept],
        ).fetchall()
    return [path for (path,) in rows if path in true][:n]


def test_explain_draws_the_picture_and_a_map_per_phrase(demo, tmp_path):
    (picture,) = _strongest(demo.folder / "planted", "waterbird", "water", n=1)
    done = auditor("explain", demo.folder / "planted", picture, "--output", tmp_path / "figure.png")
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()[:2]
    assert first.startswith(f"{picture}: predicted waterbird, labelled waterbird; waterbird ")
    words = dict(re.findall(r"([\w ]+) \(\w+\) (?:< )?(\d+) %", second.partition(": ")[2]))
    assert "water" in {word.strip() for word in words}

    explanation = explain_image(demo.folder / "planted", picture)
    assert len(words) == len(explanation.words)
    with Image.open(tmp_path / "figure.png") as opened:
        assert opened.format == "PNG"
        figure = opened.convert("RGB")
    columns = 2 + min(len(words), DRAWN_PHRASES)
    assert figure.width == 2 * LEFT + max(columns, 4) * PANEL + (max(columns, 4) - 1) * GAP
    panels = [
        np.asarray(figure.crop((left, TOP, left + PANEL, TOP + PANEL)), np.float64)
        for left in range(LEFT, LEFT + columns * (PANEL + GAP), PANEL + GAP)
    ]
    as_seen = explanation.image.resize((PANEL, PANEL), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(panels[0], np.asarray(as_seen))
    stored = Image.open(bundled_path("planted", *picture.split("/"))).convert("RGB")
    coarse = [np.asarray(p.resize((16, 16), Image.Resampling.BOX), float) for p in (stored, explanation.image)]
    assert np.abs(coarse[0] - coarse[1]).mean() < 2  # the picture of the data set, whole
    assert all(panel.std() > 5 for panel in panels)
    assert all(np.abs(panel - panels[0]).mean() > 10 for panel in panels[1:])  # and maps laid over its grey


def test_the_map_of_the_watermark_lies_on_the_watermark(demo):
    """Where the mark is, is known from rendering the same scene without it."""
    scenes = {f"{label}/{scene.seed % 1_000_000:04d}.jpg": scene for label, scene in audit_scenes("planted")}
    on, off = [], []
    for path in _strongest(demo.folder / "planted", "vehicle", "watermark", n=8):
        explanation = explain_image(demo.folder / "planted", path)
        position = [word.concept.term for word in explanation.words].index("watermark")
        map_ = np.maximum(explanation.maps.phrase_maps[position], 0)
        values = np.asarray(Image.fromarray(map_).resize((128, 128), Image.Resampling.BILINEAR))
        marked, plain = (np.asarray(render(scene)) for scene in (scenes[path], replace(scenes[path], artifact="none")))
        mark = np.any(marked != plain, axis=2)
        on.append(values[mark].mean())
        off.append(values[~mark].mean())
    assert np.mean(on) > 1.5 * np.mean(off)


def _files(folder: Path) -> dict[str, tuple[int, int] | bytes]:
    """What tells whether an audit's files were touched; the pages, which are drawn again, by their contents."""
    paths = [
        path for name in ("planted", "balanced", "stamped") for path in (folder / name).rglob("*") if path.is_file()
    ]
    return {
        str(path): path.read_bytes() if path.suffix == ".html" else (path.stat().st_mtime_ns, path.stat().st_size)
        for path in paths
    }


def test_a_second_demo_recomputes_nothing(demo, alone):
    before = _files(demo.folder)
    stdout = run(alone / "venv" / "bin" / "auditor", "demo", "--out", demo.folder, "--quiet", cwd=alone)
    assert stdout == demo.stdout
    assert _files(demo.folder) == before


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures went through the encoder, batch by batch."""
    batches: list[int] = []
    load_encoder = pipeline.load_encoder

    def spied(*args: str, **kwargs: str) -> object:
        encoder = load_encoder(*args, **kwargs)

        def encode_images(batch: Tensor) -> FloatArray:
            batches.append(len(batch))
            return encoder.encode_images(batch)

        return replace(encoder, encode_images=encode_images)

    monkeypatch.setattr(pipeline, "load_encoder", spied)
    return batches


def test_another_classifier_on_the_same_pictures_encodes_nothing_again(demo, sample_manifest, encoded, tmp_path):
    settings = {"data": sample_manifest, "model": "sample:balanced", "encoder": "sample", "n_extreme": 30}
    pipeline.run_audit(AuditConfig(**settings, out=tmp_path / "second", cache=demo.folder / "cache"))
    assert encoded == []
    pipeline.run_audit(AuditConfig(**settings, out=tmp_path / "cold", cache=tmp_path / "cache"))
    assert sum(encoded) == 320  # the spy sees what is encoded: ten full batches, since the last is filled up
