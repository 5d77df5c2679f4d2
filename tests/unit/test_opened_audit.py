"""A finished audit in Python: frames, pictures, SQL, the card of a notebook, and its mistakes in one line each."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from hostile_audit import write_hostile_audit
from picture_audit import image_id, write_picture_audit

import auditor
from auditor.errors import InputError, StoreError
from auditor.records import Finding, Verdict


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_picture_audit(tmp_path_factory.mktemp("audit") / "ours", 2)


@pytest.fixture(scope="module")
def audit(folder):
    return auditor.open_audit(str(folder))


def test_it_says_what_it_is_and_is_a_path(audit, folder):
    assert repr(audit) == f"Audit('{folder}'): 2 flagged"
    assert os.fspath(audit) == str(folder)
    assert Path(audit) == folder


def test_verdicts_are_rows_with_the_fields_of_the_record(audit):
    frame = audit.verdicts
    assert list(frame.columns) == list(Verdict.__dataclass_fields__)
    assert frame[["class_name", "verdict", "concept", "gap", "gap_low", "gap_high"]].to_numpy().tolist() == [
        ["bird 0", "flagged", "water", 0.65, 0.58, 0.71],
        ["bird 1", "flagged", "water", 0.22, 0.14, 0.34],
    ]


def test_findings_are_rows_and_what_was_not_measured_is_nan(audit):
    frame = audit.findings
    assert list(frame.columns) == list(Finding.__dataclass_fields__)
    assert len(frame) == 8
    prevented = frame[frame.status == "too_few"]
    assert prevented.rule_id.tolist() == ["E3-recall"] * 2
    assert prevented.effect.isna().all()


def test_pictures_that_break_a_concept_have_mistakes_first_and_those_that_carry_it_the_surest(audit):
    frame = audit.pictures("bird 0", "water")
    assert list(frame.columns) == [
        "image_id", "path", "label", "called", "confidence", "correct", "presence", "share",
    ]  # fmt: skip
    assert frame.image_id.tolist() == [image_id(0, 3), image_id(0, 2)]
    assert frame[["label", "called", "correct"]].to_numpy().tolist() == [
        ["bird 0", "bird 1", False],
        ["bird 0", "bird 0", True],
    ]
    assert frame.presence.tolist() == pytest.approx([0.2, 0.1])
    carrying = audit.pictures("bird 0", "water", present=True)
    assert carrying.image_id.tolist() == [image_id(0, 0), image_id(0, 1), image_id(0, 4)]
    assert carrying.share.isna().tolist() == [False, False, True]  # the last is called, and explained as, bird 1


def test_sql_is_a_frame_and_takes_parameters(audit):
    frame = audit.sql("SELECT label, count(*) AS n FROM images WHERE label = $label GROUP BY ALL", {"label": "bird 1"})
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"label": ["bird 1"], "n": [5]}))
    assert audit.sql("SELECT ? + 1 AS x", [2]).x.tolist() == [3]
    assert audit.sql("SELECT image_ids FROM counterexamples LIMIT 1").image_ids[0].tolist() == [image_id(1, 4)]


@pytest.mark.parametrize(
    ("query", "why"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM images, secret", "secret does not exist"),
        ("SELECT * FROM read_csv('/etc/passwd')", "file system operations are disabled"),
        ("COPY images TO '/tmp/images.csv'", "file system operations are disabled"),
        ("DROP TABLE images", "read-only"),
        ("SET threads = 64", "locked"),
        ("", "asks nothing"),
    ],
)
def test_sql_reads_this_audit_and_nothing_else(audit, query, why):
    secret = pd.DataFrame({"x": [1]})  # noqa: F841 - a variable that a query must not see
    with pytest.raises(InputError, match=why) as raised:
        audit.sql(query)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("asked", "line"),
    [
        (("bird1", "water"), "class 'bird1' is not one of the audit's 2; did you mean 'bird 1'?"),
        (("zebra", "water"), "class 'zebra' is not one of the audit's 2; there are 'bird 0', 'bird 1'"),
        (
            ("bird 0", "watr"),
            "concept 'watr' is none of the 1 whose presence in every picture the audit kept, those that its findings "
            "are on; did you mean 'water'?",
        ),
    ],
)
def test_a_wrong_name_is_one_line_with_the_nearest(audit, asked, line):
    with pytest.raises(InputError) as raised:
        audit.pictures(*asked)
    assert str(raised.value) == line


def test_the_card_shows_the_verdicts_and_the_worst_classes_with_their_pictures(audit):
    card = audit._repr_html_().replace("\u00a0", " ")
    assert "2 of 2 classes are flagged" in card
    assert card.count("<img") == 4  # a picture and its map for each
    assert "65 pts" in card
    assert "largely because of water" in card
    assert "<script" not in card
    assert 'src="http' not in card


def test_a_foreign_audit_is_text_in_the_card(tmp_path):
    card = auditor.open_audit(write_hostile_audit(tmp_path / "theirs"))._repr_html_()
    assert "<script" not in card
    assert "onerror=" not in card.replace("&#34;", '"').split("<style>")[0]


def test_the_gate_is_the_gate_of_the_command_line(audit):
    decision = audit.gate()
    assert (decision.exit_code, decision.summary) == (1, "fails: 2 new (2 classes)")


def test_no_audit_is_said_when_it_is_opened(tmp_path):
    with pytest.raises(StoreError, match="the folder does not exist"):
        auditor.open_audit(tmp_path / "none")


@pytest.mark.slow
def test_opening_reading_and_gating_load_no_torch(folder):
    script = (
        "import sys, auditor; quiet = {'torch', 'duckdb', 'pandas'} & set(sys.modules); "
        f"audit = auditor.open_audit({str(folder)!r}); audit.verdicts, audit.findings, audit.gate(), repr(audit); "
        "audit.pictures('bird 0', 'water'), audit.sql('SELECT 1'), audit._repr_html_(); "
        "sys.exit('torch' in sys.modules or len(quiet))"
    )
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0
