"""What a view is given: the place that the URL names, the audit that is open, and the ways to another place.

The URL is the truth; a widget's state follows it. Streamlit 1.67 enters every change of ``st.query_params`` into the
browser's history and, on back and forward, runs the script again with the parameters of that entry (before its pull
request 16989 it kept the newest ones, so that back did nothing). So ``go`` writes the parameters and runs again, with
nothing of our own in between. Links are plain ``<a href="?...">``, which a person can copy or open in a new tab; a few
lines of script (links.js) turn a plain click on one into a step of the history, which Streamlit answers like a step
back: without loading the page anew. Without that script the same links load the page, and everything works as well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import streamlit as st

from auditor.errors import StoreError
from auditor.store.queries.audit import Connection
from auditor.store.run_record import Run
from reports.dashboard.address import Place
from reports.dashboard.audits import FoundAudit, OpenAudits
from reports.dashboard.basket import Basket


@dataclass(frozen=True, slots=True)
class Session:
    """One run of the page.

    Attributes:
        place: what the URL names; ``place.audit`` is the key of the audit that is open.
        audits: those found, newest first, complete or not.
        connection: of this run alone, read-only; closed when the view is drawn.
        run: how the audit was made.
        audit_dir: its folder.
        read_only: nothing may be written, not even the baseline.
        baseline_path: of the baseline, which need not exist yet.
        basket: the pictures of this audit that were ticked.
        trust_code: files that an audit names may be read.
    """

    place: Place
    audits: tuple[FoundAudit, ...]
    connection: Connection
    run: Run
    audit_dir: Path
    read_only: bool
    baseline_path: Path
    basket: Basket
    trust_code: bool = False

    @property
    def has_calls(self) -> bool:
        """Whether it is known what a model calls the pictures; without, there are no mistakes to show."""
        return not self.run.data_alone

    def go(self, **changes: Any) -> None:
        """Go to another place, one step of the browser's history, and run again; also from a widget's callback."""
        go_to(self.place.but(**changes))

    def url(self, **changes: Any) -> str:
        """Relative link to another place, for ``<a href="..." target="_self">``; escape it like all text."""
        return self.place.but(**changes).url()

    def follow(self, key: str, value: Any, change: Callable[[Any], dict[str, Any]]) -> Callable[[], None]:
        """Bind a widget to the URL: call it just before the widget, and give what it returns as its callback.

        Args:
            key: of the widget.
            value: that the URL asks for; the widget shows it.
            change: from the widget's new value to the fields of the place that follow from it.
        """
        st.session_state[key] = value
        return lambda: self.go(**change(st.session_state[key]))


def open_audit(audit: FoundAudit) -> Connection:
    """A connection of the caller's own to a complete audit, to be closed after use.

    Raises:
        StoreError: the audit cannot be read, or another one has taken its place.
    """
    if audit.identity is None:
        raise StoreError(f"the audit at {audit.folder} is not finished: {audit.reason}")
    return _open_audits().cursor(audit.folder, audit.identity)


@st.cache_resource(show_spinner=False)
def _open_audits() -> OpenAudits:
    """The databases that this server has open, for all who look."""
    return OpenAudits()


def go_to(place: Place) -> None:
    """Write the place into the URL and run again."""
    st.query_params.from_dict(place.params())
    st.rerun()
