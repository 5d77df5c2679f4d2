"""A history as text, JSON and HTML."""

import json
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hostile_audit import NAMES
from release_world import CLASSES, facts, gap

from auditor.gate.release_history import follow_releases
from auditor.records import Verdict
from reports.history.html import render_history_html
from reports.history.json import render_history_json
from reports.history.text import render_history_text
from reports.history.words import EXPLANATION

TOLD = """\
#1  1: timm:resnet50 with 1.safetensors · 300 pictures · audited 2025-01-02 · accuracy 88.7 %
#2  2: timm:resnet50 with 2.safetensors · 300 pictures · audited 2025-01-02 · accuracy 99.0 %
#3  3: timm:resnet50 with 3.safetensors · 300 pictures · audited 2025-01-02 · accuracy 99.0 %
    Not comparable with #2: the data differ (val, digest dddddddd, then test, digest ffffffff).

bird · water (scene) · gap of recall, over all pictures
on val, digest dddddddd
#1    ▲ flagged  77 pts [60, 86]
#2    ● clean    3 pts [−5, 15]   ✓ fixed −73 pts [−86, −56] since #1
on test, digest ffffffff
#3    ● clean  3 pts [−5, 15]
"""


def history():
    return follow_releases(
        [
            facts("1", {"bird": (58, 8)}, {"bird": "flagged"}),
            facts("2", {"bird": (59, 38)}),
            facts("3", {"bird": (59, 38)}, release_data_digest="f" * 64, release_data_path="test"),
        ]
    )


def hostile():
    verdicts = tuple(Verdict(idx, name, "flagged", "high", name, name, name, name, 9) for idx, name in enumerate(NAMES))
    gaps = tuple(
        replace(gap("bird"), class_idx=idx, class_name=name, concept_id=name, concept=name, concept_kind=name)
        for idx, name in enumerate(NAMES)
    )
    return follow_releases(
        facts(
            name, verdicts=verdicts, gaps=gaps, class_names=(*NAMES, *CLASSES), concept_ids=frozenset(NAMES),
            release_model_spec=NAMES[14], release_data_path=NAMES[0], release_weights=NAMES[10],
            release_data_digest=name, release_created_at=NAMES[11],
        )
        for name in NAMES[:4]
    )  # fmt: skip


def test_as_text():
    text = render_history_text(history())
    top, _, rest = text.partition("\nGap: ")
    assert top.rstrip() == TOLD.rstrip()
    assert rest.splitlines()[-1] == "1 finding in 3 releases, in 2 series that cannot be compared with each other"


def test_nothing_found_is_said():
    assert render_history_text(follow_releases([facts("1")])).splitlines()[-1] == "0 findings in 1 release"


def test_many_findings_are_cut_and_counted():
    told = history()
    many = replace(told, lines=tuple(replace(told.lines[0], class_name=f"class {n}") for n in range(600)))
    text = render_history_text(many)
    assert text.count("#2    ● clean") == 60
    assert "and 540 more findings: all are in --format json" in text
    assert "And 100 more findings: " in render_history_html(many)
    assert len(json.loads(render_history_json(many))["lines"]) == 600


def test_as_json():
    document = json.loads(render_history_json(history()))
    assert (document["format"], document["version"], document["n_same_things"]) == ("auditor-history", 1, 0)
    assert [step["since"] for step in document["steps"]] == [None, 0, None]
    (line,) = document["lines"]
    assert [point["standing"] for point in line["points"]] == ["flagged", "clean", "clean"]
    assert line["points"][1]["change"]["change"] == "fixed"
    assert line["points"][0]["low"] < line["points"][0]["effect"] < line["points"][0]["high"]


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.names, self.attributes, self.text = set(), set(), ""

    def handle_starttag(self, tag, attrs):
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_data(self, data):
        self.text += data.replace("\u00a0", " ")  # as one reads it


@pytest.mark.parametrize("made", [history, hostile])
def test_a_page_that_loads_and_runs_nothing(made):
    read = Tags()
    read.feed(render_history_html(made()))
    assert not {"script", "img", "a", "iframe", "object", "link", "base"} & read.names
    assert not [name for name in read.attributes if name.startswith("on") or name in ("src", "href")]
    assert EXPLANATION in read.text


def test_the_page_says_what_the_text_says():
    read = Tags()
    read.feed(render_history_html(history()))
    for said in ("▲ flagged", "77 pts [60, 86]", "✓ fixed −73 pts [−86, −56] since #1", "On test, digest ffffffff"):
        assert said in read.text


def test_a_class_that_other_data_lack_has_no_rows_there():
    elsewhere = facts("2", release_data_digest="f" * 64, release_data_path="test")
    elsewhere = replace(elsewhere, verdicts=elsewhere.verdicts[1:])
    told = follow_releases([facts("1", {"bird": (58, 8)}, {"bird": "flagged"}), elsewhere])
    for text in (render_history_text(told), render_history_html(told)):
        assert "no such class" not in text
    assert "on val" not in render_history_text(told)  # one table needs no title


def test_no_name_writes_into_the_terminal_or_the_log_of_a_ci():
    text = render_history_text(hostile())
    assert not {"\x1b", "\x00", "\r", "\u202e", "\u2028", "\t"} & set(text)
    assert "::" not in text
    assert "##" not in text
