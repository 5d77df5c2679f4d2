"""The line that says what decided a verdict."""

from dataclasses import replace

import pytest
from small_audit import verdicts

from reports.display import reason_line

FLAGGED, SUSPECT, *_, NOT_ANALYSED = verdicts()


@pytest.mark.parametrize(
    ("verdict", "told"),
    [
        (FLAGGED, "decided by E4-recall, gap in recall"),
        (
            replace(FLAGGED, agreeing_rule_id="E3-recall"),
            "decided by E4-recall, gap in recall; E3-recall agrees",
        ),
        (
            replace(SUSPECT, rule_id="E1", effect=0.41, effect_low=0.38, effect_high=0.44),
            "left open by E1, share of the words",
        ),
        (replace(FLAGGED, rule_id="E0\x1b[31m"), "decided by E0[31m"),
        (replace(FLAGGED, rule_id=None), "reason not recorded (the audit is older than that)"),
        (NOT_ANALYSED, None),
    ],
    ids=["flagged", "agreed", "screen", "unknown rule", "older audit", "no concept"],
)
def test_what_decided(verdict, told):
    assert reason_line(verdict) == told
