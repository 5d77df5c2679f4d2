import os
import subprocess
import sys

import pytest
from small_audit import make_run, write_small_audit

from auditor.errors import InputError
from auditor.gate.decision import GateDecision
from auditor.store.database import AuditDatabase
from auditor.store.manifest import write_manifest
from auditor.store.open_audit import open_audit_database
from reports.formats import ReportFormat, render_report, renderer_of, to_bytes, write_report


@pytest.mark.slow
@pytest.mark.parametrize("output_format", list(ReportFormat))
def test_every_format_has_a_renderer(output_format, tmp_path):
    with open_audit_database(write_small_audit(tmp_path)) as connection:
        text = render_report(output_format, connection)
    assert "waterbird" in text
    assert text == text.rstrip("\n")
    assert renderer_of(output_format).__module__.startswith("reports.")


@pytest.mark.parametrize("output_format", list(ReportFormat))
def test_nothing_to_report_is_a_report_too(output_format, tmp_path):
    run = make_run(class_names=(), notices=())
    with AuditDatabase(tmp_path) as database:
        database.add_run(run)
    write_manifest(tmp_path, run)
    with open_audit_database(tmp_path) as connection:
        assert render_report(output_format, connection)
        undecided = GateDecision(2, "undecided: the audit holds no pictures or no classes", ())
        text = render_report(output_format, connection, decision=undecided)
    # a model card tells what was found on the model, and nothing of a gate
    assert ("undecided: the audit holds no" in text) == (output_format is not ReportFormat.model_card)


def test_a_renderer_is_imported_when_it_is_asked_for():
    code = "import sys, reports.formats; print([m for m in ('duckdb', 'rich', 'altair', 'numpy') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    assert done.stdout.strip() == "[]"


def test_what_cannot_be_written_is_one_line(tmp_path):
    for output in (tmp_path, tmp_path / "none" / "r.txt", tmp_path / ("x" * 300)):
        with pytest.raises(InputError, match="cannot be written: ") as raised:
            write_report("text", output)
        assert "\n" not in str(raised.value)


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_the_right_to_write(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="Permission denied"):
        write_report("text", tmp_path / "r.txt")
    tmp_path.chmod(0o700)


def test_files_of_an_audit_are_left_alone(tmp_path):
    write_report("text", tmp_path / "audit.json")  # no audit there: any name will do
    assert (tmp_path / "audit.json").read_text(encoding="utf-8") == "text\n"
    with pytest.raises(InputError, match="would be destroyed"):
        write_report("text", tmp_path / "audit.json")


def test_bytes_are_utf8_whatever_a_path_held():
    assert to_bytes("é\udcff") == "é\\udcff\n".encode()
