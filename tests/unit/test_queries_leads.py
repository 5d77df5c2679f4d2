"""The finding that each verdict rests on."""

import pytest
from small_audit import IMAGE_IDS, make_run, write_small_audit

from auditor.records import Finding, ImageItem, Verdict
from auditor.store.database import AuditDatabase
from auditor.store.manifest import write_manifest
from auditor.store.open_audit import open_audit_database
from auditor.store.queries.leads import Lead, leads


def test_of_the_small_audit(tmp_path):
    with open_audit_database(write_small_audit(tmp_path)) as connection:
        found = leads(connection)
    assert found == {
        0: Lead(0, f"waterbird/{IMAGE_IDS[0]}.png", 3410, 212, 180, 0),
        1: Lead(1, None, None, None),  # its finding is on another concept
        2: Lead(2, None, None, None),
        4: Lead(4, None, None, None),
    }


@pytest.mark.parametrize(("rule", "picture"), [("E4-recall", "recall"), ("E4-pull", "pull"), (None, None)])
def test_the_picture_is_of_the_rule_that_decided_and_not_of_an_equal_effect(tmp_path, rule, picture):
    """A recall gap of 25 points that decided, beside a pull of 25 points that nothing confirmed: nobody guesses."""
    run = make_run()
    paths = {"recall": f"waterbird/{IMAGE_IDS[0]}.png", "pull": f"waterbird/{IMAGE_IDS[1]}.png"}
    with AuditDatabase(tmp_path) as database:
        database.add_run(run)
        items = [ImageItem(image_id, path, "duck") for image_id, path in zip(IMAGE_IDS, paths.values(), strict=False)]
        database.add_images(items, [(8, 8)] * 2, ["c" * 64] * 2, [None] * 2)
        database.add_verdicts(
            [Verdict(0, "duck", "flagged", "high", "water", "water", "scene", "", 9, 0.4, 0.25, rule_id=rule)]
        )
        for name, q, image_id in (("E4-pull", 0.9, IMAGE_IDS[1]), ("E4-recall", 0.01, IMAGE_IDS[0])):
            effect = (0.25, 0.1, 0.4)
            database.add_findings(
                [Finding(0, "duck", "water", "water", "scene", name, *effect, 0.001, q, 9, (image_id,))]
            )
    write_manifest(tmp_path, run)
    with open_audit_database(tmp_path) as connection:
        # an older audit does not say: the first by name, for something to look at
        assert leads(connection)[0].picture == paths[picture or "pull"]
