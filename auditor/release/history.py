"""Audits of many releases read one after the other, for their history."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from auditor.errors import AuditorError, InputError
from auditor.figures import counted
from auditor.gate.release_history import ReleaseHistory, follow_releases
from auditor.gate.releases import ReleaseFacts
from auditor.release.facts import release_facts
from auditor.store.manifest import check_whole
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from auditor.store.queries.audit import Connection
from auditor.wording import quote_path

logger = logging.getLogger(__name__)


def read_history(
    audits: Sequence[tuple[str, Path]], *, opened: Callable[[Path], Connection] = open_audit_database
) -> ReleaseHistory:
    """Follow findings through the audits given as (name, folder); a warning for each that cannot be read.

    They are ordered by the day on which the pictures went through the model: that of an audit which was judged again is
    the day of the audit that it was judged from.

    Args:
        audits: In any order.
        opened: Gives a connection to the audit in a folder, which is closed after use.

    Raises:
        InputError: none of them can be read.
    """
    dated: list[tuple[str, str, Path]] = []
    seen: dict[str, str] = {}
    for name, folder in audits:
        try:
            check_whole(folder)
            with closing(opened(folder)) as connection:
                run = queries.run(connection)
        except AuditorError as error:
            logger.warning("%s is left out: %s", quote_path(folder), error)
            continue
        if run.data_alone:
            logger.warning("%s is left out: no model was examined, so it found nothing of any", quote_path(folder))
            continue
        if run.run_id in seen:
            logger.warning("%s is left out: it is the same audit as %s", quote_path(folder), seen[run.run_id])
            continue
        seen[run.run_id] = quote_path(folder)
        dated.append((run.rejudged_from.created_at if run.rejudged_from else run.created_at, name, folder))
    looked = counted(len(audits), "folder")
    step = "give folders of audits, or one that holds them"
    nothing = f"no audit to tell a history of, in {looked} that were looked at; {step}"
    if not dated:
        raise InputError(nothing)
    followed = follow_releases(_facts(sorted(dated), opened))
    if not followed.steps:
        raise InputError(nothing)
    return followed


def _facts(dated: Sequence[tuple[str, str, Path]], opened: Callable[[Path], Connection]) -> Iterator[ReleaseFacts]:
    for _, name, folder in dated:
        try:
            with closing(opened(folder)) as connection:
                facts = release_facts(connection)
        except AuditorError as error:
            logger.warning("%s is left out: %s", quote_path(folder), error)
            continue
        yield replace(facts, release=replace(facts.release, name=name))
