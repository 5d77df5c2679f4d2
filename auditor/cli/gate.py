"""``auditor gate``: the exit code that stops a release."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from auditor.cli.app import AuditDir, Debug, OutputFile, Quiet, app, give_report, one_line_errors
from auditor.errors import InputError
from reports.formats import ReportFormat

_POLICY, _BASELINE = Path("policy.toml"), Path("baseline.toml")


@app.command()
@one_line_errors
def gate(
    audit: AuditDir,
    policy: Annotated[Path | None, typer.Option(help="What stops a release; default policy.toml here.")] = None,
    baseline: Annotated[Path | None, typer.Option(help="What was accepted; default baseline.toml here.")] = None,
    update_baseline: Annotated[
        bool, typer.Option("--update-baseline", help="Accept what is new or expired: write it into the baseline.")
    ] = False,
    reason: Annotated[str | None, typer.Option(help="Why it is accepted, for --update-baseline.")] = None,
    who: Annotated[str | None, typer.Option(help="Who accepts it; default the user of git.")] = None,
    expires: Annotated[str | None, typer.Option(help="Last day it counts, YYYY-MM-DD; default in 90 days.")] = None,
    against: Annotated[
        Path | None, typer.Option(help="Audit of the release before, for the policy's max_growth.")
    ] = None,
    allow_different_data: Annotated[
        bool, typer.Option("--allow-different-data", help="Compare with it on other data, or with another encoder.")
    ] = False,
    expect_digest: Annotated[
        str | None,
        typer.Option(help="Digest that `auditor run` printed: refuse any other audit, edited ones too.", metavar="D"),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Fail on stale entries of the baseline, and on classes that are not shown.")
    ] = False,
    output_format: Annotated[
        ReportFormat, typer.Option("--format", help="text, json, html, markdown, junit, sarif, github, or model-card.")
    ] = ReportFormat.text,
    output: OutputFile = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Pass or stop a release: exit code 0, or 1 for what is not accepted, or 2 where it could not be decided."""
    from auditor.gate.baseline import DEFAULT_REASON
    from auditor.release.check import accept_findings, read_release
    from auditor.store.manifest import check_whole
    from auditor.store.open_audit import open_audit_database

    if not update_baseline and (reason, who, expires) != (None, None, None):
        raise InputError("--reason, --who and --expires say how findings are accepted; add --update-baseline")
    policy, baseline = policy or _if_there(_POLICY), baseline or _if_there(_BASELINE)
    _refuse_to_overwrite(output, {"policy": policy, "baseline": baseline or (_BASELINE if update_baseline else None)})
    check_whole(audit, expected_digest=expect_digest)
    with open_audit_database(audit) as connection:
        release = read_release(
            connection, policy=policy, against=against, allow_different_data=allow_different_data, strict=strict
        )
        if update_baseline:
            baseline = baseline or _BASELINE
            found = release.decide(baseline if baseline.exists() else None)
            because = DEFAULT_REASON if reason is None else reason
            accepted = accept_findings(found, baseline, reason=because, who=who, expires=_date(expires))
            if not quiet:
                kept = "" if accepted or reason is None else "; nothing was new, and what it holds keeps its own reason"
                typer.echo(f"{len(accepted):,} accepted in {baseline}{kept}", err=True)
        decision = release.decide(baseline)
        give_report(connection, output_format, output, decision=decision)
    if decision.exit_code:
        raise typer.Exit(decision.exit_code)


def _if_there(path: Path) -> Path | None:
    return path if os.path.lexists(path) else None  # a folder or a dangling link is told, not passed over


def _refuse_to_overwrite(output: Path | None, used: Mapping[str, Path | None]) -> None:
    """A report may go anywhere but over what the gate reads."""
    for name, path in used.items():
        if output is None or path is None:
            continue
        if output.resolve() == path.resolve() or (output.exists() and path.exists() and output.samefile(path)):
            raise InputError(f"--output {output} is the {name}, which a report would destroy; choose another name")


def _date(written: str | None) -> datetime.date | None:
    try:
        return None if written is None else datetime.date.fromisoformat(written)
    except ValueError as error:
        raise InputError(f"--expires {written!r}; expected a date like 2030-01-31") from error
