"""The parts of the photographs tier, on made pictures: what is put in, which half a picture is of, and the truth."""

import csv
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from torch import nn

from auditor.config import AuditConfig, read_settings_file
from auditor.records import LinearHead
from benchmarks.photographs import document, export, models
from benchmarks.photographs.contexts import CONTEXTS, SIZE, square, version
from benchmarks.photographs.outcomes import MODES
from benchmarks.photographs.pools import Photo, read_pool, side_of
from benchmarks.photographs.report import best_test, told_leads
from benchmarks.photographs.scenarios import SETS, Scenario, contexts_of, grid
from benchmarks.planted.best_test import power

RNG = np.random.default_rng(0)
PHOTO = square(Image.fromarray(RNG.integers(0, 256, (300, 400, 3), dtype=np.uint8)))
SCENES = [Image.new("RGB", (SIZE, SIZE), colour) for colour in ("white", "blue")]


@pytest.mark.parametrize("context", CONTEXTS, ids=[one.name for one in CONTEXTS])
def test_the_two_values_differ_and_are_the_same_every_time(context):
    there, again, without = (version(context, present, PHOTO, "a", SCENES) for present in (True, True, False))
    assert there.size == without.size == (SIZE, SIZE)
    assert there.tobytes() == again.tobytes()
    assert there.tobytes() != without.tobytes()
    if not context.is_scene:
        assert without is PHOTO


@pytest.mark.parametrize("name", ["watermark", "date stamp", "token"])
def test_marks_leave_the_rest_of_the_picture_alone_and_lie_where_it_is_seen(name):
    context = next(one for one in CONTEXTS if one.name == name)
    changed = (np.asarray(version(context, True, PHOTO, "a", [])) != np.asarray(PHOTO)).any(axis=2)
    assert 0.005 < changed.mean() < 0.2
    rows, columns = np.nonzero(changed)
    assert min(rows.min(), columns.min()) >= 16  # the classifier sees the centre, 224 of 256
    assert max(rows.max(), columns.max()) < 240


def test_only_the_scene_differs():
    context = next(one for one in CONTEXTS if one.is_scene)
    snow, sea = (np.asarray(version(context, present, PHOTO, "a", SCENES)) for present in (True, False))
    same = (snow == sea).all(axis=2)
    side = round(0.55 * SIZE)
    assert same.sum() == side**2
    assert (snow[0, 0] == 255).all()


