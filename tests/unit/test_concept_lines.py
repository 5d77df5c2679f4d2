from dataclasses import replace

import pytest
from small_audit import counterexamples, write_small_audit

from auditor.concept_records import Attribute, CoreConcept
from auditor.store.database import AuditDatabase
from auditor.store.manifest import write_manifest
from auditor.store.open_audit import open_audit_database
from reports.written.concept_lines import attribute_lines, core_lines, still_needed


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    with open_audit_database(write_small_audit(tmp_path_factory.mktemp("audit"))) as connection:
        yield connection


def audit_of(folder, *, core=(), attributes=()):
    from small_audit import make_run

    run = make_run()
    with AuditDatabase(folder) as database:
        database.add_run(run)
        database.add_core_concepts(core)
        database.add_attributes(attributes, [])
    write_manifest(folder, run)
    return open_audit_database(folder)


def test_what_an_audit_of_a_mended_model_needs():
    rows = counterexamples()
    assert still_needed(rows, "water", by_pull=False) == (
        "Once the model is mended, an audit needs 180 more pictures without it to call the class clean."
    )
    assert still_needed(rows, "water", by_pull=True) is None
    undecided = [replace(row, state="open", n_missing=7, n_others_missing=3) for row in rows]
    assert still_needed(undecided, "water", by_pull=False) is None
    both = [replace(row, n_missing=7, n_others_missing=3) for row in rows]
    assert "7 more pictures with it and 7 more pictures without it to" in still_needed(both, "water", by_pull=False)
    others = "3 more pictures of other classes with it and 3 more pictures of other classes without it to"
    assert others in still_needed(both, "water", by_pull=True)
    assert still_needed(rows[:1], "water", by_pull=False) is None
    assert still_needed(rows, None, by_pull=False) is None


def test_small_audit(small):
    assert core_lines(small) == [
        "cat may rest on water (your settings: cats swim here, by Ann); else it would be tested, for E1."
    ]
    assert attribute_lines(small) == [
        "column serial was not examined as context (many values): 6 values in 6 pictures."
    ]


def test_core_concepts_are_told_where_they_mattered(tmp_path):
    def core(idx, reason, by_words, by_data):
        return CoreConcept(idx, f"c{idx}\n", "reef", "reef", "scene", reason, by_words, by_data)

    rows = [core(0, "settings", False, False), core(1, "class name", False, False),
            core(2, "kind of the class", True, True), core(3, "class name", False, True)]  # fmt: skip
    with audit_of(tmp_path, core=rows) as connection:
        assert core_lines(connection) == [
            "c0 may rest on reef (your settings).",
            "c2 may rest on reef (what its name is a kind of); else it would be tested, for E1 and E2.",
            "c3 may rest on reef (its name); else it would be tested, for E2.",
        ]


def test_entries_of_the_settings_hide_behind_nothing(tmp_path):
    def core(idx, reason):
        return CoreConcept(idx, f"c{idx:02}", "reef", "reef", "scene", reason, True, False, why=f"why {idx}")

    rows = [core(idx, "class name") for idx in range(20)] + [core(idx, "settings") for idx in range(20, 35)]
    with audit_of(tmp_path, core=rows) as connection:
        lines = core_lines(connection)
    assert (len(lines), lines[-1]) == (15 + 12 + 1, "and 8 more: all are in --format json.")
    assert [line[:3] for line in lines[:15]] == [f"c{idx}" for idx in range(20, 35)]


def test_long_lists_are_counted(tmp_path):
    columns = [Attribute(f"a{i:02}\x1b[31m", "constant", 1, 9, "one value") for i in range(20)]
    with audit_of(tmp_path, attributes=columns) as connection:
        lines = attribute_lines(connection)
    assert lines[0] == "column a00[31m was not examined as context (constant): one value."
    assert (len(lines), lines[-1]) == (13, "and 8 more: all are in --format json.")
