"""Reviewing a baseline: the diff first, then a merge by fingerprint that loses nothing of anybody."""

from __future__ import annotations

import datetime
import multiprocessing
import threading
from pathlib import Path
from typing import Any

import pytest
from gate_world import FOG, TODAY, WATER, baseline_of, entry_of, evidence_of, verdict_on

from auditor.errors import InputError
from auditor.gate import baseline_review
from auditor.gate.baseline import load_baseline, update_baseline
from auditor.gate.baseline_review import BaselineConflictError, preview, propose, write_review
from auditor.gate.decide import decide
from auditor.gate.policy import Policy

CAT, DOG, OWL = entry_of("cat"), entry_of("dog", FOG), entry_of("owl")
FALSE_OWL = entry_of("owl", state="false alarm", reason="the encoder takes glass for water")
WRITTEN = f"""\
# Ours, agreed on 3 June.

[[accepted]] # first
class = "cat"   # the animal
concept = "water"
fingerprint = "{CAT.fingerprint}"
reason = "ticket 7" # see there
who = "Ada"
expires = 2030-08-14 # a Wednesday

# Why the next one is here: nobody knows.
[[accepted]]
class = "dog"
concept = "fog"
fingerprint = "{DOG.fingerprint}"
reason = "ticket 7"
who = "Ada"
expires = "2030-08-14"
# The end.
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "baseline.toml").write_text(WRITTEN, encoding="utf-8")
    return tmp_path / "baseline.toml"


def test_a_false_alarm_passes_the_gate_as_what_was_accepted_does_and_says_so():
    found = evidence_of(verdict_on("owl"))
    one = decide(found, Policy(), baseline_of(FALSE_OWL), today=TODAY)
    assert (one.exit_code, [item.state for item in one.items]) == (0, ["accepted"])
    assert one.items[0].reason.endswith(
        "marked a false alarm by 'Ada' until 2030-08-14 ('the encoder takes glass for water')"
    )
    over = FALSE_OWL.model_copy(update={"expires": TODAY - datetime.timedelta(days=1)})
    one = decide(found, Policy(), baseline_of(over), today=TODAY)
    assert (one.exit_code, one.items[0].state) == (1, "expired")
    assert "was marked a false alarm by 'Ada' until" in one.items[0].reason


def test_the_first_review_makes_the_file_as_its_diff_said(tmp_path):
    path = tmp_path / "b.toml"
    proposal = propose(path, [FALSE_OWL])
    shown = preview(proposal)
    assert not path.exists()
    assert shown.splitlines()[:2] == ["--- /dev/null", "+++ b.toml"]
    assert '+state = "false alarm"' in shown.splitlines()
    done = write_review(proposal)
    assert (done.diff, done.merged) == (shown, False)
    assert load_baseline(path).accepted == done.baseline.accepted == (FALSE_OWL,)
    assert "\n".join(line[1:] for line in shown.splitlines()[3:]) + "\n" == path.read_text(encoding="utf-8")


def test_only_the_lines_that_change_are_in_the_diff(path):
    marked = CAT.model_copy(update={"state": "false alarm", "reason": "ticket 9"})
    proposal = propose(path, [marked])
    changed = [line for line in preview(proposal).splitlines()[2:] if line[0] in "+-"]
    assert changed == [
        '+state = "false alarm"', '-reason = "ticket 7" # see there', '+reason = "ticket 9" # see there',
    ]  # fmt: skip
    write_review(proposal)
    expected = WRITTEN.replace('reason = "ticket 7" # see', 'reason = "ticket 9" # see')
    key = f'fingerprint = "{CAT.fingerprint}"'
    expected = expected.replace(key, f'state = "false alarm"\n{key}')
    assert path.read_text(encoding="utf-8") == expected
    write_review(propose(path, [CAT]))  # and back
    assert load_baseline(path).accepted == (CAT, DOG)


def test_a_verdict_is_added_to_an_entry_that_has_none(path):
    lower = DOG.model_copy(update={"verdict": "suspect", "state": "false alarm"})
    write_review(propose(path, [lower]))
    assert load_baseline(path).accepted == (CAT, lower)
    assert path.read_text(encoding="utf-8").endswith('expires = "2030-08-14"\n# The end.\n')


def test_nothing_to_change_changes_nothing(path):
    proposal = propose(path, [CAT], withdrawn=["0" * 64])
    assert preview(proposal) == ""
    done = write_review(proposal)
    assert (done.diff, path.read_text(encoding="utf-8")) == ("", WRITTEN)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (CAT, "# Ours, agreed on 3 June.\n" + WRITTEN[WRITTEN.index("\n# Why the next") :]),
        (DOG, WRITTEN[: WRITTEN.index("[[accepted]]\nclass = \"dog\"")] + "# The end.\n"),
    ],
)  # fmt: skip
def test_a_withdrawn_entry_goes_and_comments_stay(path, entry, expected):
    proposal = propose(path, withdrawn=[entry.fingerprint])
    assert all(line[0] == "-" for line in preview(proposal).splitlines()[3:] if line[0] != " ")
    write_review(proposal)
    assert path.read_text(encoding="utf-8") == expected
    assert load_baseline(path).accepted == ((DOG,) if entry is CAT else (CAT,))


def test_a_text_that_looks_like_a_header_is_refused_and_left(path):
    tricky = WRITTEN.replace('reason = "ticket 7" # see there', 'reason = """x\n[[accepted]]\n"""')
    path.write_text(tricky, encoding="utf-8")
    with pytest.raises(InputError, match=r"write its entries as tables \[\[accepted\]\]"):
        write_review(propose(path, withdrawn=[CAT.fingerprint]))
    with pytest.raises(InputError, match=r"write its entries as tables \[\[accepted\]\]"):
        preview(propose(path, [DOG.model_copy(update={"state": "false alarm"})]))
    assert path.read_text(encoding="utf-8") == tricky


def test_what_somebody_else_added_and_changed_meanwhile_stays(path):
    proposal = propose(path, [OWL], withdrawn=[CAT.fingerprint])
    theirs = WRITTEN.replace('expires = "2030-08-14"', 'expires = "2031-01-01" # longer')
    update_baseline(path, [entry_of("bat")], today=TODAY)
    path.write_text(path.read_text(encoding="utf-8").replace(WRITTEN, theirs), encoding="utf-8")
    done = write_review(proposal)
    assert done.merged
    assert [(entry.class_name, entry.expires.year) for entry in load_baseline(path).accepted] == [
        ("dog", 2031), ("bat", 2030), ("owl", 2030),
    ]  # fmt: skip
    assert "# longer" in path.read_text(encoding="utf-8")
    assert not any("bat" in line for line in done.diff.splitlines() if line[0] in "+-")


@pytest.mark.parametrize("what", ["changed", "gone", "added", "file gone"])
def test_the_same_entry_changed_by_two_is_asked_about(path, what):
    mine = OWL if what == "added" else CAT.model_copy(update={"reason": "mine"})
    proposal = propose(path, [mine, entry_of("bat")])
    theirs = {
        "changed": CAT.model_copy(update={"reason": "theirs"}), "added": OWL.model_copy(update={"reason": "theirs"}),
    }.get(what)  # fmt: skip
    if theirs is not None:
        write_review(propose(path, [theirs]))
    elif what == "gone":
        write_review(propose(path, withdrawn=[CAT.fingerprint]))
    else:
        path.unlink()
    before = path.read_text(encoding="utf-8") if path.exists() else None
    with pytest.raises(
        BaselineConflictError, match=r"somebody else changed the entry on '(cat|owl)' and 'water'"
    ) as caught:
        write_review(proposal)
    (conflict,) = caught.value.conflicts
    assert (conflict.theirs, conflict.mine) == (theirs, mine)
    assert conflict.seen == (None if what == "added" else CAT)
    assert (path.read_text(encoding="utf-8") if path.exists() else None) == before
    write_review(proposal.over(caught.value.found))
    kept = {entry.fingerprint: entry for entry in load_baseline(path).accepted}
    assert kept[mine.fingerprint] == mine
    assert entry_of("bat").fingerprint in kept


def test_what_changes_again_while_somebody_is_asked_is_asked_again(path):
    mine, first, second = (CAT.model_copy(update={"reason": reason}) for reason in ("mine", "first", "second"))
    proposal = propose(path, [mine])
    write_review(propose(path, [first]))
    with pytest.raises(BaselineConflictError) as caught:
        write_review(proposal)
    write_review(propose(path, [second]))
    with pytest.raises(BaselineConflictError) as again:
        write_review(proposal.over(caught.value.found))
    assert [one.theirs for one in (*caught.value.conflicts, *again.value.conflicts)] == [first, second]


def test_two_who_say_the_same_are_of_one_mind(path):
    first, second = propose(path, [OWL]), propose(path, [OWL])
    write_review(first)
    done = write_review(second)
    assert (done.merged, done.diff) == (True, "")
    assert load_baseline(path).accepted == (CAT, DOG, OWL)


@pytest.mark.parametrize("text", ["[[accepted]\n", "accepted = 3\n", '[[accepted]]\nclass = "cat"\n'])
def test_a_malformed_file_is_one_line_and_is_left(path, text):
    proposal = propose(path, [OWL])
    path.write_text(text, encoding="utf-8")
    for use in (lambda: write_review(proposal), lambda: propose(path, [OWL])):
        with pytest.raises(InputError) as caught:
            use()
        assert "\n" not in str(caught.value)
        assert str(caught.value).startswith(f"baseline '{path}'")
    assert path.read_text(encoding="utf-8") == text


def review(path: Path, names: list[str]) -> None:
    for name in names:
        write_review(propose(path, [entry_of(name, WATER, state="false alarm")]))


def test_writers_at_the_same_time_lose_nothing(path):
    """Three processes and, as in one server, three threads."""
    parts = [[f"{who}-{number}" for number in range(6)] for who in "abcdef"]
    fork = multiprocessing.get_context("fork")
    workers: list[Any] = [fork.Process(target=review, args=(path, part)) for part in parts[:3]]
    workers += [threading.Thread(target=review, args=(path, part)) for part in parts[3:]]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    names = {entry.class_name for entry in load_baseline(path).accepted}
    assert names == {"cat", "dog", *(name for part in parts for name in part)}
    assert path.read_text(encoding="utf-8").startswith(WRITTEN)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_an_editor_that_saves_in_between_is_merged(path, monkeypatch):
    """Somebody saves, without any lock, after the file was read and before it is replaced."""
    change, saved = baseline_review._changed, []

    def slow(text, proposal):
        after = change(text, proposal)
        if not saved:
            saved.append(path.write_text(text.replace('ticket 7" # see', 'ticket 8" # see'), encoding="utf-8"))
        return after

    monkeypatch.setattr(baseline_review, "_changed", slow)
    assert write_review(propose(path, [OWL])).merged
    assert [entry.reason for entry in load_baseline(path).accepted] == ["ticket 8", "ticket 7", "ticket 7"]
