"""What an audit keeps of repairs, on the page and in the model card: every figure, and no name forges anything."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from PIL import Image
from small_audit import write_small_audit

from auditor.inputs.images import thumbnail_jpeg
from auditor.repair.changed_pictures import to_be_drawn
from auditor.repair_records import ChangedPicture, KeptRepair, RepairFigure, RepairMap
from auditor.store.amend import amended
from auditor.store.kept_repairs import keep_repair
from auditor.store.open_audit import open_audit_database
from auditor.store.queries.repairs import changed_pictures, repair_figures, repairs
from reports.page.html_report import render_html
from reports.written.model_card import render_model_card

EVIL = "<script>x</script> | **b**"
KEPT = KeptRepair(
    "r1", "2025-01-02T00:00:00+00:00", "0.1.0", "m" * 64, "n" * 64, "w" * 64, "../w.safetensors", (EVIL,), ("c1",),
    ("water",), ("erase", "reweight"), "reweight", 0.1, 60, False, (), (),
)  # fmt: skip
FIGURES = (
    RepairFigure("accuracy", 60, 0.9, 0.88, -0.04, 0.01),
    RepairFigure("worst", 60, 0.25, 0.5, 0.1, 0.4),
    RepairFigure("class", 20, 0.9, 0.8, -0.2, 0.0, "cat"),
    RepairFigure("subgroup", 12, 0.25, 0.5, 0.1, 0.4, EVIL, "water", False),
    RepairFigure("pull", 40, float("nan"), float("nan"), float("nan"), float("nan"), EVIL, "water"),
)


@pytest.fixture
def audit(tmp_path):
    folder = write_small_audit(tmp_path)
    with amended(folder) as connection:
        connection.execute("UPDATE runs SET class_names = list_append(class_names, ?)", [EVIL])
    return folder


def _changed(connection, **more) -> ChangedPicture:
    (image_id,) = connection.execute("SELECT min(image_id) FROM images").fetchone()
    return replace(ChangedPicture(image_id, EVIL, "cat", EVIL, 0.6, 0.7, (), ("water",)), **more)


def test_a_pull_that_the_repair_is_for_is_shown_before_and_after(audit):
    pulls = [
        RepairFigure("pull", 2200, 0.23, 0.13, -0.18, -0.03, "cat", "watermark"),
        RepairFigure("pull", 2200, 0.08, -0.01, -0.12, -0.03, "cat", "ruler"),
        RepairFigure("pull", 2200, 0.03, 0.01, -0.04, 0.0, "cat", "forest"),
    ]
    keep_repair(audit, KEPT, [*FIGURES, *pulls], [])
    with open_audit_database(audit) as connection:
        page = render_html(connection).replace("\u00a0", " ")
    part = page.partition('<section class="part" id="repairs"')[2].partition("</section>")[0]
    own = part.partition("More others called cat with watermark than without (fewer is better)")[2].partition(
        "</div></div>"
    )[0]
    assert ("23 %" in own, "13 %" in own, "−10 pts [−18, −3] · 2,200 pictures" in own) == (True, True, True)
    assert "width:0%" in part.partition("with ruler than without")[2].partition("</div></div>")[0]
    assert "width:−" not in page
    assert "forest" not in part  # a pull of less than five points is nothing that was found


def test_what_is_kept_is_read_again(audit):
    with open_audit_database(audit) as connection:
        changed = _changed(connection)
        lost = _changed(connection, called_before=EVIL, called_after="cat")
        shown = _changed(connection, shows=("water",), lacks=())
    keep_repair(audit, KEPT, FIGURES, [lost, changed, shown])
    with open_audit_database(audit) as connection:
        assert repairs(connection) == [KEPT]
        assert [repr(one) for one in repair_figures(connection, "r1")] == [repr(one) for one in FIGURES]
        assert changed_pictures(connection, "r1", EVIL, "water", present=False) == [changed, lost]  # mended ones first
        assert changed_pictures(connection, "r1", EVIL, "water", present=True) == [shown]


def test_page_and_model_card_show_it_and_no_name_forges_anything(audit):
    with open_audit_database(audit) as connection:
        assert 'id="repairs"' not in render_html(connection)
        assert "### Repair" not in render_model_card(connection)
        changed = _changed(connection)
    keep_repair(audit, KEPT, FIGURES, [changed])
    with open_audit_database(audit) as connection:
        page, card = render_html(connection).replace("\u00a0", " "), render_model_card(connection)
    part = page.partition('<section class="part" id="repairs"')[2].partition("</section>")[0]
    assert "<script" not in part
    assert "&lt;script&gt;x&lt;/script&gt; | **b** without water" in part
    assert "25 %" in part
    assert "50 %" in part
    assert "+25 pts [10, 40] · 12 pictures · 1 mended, 0 lost" in part
    assert "What it cost: accuracy on all pictures 90 % before, 88 % after; cat −10 pts [−20, 0]." in part
    section = card.partition("### Repair")[2].partition("What this does not show")[0]
    assert "<script" not in section.replace("\\<script", "")
    assert r"\*\*b\*\*" in section
    (row,) = [line for line in section.splitlines() if "without water | 25 %" in line]
    assert row.replace(r"\|", "").count("|") == 6


@pytest.mark.parametrize(
    ("height", "crop", "n_pictures"), [(2, (0.0, 0.0, 1.0, 1.0), 2), (3, (0.0, 0.0, 1.0, 1.0), 1), (2, None, 1)]
)
def test_a_picture_is_shown_under_its_maps_before_and_after_where_they_fit(audit, height, crop, n_pictures):
    with open_audit_database(audit) as connection:
        changed = _changed(connection)
    jpeg = thumbnail_jpeg(Image.new("RGB", (40, 40), "green"))
    with amended(audit) as connection:
        connection.execute("UPDATE images SET thumbnail = ? WHERE image_id = ?", [jpeg, changed.image_id])
    drawn = RepairMap(changed.image_id, EVIL, height, 2, bytes([0, 0, 0, 255]), bytes([255, 0, 0, 0]), crop)
    keep_repair(audit, KEPT, FIGURES, [changed], [drawn])
    with open_audit_database(audit) as connection:
        page = render_html(connection)
    part = page.partition('<section class="part" id="repairs"')[2].partition("</section>")[0]
    assert part.count("<img ") == n_pictures
    assert len(set(re.findall('src="([^"]+)"', part))) == n_pictures
    assert ("left by the model that was audited, right by the repaired one" in part) == (n_pictures == 2)
    assert ("lies after" in part) == (n_pictures == 2)


def test_of_each_subgroup_a_few_are_drawn_and_none_that_is_wrong_before_and_after():
    def one(image_id, after, shows=(), lacks=("water",), before="dog"):
        return ChangedPicture(image_id, "cat", before, after, 0.6, 0.7, shows, lacks)

    mended = [one(f"{k}", "cat") for k in (5, 3, 4, 1)]
    lost = [one(f"{k}", "dog", before="cat") for k in (8, 7)]
    with_water = one("9", "cat", shows=("water",), lacks=())
    wrong = one("0", "bird")
    found = to_be_drawn([*mended, *lost, with_water, wrong])
    assert [changed.image_id for changed in found] == ["1", "3", "4", "7", "9"]


@pytest.mark.parametrize(
    ("kept", "says"),
    [
        (replace(KEPT, repaired_digest=None, weights=None, objections=("cat loses",)), "written: cat loses."),
        (KEPT, "is the one before the repair; the repaired one was written: ../w.safetensors."),
    ],
)  # fmt: skip
def test_which_model_the_audit_is_of(audit, kept, says):
    keep_repair(audit, kept, FIGURES, [])
    with open_audit_database(audit) as connection:
        assert says in render_model_card(connection).replace("\\", "")
        mine = connection.execute("SELECT model_digest FROM runs").fetchone()[0]
    if kept.repaired_digest is not None:
        keep_repair(audit, replace(kept, repaired_digest=mine), FIGURES, [])
        with open_audit_database(audit) as connection:
            assert "The model of this audit is the repaired one." in render_model_card(connection)
