"""What the reader can do about a verdict: what would mend or settle it, and the commands that draw its pictures."""

from __future__ import annotations

import shlex
from pathlib import Path

from auditor.gate.decision import AUDIT_A_MODEL, GateDecision
from auditor.place_grid import SURROUNDINGS, place_of
from auditor.records import Verdict
from auditor.rules import is_loss, settled_by_others, shown_by_others
from auditor.store.queries.audit import Connection, database_file
from auditor.store.queries.leads import Lead
from auditor.store.run_record import Run
from reports.display import plain
from reports.given_again import given_again

#: The next step where a class is suspect by predictions alone; more pictures do not show what an intervention must.
INTERVENE = (
    "audit the model itself (--model), or give the inputs of its head and the head (--features): without an "
    "intervention it stays open"
)

#: Characters that a command may have, and of them the names of its picture and class.
_LONGEST, _LONGEST_NAMES = 1000, 260


def what_now(verdict: Verdict, lead: Lead | None) -> str | None:
    """What would mend or settle the verdict, in one line; None for a clean class."""
    if verdict.verdict == "not_analysed" and lead is not None and lead.data_alone:
        return AUDIT_A_MODEL
    if verdict.verdict == "not_analysed":
        return "audit again when that is mended: until then nothing is decided of the class, good or bad"
    if verdict.concept is None or verdict.verdict == "clean":
        return None
    name, concept = plain(verdict.class_name, 80), plain(verdict.concept, 80)
    lead = lead or Lead(verdict.class_idx, None, None, None)
    suspect = verdict.verdict == "suspect"
    by_pull = (settled_by_others if suspect else shown_by_others)(verdict.rule_id)
    missing = (lead.n_others_missing if by_pull else lead.n_missing) if suspect else None
    number = f"{missing:,} " if missing else ""
    wanted = f"{number}more pictures of other classes with {concept}"
    by_loss = is_loss(verdict.rule_id)  # it is its pictures *with* the concept that are rare, or missed
    if by_loss:
        wanted = f'more pictures of "{name}" with {concept}'
    elif not by_pull:
        wanted = f'{number}more pictures of "{name}" without {concept}'
        if lead.n_present is not None and lead.n_absent is not None:
            audited = lead.n_present + lead.n_absent
            wanted += f" ({lead.n_absent:,} of the {audited:,} audited ones are)"
    if verdict.concept_id == SURROUNDINGS.concept_id:
        mended = f'train with pictures of "{name}" in other surroundings, or cut out and pasted into them'
        return f"{mended}; or accept it in the baseline, with a reason"
    if place_of(verdict.concept_id) is not None:
        mended = f"train with pictures whose {concept} is covered, cut off or varied"
        return f"{mended}; or accept it in the baseline, with a reason"
    if suspect and lead.no_head:
        return INTERVENE
    if suspect:
        return f"collect {wanted}, then audit again: it stays open until then"
    return f"train with {wanted}; or accept it in the baseline, with a reason"


def audit_folder(connection: Connection) -> str:
    """The audit's folder as commands take it from here; "DIR" where its name is no plain text, or it is on no disk."""
    file = database_file(connection)
    return "DIR" if file is None else folder_from_here(file.parent)


def folder_from_here(folder: Path) -> str:
    """A folder as commands take it from here: relative where it was given so, or lies below; "DIR" if not plain."""
    here = Path.cwd()
    name = (folder.relative_to(here) if here in folder.parents else folder).as_posix()
    return name if plain(name) == name and not name.startswith("-") else "DIR"


def command_on(connection: Connection, *words: str) -> str:
    """A command on this audit that can be pasted: ``command_on(connection, "calibrate")``."""
    return shlex.join(["auditor", words[0], audit_folder(connection), *words[1:]])


def plain_command(*words: str) -> str | None:
    """A command that can be pasted; None where a word is no plain text: what is shown would not be what is run."""
    return shlex.join(["auditor", *words]) if all(plain(word) == word for word in words) else None


def report_command(connection: Connection, decision: GateDecision | None, output_format: str = "json") -> str:
    """The command that gives all of what a shorter report left out, with the gate's own files."""
    if decision is None:
        return command_on(connection, "report", "--format", output_format)
    used = (("--policy", decision.policy_path), ("--baseline", decision.baseline_path))
    files = [word for flag, path in used if path is not None and plain(path) == path for word in (flag, path)]
    return command_on(connection, "gate", *files, "--format", output_format)


def model_command(run: Run, command: str, folder: str, *words: str) -> str | None:
    """A command that loads the model of the audit again, with the files that it needs; None where none can be told."""
    again = given_again(run, command)
    return None if again is None else plain_command(command, folder, *words, *again)


def explain_command(verdict: Verdict, lead: Lead | None, folder: str, run: Run) -> str | None:
    """The command that draws a picture of the evidence; None without one, or where its name is no plain text."""
    if lead is None or lead.picture is None or lead.data_alone or lead.not_run:
        return None
    return explain_picture_command(lead.picture, verdict.class_name, folder, run)


def explain_picture_command(path: str, class_name: str, folder: str, run: Run) -> str | None:
    """The command that draws one picture for one class; None where a name is no plain text, or no model is there."""
    if path.startswith("-") or len(path) + len(class_name) > _LONGEST_NAMES:  # an option is no picture
        return None
    command = model_command(run, "explain", folder, path, "--class", class_name)
    return command if command is None or len(command) <= _LONGEST else None
