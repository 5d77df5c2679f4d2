"""baseline.toml: what an entry covers, mistakes as one line, and updates that lose nothing."""

from __future__ import annotations

import datetime
import errno
import multiprocessing
import os
import tomllib
from pathlib import Path

import pytest
from gate_world import FOG, TODAY, WATER, entry_of

from auditor.errors import InputError
from auditor.gate import baseline as baseline_module
from auditor.gate.baseline import Baseline, load_baseline, update_baseline

DAY = datetime.timedelta(days=1)
CAT = entry_of("cat")
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
verdict = "suspect"
fingerprint = "{entry_of("dog", FOG).fingerprint}"
reason = "ticket 8"
who = "Grace"
expires = "2030-08-15"
# The end.
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    (tmp_path / "baseline.toml").write_text(WRITTEN, encoding="utf-8")
    return tmp_path / "baseline.toml"


def test_entries_are_read_dates_as_toml_or_in_quotes(path):
    cat, dog = load_baseline(path).accepted
    assert cat == CAT
    assert (dog.class_name, dog.verdict, dog.expires) == ("dog", "suspect", datetime.date(2030, 8, 15))
    assert load_baseline(None) == Baseline()


def test_an_entry_counts_to_the_end_of_its_day():
    entry = entry_of("cat", expires=TODAY)
    assert [entry.expired(TODAY + DAY * days) for days in (-1, 0, 1)] == [False, False, True]


@pytest.mark.parametrize(
    ("accepted_at", "covered"), [("flagged", "flagged suspect clean"), ("suspect", "suspect clean"), ("clean", "clean")]
)
def test_an_entry_covers_what_was_accepted_and_what_is_better(accepted_at, covered):
    entry = entry_of("cat", verdict=accepted_at)
    assert [name for name in ("flagged", "suspect", "clean") if entry.covers(name)] == covered.split()
    assert not entry.covers("not_analysed")


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("expires = 2030-08-14", "expires = 2030-13-14", " is not valid TOML: "),
        ("expires = 2030-08-14", "expires = '14.8.2030'", ", line 9: expires = '14.8.2030'; expected a date like"),
        ("expires = 2030-08-14", "expires = 2030-08-14T10:00:00", ", line 9: expires = 2030-08-14 10:00:00; "),
        ("expires = 2030-08-14", "expires = 90", ", line 9: expires = 90; expected a date like 2030-01-31"),
        ("expires = 2030-08-14", "expire = 2030-08-14", ", line 9: unknown key 'expire'; did you mean 'expires'?"),
        ('who = "Ada"\n', "", ", line 3: key 'who' is missing: who accepted it"),
        ('who = "Ada"', 'who = " "', ", line 8: who = ' '; expected who accepted it"),
        ('reason = "ticket 7"', "reason = 7", ", line 7: reason = 7; expected why the finding is accepted, in words"),
        (CAT.fingerprint, CAT.fingerprint[1:], ", line 6: fingerprint = '"),
        (CAT.fingerprint, CAT.fingerprint + "\\n", ", line 6: fingerprint = '"),
        ('verdict = "suspect"', 'verdict = "not_analysed"', ', line 15: verdict = \'not_analysed\'; expected "fl'),
        ("# Ours", "entries = 3\n# Ours", ", line 1: unknown key 'entries'; known keys: accepted"),
        (entry_of("dog", FOG).fingerprint, CAT.fingerprint, " accepts the same finding twice (lines 3 and 12): 'dog'"),
    ],
)  # fmt: skip
def test_mistakes_say_where_what_and_what_was_expected(path, old, new, expected):
    assert old in WRITTEN
    path.write_text(WRITTEN.replace(old, new, 1), encoding="utf-8")
    for use in (load_baseline, lambda file: update_baseline(file, [entry_of("owl")], today=TODAY)):
        with pytest.raises(InputError) as caught:
            use(path)
        assert str(caught.value).startswith(f"baseline '{path}'{expected}")
        assert "\n" not in str(caught.value)
    assert path.read_text(encoding="utf-8") == WRITTEN.replace(old, new, 1)


def test_a_file_that_is_not_there_says_how_to_make_one(tmp_path):
    with pytest.raises(InputError, match="does not exist; `auditor gate --update-baseline` writes one"):
        load_baseline(tmp_path / "none.toml")


def test_a_first_update_makes_the_file(tmp_path):
    owl = entry_of("owl", reason="accepted")
    given = update_baseline(tmp_path / "b.toml", [owl, CAT], today=TODAY)
    assert given == load_baseline(tmp_path / "b.toml") == Baseline(accepted=(owl, CAT))
    text = (tmp_path / "b.toml").read_text(encoding="utf-8")
    assert text.startswith("# Findings that were looked at and accepted")
    assert "expires = 2030-08-14\n" in text
    assert [file.name for file in tmp_path.iterdir()] == ["b.toml"]


def test_new_entries_go_to_the_end_and_nothing_else_moves(path):
    update_baseline(path, [CAT, entry_of("owl")], today=TODAY)
    text = path.read_text(encoding="utf-8")
    assert text.startswith(WRITTEN)
    assert text.removeprefix(WRITTEN).splitlines()[:3] == ["", "[[accepted]]", 'class = "owl"']
    assert [entry.class_name for entry in load_baseline(path).accepted] == ["cat", "dog", "owl"]
    update_baseline(path, [CAT, entry_of("owl")], today=TODAY)
    assert path.read_text(encoding="utf-8") == text


