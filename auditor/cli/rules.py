"""``auditor rules``: what the rules measure, and how they go wrong."""

from __future__ import annotations

from typing import Annotated

import typer

from auditor.cli.app import Debug, app, one_line_errors
from auditor.errors import InputError
from auditor.rules import RECALL_GAP, RULES
from auditor.wording import nearest, quote

_PAGES, _EXAMPLE = ", ".join(sorted({rule.page for rule in RULES})), RECALL_GAP.rule_id


@app.command()
@one_line_errors
def rules(
    rule: Annotated[
        str | None, typer.Argument(help=f"{_PAGES}, or what a finding says, such as {_EXAMPLE}; all when left out.")
    ] = None,
    debug: Debug = False,
) -> None:
    """Explain a rule: what it measures, why it matters, an example, what makes it wrong, how to allow it."""
    from reports.rule_pages import rule_pages

    pages = {page.rule_id: page for page in rule_pages()}
    if rule is None:
        for page in pages.values():
            typer.echo(f"{page.rule_id}  {page.title}\n    {page.summary}\n")
        typer.echo(f"A page each: auditor rules {RECALL_GAP.page}")
        return
    asked = pages.get(rule.upper().partition("-")[0])
    if asked is None:
        close = nearest(rule, pages)
        known = ", ".join(pages) or "none found, reinstall auditor"
        raise InputError(f"no rule {quote(rule)}; " + (f"did you mean {close}?" if close else f"rules: {known}"))
    typer.echo(asked.markdown)