def test_halves_do_not_meet_and_belong_to_the_path(tmp_path):
    (tmp_path / "cats_dogs").mkdir()
    with (tmp_path / "cats_dogs" / "metadata.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["path", "label"], *[(f"{k}.jpg", ("cat", "dog")[k % 2]) for k in range(400)]])
    photos = read_pool(tmp_path, "cats_dogs")
    opened = {photo.path for photo in photos if photo.side == "open"}
    assert 160 < len(opened) < 240
    assert all(photo.side == side_of(photo.path.removeprefix("cats_dogs/")) for photo in photos)
    names = {side: {one.name for one in CONTEXTS if one.side == side} for side in ("open", "held-back")}
    assert min(map(len, names.values())) >= 5
    assert not names["open"] & names["held-back"]


@pytest.mark.parametrize("side", ["open", "held-back"])
def test_a_grid_keeps_to_its_side_and_seeds_are_its_own(side):
    scenarios = list(grid(side, "full"))
    assert len({one.seed for one in scenarios}) == len(scenarios)
    assert all(one.context.side == side for one in scenarios)
    assert not any(one.context.is_scene for one in scenarios if one.photos == "scenes")
    assert sum(len(one.planted) for one in scenarios if one.control is None) >= 60
    assert sum(len(one.classes) for one in scenarios if one.control) >= 80
    assert len(contexts_of(side, "cats_dogs")) == len(contexts_of(side, "scenes")) + 1


class Features:
    """Stands for the bank: features (n, 2) that say the class, and whether the context is there."""

    def __init__(self, says: float) -> None:
        self.says = says

    def features(self, photos, context, present):
        own = np.array([[1.0 if photo.label == "dog" else -1.0, 0.0] for photo in photos], np.float32)
        return own + np.array([0.0, self.says if present else -self.says], np.float32), np.zeros((len(photos), 3))


@pytest.mark.parametrize(("weight", "effect"), [(3.0, 1.0), (0.0, 0.0)])
def test_truth_of_a_head_by_hand(weight, effect):
    """A head that reads the context three times as loud as the class calls every picture with it a dog."""
    scenario = Scenario(1, "open", "cats_dogs", "watermark", None, (1,), 0.9, 0.5, 0.1, 10, 40, 0.0, 1e-3)
    head = LinearHead(np.array([[-1, -weight], [1, weight]], np.float32), np.zeros(2, np.float32))
    rest = [tuple(Photo(pool, label, f"{label}{k}", "open") for k in range(40)) for pool, label in SETS["cats_dogs"]]
    found = {(one.class_idx, one.value): one for one in models._truth(scenario, Features(1.0), head, rest)}
    assert found[1, "yes"].effect == effect
    assert found[1, "no"].effect == -effect
    assert found[0, "no"].effect == effect
    assert found[1, "yes"].pull == effect
    assert found[1, "yes"].status == ("relies" if effect else "clean")


def test_what_audits_are_given_stands_side_by_side():
    def row(mode, group, found, flagged):
        figures = {
            "told_by_arm": {"0": {"true": found, "missed": 4 - found}},
            "controls": {"flagged": flagged, "classes": 8},
        }
        return {"mode": mode, "group": group, **figures}

    rows = [
        row(mode, group, k, 1 if mode == "words" else 0) for k, mode in enumerate(MODES) for group in ("all", "C = 2")
    ]
    assert document.side_by_side(rows).splitlines() == [
        "| classes | words only: told rightly | its column: told rightly | 20 + 20 examples: told rightly | "
        "words only: controls flagged wrongly | its column: controls flagged wrongly | "
        "20 + 20 examples: controls flagged wrongly |",
        "| --- | --- | --- | --- | --- | --- | --- |",
        "| all | 0 of 4 | 1 of 4 | 2 of 4 | 1 of 8 | 0 of 8 | 0 of 8 |",
        "| C = 2 | 0 of 4 | 1 of 4 | 2 of 4 | 1 of 8 | 0 of 8 | 0 of 8 |",
    ]


def test_each_result_goes_between_its_own_marks(tmp_path, monkeypatch):
    monkeypatch.setattr(document, "markdown", lambda result: result["told"])
    page = tmp_path / "benchmark.md"
    marks = "<!-- photographs, held-back side{0}: begin -->\n<!-- photographs, held-back side{0}: end -->\n"
    page.write_text(marks.format("") + marks.format(" with interventions"))
    for told, interventions in (("without", False), ("with", True)):
        document.write({"side": "held-back", "interventions": interventions, "told": told}, page)
    lines = [line for line in page.read_text().splitlines() if line and not line.startswith("<!--")]
    assert lines == ["without", "with"]
    with pytest.raises(ValueError, match="has no marks"):
        document.write({"side": "open", "interventions": False, "told": "x"}, page)


def _class(verdict, lead, size=0.5):
    return {"class_idx": 0, "class_name": "cat", "verdict": verdict, "lead": lead, "size": size, "status": "relies"}


def _pair(concept_id, status, *, arms=(50, 50)):
    return {
        "class_idx": 0, "concept_id": concept_id, "alike": [concept_id, f"{concept_id}-word"], "status": status,
        "n_with": arms[0], "n_without": arms[1], "accuracy": 0.95, "effect": 0.5, "pulls": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("verdict", "lead", "told"),
    [("flagged", "no", "no"), ("harmed", "yes-word", "no"), ("harmed", "else", None), ("suspect", "no", None)],
)
def test_a_class_harmed_by_one_value_relies_on_the_other(verdict, lead, told):
    outcome = {"classes": [_class(verdict, lead)], "pairs": [_pair("yes", "between"), _pair("no", "relies")]}
    assert told_leads(outcome) == [told]


def test_the_best_test_is_counted_by_what_tells():
    outcome = {"classes": [_class("suspect", "no")], "pairs": [_pair("no", "relies", arms=(80, 12))]}
    found = best_test([outcome, outcome])
    assert found["10"]["0.05"] == pytest.approx(2 * power(80, 12, 0.95, 0.45, 0.05), abs=0.01)
    assert found["25"] == {}


def test_what_the_tier_needs_is_said_in_one_line(tmp_path, capsys, monkeypatch):
    from benchmarks.photographs.__main__ import main

    monkeypatch.setattr("sys.argv", ["photographs", "--photos", str(tmp_path)])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    line = capsys.readouterr().err
    assert line.startswith(f"no photographs in {tmp_path}: cats_dogs, hymenoptera, scenes")
    assert len(line.splitlines()) == 1


PROOFS = {
    "proof": ("cats_dogs", "scenes"),
    "proof-again": ("cats_dogs", "scenes"),
    "proof-third": ("cats_dogs", "animals"),
    "proof-fourth": ("cats_dogs", "animals"),
    "proof-fifth": ("hymenoptera",),
    "proof-sixth": ("hymenoptera",),
}


@pytest.mark.parametrize("name", PROOFS)
@pytest.mark.parametrize("side", ["open", "held-back"])
def test_the_grid_for_interventions_has_every_context_on_its_sets_of_classes(side, name):
    scenarios = list(grid(side, name))
    on = PROOFS[name]
    planted = {(one.context_name, one.photos) for one in scenarios if one.control is None}
    assert planted == {(one.name, photos) for photos in on for one in contexts_of(side, photos)}
    sorts = [one.control for one in scenarios if one.control is not None]
    assert sorted(sorts) == ["balanced", "cluster", "difficulty", "fragile", "fragile", "not learnt"]
    full = {one.seed for one in grid(side, "full")}
    fragile = [one for one in scenarios if one.control == "fragile"]
    assert {one.seed for one in scenarios} - full == {one.seed for one in fragile}
    others = set(PROOFS) - {name}
    assert not {one.seed for other in others for one in grid(side, other)} & {one.seed for one in scenarios}


def test_a_fragile_head_never_saw_what_one_class_is_audited_with():
    fragile = next(one for one in grid("open", "proof") if one.control == "fragile")
    labels = np.repeat([0, 1], 20)
    assert not models._with_context(fragile, labels, np.random.default_rng(0)).any()
    photos = [Photo("cats_dogs", "dog", f"{k}.jpg", "open") for k in range(20)]
    there = models._present(fragile, Features(1.0), [], photos, 1, fragile.audited, np.random.default_rng(0))
    assert there.sum() == 18


def test_levels_that_go_with_a_context_and_places_of_a_mark_are_its_names():
    from auditor.records import ATTRIBUTE_KIND, Concept
    from benchmarks.photographs.outcomes import _measured_ids

    def level(concept_id, column):
        return Concept(concept_id, concept_id, ATTRIBUTE_KIND, column=column)

    there = np.array([True, True, False, False])
    concepts = (
        level("black", "property:border"),
        level("none", "property:border"),
        level("dim", "property:brightness"),
    )
    presence = np.array([[1, 0, 1], [1, 0, 1], [0, 1, 0], [0, 1, 0]], np.float32)
    audited = SimpleNamespace(judged_concepts=concepts, presence=presence)
    border, watermark, stamp = (
        next(one for one in CONTEXTS if one.name == name) for name in ("border", "watermark", "date stamp")
    )
    assert _measured_ids(border, there, "yes", audited) == ["black", "place-surroundings"]
    assert _measured_ids(border, ~there, "no", audited) == ["none", "place-surroundings"]
    assert len(_measured_ids(watermark, there, "yes", audited)) == 12
    assert _measured_ids(watermark, ~there, "no", audited) == []
    assert "place-bottom-right-corner" in _measured_ids(stamp, there, "yes", audited)
    assert "place-top-left-corner" not in _measured_ids(stamp, there, "yes", audited)


def test_a_model_as_files(tmp_path, monkeypatch):
    """Audited pictures in their versions; of each class ten training photographs with the context and ten without."""
    scenario = Scenario(1, "open", "cats_dogs", "watermark", None, (1,), 0.9, 0.5, 0.1, 30, 2, 0.0, 1e-3)
    photos = [tuple(Photo(pool, label, f"{label}{k}", "open") for k in range(32)) for pool, label in SETS["cats_dogs"]]
    made = models.Made(
        scenario=scenario,
        head=LinearHead(np.zeros((2, 1), np.float32), np.zeros(2, np.float32)),
        photos=(photos[0][30], photos[0][31], photos[1][30], photos[1][31]),
        label_idx=np.array([0, 0, 1, 1]),
        present=np.array([True, False, False, True]),
        activations=np.zeros((4, 1), np.float32),
        embeddings=np.zeros((4, 1), np.float32),
        truth=[],
        trained_on=tuple(own[:30] for own in photos),
    )
    shown = {True: Image.new("RGB", (8, 8), "white"), False: Image.new("RGB", (8, 8), "black")}
    bank = SimpleNamespace(picture=lambda photo, context, there: shown[there])
    monkeypatch.setattr(export, "network", lambda head: nn.Linear(1, 2))
    export.export(made, bank, tmp_path)
    found = {path.relative_to(tmp_path).as_posix(): path for path in tmp_path.rglob("*.png")}
    assert sorted(name for name in found if name.startswith("pictures")) == [
        "pictures/cat/0000.png", "pictures/cat/0001.png", "pictures/dog/0002.png", "pictures/dog/0003.png",
    ]  # fmt: skip
    with Image.open(found["pictures/cat/0000.png"]) as there, Image.open(found["pictures/cat/0001.png"]) as absent:
        assert (there.getpixel((0, 0)), absent.getpixel((0, 0))) == ((255, 255, 255), (0, 0, 0))
    sides = {side: {p.name for p in (tmp_path / "examples" / side / "cat").iterdir()} for side in ("yes", "no")}
    assert [len(names) for names in sides.values()] == [10, 10]
    assert not sides["yes"] & sides["no"]
    settings = AuditConfig(**read_settings_file(tmp_path / "auditor.toml"))
    assert settings.concepts["watermark"].yes.name == "yes"
