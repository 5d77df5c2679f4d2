import io
import unicodedata
from pathlib import Path

import hostile_audit
import pytest
from rich.console import Console
from small_audit import IMAGE_IDS, call_its_folder, decision, make_run, verdicts, write_small_audit

from auditor.gate.decision import GateDecision
from auditor.records import ClassConcept, Verdict
from auditor.store.database import AuditDatabase
from auditor.store.manifest import write_manifest
from auditor.store.open_audit import open_audit_database
from reports.written.gate_text import render_gate_text
from reports.written.text import print_text, render_text

SMALL_REPORT = """\
sample:planted on 6 pictures (val), words from the encoder sample
Accuracy 83.3 % of 6 pictures; worst class landbird: 50 % of 2

Class      Verdict         Leading concept       Share  Recall gap
───────────────────────────────────────────────────────────────────
waterbird  ▲ flagged       water (scene)          41 %  65 [58, 71]
vehicle    ▲ flagged       watermark (artifact)   30 %  –
landbird   ◆ suspect       water (scene)          20 %  10 [−5, 25]
boat       ○ not analysed  –                         –  –
cat        ● clean         –                         –  –
Recall gap and pull are in percentage points (pts); [ ] is a 95 % interval.

▲ waterbird · severity high · 3 pictures
  Relies on water (scene).
  Once the model is mended, an audit needs 180 more pictures without it to call the class clean.
  decided by E4-recall, gap in recall
  → train with more pictures of "waterbird" without water (212 of the 3,622 audited ones are); or
  accept it in the baseline, with a reason
  → auditor explain DIR waterbird/0000000000000000.png --class waterbird

▲ vehicle · severity high · 1 picture
  Relies on watermark.
  decided by E5, covered in its pictures
  → train with more pictures of "vehicle" without watermark; or accept it in the baseline, with a
  reason

◆ landbird · severity medium · 1 picture
  Could not be excluded.
  left open by E4-recall, gap in recall
  → collect more pictures of "landbird" without water, then audit again: it stays open until then

○ boat · 0 pictures
  Too few pictures: 0 of 10.
  → audit again when that is mended: until then nothing is decided of the class, good or bad

● cat: clean. Smallest effect that could have been seen: 6 pts.

Note: The sample encoder knows its rendered scenes and nothing else.
Note: cat may rest on water (your settings: cats swim here, by Ann); else it would be tested, for
E1.
Note: column serial was not examined as context (many values): 6 values in 6 pictures.
1 of 7 pictures could not be used (decode 1); see the table 'failures'.

Share: how much of the evidence for a class reads as the concept. Recall gap: how much more often a
class is recognised with the concept. Pull: how much more often others are called it.
▲ relies on it; ▽ fails with it; ◆ open; ● nothing found, large gaps excluded; ◐ nothing found, too
few pictures to be sure; ○ not analysed.

4 classes analysed, 2 flagged, 1 suspect; 1 not analysed"""

LONG = "[red]a very long class name\nwith \x1b[31mcontrols\u202e and more than forty characters"


def audit_of(folder, rows):
    run = make_run(notices=())
    with AuditDatabase(folder) as database:
        database.add_run(run)
        database.add_verdicts(rows)
    write_manifest(folder, run)
    return open_audit_database(folder)


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    with open_audit_database(write_small_audit(tmp_path_factory.mktemp("audit"))) as connection:
        call_its_folder(connection, "DIR")
        yield connection


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    rows = [
        *verdicts(),
        Verdict(5, LONG, "flagged", "low", "x", "a concept whose name is long", "context_object",
                "[bold]Relies[/bold] on " + "many words " * 40, 3, 0.41, 0.65, -0.58, 1.0),
        Verdict(6, "水鳥" * 30, "clean", "none", None, None, None, "", 3, detectable_effect=0.114),
    ]  # fmt: skip
    with audit_of(tmp_path_factory.mktemp("odd"), rows) as connection:
        yield connection