@pytest.mark.parametrize(
    ("changes", "reason"), [({"reason": "accepted"}, "ticket 7"), ({"reason": "ticket 99"}, "ticket 99")]
)
def test_an_expired_entry_is_renewed_where_it_stands_with_its_comments(path, changes, reason):
    later = TODAY + 365 * DAY
    update_baseline(path, [entry_of("cat", who="Joan", expires=later + 90 * DAY, **changes)], today=later)
    expected = WRITTEN.replace('reason = "ticket 7"', f'reason = "{reason}"').replace('"Ada"', '"Joan"')
    assert path.read_text(encoding="utf-8") == expected.replace("2030-08-14", "2031-09-13")


def test_an_entry_that_covers_less_is_renewed(path):
    update_baseline(path, [entry_of("dog", FOG, reason="accepted")], today=TODAY)
    expected = WRITTEN.replace('verdict = "suspect"', 'verdict = "flagged"').replace('"Grace"', '"Ada"')
    expected = expected.replace("ticket 8", "accepted")  # which was given for less
    assert path.read_text(encoding="utf-8") == expected.replace('"2030-08-15"', "2030-08-14")


def test_an_entry_under_other_names_is_put_right(path):
    path.write_text(WRITTEN.replace('"cat"', '"harmless"'), encoding="utf-8")
    update_baseline(path, [CAT.model_copy(update={"reason": "accepted"})], today=TODAY)
    assert path.read_text(encoding="utf-8") == WRITTEN.replace("ticket 7", "accepted")  # which was given for another


def test_line_ends_mode_and_links_are_kept(path, tmp_path):
    path.write_bytes(WRITTEN.replace("\n", "\r\n").encode())
    path.chmod(0o640)
    (tmp_path / "link.toml").symlink_to(path)
    update_baseline(tmp_path / "link.toml", [entry_of("owl")], today=TODAY)
    written = path.read_bytes().decode()
    assert written.startswith(WRITTEN.replace("\n", "\r\n"))
    assert written.count("\n") == written.count("\r\n") == WRITTEN.count("\n") + 9
    assert path.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "link.toml").is_symlink()


@pytest.mark.parametrize("name", ['a"b\\c', "line\nbreak", "‮right to left", "[[accepted]]", "x" * 10_000, "=cmd()"])
def test_names_of_any_sort_come_back(tmp_path, name):
    entry = entry_of(name, (name, name, "scene"))
    update_baseline(tmp_path / "b.toml", [entry], today=TODAY)
    assert load_baseline(tmp_path / "b.toml").accepted == (entry,)


def test_entries_in_an_inline_array_are_refused_and_left(tmp_path):
    inline = f"accepted = [{{{', '.join(entry_text(CAT).splitlines())}}}]\n"
    (tmp_path / "b.toml").write_text(inline, encoding="utf-8")
    assert load_baseline(tmp_path / "b.toml").accepted == (CAT,)
    with pytest.raises(InputError, match=r"cannot be extended: write its entries as tables \[\[accepted\]\]"):
        update_baseline(tmp_path / "b.toml", [entry_of("owl")], today=TODAY)
    assert (tmp_path / "b.toml").read_text(encoding="utf-8") == inline


def test_what_an_editor_saved_meanwhile_is_merged(path, monkeypatch):
    """Somebody saves, without any lock, after the file was read and before it is replaced."""
    write, saved = baseline_module._with_entries, []

    def slow(*args, **options):
        text = write(*args, **options)
        if not saved:
            saved.append(True)
            path.write_text(WRITTEN + f"\n[[accepted]]\n{entry_text(entry_of('bat'))}", encoding="utf-8")
        return text

    monkeypatch.setattr(baseline_module, "_with_entries", slow)
    given = update_baseline(path, [entry_of("owl")], today=TODAY)
    assert [entry.class_name for entry in given.accepted] == ["cat", "dog", "bat", "owl"]
    assert load_baseline(path) == given


def entry_text(entry):
    values = entry.model_dump(by_alias=True, mode="json")
    return "".join(f'{key} = "{value}"\n' for key, value in values.items())


def add(path: Path, names: list[str]) -> None:
    for name in names:
        update_baseline(path, [entry_of(name, WATER)], today=TODAY)


def test_writers_at_the_same_time_lose_nothing(path):
    parts = [[f"{who}-{number}" for number in range(10)] for who in ("a", "b", "c")]
    workers = [multiprocessing.get_context("fork").Process(target=add, args=(path, part)) for part in parts]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
        assert worker.exitcode == 0
    names = {entry.class_name for entry in load_baseline(path).accepted}
    assert names == {"cat", "dog", *(name for part in parts for name in part)}
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_disk_that_is_full_leaves_the_file_as_it_was(path, monkeypatch):
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InputError, match="cannot be written: No space left on device; it is as it was"):
        update_baseline(path, [entry_of("owl")], today=TODAY)
    assert path.read_text(encoding="utf-8") == WRITTEN
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match="cannot be written: No such file or directory"):
        update_baseline(tmp_path / "none" / "b.toml", [CAT], today=TODAY)


def test_a_broken_link_gets_its_file(tmp_path):
    (tmp_path / "link.toml").symlink_to(tmp_path / "b.toml")
    update_baseline(tmp_path / "link.toml", [CAT], today=TODAY)
    assert tomllib.loads((tmp_path / "b.toml").read_text(encoding="utf-8"))["accepted"][0]["class"] == "cat"
