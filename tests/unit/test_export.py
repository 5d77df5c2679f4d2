import csv
import json
import resource

import duckdb
import hostile_audit
import pyarrow.parquet as pq
import pytest
from small_audit import CLASSES, IMAGE_IDS, write_small_audit

from auditor.errors import InputError, StoreError
from auditor.store.connection import connect_to_read
from auditor.store.open_audit import open_audit_database
from reports.export import ExportFormat, export_tables

csv.field_size_limit(1_000_000)


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    return write_small_audit(tmp_path_factory.mktemp("audit"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    return hostile_audit.write_hostile_audit(tmp_path_factory.mktemp("hostile"))


def rows(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def tables_of(audit):
    with open_audit_database(audit) as connection:
        return {
            name: connection.table(name).fetchall()
            for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        }


@pytest.mark.parametrize("export_format", [ExportFormat.csv, ExportFormat.parquet])
def test_every_table_with_every_row(audit, tmp_path, export_format):
    written = export_tables(audit, tmp_path / "out", export_format)
    tables = tables_of(audit)
    assert {table.path.stem: table.n_rows for table in written} == {name: len(found) for name, found in tables.items()}
    assert sorted((tmp_path / "out").iterdir()) == sorted(table.path for table in written)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    left_out = {table.path.stem: table.left_out for table in written if table.left_out}
    pictures = {"images": ("thumbnail",), "repair_maps": ("before", "after"), "saliency": ("data",)}
    assert left_out == (pictures if export_format is ExportFormat.csv else {})


def test_csv_cells(audit, tmp_path):
    export_tables(audit, tmp_path / "out", ExportFormat.csv)
    (waterbird, *_) = [row for row in rows(tmp_path / "out" / "findings.csv") if row["class_name"] == "waterbird"]
    assert (waterbird["effect"], waterbird["low"], waterbird["q"]) == ("0.65", "0.58", "1e-08")
    assert json.loads(waterbird["evidence_image_ids"]) == list(IMAGE_IDS[:2])
    landbird = next(row for row in rows(tmp_path / "out" / "findings.csv") if row["class_name"] == "landbird")
    assert (landbird["effect"], landbird["p"]) == ("", "")  # not measured
    (run,) = rows(tmp_path / "out" / "runs.csv")
    assert json.loads(run["class_names"]) == list(CLASSES)
    gap_low = next(row["gap_low"] for row in rows(tmp_path / "out" / "verdicts.csv") if row["class_name"] == "landbird")
    assert gap_low == "-0.05"  # a number is no formula
    assert "thumbnail" not in rows(tmp_path / "out" / "images.csv")[0]


def test_parquet_keeps_types_and_bytes(audit, tmp_path):
    export_tables(audit, tmp_path / "out", ExportFormat.parquet)
    images = pq.read_table(tmp_path / "out" / "images.parquet").to_pylist()
    assert [image["thumbnail"] for image in images] == [*(b"jpeg" + bytes([i]) for i in range(5)), None]
    findings = pq.read_table(tmp_path / "out" / "findings.parquet").to_pylist()
    assert findings[0]["evidence_image_ids"] == list(IMAGE_IDS[:2])
    assert findings[1]["effect"] is None


def test_no_cell_is_a_formula(hostile, tmp_path):
    export_tables(hostile, tmp_path / "out", ExportFormat.csv)
    stored = [name for (_, name, *_) in sorted(tables_of(hostile)["verdicts"])]
    written = rows(tmp_path / "out" / "verdicts.csv")
    assert len(written) == len(stored)
    defused = 0
    for row, name in zip(sorted(written, key=lambda row: int(row["class_idx"])), stored, strict=True):
        is_formula = name.lstrip()[:1] in tuple("=+-@") or name[:1] in tuple("\t\r\n")
        assert row["class_name"] == ("'" + name if is_formula else name)
        defused += is_formula
    assert defused >= 6
    for path in (tmp_path / "out").iterdir():
        with path.open(newline="", encoding="utf-8") as file:
            for cells in csv.reader(file):
                for cell in cells:
                    assert cell[:1] not in tuple("=+@\t\r\n＝＋－＠")
                    assert cell[:1] != "-" or float(cell) < 0  # numbers keep their sign


def test_parquet_keeps_names_as_they_are(hostile, tmp_path):
    export_tables(hostile, tmp_path / "out", ExportFormat.parquet)
    verdicts = pq.read_table(tmp_path / "out" / "verdicts.parquet").to_pylist()
    assert [row["class_name"] for row in verdicts] == list(hostile_audit.NAMES)


def test_nothing_is_overwritten(audit, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("dear")
    (tmp_path / "file").write_text("dear")
    for folder in (tmp_path / "full", tmp_path / "file", audit):
        with pytest.raises(InputError, match="exists already"):
            export_tables(audit, folder, ExportFormat.csv)
    assert (tmp_path / "full" / "letter.txt").read_text() == (tmp_path / "file").read_text() == "dear"
    (tmp_path / "empty").mkdir()
    assert export_tables(audit, tmp_path / "empty", ExportFormat.csv)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "full"]


def test_odd_folders(audit, tmp_path):
    folder = tmp_path / 'it\'s a "folder"; -- {x} *' / "deep"
    assert export_tables(audit, folder, ExportFormat.csv)[0].path.parent == folder
    assert rows(folder / "verdicts.csv")
    for bad in (tmp_path / "x\udcff", tmp_path / ("y" * 300), folder / "verdicts.csv" / "below"):
        with pytest.raises(InputError, match="cannot be written to"):
            export_tables(audit, bad, ExportFormat.csv)


def test_what_fails_leaves_nothing(tmp_path):
    with pytest.raises(StoreError):
        export_tables(tmp_path / "none", tmp_path / "out", ExportFormat.csv)
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_nothing(hostile, tmp_path):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))  # no file may grow beyond: as if the disk were full
    try:
        with pytest.raises(StoreError, match="cannot be exported"):
            export_tables(hostile, tmp_path / "out", ExportFormat.csv)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_tables_that_no_auditor_makes_are_refused(tmp_path):
    folder = write_small_audit(tmp_path / "audit")
    with duckdb.connect(str(folder / "audit.duckdb")) as connection:
        connection.execute('CREATE TABLE "../../x" AS SELECT 1 AS a')
    with pytest.raises(StoreError, match="no auditor makes"):
        export_tables(folder, tmp_path / "out", ExportFormat.csv)
    assert [path.name for path in tmp_path.iterdir()] == ["audit"]


def test_a_file_that_somebody_sent_reads_and_writes_nothing_else(audit, tmp_path):
    """One folder is open, and that is locked; a view in place of a table is no audit."""
    folder = write_small_audit(tmp_path / "audit")
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with duckdb.connect(str(folder / "audit.duckdb")) as connection:
        connection.execute("ALTER TABLE saliency RENAME TO other")
        connection.execute(f"CREATE VIEW saliency AS SELECT * FROM read_csv('{tmp_path / 'secret.csv'}')")
    with pytest.raises(StoreError, match="holds a view 'saliency'; an audit has plain tables alone"):
        export_tables(folder, tmp_path / "out", ExportFormat.csv)
    (tmp_path / "open").mkdir()
    with connect_to_read(audit / "audit.duckdb", may_write_to=tmp_path / "open") as connection:
        connection.execute(f"COPY runs TO '{tmp_path / 'open' / 'r.csv'}'")
        for statement in (
            f"COPY runs TO '{tmp_path / 'r.csv'}'",
            f"COPY runs TO '{tmp_path / 'open' / '..' / 'r.csv'}'",
            f"SELECT * FROM read_csv('{tmp_path / 'secret.csv'}')",
            f"ATTACH '{tmp_path / 'x.duckdb'}'",
            "SET enable_external_access = true",
            f"SET allowed_directories = ['{tmp_path}']",
            "INSTALL httpfs",
            "DELETE FROM runs",
        ):
            with pytest.raises(duckdb.Error):
                connection.execute(statement)
    assert not (tmp_path / "r.csv").exists()
    assert [path.name for path in (tmp_path / "open").iterdir()] == ["r.csv"]