def test_whole_report(connection):
    assert render_text(connection, width=100) == SMALL_REPORT
    assert render_text(connection, width=80).split() == SMALL_REPORT.split()


@pytest.mark.parametrize("width", [76, 80, 120, 200])
def test_lines_keep_to_the_width_and_names_to_one_line(odd, width):
    lines = render_text(odd, width=width).splitlines()
    console = Console(width=width)
    assert max(console.render_str(line, markup=False).cell_len for line in lines) <= width
    (row,) = [line for line in lines if line.startswith("[red]") and "▲" in line]
    assert row.endswith("41 %  65 [−58, 100]")
    assert "… (context " in row
    assert not set("".join(lines)) & {"\x1b", "\u202e", "\t"}
    assert lines[-1] == "6 classes analysed, 3 flagged, 1 suspect; 1 not analysed"
    assert "Smallest effect that could have been seen: 6 to 11 pts." in " ".join(lines)


def test_markup_in_names_is_text(odd):
    text = render_text(odd, width=120)
    assert "  [bold]Relies[/bold] on many words" in text
    assert "▲ [red]a very long class name with [31mco… · severity low" in text


def test_a_pipe_gets_no_colour_codes_and_a_terminal_does(connection):
    for terminal in (False, True):
        stream = io.StringIO()
        settings = {"width": 100, "_environ": {"TERM": "xterm"}}
        print_text(connection, Console(file=stream, force_terminal=terminal, **settings))
        assert ("\x1b[1;31m▲ flagged" in stream.getvalue()) == terminal
    stream = io.StringIO()
    print_text(connection, Console(file=stream, width=100))
    assert [line.rstrip() for line in stream.getvalue().splitlines()] == SMALL_REPORT.splitlines()


def test_a_terminal_without_utf8(odd):
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    print_text(odd, Console(file=stream, width=80))
    stream.flush()
    text = raw.getvalue().decode("ascii")
    assert "waterbird        ! flagged       water (scene)" in text
    assert "10 [-5, 25]" in text
    assert text.rstrip().endswith("6 classes analysed, 3 flagged, 1 suspect; 1 not analysed")


def test_commands_name_the_folder_as_it_is_called_from_here(tmp_path, monkeypatch):
    (tmp_path / "work dir").mkdir()
    monkeypatch.chdir(tmp_path / "work dir")
    write_small_audit(tmp_path / "work dir" / "audits" / "release 7")
    write_small_audit(tmp_path / "elsewhere")
    for folder, shown in (("audits/release 7", "'audits/release 7'"), ("../elsewhere", "../elsewhere")):
        with open_audit_database(Path(folder)) as connection:
            line = next(line for line in render_text(connection).splitlines() if "auditor explain" in line)
        assert line == f"  → auditor explain {shown} waterbird/{IMAGE_IDS[0]}.png --class waterbird"


@pytest.mark.parametrize("terminal", [False, True])
def test_a_command_is_never_broken_into_two_lines(tmp_path, terminal):
    folder = write_small_audit(tmp_path / ("x" * 100))
    stream = io.StringIO()
    with open_audit_database(folder) as connection:
        print_text(connection, Console(file=stream, width=80, force_terminal=terminal, color_system=None))
    assert f"auditor explain {folder} waterbird/{IMAGE_IDS[0]}.png --class waterbird\n" in stream.getvalue()


def test_of_a_decision_it_tells_what_the_gate_prints(connection):
    assert render_text(connection, decision=decision()) == render_gate_text(connection, decision=decision())
    stream = io.StringIO()
    print_text(connection, Console(file=stream, width=100), decision=decision())
    assert stream.getvalue().splitlines()[-1] == "Gate fails: 1 new, 1 not analysed (5 classes) (exit code 1)"


