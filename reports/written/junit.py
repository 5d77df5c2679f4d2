"""The report as JUnit XML, which every CI shows: a test case a class, and one for what belongs to no class.

Without a decision a flagged class fails, a class that was not analysed is skipped, and a suspect one passes with its
sentence. With one the gate says which: its errors fail (a class without a verdict is an error), what was accepted or
skipped is skipped with the reason, and what the policy tolerates passes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence

from junitparser import Error, Failure, JUnitXml, Skipped, TestCase, TestSuite

from auditor.figures import percent, points
from auditor.gate.decision import GateDecision, GateItem
from auditor.gate.decision_words import STATE_WORDS, worst_first
from auditor.records import Verdict
from auditor.store.queries import audit as queries
from auditor.store.queries.leads import Lead, leads
from reports.display import VERDICT_WORDS, plain
from reports.what_now import what_now
from reports.written.concept_lines import core_lines

_NAME_LIMIT, _TEXT_LIMIT = 200, 4_000
_SKIPPED_STATES = ("accepted", "skipped")

Outcome = Failure | Error | Skipped


def render_junit(connection: queries.Connection, *, decision: GateDecision | None = None) -> str:
    """One suite "auditor"; the names of its cases are unique."""
    run, found = queries.run(connection), leads(connection)
    items: defaultdict[str, list[GateItem]] = defaultdict(list)
    for item in worst_first(decision) if decision else ():
        items[item.class_name].append(item)
    cases = []
    for verdict in queries.verdicts(connection):
        of_class = items.pop(verdict.class_name, []) if decision else None
        cases.append(_case(verdict, found.get(verdict.class_idx), of_class))
    cases += [_baseline_case(item) for rest in items.values() for item in rest]
    if decision is not None and decision.exit_code and not any(_fails(case) for case in cases):
        case = TestCase("the gate's decision", "auditor.gate")
        case.result = [_result(Error, "undecided" if decision.exit_code == 2 else "failed", decision.summary)]
        cases.append(case)
    suite = TestSuite("auditor")
    suite.timestamp = plain(run.created_at)
    for name, value in (("run", run.run_id), ("model", run.model_spec), ("encoder", run.encoder_spec)):
        suite.add_property(name, plain(value, _NAME_LIMIT))
    for line in core_lines(connection):
        suite.add_property("note", plain(line, _TEXT_LIMIT))
    suite.add_testcases(list(_with_unique_names(cases)))
    document = JUnitXml("auditor")
    document.add_testsuite(suite)
    document.update_statistics()  # type: ignore[no-untyped-call]
    written: bytes = document.tostring()  # type: ignore[no-untyped-call]
    return f'<?xml version="1.0" encoding="utf-8"?>\n{written.decode("utf-8")}'


def _case(verdict: Verdict, lead: Lead | None, items: Sequence[GateItem] | None) -> TestCase:
    case = TestCase(plain(verdict.class_name, _NAME_LIMIT) or "(no name)", "auditor.classes", 0.0)
    sentence, told = plain(verdict.sentence, _TEXT_LIMIT), "\n".join(_told(verdict, what_now(verdict, lead)))
    if items is None:
        if verdict.verdict == "flagged":
            case.result = [_result(Failure, "flagged", sentence, told)]
        elif verdict.verdict == "not_analysed":
            case.result = [_result(Skipped, "not_analysed", sentence, told)]
    else:
        case.result = list(_decided(verdict, items, told))
    if not case.result:
        reasons = [f"{STATE_WORDS[item.state]}: {plain(item.reason, _TEXT_LIMIT)}" for item in items or ()]
        case.system_out = "\n".join([*reasons, sentence, told])
    return case


def _decided(verdict: Verdict, items: Sequence[GateItem], told: str) -> Iterator[Outcome]:
    """At most one result, of the worst item; what it says comes with what is said of the others."""
    worst = next((item for item in items if item.level == "error"), None)
    worst = worst or next((item for item in items if item.state in _SKIPPED_STATES), None)
    if worst is None:
        return
    kind = Skipped if worst.state in _SKIPPED_STATES else Error if worst.state == "not_analysed" else Failure
    reasons = [f"{_named(item)}: {plain(item.reason, _TEXT_LIMIT)}" for item in items]
    message = worst.reason if worst.concept is None else f"{worst.concept}: {worst.reason}"
    yield _result(kind, worst.state, message, "\n".join([*reasons, plain(verdict.sentence, _TEXT_LIMIT), told]))


def _named(item: GateItem) -> str:
    concept = f"{plain(item.concept, _NAME_LIMIT)}, " if item.concept is not None else ""
    return f"{concept}{STATE_WORDS[item.state]}"


def _told(verdict: Verdict, advice: str | None) -> Iterator[str]:
    """The figures of a class, a line each, for the log of the case."""
    severity = f", severity {verdict.severity}" if verdict.severity != "none" else ""
    yield f"verdict: {VERDICT_WORDS[verdict.verdict]}{severity}, {verdict.n_images:,} pictures"
    if verdict.concept is not None:
        gap = points(verdict.gap, verdict.gap_low, verdict.gap_high)
        yield f"concept: {plain(verdict.concept, _NAME_LIMIT)}, share {percent(verdict.share)}, gap {gap}"
    if advice is not None:
        yield f"what now: {advice}"


def _baseline_case(item: GateItem) -> TestCase:
    """An item on no class of the audit: an entry of the baseline that nothing matches."""
    name = " · ".join(plain(part, _NAME_LIMIT) for part in (item.class_name, item.concept) if part)
    case = TestCase(name or "(no name)", "auditor.baseline", 0.0)
    case.result = [_result(Failure if item.level == "error" else Skipped, item.state, item.reason)]
    return case


def _result(kind: type[Outcome], type_: str, message: str, text: str | None = None) -> Outcome:
    result = kind(plain(message, _TEXT_LIMIT), type_)
    if text is not None:
        result.text = text
    return result


def _fails(case: TestCase) -> bool:
    return any(isinstance(result, Failure | Error) for result in case.result)


def _with_unique_names(cases: Sequence[TestCase]) -> Iterator[TestCase]:
    """Names that are alike once they are made harmless get a number: a CI would merge the cases."""
    seen: Counter[tuple[str, str]] = Counter()
    for case in cases:
        key = (case.classname, case.name)
        seen[key] += 1
        if seen[key] > 1:
            case.name = f"{case.name} ({seen[key]})"
        yield case
