import json
import shutil

import pytest
from small_audit import make_run, write_small_audit

from auditor.errors import StoreError
from auditor.store.manifest import is_complete, read_audit_json, write_manifest
from auditor.store.migrations import MIGRATIONS


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    return write_small_audit(tmp_path_factory.mktemp("audit") / "release-7")


def test_manifest_says_how_it_was_made(audit):
    manifest = read_audit_json(audit)
    assert manifest["schema_version"] == len(MIGRATIONS)
    assert manifest["digests"] == {
        "data": "d" * 64,
        "model": "m" * 64,
        "encoder": "e" * 64,
        "vocabulary": "v" * 64,
        "config": "c" * 64,
    }
    assert (manifest["seed"], manifest["counts"]["images"], manifest["versions"]["auditor"]) == (0, 6, "0.1.0")


def test_missing_folder_and_folder_without_audit(tmp_path):
    with pytest.raises(StoreError, match=r"no audit at .*nowhere: the folder does not exist"):
        read_audit_json(tmp_path / "nowhere")
    with pytest.raises(StoreError, match="holds no audit"):
        read_audit_json(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "{}", '{"format": "auditor-audit"}', "\xff", '{"format": "auditor-audit", "schema_version": "1"}'],
)
def test_manifest_that_is_none(audit, tmp_path, text):
    folder = shutil.copytree(audit, tmp_path / "copy")
    (folder / "audit.json").write_text(text, encoding="latin-1")
    with pytest.raises(StoreError, match=r"audit\.json (cannot be read|is not the manifest|has schema_version)"):
        read_audit_json(folder)


def test_a_manifest_is_whole_or_not_there(tmp_path, monkeypatch):
    (tmp_path / "audit.json.tmp").mkdir()  # nothing can be written there
    with pytest.raises(StoreError, match=r"audit\.json cannot be written: Is a directory") as caught:
        write_manifest(tmp_path, make_run())
    assert "\n" not in str(caught.value)
    assert not is_complete(tmp_path)
    (tmp_path / "audit.json.tmp").rmdir()
    write_manifest(tmp_path, make_run())
    assert is_complete(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["audit.json"]
    assert json.loads((tmp_path / "audit.json").read_text())["run_id"] == "run-1"
