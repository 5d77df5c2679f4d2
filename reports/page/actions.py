"""What the reader of a page can do about a finding at once: accept it, mend it, take the pictures that decide it."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auditor.gate.acceptance import ACCEPTED_DAYS, entry_for, today_utc
from auditor.gate.baseline import with_entries
from auditor.gate.decision import GateItem
from auditor.place_grid import place_of
from auditor.records import FOUND, Verdict
from auditor.store.queries.audit import Connection
from auditor.store.queries.chosen_pictures import LISTS, deciding_choice
from auditor.store.queries.picture_lists import Selection, read_whole
from auditor.store.run_record import Run
from reports.display import plain
from reports.picture_csv import picture_csv
from reports.what_now import model_command, plain_command

#: States of an item that an entry of the baseline lets pass.
_MENDED_BY_ENTRY = ("new", "expired")
_WHY, _WHO = "WRITE: why it is accepted", "WRITE: your name"


@dataclass(frozen=True, slots=True)
class PictureTable:
    """Pictures that show a finding, as text in CSV."""

    title: str
    csv: str
    n: int
    n_shown: int
    command: str | None  # that gives all


@dataclass(frozen=True, slots=True)
class Actions:
    """What can be copied from the page."""

    accept: str | None  # an entry for the baseline
    fix: str | None  # a command


def actions(verdict: Verdict, items: Sequence[GateItem], folder: str, run: Run) -> Actions:
    """Of a class: the entry that accepts its leading finding, and the command that takes it out of the model."""
    found = next(
        (
            item
            for item in items
            if item.class_name == verdict.class_name and item.concept_id == verdict.concept_id is not None
        ),
        None,
    )
    accept = None if found is None or found.state not in _MENDED_BY_ENTRY else _entry(found)
    return Actions(accept, _repair(verdict, folder, run))


def _entry(item: GateItem) -> str:
    """As it stands in a baseline: what a person has to write is marked."""
    until = today_utc() + datetime.timedelta(days=ACCEPTED_DAYS)
    entry = entry_for(item, reason=_WHY, who=_WHO, expires=until)
    return with_entries("", [entry], Path("baseline.toml")).strip()


def _repair(verdict: Verdict, folder: str, run: Run) -> str | None:
    """None where nothing is proven, it is a place, a name is no plain text, or no head of classes can be changed."""
    concept = verdict.concept
    if verdict.verdict not in ("flagged", "harmed") or concept is None or place_of(verdict.concept_id) is not None:
        return None
    if run.config.get("multi_label"):
        return None
    words = ("--class", verdict.class_name, "--concept", concept, "--output", "repaired.safetensors")
    return model_command(run, "repair", folder, *words)


def picture_table(connection: Connection, verdict: Verdict, folder: str, *, limit: int) -> PictureTable | None:
    """The pictures that a finding is shown by, mistakes first; None where the audit keeps none.

    Pictures of the class without the concept; with it where it harms; of other classes where it pulls them in.
    """
    concept = verdict.concept
    if verdict.verdict not in FOUND or verdict.concept_id is None or concept is None:
        return None
    name = plain(concept, 60)
    choice = deciding_choice(verdict)
    title = {
        "breaking": f"pictures of the class without {name}, mistakes first",
        "carrying": f"pictures of the class with {name}",
        "pulled": f"pictures of other classes that are called it with {name}",
    }[choice]
    found = read_whole(connection, Selection(LISTS[choice], verdict.class_idx, verdict.concept_id))
    if not found:
        return None
    words = ("--pictures", choice, "--class", verdict.class_name, "--concept", concept)
    command = plain_command("export", folder, *words)
    return PictureTable(title, picture_csv(found[:limit]), len(found), min(limit, len(found)), command)
