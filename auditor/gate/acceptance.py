"""An entry of the baseline for what the gate found: by whom, why, until when."""

from __future__ import annotations

import datetime
import getpass
import shutil
import subprocess
from pathlib import Path

from auditor.errors import InputError
from auditor.gate.baseline import Entry, EntryState
from auditor.gate.decision import GateItem
from auditor.wording import plain

#: Days that an accepted finding counts unless told otherwise.
ACCEPTED_DAYS = 90


def check_acceptance(reason: str, expires: datetime.date, today: datetime.date) -> None:
    """Refuse what would accept nothing.

    Raises:
        InputError: the reason is blank, or the day is past.
    """
    if not plain(reason):
        raise InputError("the reason is blank; say in words why the findings are accepted")
    if expires < today:
        raise InputError(f"expiry {expires.isoformat()} is past; expected today, {today.isoformat()}, or later")


def entry_for(
    item: GateItem, *, reason: str, who: str, expires: datetime.date, state: EntryState = "accepted"
) -> Entry:
    """The entry that lets an item of the gate pass; the item names a concept."""
    return Entry.model_validate(
        {
            "class": item.class_name,
            "concept": item.concept,
            "verdict": item.verdict,
            "fingerprint": item.fingerprint,
            "reason": reason,
            "who": who,
            "expires": expires,
            "state": state,
        }
    )


def git_user(folder: Path) -> str:
    """The name that git would commit with in ``folder``, else the name of who is logged in."""
    git = shutil.which("git")
    if git is not None:
        asked = subprocess.run(  # noqa: S603 - a fixed command
            [git, "config", "--get", "user.name"],
            cwd=folder if folder.is_dir() else None,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            check=False,
        )
        if asked.returncode == 0 and asked.stdout.strip():
            return asked.stdout.strip()
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user without a name, in some containers
        return "unknown"


def today_utc() -> datetime.date:
    """The same day on every machine that checks the release."""
    return datetime.datetime.now(datetime.UTC).date()
