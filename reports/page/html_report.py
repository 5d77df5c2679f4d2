"""The report as one HTML file that loads nothing: verdict, classes, evidence with pictures, and how it was made.

Every name is escaped by the templates; the page's policy allows no script but its own, by digest, and no address but
pictures inside the page. It is made class by class: no more thumbnails are in memory than one class shows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from auditor.concept_records import Attribute
from auditor.errors import StoreError
from auditor.figures import counted, reach
from auditor.gate.decision import GateDecision
from auditor.gate.decision_words import LEVEL_SHAPES, STATE_WORDS, ReleaseWords, release_words, subject, worst_first
from auditor.records import FOUND, PROPERTY_PREFIX, Verdict
from auditor.release.check import read_release
from auditor.rules import shown_by_others
from auditor.store.queries import audit as queries
from auditor.store.queries.audit import Connection
from auditor.store.queries.concept_holders import concept_holders
from auditor.store.queries.leaks import leaks
from reports.display import VERDICT_SHAPES, VERDICT_WORDS, missed_at_most, told_counts
from reports.page.actions import actions, picture_table
from reports.page.matrix import matrix_part
from reports.page.pictures import PictureBudget, Sizes
from reports.page.repair_cards import repair_parts
from reports.page.sections import Extent, Sections, anchors
from reports.page.templates import assets, environment
from reports.what_now import audit_folder, command_on, model_command, report_command
from reports.written.calibration import READING, calibration_line, count_lines
from reports.written.concept_lines import core_lines
from reports.written.faithfulness import faithfulness_section
from reports.written.lead_lines import lead_lines

#: What pictures may take of the 10 MB that a page may have at 100 classes; the rest is text and charts.
PICTURE_BYTES = 7_000_000
#: Classes that get a section; a page of more is read by nobody. Those after them are listed with their sentence.
MOST_SECTIONS, _MOST_LISTED = 100, 400
FULL, SHORT = Extent(4, 3, 4, 4, Sizes()), Extent(2, 3, 3, 3, Sizes(128, 72, 68))
#: From so many sections on they are short.
_MANY = 30
#: Rows of the table of pictures that show a finding.
_LISTED, _LISTED_OF_MANY = 200, 25
#: Sections that are open, on a telephone those of a page that has no more; of the others the head is, so that a page of
#: many stays an index of them.
_UNFOLDED, _UNFOLDED_ON_PHONE = 10, 3
_WORST, _GATE_ITEMS, _FAILURES, _LEAKS = 3, 100, 100, 100


def render_html(connection: Connection, *, decision: GateDecision | None = None) -> str:
    """The whole page."""
    return "".join(html_parts(connection, decision=decision))


def html_parts(connection: Connection, *, decision: GateDecision | None = None) -> Iterator[str]:
    """The page part by part: the first screen and the table, the matrix, a part for each class, the end."""
    templates = environment()
    verdicts = queries.verdicts(connection)
    counts = queries.verdict_counts(connection)
    told = [verdict for verdict in verdicts if _has_story(verdict)]
    shown, unshown = told[:MOST_SECTIONS], told[MOST_SECTIONS:]
    few = len(shown) < _MANY
    extent, listed = (FULL, _LISTED) if few else (SHORT, _LISTED_OF_MANY)
    budget = PictureBudget(PICTURE_BYTES, extent.sizes)
    named = anchors(verdicts)
    sections = Sections(connection, shown, named, extent, budget)
    clean = [verdict for verdict in verdicts if verdict.verdict == "clean"]
    failed, leaked = queries.failure_counts(connection), leaks(connection)
    core = core_lines(connection)
    run, folder = queries.run(connection), audit_folder(connection)
    shared: dict[str, Any] = {
        "run": run,
        "n_pictures": queries.picture_count(connection),
        "anchors": named,
        "shapes": VERDICT_SHAPES,
        "words": VERDICT_WORDS,
        "core": core,
        "no_model": run.data_alone,
        "commands": {
            "dashboard": command_on(connection, "dashboard"),
            "calibrate": model_command(run, "calibrate", folder),
            "faithfulness": model_command(run, "faithfulness", folder),
            "export": command_on(connection, "export", "--output", "tables"),
            "all": report_command(connection, decision),
            "gate": command_on(connection, "gate"),
        },
    }
    standing, release = _standing(connection, decision)
    shared["actions"] = {verdict.class_idx: actions(verdict, standing.items, folder, run) for verdict in shown}
    shared["tables"] = {
        verdict.class_idx: picture_table(connection, verdict, folder, limit=listed) for verdict in shown
    }
    shown_repairs, n_more_repairs = repair_parts(connection, budget)
    css, script, script_hash = assets()
    yield templates.get_template("page_top.html.j2").render(
        shared,
        css=css,
        script_hash=script_hash,
        headline=headline(counts, no_model=shared["no_model"]),
        release=release,
        gate=None if decision is None else _gate(decision),
        counts=told_counts(counts),
        n_classes=len(verdicts),
        n_analysed=counts.analysed,
        cards=[sections.card(verdict) for verdict in shown[:_WORST]],
        seen=reach(verdict.detectable_effect for verdict in verdicts),
        verdicts=verdicts,
        gap_columns=_gap_columns(verdicts),
        has_words=any(verdict.share is not None for verdict in verdicts),
        held=concept_holders(connection) if run.data_alone else {},
        sections={verdict.class_idx for verdict in told[: MOST_SECTIONS + _MOST_LISTED]},
        repairs=shown_repairs,
        n_more_repairs=n_more_repairs,
    )
    yield matrix_part(connection, verdicts, {verdict.class_idx for verdict in shown}, shared)
    template = templates.get_template("section.html.j2")
    for rank, verdict in enumerate(shown):
        yield template.render(shared, s=sections.section(verdict), fold=_fold(rank, len(shown)))
    yield templates.get_template("page_end.html.j2").render(
        shared,
        script=script,
        extent=extent,
        n_sections=len(shown),
        unshown=unshown[:_MOST_LISTED],
        n_unlisted=len(unshown[_MOST_LISTED:]),
        clean=clean,
        missed_in_clean=missed_at_most(clean),
        seen_in_clean=reach(verdict.detectable_effect for verdict in clean),
        not_shown=[v for v in verdicts if v.verdict == "not_shown"],
        not_analysed=[v for v in verdicts if v.verdict == "not_analysed" and not _has_story(v)],
        leads=[" ".join(lead) for lead in lead_lines(connection)],
        columns=_columns(queries.attributes(connection)),
        examples=queries.example_concepts(connection),
        leaks=leaked[:_LEAKS],
        n_leaks=len(leaked),
        failures=queries.failures(connection, limit=_FAILURES),
        n_failures=sum(failed.values()),
        n_left_out=budget.n_left_out,
        n_broken=budget.n_broken,
        calibration=calibration_line(connection),
        counts=count_lines(queries.calibrations(connection)),
        reading=READING,
        faithfulness=faithfulness_section(queries.faithfulness(connection)),
        n_judged=len(verdicts) if run.model_was_run else 0,
        no_thumbnails=run.config.get("thumbnails") is False,
    )


def _columns(attributes: Sequence[Attribute]) -> list[tuple[str, list[Attribute]]]:
    """The columns that came with the data, and those that were measured of the pictures."""
    measured = [row for row in attributes if row.attribute.startswith(PROPERTY_PREFIX)]
    given = [row for row in attributes if not row.attribute.startswith(PROPERTY_PREFIX)]
    return [("Columns of the manifest", given), ("Measured of the pictures", measured)]


def _fold(rank: int, n: int) -> str:
    """Where the section of that rank of ``n`` is folded: "everywhere", on a telephone ("phone"), or not at all ("").

    On a telephone, where a section is several screens long, a page of many opens none: the first are its cards.
    """
    if rank >= _UNFOLDED:
        return "everywhere"
    return "phone" if n > _UNFOLDED or rank >= _UNFOLDED_ON_PHONE else ""


def _gap_columns(verdicts: Sequence[Verdict]) -> list[str]:
    """A column for each kind of gap that any class has."""
    pulls = [shown_by_others(verdict.rule_id) for verdict in verdicts if verdict.gap is not None]
    return [name for name, there in (("Recall gap", not all(pulls)), ("Pull", any(pulls))) if there]


def _has_story(verdict: Verdict) -> bool:
    """Whether there is more to tell of a class than its sentence; without a model, what goes with it in the data."""
    return verdict.verdict in FOUND or (verdict.verdict == "not_analysed" and verdict.concept_id is not None)


def headline(counts: queries.VerdictCounts, *, no_model: bool) -> str:
    """What the audit says in one line."""
    analysed = counts.analysed
    if not analysed:
        return "No model was examined" if no_model else "No class was analysed"
    classes = counted(analysed, "class", "classes")
    if counts.flagged:
        return f"{counts.flagged:,} of {classes} {'is' if counts.flagged == 1 else 'are'} flagged"
    for number, word in ((counts.harmed, "harmed"), (counts.suspect, "suspect")):
        if number:
            return f"None of {classes} is flagged, {number:,} {'is' if number == 1 else 'are'} {word}"
    if counts.not_shown:
        return f"None of {classes} is flagged, {counts.not_shown:,} could not be shown to be clean"
    return f"None of {classes} is flagged" if analysed > 1 else "The one class analysed is not flagged"


def _standing(connection: Connection, decision: GateDecision | None) -> tuple[GateDecision, ReleaseWords]:
    """The gate's decision, by the default policy and with nothing accepted where nobody asked it, and its words."""
    try:
        standing = read_release(connection).decide() if decision is None else decision
    except StoreError as error:  # there is a page of what the gate cannot read
        standing = GateDecision(2, "", ())
        return standing, replace(release_words(standing), why=str(error))
    return standing, release_words(standing)


@dataclass(frozen=True, slots=True)
class _GateLine:
    shape: str
    level: str
    state: str
    subject: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Gate:
    decision: GateDecision
    lines: tuple[_GateLine, ...]
    n_more: int


def _gate(decision: GateDecision) -> _Gate:
    """What the gate decided, worst items first."""
    items = worst_first(decision)
    lines = (
        _GateLine(LEVEL_SHAPES[item.level], item.level, STATE_WORDS[item.state], subject(item, 60), item.reason)
        for item in items[:_GATE_ITEMS]
    )
    return _Gate(decision, tuple(lines), len(items[_GATE_ITEMS:]))