def test_long_lists_are_counted(tmp_path):
    rows = [Verdict(i, f"c{i}", "not_analysed", "none", None, None, None, "Too few.", 3) for i in range(40)]
    with audit_of(tmp_path, rows) as audit:
        text = render_text(audit)
    assert text.count("\n  Too few.\n  → audit again when that is mended") == 12
    assert "○ 28 more not analysed: their reasons are in --format json." in text


def test_a_clean_class_shows_its_leading_word_in_grey(tmp_path):
    run = make_run(notices=())
    rows = [Verdict(0, "cat", "clean", "none", None, None, None, "", 9), verdicts()[4]]
    words = [
        ClassConcept(0, "cat", "fur", "fur", "part", 0.38, 0.3, 0.4, 0.1, 3.8, 9),
        ClassConcept(0, "cat", "sofa", "sofa", "context_object", 0.1, 0.1, 0.1, 0.1, 1.0, 9),
        ClassConcept(4, "boat", "sea", "sea", "scene", 0.9, 0.1, 0.1, 0.1, 1.0, 0),
    ]
    with AuditDatabase(tmp_path) as database:
        database.add_run(run)
        database.add_verdicts(rows)
        database.add_class_concepts(words)
    write_manifest(tmp_path, run)
    stream = io.StringIO()
    with open_audit_database(tmp_path) as connection:
        print_text(connection, Console(file=stream, width=80, force_terminal=True, _environ={"TERM": "xterm"}))
    table = stream.getvalue().splitlines()
    assert any("cat" in line and "\x1b[2mfur (part)" in line and "\x1b[2m 38 %" in line for line in table)
    assert not any("boat" in line and "sea" in line for line in table)


@pytest.mark.slow
def test_no_name_is_a_command_of_a_ci_log(tmp_path):
    hostile = ["::error file=x::y", "a ##[add-path]/tmp", "##vso[task.setvariable]x", f"{'a' * 30} ::stop-commands::x"]
    rows = [
        Verdict(i, name, "flagged", "low", name, name, "scene", f'"{name}" does', 3) for i, name in enumerate(hostile)
    ]
    with audit_of(tmp_path, rows) as connection:
        for width in range(76, 130):
            for decided in (None, GateDecision(1, "::error::x ##[y]", ())):
                text = render_text(connection, decision=decided, width=width)
                assert "::" not in text
                assert "##" not in text


@pytest.mark.parametrize("decided", [None, hostile_audit.decision()])
def test_hostile_names_stay_on_their_lines(tmp_path, decided):
    console = Console(width=80)
    with open_audit_database(hostile_audit.write_hostile_audit(tmp_path)) as connection:
        text = render_text(connection, decision=decided, width=80)
    assert max(console.render_str(line, markup=False).cell_len for line in text.split("\n")) <= 80
    assert all(letter == "\n" or unicodedata.category(letter) not in ("Cc", "Cf", "Cs", "Zl", "Zp") for letter in text)
    assert "::" not in text
    assert "##" not in text
    told = [row for row in hostile_audit.verdicts() if row.verdict in ("flagged", "suspect")]
    if decided is None:
        assert sum(line.startswith(("▲ ", "◆ ")) for line in text.split("\n")) >= len(told)


def test_no_class_and_one_class(tmp_path):
    with audit_of(tmp_path / "none", []) as connection:
        assert render_text(connection).splitlines()[1:] == ["", "0 classes analysed, 0 flagged"]
    with audit_of(tmp_path / "one", verdicts()[:1]) as connection:
        assert render_text(connection).splitlines()[-1] == "1 class analysed, 1 flagged"


def test_many_clean_classes_fold_into_one_line(tmp_path):
    rows = [Verdict(idx, f"c{idx:04}", "clean", "none", None, None, None, "", 9) for idx in range(1000)]
    with audit_of(tmp_path, rows) as connection:
        lines = render_text(connection, width=120).splitlines()
    assert "● " + ", ".join(f"c{idx:04}" for idx in range(12)) + " and 988 more: clean." in lines
    assert lines[-1] == "1,000 classes analysed, 0 flagged"
