"""What an audit found, as a section of a model card: for those who use the model, not for those who trained it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from auditor.figures import counted, reach
from auditor.gate.decision import GateDecision
from auditor.records import Verdict
from auditor.store.queries import audit as queries
from auditor.store.run_record import Run
from reports.display import VERDICT_WORDS, missed_at_most
from reports.written.concept_lines import core_lines
from reports.written.markdown import code, escape
from reports.written.repair_section import repair_section

_NAME_LIMIT, _SENTENCE_LIMIT, _DIGEST_DIGITS = 80, 2_000, 12
#: A card is read by people: what goes on for longer is counted.
_TOLD, _NAMED = 30, 100

_LIMITS = (
    "It measures what the model does on these pictures. A shortcut that none of them breaks can only be suspected.",
    "An encoder decides what counts as a concept; it has errors and biases of its own, and words that it lacks.",
    "A clean class is one on which no effect of the stated size was seen, not one that was proven to be free of any.",
)


def render_model_card(connection: queries.Connection, *, decision: GateDecision | None = None) -> str:
    """The section, from its heading on; with a decision it says what was accepted, by whom and why."""
    return "\n".join(_lines(connection, decision)).rstrip("\n")


def _lines(connection: queries.Connection, decision: GateDecision | None) -> Iterator[str]:
    run, verdicts = queries.run(connection), queries.verdicts(connection)
    by_verdict = {name: [one for one in verdicts if one.verdict == name] for name in VERDICT_WORDS}
    flagged, harmed, suspect = by_verdict["flagged"], by_verdict["harmed"], by_verdict["suspect"]
    pictures = counted(queries.picture_count(connection), "picture")
    yield "## Shortcuts"
    yield ""
    yield (
        "A shortcut is something besides the object itself, such as the scene behind it or a mark on the picture, that "
        f"a decision rests on. This model was audited for shortcuts on {pictures} of "
        f"{counted(len(verdicts), 'class', 'classes')}: {len(flagged):,} "
        f"{'relies' if len(flagged) == 1 else 'rely'} on one."
    )
    yield ""
    if flagged:
        yield "Expect errors where the shortcut is missing, or where it comes with another class:"
        yield ""
        yield from _told(flagged)
    if harmed:
        yield "Expect errors where these come with the class:"
        yield ""
        yield from _told(harmed)
    if suspect:
        yield "Could neither be shown nor excluded:"
        yield ""
        yield from _told(suspect)
    if by_verdict["not_analysed"]:
        yield "Not examined, so nothing is known of these either way:"
        yield ""
        yield from _told(by_verdict["not_analysed"])
    if by_verdict["not_shown"]:
        yield "Nothing was shown, on too few pictures of the right sort to call these clean:"
        yield ""
        yield from _told(by_verdict["not_shown"])
    yield from _clean(by_verdict["clean"])
    accepted = [item for item in decision.items if item.state == "accepted"] if decision else []
    if accepted:
        yield "Known and accepted by those who release the model:"
        yield ""
        for item in accepted[:_TOLD]:
            about = f"**{escape(item.class_name, _NAME_LIMIT)}**, {escape(item.concept or '', _NAME_LIMIT)}"
            yield f"- {about}: {escape(item.reason, _SENTENCE_LIMIT)}"
        yield from _more(len(accepted))
    yield from repair_section(connection)
    yield "What this does not show:"
    yield ""
    yield from (f"- {limit}" for limit in _LIMITS)
    yield from (f"- {escape(notice, _SENTENCE_LIMIT)}" for notice in [*run.notices, *core_lines(connection)])
    yield ""
    yield _made(run)


def _told(verdicts: Sequence[Verdict]) -> Iterator[str]:
    for verdict in verdicts[:_TOLD]:
        claim, *lines = (escape(line, _SENTENCE_LIMIT) for line in verdict.lines)
        yield f"- **{escape(verdict.class_name, _NAME_LIMIT)}**: {claim}"
        yield from (f"  - {line}" for line in lines)
    yield from _more(len(verdicts))


def _more(number: int) -> Iterator[str]:
    if number > _TOLD:
        yield f"- and {number - _TOLD:,} more"
    yield ""


def _clean(verdicts: Sequence[Verdict]) -> Iterator[str]:
    if verdicts:
        seen = reach(verdict.detectable_effect for verdict in verdicts)
        bound, effect = missed_at_most(verdicts), ""
        if bound:
            effect = f" {bound[0].upper()}{bound[1:]}, of what these pictures can measure."
        elif seen:
            effect = f" In half of what was tried, a gap of {seen} or more would have been seen."
        yield f"No shortcut was found for {_names(verdicts)}.{effect}"
        yield ""


def _names(verdicts: Sequence[Verdict]) -> str:
    names = ", ".join(escape(verdict.class_name, _NAME_LIMIT) for verdict in verdicts[:_NAMED])
    return f"{names} and {len(verdicts) - _NAMED:,} more" if len(verdicts) > _NAMED else names


def _made(run: Run) -> str:
    version = escape(run.versions.get("auditor", ""), _NAME_LIMIT)
    digests = ", ".join(
        f"{what} {code(digest[:_DIGEST_DIGITS])}"
        for what, digest in (("model", run.model_digest), ("data", run.data_digest))
    )
    return f"*Audited on {escape(run.created_at[:10], _NAME_LIMIT)} by auditor {version}; {digests} (sha256).*"
