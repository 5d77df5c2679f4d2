"""What is written to an audit is what is read from it, whatever names and numbers it holds."""

import math
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.records import ClassConcept, Failure, Finding, Subgroup, Verdict
from auditor.store.database import AuditDatabase
from auditor.store.digest import contents_digest
from auditor.store.manifest import write_manifest
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from auditor.store.run_record import Run

pytestmark = pytest.mark.slow

# Every character but lone surrogates, which are written out: see the unit test of odd names.
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
numbers = st.floats(allow_nan=True, allow_infinity=True)
counts = st.integers(0, 2**53)
class_idx = st.integers(0, 2**31 - 1)
kinds = st.sampled_from(["scene", "object", "artifact"])

class_concepts = st.builds(
    ClassConcept, class_idx, names, names, names, kinds, numbers, numbers, numbers, numbers, numbers, counts
)
subgroups = st.builds(Subgroup, class_idx, names, names, names, st.booleans(), counts, counts)
findings = st.builds(
    Finding, class_idx, names, names, names, kinds, names, numbers, numbers, numbers, st.none() | numbers,
    st.none() | numbers, counts, st.lists(names, max_size=3).map(tuple), names,
)  # fmt: skip
optional = st.none() | st.floats(allow_nan=False)
verdicts = st.builds(
    Verdict, class_idx, names, st.sampled_from(["flagged", "suspect", "not_shown", "clean", "not_analysed"]),
    st.sampled_from(["high", "medium", "low", "none"]), st.none() | names, st.none() | names, st.none() | kinds, names,
    counts, optional, optional, optional, optional, optional, gap_bound=optional,
)  # fmt: skip
failures = st.builds(Failure, names, names, names, names)
runs = st.builds(
    Run, names, names, names, names, names, names, names, names, names,
    st.dictionaries(names, names | st.integers(0, 9) | st.none(), max_size=3), names,
    st.dictionaries(names, names, max_size=3), st.dictionaries(names, counts, max_size=3), counts,
    st.lists(names, max_size=3).map(tuple), st.lists(names, max_size=2).map(tuple),
)  # fmt: skip


def same(records):
    """Records as comparable rows: NaN (not measured) equals NaN, and None where None is allowed."""
    rows = []
    for record in records:
        values = [getattr(record, name) for name in record.__slots__]
        for position, name in enumerate(record.__slots__):
            value = values[position]
            if isinstance(value, float) and math.isnan(value):
                values[position] = None if name in ("p", "q") else "nan"
        rows.append(repr(values))
    return sorted(rows)


@settings(max_examples=20, deadline=None)
@given(
    run=runs,
    concepts=st.lists(class_concepts, max_size=4),
    groups=st.lists(subgroups, max_size=4),
    found=st.lists(findings, max_size=4),
    judged=st.lists(verdicts, max_size=4),
    failed=st.lists(failures, max_size=4),
    backwards=st.booleans(),
)
def test_records_come_back(run, concepts, groups, found, judged, failed, backwards):
    digests = []
    with tempfile.TemporaryDirectory() as folder:
        for name, step in (("one", 1), ("two", -1 if backwards else 1)):
            path = Path(folder) / name
            with AuditDatabase(path) as database:
                database.add_run(run)
                database.add_class_concepts(concepts[::step])
                database.add_subgroups(groups[::step])
                database.add_findings(found[::step])
                database.add_verdicts(judged[::step])
                database.add_failures(failed[::step])
            write_manifest(path, run)
            with open_audit_database(path) as connection:
                digests.append(contents_digest(connection))
        with open_audit_database(path) as connection:
            assert queries.run(connection) == run
            assert same(queries.class_concepts(connection)) == same(concepts)
            assert same(queries.subgroups(connection)) == same(groups)
            assert same(queries.findings(connection)) == same(found)
            # one that was written without parts claims what its sentence says
            as_read = [replace(one, claim=one.claim or one.sentence) for one in judged]
            assert same(queries.verdicts(connection)) == same(as_read)
            assert same(queries.failures(connection)) == same(failed)
            written = connection.execute("SELECT fingerprint FROM findings").fetchall()
            assert sorted(key for (key,) in written) == sorted(finding.fingerprint for finding in found)
    assert digests[0] == digests[1]


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_presence_comes_back_bit_by_bit(data):
    n_images, n_concepts = data.draw(st.integers(0, 5)), data.draw(st.integers(0, 5))
    numbers = st.floats(0, 1, width=32)
    presence = np.array(
        data.draw(st.lists(numbers, min_size=n_images * n_concepts, max_size=n_images * n_concepts)), np.float32
    ).reshape(n_images, n_concepts)
    images, concepts = [f"i{idx}" for idx in range(n_images)], [f"c{idx}" for idx in range(n_concepts)]
    with tempfile.TemporaryDirectory() as folder, AuditDatabase(Path(folder)) as database:
        database.add_concept_presence(images, concepts, presence)
        rows = database.connection.execute("SELECT image_id, concept_id, presence FROM concept_presence").fetchall()
    expected = [
        (images[row], concepts[column], float(presence[row, column]))
        for column in range(n_concepts)
        for row in range(n_images)
    ]
    assert rows == expected
