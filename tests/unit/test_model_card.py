"""The section of a model card: what users of the model should expect, and nothing that a name can forge."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from small_audit import write_small_audit

from auditor.gate.decision import GateDecision, GateItem
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from reports.written.model_card import render_model_card

ITEM = GateItem("cat", "fog", "fog", "weather", "flagged", "low", "f" * 64, "accepted", "note", "flagged; by 'Ada'")


@pytest.fixture(scope="module")
def connection(tmp_path_factory):
    with open_audit_database(write_small_audit(tmp_path_factory.mktemp("small"))) as opened:
        yield opened


def test_it_tells_what_to_expect_class_by_class(connection):
    card = render_model_card(connection)
    assert card.startswith("## Shortcuts\n\nA shortcut is something besides the object itself")
    assert "audited for shortcuts on 6 pictures of 5 classes: 2 rely on one." in card
    parts = card.split("\n\n")
    said = dict(itertools.pairwise(parts))
    assert said["Expect errors where the shortcut is missing, or where it comes with another class:"] == (
        "- **waterbird**: Relies on water (scene).\n- **vehicle**: Relies on watermark."
    )
    assert said["Could neither be shown nor excluded:"] == "- **landbird**: Could not be excluded."
    assert said["Not examined, so nothing is known of these either way:"] == "- **boat**: Too few pictures: 0 of 10."
    assert (
        "No shortcut was found for cat. In half of what was tried, a gap of 6 pts or more would have been seen."
        in parts
    )
    assert "The sample encoder knows its rendered scenes and nothing else." in said["What this does not show:"]
    assert parts[-1] == (
        "*Audited on 2025-01-02 by auditor 0.1.0; model `mmmmmmmmmmmm`, data `dddddddddddd` (sha256).*"
    )


def test_one_class_relies_on_one(connection, monkeypatch):
    (first, *_) = queries.verdicts(connection)
    monkeypatch.setattr(queries, "verdicts", lambda _: [first])
    assert "on 6 pictures of 1 class: 1 relies on one." in render_model_card(connection)


def test_with_a_decision_it_tells_what_was_accepted(connection):
    new = replace(ITEM, state="new", level="error")
    card = render_model_card(connection, decision=GateDecision(1, "", (ITEM, new)))
    accepted = card.partition("Known and accepted by those who release the model:\n\n")[2].partition("\n\n")[0]
    assert accepted == "- **cat**, fog: flagged; by 'Ada'"
    assert "accepted by" not in render_model_card(connection, decision=GateDecision(1, "", (new,)))


def test_long_lists_are_counted(connection, monkeypatch):
    (first, *_) = queries.verdicts(connection)
    many = [replace(first, class_name=f"class {number}") for number in range(40)]
    clean = [replace(one, class_name=f"clean {number}", verdict="clean") for number, one in enumerate(many * 3)]
    monkeypatch.setattr(queries, "verdicts", lambda _: many + clean)
    card = render_model_card(connection)
    assert card.count("\n- **class ") == 30
    assert "\n- and 10 more\n" in card
    assert "clean 99 and 20 more." in card


def test_names_are_text(connection, monkeypatch):
    (first, *_) = queries.verdicts(connection)
    name = "<script>\n# [x](y) @someone"
    monkeypatch.setattr(queries, "verdicts", lambda _: [replace(first, class_name=name, sentence=name)])
    assert r"- **\<script\> \# \[x\](y) @​someone**: " in render_model_card(connection)
