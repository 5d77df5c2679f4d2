import math

import duckdb
import pytest
from small_audit import (
    ATTRIBUTE_CONCEPTS,
    ATTRIBUTES,
    CLASSES,
    CORE_CONCEPTS,
    FAILURES,
    IMAGE_IDS,
    PRESENCE,
    class_concepts,
    counterexamples,
    findings,
    make_run,
    subgroups,
    verdicts,
    write_small_audit,
)

from auditor.errors import StoreError
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    folder = write_small_audit(tmp_path_factory.mktemp("audit") / "release-7", backwards=True)
    with open_audit_database(folder) as connection:
        yield connection


def test_run(connection):
    assert queries.run(connection) == make_run()


def test_verdicts_come_worst_first(connection):
    by_name = {verdict.class_name: verdict for verdict in verdicts()}
    # waterbird before vehicle: both high, share .41 before .30
    expected = ["waterbird", "vehicle", "landbird", "boat", "cat"]
    assert queries.verdicts(connection) == [by_name[name] for name in expected]
    counts = queries.verdict_counts(connection)
    assert counts == queries.VerdictCounts(flagged=2, suspect=1, clean=1, not_analysed=1)
    assert counts.analysed == 4


def test_accuracies_worst_first(connection):
    found = queries.class_accuracies(connection)
    assert [(one.class_name, one.n, one.n_correct) for one in found] == [
        ("landbird", 2, 1), ("waterbird", 2, 2), ("vehicle", 1, 1), ("cat", 1, 1),
    ]  # fmt: skip


def test_class_concepts_by_share(connection):
    assert queries.class_concepts(connection) == class_concepts()
    assert queries.class_concepts(connection, 1) == class_concepts()[2:]
    leading = queries.class_concepts(connection, limit=1)
    assert [(row.class_name, row.concept_id) for row in leading] == [("waterbird", "water"), ("landbird", "beak")]


def test_findings_keep_what_was_not_measured_apart_from_zero(connection):
    measured, missing = queries.findings(connection)
    assert measured == findings()[0]
    assert math.isnan(missing.effect)
    assert (missing.p, missing.q, missing.status) == (None, None, "not_identified")
    assert queries.findings(connection, 4) == []


def test_subgroups_and_failures(connection):
    assert queries.subgroups(connection) == subgroups()
    assert queries.subgroups(connection, 3) == []
    assert queries.failures(connection) == FAILURES
    assert queries.failures(connection, limit=0) == []
    assert queries.failure_counts(connection) == {"decode": 1}
    assert queries.picture_count(connection) == 6


def test_known_context(connection):
    assert queries.attributes(connection) == ATTRIBUTES
    assert queries.attribute_concepts(connection) == ATTRIBUTE_CONCEPTS
    assert queries.core_concepts(connection) == queries.core_concepts(connection, 3) == CORE_CONCEPTS
    assert queries.core_concepts(connection, 0) == []


def test_counterexamples_with_the_concept_first(connection):
    assert queries.counterexamples(connection) == queries.counterexamples(connection, 0) == counterexamples()
    assert queries.counterexamples(connection, 1) == []


def test_pictures_with_and_without_a_concept(connection):
    # Label landbird is on image 2 (beak .7, right) and image 5 (beak .1, called waterbird).
    (without,) = queries.pictures(connection, 1, "beak", present=False, limit=10)
    assert without == queries.Picture(
        IMAGE_IDS[5], f"landbird/{IMAGE_IDS[5]}.png", "landbird", "waterbird", pytest.approx(0.88), False,
        pytest.approx(0.1), None,
    )  # fmt: skip
    (shown,) = queries.pictures(connection, 1, "beak", present=True, limit=10)
    assert (shown.image_id, shown.correct, shown.presence) == (IMAGE_IDS[2], True, pytest.approx(0.7))
    low = queries.pictures(connection, 1, "beak", present=True, limit=10, threshold=0.05)
    assert [picture.image_id for picture in low] == [IMAGE_IDS[2], IMAGE_IDS[5]]  # clearest first
    high = queries.pictures(connection, 1, "beak", present=False, limit=10, threshold=0.9)
    assert [picture.image_id for picture in high] == [IMAGE_IDS[5], IMAGE_IDS[2]]  # wrong first
    assert len(queries.pictures(connection, 1, "beak", present=False, limit=1, threshold=0.9)) == 1
    (share,) = queries.pictures(connection, 0, "water", present=True, limit=10)
    assert share.share == 0.25


def test_thumbnails_are_those_asked_for(connection):
    assert queries.thumbnails(connection, [IMAGE_IDS[1], IMAGE_IDS[5], "nothing"]) == {IMAGE_IDS[1]: b"jpeg\x01"}
    assert queries.thumbnails(connection, []) == {}


def test_names_are_parameters_not_sql(connection):
    assert queries.pictures(connection, 0, "'; DROP TABLE runs; --", present=True, limit=5) == []
    assert len(CLASSES) == sum(1 for _ in queries.verdicts(connection))


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "verdict = 'fine'",
            "gives class 'waterbird' the verdict 'fine' of severity 'high', which this auditor does not",
        ),
        ("severity = '**x**'", "of severity '**x**', which this auditor does not know; make it again"),
    ],
)
def test_a_verdict_or_severity_that_no_auditor_gives_is_refused(tmp_path, statement, told):
    write_small_audit(tmp_path)
    with duckdb.connect(str(tmp_path / "audit.duckdb")) as writer:
        writer.execute(f"UPDATE verdicts SET {statement}")
    with open_audit_database(tmp_path) as connection:
        for asked in (queries.verdicts, queries.verdict_counts):
            with pytest.raises(StoreError) as caught:
                asked(connection)
            assert told in str(caught.value)


def test_presence_at_the_line_is_not_present_as_in_the_counts(connection):
    assert queries.pictures(connection, 1, "beak", present=True, limit=9, threshold=float(PRESENCE[2, 1])) == []
