"""What a gap would cost at the frequencies of deployment: a hand-made audit, its sentence, and names that are none."""

from __future__ import annotations

from dataclasses import replace

import duckdb
import pytest
from picture_audit import CONCEPT, write_picture_audit

from auditor.config import make_config
from auditor.deployment import ExpectedLoss, with_severity_of_deployment
from auditor.errors import InputError
from auditor.inputs.exposure import check_exposure
from auditor.records import Subgroup, Verdict
from auditor.store.open_audit import open_audit_database
from auditor.store.queries.exposure import expected_losses
from reports.display import exposed_sentence
from reports.formats import ReportFormat, render_report
from reports.written.json import json_report


def audit_with(folder, exposure, more=""):
    write_picture_audit(folder, 2)
    with duckdb.connect(str(folder / "audit.duckdb")) as connection:
        connection.execute("UPDATE runs SET config = ?", [f'{{"exposure": {exposure}{more}}}'])
    return folder


def test_a_loss_is_the_gap_times_what_is_missing_of_the_concept(tmp_path):
    with open_audit_database(audit_with(tmp_path / "a", '{"water": 0.25, "fog": 1}')) as connection:
        losses = expected_losses(connection)
        (told,) = [one["expected_loss"] for one in json_report(connection)["classes"] if one["expected_loss"]]
        page, text = (render_report(form, connection) for form in (ReportFormat.html, ReportFormat.text))
    assert list(losses) == [0]  # bird 1 is flagged for its pull, which is no recall
    less = 3410 / 3622 - 0.25
    expected = losses[0]
    assert (expected.concept, expected.exposure) == ("water", 0.25)
    assert [expected.loss, expected.low, expected.high] == pytest.approx([0.65 * less, 0.58 * less, 0.71 * less])
    assert told["loss"] == expected.loss
    line = (
        "With water in 25 % of its pictures, as [exposure] says of deployment, instead of 94 %, its recall would fall "
        "by 45 points [40, 49]."
    )
    assert exposed_sentence(expected) == line
    assert line in page.replace("\u00a0", " ")  # figures keep their units
    assert line in " ".join(text.split())


#: A gap of .30 [.22, .38] of recall, concept in three of four pictures.
FLAGGED = Verdict(
    0, "bird", "flagged", "high", "water", "water", "scene", "…", 400, 0.4, 0.3, 0.22, 0.38, rule_id="E4-recall"
)
ARMS = [Subgroup(0, "bird", "water", "water", present, n, None) for present, n in ((True, 300), (False, 100))]
HARMED = replace(FLAGGED, verdict="harmed", gap=-0.5, gap_low=-0.6, gap_high=-0.4, rule_id="E4-loss")


@pytest.mark.parametrize(
    ("verdict", "water", "severity"),
    [
        (FLAGGED, 0.0, "medium"),  # .22 · .75 = .165
        (FLAGGED, 0.25, "medium"),  # .22 · .50 = .11
        (FLAGGED, 0.5, "low"),  # .22 · .25 = .055
        (FLAGGED, 0.9, "low"),  # it would gain
        (HARMED, 1.0, "medium"),  # −.4 · (.75 − 1) = .10
        (HARMED, 0.75, "low"),  # as here
        (replace(FLAGGED, gap_low=0.28), 0.0, "high"),  # .28 · .75 = .21
        (replace(FLAGGED, verdict="suspect"), 0.9, "high"),  # says nothing, and stays
        (replace(FLAGGED, rule_id="E4-pull"), 0.9, "high"),  # a pull is not reckoned
        (replace(FLAGGED, concept_id="fog", concept="fog"), 0.9, "high"),  # not in the table
    ],
)
def test_the_severity_is_that_of_the_surely_lost(verdict, water, severity):
    other = replace(FLAGGED, class_idx=1)  # without pictures that could say how frequent the concept is
    found = with_severity_of_deployment((verdict, other), ARMS, {"water": water})
    assert found == (replace(verdict, severity=severity), other)


def test_reports_say_that_the_severity_is_that_of_the_loss(tmp_path):
    with open_audit_database(audit_with(tmp_path / "a", '{"water": 0.25}', ', "severity_by_exposure": true')) as read:
        told = [one["expected_loss"] for one in json_report(read)["classes"] if one["expected_loss"]]
        text = render_report(ReportFormat.text, read)
    assert [one["decides_severity"] for one in told] == [True]
    assert "would fall by 45 points [40, 49]. The severity is that of this loss." in " ".join(text.split())


def test_a_severity_of_deployment_needs_the_table():
    with pytest.raises(InputError, match=r"--severity-by-exposure without \[exposure\]"):
        make_config({"data": "d", "model": "m", "out": "o", "severity_by_exposure": True})


def test_what_grows_is_said_to_rise_and_nothing_where_nothing_is_known():
    rising = ExpectedLoss("fog", 0.5, 0.75, -0.1, -0.15, 0.02)
    assert exposed_sentence(rising) == (
        "With fog in 50 % of its pictures, as [exposure] says of deployment, instead of 75 %, its recall would rise by "
        "10 points [−2, 15]."
    )
    assert exposed_sentence(None) is None


@pytest.mark.parametrize("foreign", ['{"water": "much"}', '{"water": 7}', "[1]", "null"])
def test_a_foreign_table_says_nothing(tmp_path, foreign):
    with open_audit_database(audit_with(tmp_path / "a", foreign)) as connection:
        assert expected_losses(connection) == {}


def test_a_name_that_is_no_concept_is_refused_with_the_nearest():
    check_exposure({"water": 0.5}, [CONCEPT])
    check_exposure({}, [])
    with pytest.raises(InputError) as raised:
        check_exposure({"watr": 0.5}, [CONCEPT])
    assert str(raised.value) == ("[exposure] names 'watr', which is no concept of this audit; did you mean 'water'?")


def test_a_part_is_between_none_and_all():
    with pytest.raises(InputError, match=r"setting 'exposure.water' = '1.5': input should be less than or equal to 1"):
        make_config({"data": "d", "model": "m", "out": "o", "exposure": {"water": 1.5}})
