"""Pictures in more than one split, and what auditor measured itself, on the page and in JSON."""

import json

import duckdb
import jsonschema
import pytest
from html_page import Page, page_of
from small_audit import IMAGE_IDS, write_small_audit

from auditor.store.manifest import DATABASE_NAME
from auditor.store.open_audit import open_audit_database
from reports.written.json import SCHEMA_PATH, render_json

HOSTILE = "<script>x</script>"


@pytest.fixture(scope="module")
def leaking(tmp_path_factory):
    """An audit in which two pictures are copies in two splits, and a column was measured."""
    folder = write_small_audit(tmp_path_factory.mktemp("leaks") / "audit")
    with duckdb.connect(str(folder / DATABASE_NAME)) as connection:
        connection.execute("DELETE FROM copies")
        for image_id, split in zip(IMAGE_IDS[:2], ("train", HOSTILE), strict=True):
            connection.execute("UPDATE images SET split = ? WHERE image_id = ?", [split, image_id])
            connection.execute("INSERT INTO copies VALUES (?, 0, ?, 'cat', true)", [image_id, image_id])
        connection.execute("INSERT INTO attributes VALUES ('property:sharpness', 'examined', 9, 6, '4 ranges')")
    return folder


def test_json_lists_them(leaking):
    with open_audit_database(leaking) as connection:
        report = json.loads(render_json(connection))
    jsonschema.validate(report, json.loads(SCHEMA_PATH.read_text(encoding="utf-8")))
    assert (report["leaks"]["sets"], report["leaks"]["pictures"]) == (1, 2)
    assert [row["split"] for row in report["leaks"]["listed"]] == ["train", HOSTILE]


def test_the_page_lists_them_and_tells_measured_columns_from_the_manifests(leaking):
    source = page_of(leaking)
    page = Page(source)
    assert HOSTILE not in source
    assert page.says("Pictures in more than one split", 0) >= 0
    assert page.says(HOSTILE, 0) >= 0
    given, measured = page.says("Columns of the manifest", 0), page.says("Measured of the pictures", 0)
    assert 0 <= given < measured < page.says("property:sharpness (examined)", 0)
