"""The finding that each verdict rests on."""

import math

import pytest
from small_audit import IMAGE_IDS, make_run, write_small_audit

from auditor.records import Finding, Verdict, fingerprint
from auditor.store.database import AuditDatabase, open_audit_database
from auditor.store.manifest import write_manifest
from auditor.store.queries.leads import Lead, deciding_rules, leads


def test_of_the_small_audit(tmp_path):
    with open_audit_database(write_small_audit(tmp_path)) as connection:
        found = leads(connection)
    assert found == {
        0: Lead(0, "subgroup-gap", f"waterbird/{IMAGE_IDS[0]}.png", 3410, 212, 180, 0),
        1: Lead(1, None, None, None, None),  # its finding is on another concept
        2: Lead(2, None, None, None, None),
        4: Lead(4, None, None, None, None),
    }


@pytest.mark.parametrize(
    ("gap", "q_of_swaps", "rule"),
    [(0.25, None, "E4-pull"), (0.5, 0.01, "E4-recall"), (None, None, "E1"), (None, 0.01, "E5")],
)
def test_the_rule_is_that_of_the_gap(tmp_path, gap, q_of_swaps, rule):
    """By effect, whatever the order of the rows; without a gap an intervention that stands alone, or the words."""
    run = make_run()
    effects = {"E5": 0.6, "E4-recall": 0.5, "E1": 0.25, "E4-pull": 0.25, "E3-pull": 0.5}
    with AuditDatabase(tmp_path) as database:
        database.add_run(run)
        database.add_verdicts([Verdict(0, "duck", "suspect", "low", "water", "water", "scene", "", 9, 0.4, gap)])
        for name, effect in effects.items():
            q = q_of_swaps if name == "E5" else None
            database.add_findings([Finding(0, "duck", "water", "water", "scene", name, effect, 0.0, 1.0, None, q, 9)])
    write_manifest(tmp_path, run)
    with open_audit_database(tmp_path) as connection:
        assert leads(connection)[0].rule_id == rule


def test_deciding_rules(tmp_path):
    run = make_run()

    def finding(concept, rule_id, effect, low, status="measured"):
        return Finding(0, "duck", concept, concept, "scene", rule_id, effect, low, 1.0, None, None, 9, (), status)

    with AuditDatabase(tmp_path) as database:
        database.add_run(run)
        database.add_findings(
            [
                finding("water", "E1", 0.9, 0.8), finding("water", "E4-recall", 0.3, 0.1),
                finding("water", "E4-pull", 0.2, 0.15), finding("water", "E3-pull", 0.9, 0.9),
                finding("sky", "E2", 0.9, 0.8), finding("sky", "E1", 0.1, 0.0), finding("sky", "E4-recall", 0.2, 0.05),
                finding("mud", "E2", 0.9, 0.8), finding("mud", "E4-pull", math.nan, math.nan, "too_few"),
            ]
        )  # fmt: skip
    write_manifest(tmp_path, run)
    with open_audit_database(tmp_path) as connection:
        rules = deciding_rules(connection)
    assert {concept: rules[fingerprint("duck", concept)] for concept in ("water", "sky", "mud")} == {
        "water": "E4-pull", "sky": "E1", "mud": "E2",
    }  # fmt: skip
