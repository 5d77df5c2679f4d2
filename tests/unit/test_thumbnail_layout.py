"""A page of thumbnails reads those of the page, and not all that the audit keeps."""

import os

import duckdb
import numpy as np
import pytest

from auditor.records import ImageItem
from auditor.store.connection import connect_to_write
from auditor.store.database import AuditDatabase
from auditor.store.queries.audit import thumbnails
from auditor.store.queries.pictures import thumbnails_and_paths

_N, _BYTES = 4_096, 5_000


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("audit")
    noise = os.urandom(_BYTES)  # as little to be packed as a JPEG's
    ids = [f"{row:016x}" for row in np.random.default_rng(0).permutation(_N)]
    items = [ImageItem(one, f"{one}.jpg", None, None, None, None, {}) for one in ids]
    jpegs = [one.encode() + noise for one in ids]
    with AuditDatabase(folder) as database:
        database.add_images(items, [(1, 1)] * _N, [""] * _N, jpegs)
    return folder / "audit.duckdb", dict(zip(ids, jpegs, strict=True))


def test_long_values_are_not_packed_by_the_thousand(audit):
    with duckdb.connect(str(audit[0]), read_only=True) as connection:
        used = connection.execute(
            "SELECT DISTINCT compression FROM pragma_storage_info('images') WHERE column_name = 'thumbnail'"
        ).fetchall()
    assert ("ZSTD",) not in used


@pytest.mark.parametrize("query", [thumbnails, thumbnails_and_paths])
def test_a_few_thumbnails_are_found_wherever_they_lie(audit, query):
    path, jpegs = audit
    ids = [*list(jpegs)[:: _N // 24], "unknown"]
    with duckdb.connect(str(path), read_only=True) as connection:
        found = query(connection, ids)
    expected = {one: jpegs[one] for one in ids[:-1]}
    assert {one: jpeg[1] if isinstance(jpeg, tuple) else jpeg for one, jpeg in found.items()} == expected
    assert query is thumbnails or all(found[one][0] == f"{one}.jpg" for one in expected)


def test_settings_of_a_writer_are_locked(tmp_path):
    with (
        connect_to_write(tmp_path / "a.duckdb") as connection,
        pytest.raises(duckdb.InvalidInputException, match="locked"),
    ):
        connection.execute("SET enable_external_access = true")
