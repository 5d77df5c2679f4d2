"""Whether the maps show what the model uses, a part of the overview; the command that measures it where nobody did."""

from __future__ import annotations

from auditor.store.queries import audit as queries
from reports.dashboard import markup
from reports.dashboard.session import Session
from reports.what_now import folder_from_here, model_command
from reports.written.faithfulness import faithfulness_section


def show_faithfulness(session: Session) -> None:
    """Draw the part."""
    markup.draw(
        "faithfulness",
        faithfulness=faithfulness_section(queries.faithfulness(session.connection)),
        n_judged=session.run.model_was_run,
        commands={"faithfulness": model_command(session.run, "faithfulness", folder_from_here(session.audit_dir))},
    )
