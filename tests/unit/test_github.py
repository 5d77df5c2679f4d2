import re
from dataclasses import replace

import hostile_audit
import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_audit import call_its_folder, decision, write_small_audit

from auditor.gate.decision import GateDecision
from auditor.store.open_audit import open_audit_database
from reports.display import plain
from reports.written.github import _escape, _escape_property, render_github


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    with open_audit_database(write_small_audit(tmp_path_factory.mktemp("audit"))) as connection:
        call_its_folder(connection, "DIR")
        yield connection


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    with open_audit_database(hostile_audit.write_hostile_audit(tmp_path_factory.mktemp("hostile"))) as connection:
        yield connection


def read(line):
    """Command, properties and message as GitHub's runner reads them."""
    command, properties, message = re.fullmatch(r"::(\w+) ((?:[^:,]*,?)*)::(.*)", line).groups()

    def unescaped(text):
        for code, letter in (("%0D", "\r"), ("%0A", "\n"), ("%3A", ":"), ("%2C", ","), ("%25", "%")):
            text = text.replace(code, letter)
        return text

    pairs = (pair.split("=", 1) for pair in properties.split(","))
    return command, {name: unescaped(value) for name, value in pairs}, unescaped(message)


def test_verdicts_alone(connection):
    lines = render_github(connection).splitlines()
    assert lines == [
        "::error title=waterbird%3A flagged::Relies on water (scene).",
        "::error title=vehicle%3A flagged::Relies on watermark.",
        "::warning title=landbird%3A suspect::Could not be excluded.",
        "::warning title=boat%3A not analysed::Too few pictures: 0 of 10.",
        "::notice title=allowed by the settings::cat may rest on water (your settings: cats swim here, by Ann); "
        "else it would be tested, for E1.",
        "4 classes analysed, 2 flagged, 1 suspect, 1 not analysed",
    ]  # fmt: skip


def test_with_a_decision(connection, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "policy.toml").write_text('fail_on = ["flagged"]\n\nmay_skip = []\n')
    assert render_github(connection, decision=decision()).splitlines() == [
        "::error file=policy.toml,line=1,title=waterbird · water%3A new::flagged, severity high; mend it or accept it. "
        "Relies on water (scene).",
        "::error file=policy.toml,line=3,title=boat%3A not analysed::too few pictures; name it in may_skip.",
        "::warning file=baseline.toml,line=1,title=cat%3A stale entry of the baseline::"
        "nothing matches it any more; remove it.",
        "::notice file=baseline.toml,line=1,title=vehicle · watermark%3A accepted::"
        "by ann until 2026-01-31: stock photos. Relies on watermark.",
        "::notice file=policy.toml,line=1,title=landbird · water%3A tolerated by the policy::suspect passes. "
        "Could not be excluded.",
        "Gate fails: 1 new, 1 not analysed (5 classes) (exit code 1)",
    ]


def test_ten_of_a_level_and_the_rest_counted(connection):
    items = [replace(decision().items[1], class_name=f"c{i}") for i in range(25)]
    items += [replace(decision().items[3], class_name=f"s{i}") for i in range(10)]
    read_lines = [read(line) for line in render_github(connection, decision=GateDecision(1, "fails", tuple(items)))
                  .splitlines()[:-1]]  # fmt: skip
    errors = [message for command, _, message in read_lines if command == "error"]
    assert len(errors) == 10
    assert errors[9] == "and 16 more that GitHub would not show; `auditor gate DIR --format json` lists all"
    assert len([command for command, _, _ in read_lines if command == "warning"]) == 10
    assert read_lines[19][1]["title"].startswith("s9")


def test_what_fails_is_never_silent(connection):
    text = render_github(connection, decision=GateDecision(2, "undecided: no pictures", ()))
    assert text.splitlines()[0] == "::error title=auditor gate::undecided: no pictures"


@pytest.mark.parametrize("decided", [None, hostile_audit.decision()])
def test_no_hostile_name_is_a_command_of_its_own(hostile, decided):
    lines = render_github(hostile, decision=decided).splitlines()
    for line in lines[:-1]:
        command, properties, message = read(line)
        assert command in ("error", "warning", "notice")
        assert set(properties) <= {"file", "line", "title"}
        assert not {"\n", "\r", "\x1b", "\u2028"} & set(message + properties["title"])
    assert len(lines) <= 31
    assert not lines[-1].lstrip().startswith("::")
    assert "##[" not in lines[-1]
    first = next(row for row in hostile_audit.verdicts() if row.verdict == "flagged")
    if decided is None:
        titles = [read(line)[1]["title"] for line in lines[:-1]]
        assert f"{plain(first.class_name, 100)}: flagged" in titles


@given(st.text())
def test_escaping_is_read_back(text):
    assert not set("\r\n") & set(_escape(text))
    assert not set("\r\n:,") & set(_escape_property(text))
    line = f"::error title={_escape_property(text)}::{_escape(text)}"
    if len(line.splitlines()) == 1:
        assert read(line) == ("error", {"title": text}, text)
