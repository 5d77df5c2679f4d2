import re

import hostile_audit
import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from small_audit import call_its_folder, decision, make_run, write_small_audit

from auditor.gate.decision import GateDecision
from auditor.records import Verdict
from auditor.store.database import AuditDatabase
from auditor.store.manifest import write_manifest
from auditor.store.open_audit import open_audit_database
from reports.display import plain
from reports.written.markdown import MAX_BYTES, code, escape, render_markdown

READER = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
SMALL_REPORT = """\
## auditor: 2 of 4 classes flagged

2 flagged · 1 suspect · 1 clean · 1 not analysed · 6 pictures · model `sample:planted`

| Class | Verdict | Leading concept | Share | Recall gap, pts [95 %] | Pull, pts [95 %] |
| --- | --- | --- | ---: | --- | --- |
| **waterbird** | ▲ flagged | water (scene) | 41 % | 65 [58, 71] | – |
| **vehicle** | ▲ flagged | watermark (artifact) | 30 % | – | – |
| **landbird** | ◆ suspect | water (scene) | 20 % | 10 [−5, 25] | – |
| **boat** | ○ not analysed | – | – | – | – |

### ▲ waterbird · severity high

Relies on water (scene).

- **What now:** train with more pictures of "waterbird" without water (212 of the 3,622 audited ones are); or \
accept it in the baseline, with a reason
- **Look:** `auditor explain DIR waterbird/0000000000000000.png --class waterbird`

### ▲ vehicle · severity high

Relies on watermark.

- **What now:** train with more pictures of "vehicle" without watermark; or accept it in the baseline, with a reason

### ◆ landbird · severity medium

Could not be excluded.

- **What now:** collect more pictures of "landbird" without water, then audit again: it stays open until then

### ○ boat

Too few pictures: 0 of 10.

- **What now:** audit again when that is mended: until then nothing is decided of the class, good or bad

<details><summary>● 1 clean class (smallest effect that could have been seen: 6 pts)</summary>

cat

</details>

> **Note:** The sample encoder knows its rendered scenes and nothing else.

> **Note:** cat may rest on water (your settings: cats swim here, by Ann); else it would be tested, for E1.

> 1 picture could not be used (decode 1).

<sub>Share: how much of the evidence for a class reads as the concept. \
Recall gap: how much more often a class is recognised with the concept. \
Pull: how much more often others are called it.\x20\x20
▲ relies on it; ▽ fails with it; ◆ open; ● nothing found, large gaps excluded; ◐ nothing found, too few pictures to \
be sure; ○ not analysed.\x20\x20
pts: percentage points; [ ]: a 95 % interval.</sub>

auditor 0.1.0 · data `val` · encoder `sample` · 2025-01-02T03:04:05Z"""


def parsed(text):
    """Every token, those within lines as well."""
    for token in READER.parse(text):
        yield token
        yield from token.children or ()


def shown(text):
    """What a reader sees of a paragraph: text and code, without marks."""
    return "".join(token.content for token in parsed(text) if token.type in ("text", "code_inline", "text_special"))


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    with open_audit_database(write_small_audit(tmp_path_factory.mktemp("audit"))) as connection:
        call_its_folder(connection, "DIR")
        yield connection


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    with open_audit_database(hostile_audit.write_hostile_audit(tmp_path_factory.mktemp("hostile"))) as connection:
        yield connection


def test_whole_report(connection):
    assert render_markdown(connection) == SMALL_REPORT


def test_a_decision_comes_first(connection):
    lines = render_markdown(connection, decision=decision()).splitlines()
    assert lines[0] == "## ❌ auditor gate fails: 1 new, 1 not analysed (5 classes)"
    assert lines[4:11] == [
        "| | Class | Concept | Gate | Why |",
        "| --- | --- | --- | --- | --- |",
        "| ✕ | **waterbird** | water | new | flagged, severity high; mend it or accept it |",
        "| ✕ | **boat** | – | not analysed | too few pictures; name it in may\\_skip |",
        "| ! | **cat** | – | stale entry of the baseline | nothing matches it any more; remove it |",
        "| · | **vehicle** | watermark | accepted | by ann until 2026-01-31: stock photos |",
        "| · | **landbird** | water | tolerated by the policy | suspect passes |",
    ]
    assert lines[12:14] == ["**What the audit found**", ""]
    assert lines[14:] == SMALL_REPORT.splitlines()[4:]
    assert render_markdown(connection, decision=GateDecision(0, "passes", ())).startswith("## ✅ auditor gate passes\n")
    many = GateDecision(2, "undecided", decision().items * 100)
    assert "and 100 stale entry of the baseline, 100 accepted, 100 tolerated by the policy; all" in render_markdown(
        connection, decision=many
    )


@pytest.mark.parametrize("decided", [None, hostile_audit.decision()])
def test_no_hostile_name_gets_through(hostile, decided):
    text = render_markdown(hostile, decision=decided)
    tokens = list(parsed(text))
    never = {"html_inline", "link_open", "image", "s_open", "em_open", "fence", "code_block", "hr"}
    ours = ("<sub>", "</sub>")
    assert not never & {token.type for token in tokens if token.content not in ours}
    assert [token.content for token in tokens if token.type == "html_inline"] == list(ours)
    assert [token.content.strip() for token in tokens if token.type == "html_block"] == [
        f"<details><summary>● {len(hostile_audit.NAMES) // 4} clean classes "
        "(smallest effect that could have been seen: 10 pts)</summary>",
        "</details>",
    ]
    told = [row for row in hostile_audit.verdicts() if row.verdict != "clean"]
    headings = [token.tag for token in tokens if token.type == "heading_open"]
    assert headings == ["h2"] + ["h3"] * len(told)
    cells = [token for token in tokens if token.type in ("td_open", "th_open")]
    n_rows = len(told) + 1 + (len(decided.items) + 1 if decided else 0)
    assert (len(cells), sum(token.type == "tr_open" for token in tokens)) == (5 * n_rows + len(told) + 1, n_rows)
    assert "www.example" not in text
    assert "https://" not in text.replace("`", "")
    assert not re.search(r"@\w", text)
    assert not {"\u202e", "\x1b", "\x00", "\u2028"} & set(text)


@given(st.one_of(st.text(), st.text(alphabet="a1 .)`*_{}[]<>|~#$&!\\-+=:/@w\n")))
def test_escaped_text_is_read_as_it_was(text):
    """In a paragraph, in a cell of a table and in a list: one text, nothing else."""
    expected = plain(text) or "–"
    for frame, kind in (("{}", "paragraph"), ("- {}", "list_item"), ("> {}", "blockquote")):
        page = frame.format(escape(text))
        outer = [token.type for token in READER.parse(page)]
        assert outer.count("inline") == 1, page
        assert f"{kind}_open" in outer
        assert shown(page).replace("\u200b", "") == expected, page
        inline = {token.type for token in parsed(page)} - set(outer)
        assert inline <= {"text", "text_special"}
    table = f"| a | b |\n| --- | --- |\n| {escape(text)} | **{escape(text)}** |"
    assert [token.type for token in READER.parse(table)].count("td_open") == 2
    first = [token.content for token in READER.parse(table) if token.type == "inline"][2]
    assert shown(first).replace("\u200b", "") == expected


@given(st.one_of(st.text(), st.text(alphabet="`` a|\\")))
def test_code_is_read_as_it_was(text):
    spans = [token.content for token in parsed(f"x {code(text)} y") if token.type == "code_inline"]
    assert spans == [plain(text)] or (not plain(text) and spans in ([], [" "], ["  "]))


def test_a_long_summary_is_cut_at_a_whole_line(tmp_path):
    run = make_run(notices=())
    rows = [
        Verdict(i, f"{i:05} {'水' * 60}", "flagged", "low", "water", "water", "scene", "Long. " * 300, 3)
        for i in range(9000)
    ]
    with AuditDatabase(tmp_path) as database:
        database.add_run(run)
        database.add_verdicts([*rows, Verdict(9000, "cat", "clean", "none", None, None, None, "", 3)])
    write_manifest(tmp_path, run)
    with open_audit_database(tmp_path) as connection:
        call_its_folder(connection, "DIR")
        text = render_markdown(connection)
    assert MAX_BYTES - 10_000 < len(text.encode()) <= MAX_BYTES
    body, _, note = text.partition("\n\n**Cut here: a summary holds 1 MiB.** ")
    assert note == "The whole report: `auditor report DIR --format markdown`."
    assert body.splitlines()[-1].endswith(" | – | – |")
