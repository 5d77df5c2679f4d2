"""The report as SARIF 2.1.0, for code scanning: a result for every finding that the gate, or a verdict, points at.

A result keeps its identity from release to release by the fingerprint of its class and concept. What was accepted is
there as well, suppressed with its justification.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Iterator
from typing import Any

from auditor.gate.decision import CORE_STATES, GateDecision, GateItem, Level
from auditor.gate.decision_words import STATE_WORDS, reason_and_sentence, subject, worst_first
from auditor.records import Verdict, fingerprint
from auditor.rules import rule_of
from auditor.store.queries import audit as queries
from auditor.store.queries.leads import leads
from auditor.store.run_record import Run
from reports.display import VERDICT_LEVELS, VERDICT_WORDS, plain
from reports.rule_pages import rule_pages
from reports.what_now import report_command, what_now
from reports.written.anchors import Anchor, Anchors
from reports.written.concept_lines import core_lines

SCHEMA_URI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#: Code scanning shows so many results of a run.
MAX_RESULTS = 5_000
_NAME_LIMIT, _TEXT_LIMIT = 200, 2_000
#: What relative addresses are relative to; where that lies on the machine that audited is nobody's business.
_CHECKOUT = "%SRCROOT%"
_NOT_ANALYSED, _STALE, _UNRECORDED = "not-analysed", "stale-acceptance", "reason-not-recorded"
_CORE, _NOT_SHOWN = "core-concept", "not-shown"
_OWN_RULES = (
    (_NOT_ANALYSED, "a class without a verdict", "The class could not be judged; the message says why."),
    (
        _NOT_SHOWN,
        "nothing was shown, on pictures that could not have shown enough",
        "The class is not clean: the message says how large a gap may be there, and which pictures are missing.",
    ),
    (
        _UNRECORDED,
        "the audit does not say which rule decided",
        "It was made by an auditor that did not record it: audit again to know.",
    ),
    (
        _STALE,
        "an entry of the baseline that nothing matches",
        "What was accepted is found no more: delete the entry.",
    ),
    (
        _CORE,
        "a concept that the audit's settings let a class rest on",
        "It stands under [core] in the settings, so it was not tested on this class; the message gives the reason.",
    ),
)


def render_sarif(connection: queries.Connection, *, decision: GateDecision | None = None) -> str:
    """One run; at most ``MAX_RESULTS`` results, the worst first, the rest counted in a notification."""
    run, verdicts = queries.run(connection), queries.verdicts(connection)
    rules = _rules()
    writer = _Results(connection, run, decision, verdicts, [rule["id"] for rule in rules])
    results = list(writer.of_verdicts() if decision is None else writer.of_items(decision))
    notifications = [
        {"level": "note", "message": {"text": _text(notice)}} for notice in [*run.notices, *core_lines(connection)]
    ]
    if len(results) > MAX_RESULTS:
        rest = (
            f"{len(results) - MAX_RESULTS:,} more results are left out; {report_command(connection, decision)} has all"
        )
        notifications.append({"level": "warning", "message": {"text": rest}})
    invocation: dict[str, Any] = {"executionSuccessful": True, "toolExecutionNotifications": notifications}
    if decision is not None:
        invocation |= {"exitCode": decision.exit_code, "exitCodeDescription": _text(decision.summary)}
        if decision.exit_code == 2:
            notifications.append({"level": "error", "message": {"text": _text(decision.summary)}})
    version = plain(run.versions.get("auditor", "unknown"), _NAME_LIMIT)
    log = {
        "$schema": SCHEMA_URI,
        "version": "2.1.0",
        "runs": [
            {
                "originalUriBaseIds": {_CHECKOUT: {"description": {"text": "The root of the checkout."}}},
                "tool": {"driver": {"name": "auditor", "version": version, "rules": rules}},
                "invocations": [invocation],
                "results": results[:MAX_RESULTS],
                "properties": _properties(run),
            }
        ],
    }
    return json.dumps(log, indent=2, ensure_ascii=False, allow_nan=False)


def _rules() -> list[dict[str, Any]]:
    rules: list[dict[str, Any]] = []
    for page in rule_pages():
        rules.append(
            {
                "id": page.rule_id,
                "name": "".join(word.capitalize() for word in re.findall(r"\w+", page.title)),
                "shortDescription": {"text": f"{page.rule_id}: {page.title}"},
                "fullDescription": {"text": page.summary},
                "help": {"text": page.markdown, "markdown": page.markdown},
            }
        )
    for rule_id, short, full in _OWN_RULES:
        rules.append({"id": rule_id, "shortDescription": {"text": short}, "fullDescription": {"text": full}})
    return rules


class _Results:
    """What turns verdicts, or the items of a gate, into results."""

    def __init__(
        self,
        connection: queries.Connection,
        run: Run,
        decision: GateDecision | None,
        verdicts: list[Verdict],
        rule_ids: list[str],
    ) -> None:
        self._verdicts = verdicts
        self._by_name = {verdict.class_name: verdict for verdict in verdicts}
        self._leads = leads(connection)
        self._rule_ids = rule_ids
        self._anchors = Anchors(run, decision, self._by_name)

    def of_verdicts(self) -> Iterator[dict[str, Any]]:
        """Every class that is not clean."""
        for verdict in self._verdicts:
            if verdict.verdict != "clean":
                key = fingerprint(verdict.class_name, verdict.concept_id) if verdict.concept_id is not None else None
                anchor = self._anchors.of_class(verdict.class_name)
                text = f"{_headline(verdict)}: {verdict.sentence}"
                yield self._result(key, verdict, verdict.class_name, VERDICT_LEVELS[verdict.verdict], text, anchor)

    def of_items(self, decision: GateDecision) -> Iterator[dict[str, Any]]:
        """Every item of the gate, errors first."""
        for item in worst_first(decision):
            verdict = self._by_name.get(item.class_name)
            told = reason_and_sentence(item, verdict)
            text = f"{subject(item, _NAME_LIMIT)}, {STATE_WORDS[item.state]}: {told}"
            anchor = self._anchors.of_item(item)
            result = self._result(item.fingerprint, verdict, item.class_name, item.level, text, anchor, item)
            if item.state in ("accepted", "core"):
                justification = _text(item.reason)
                result["suppressions"] = [{"kind": "external", "status": "accepted", "justification": justification}]
            yield result

    def _result(
        self,
        key: str | None,
        verdict: Verdict | None,
        class_name: str,
        level: Level,
        text: str,
        anchor: Anchor,
        item: GateItem | None = None,
    ) -> dict[str, Any]:
        decided_by = item.rule_id if item is not None else verdict.rule_id if verdict is not None else None
        state = item.state if item is not None else verdict.verdict if verdict is not None else None
        unjudged = _NOT_SHOWN if state in ("not_shown", "too_weak") else _NOT_ANALYSED
        rule = unjudged if key is None else decided_by or _UNRECORDED
        if item is not None and item.state == "stale":
            rule = _STALE
        if item is not None and item.state in CORE_STATES:
            rule = _CORE
        known = rule_of(rule)
        rule_id = (plain(rule, _NAME_LIMIT) or _UNRECORDED) if known is None else known.page
        identity = key or hashlib.sha256(f"{class_name}\x00{rule_id}".encode("utf-8", "backslashreplace")).hexdigest()
        advice = None
        if verdict is not None and (item is None or item.concept_id == verdict.concept_id):
            advice = what_now(verdict, self._leads.get(verdict.class_idx))
        result: dict[str, Any] = {
            "ruleId": rule_id,
            "level": level,
            "message": {"text": _text(f"{text} What now: {advice}." if advice else text)},
            "locations": [_location(anchor, class_name)],
            # The first is ours; the second is the one by which GitHub knows a result again.
            "partialFingerprints": {"auditorFinding/v1": identity, "primaryLocationLineHash": f"{identity}:1"},
            "properties": _facts(verdict, item, rule),
        }
        if rule_id in self._rule_ids:
            result["ruleIndex"] = self._rule_ids.index(rule_id)
        return result


def _headline(verdict: Verdict) -> str:
    return f"{plain(verdict.class_name, _NAME_LIMIT)}, {VERDICT_WORDS[verdict.verdict]}"


def _location(anchor: Anchor, class_name: str) -> dict[str, Any]:
    name = plain(class_name, _NAME_LIMIT) or "(no name)"
    place: dict[str, Any] = {"artifactLocation": {"uri": anchor.uri}}
    if anchor.is_relative:
        place["artifactLocation"]["uriBaseId"] = _CHECKOUT
    if anchor.line is not None:
        place["region"] = {"startLine": anchor.line}
    return {
        "physicalLocation": place,
        "logicalLocations": [{"name": name, "kind": "class of the model"}],
    }


def _facts(verdict: Verdict | None, item: GateItem | None, rule: str) -> dict[str, Any]:
    """What a program may want of a result, without parsing its message."""
    facts: dict[str, Any] = {"rule": rule}
    if item is not None:
        facts |= {"state": item.state, "concept": item.concept, "conceptKind": item.concept_kind}
    if verdict is not None:
        facts |= {"verdict": verdict.verdict, "severity": verdict.severity, "pictures": verdict.n_images}
        if item is None or item.concept_id == verdict.concept_id:
            figures = {
                "share": verdict.share,
                "gap": verdict.gap,
                "gapLow": verdict.gap_low,
                "gapHigh": verdict.gap_high,
            }
            facts |= {"concept": verdict.concept, "conceptKind": verdict.concept_kind, **figures}
    shown = {name: plain(value, _NAME_LIMIT) if isinstance(value, str) else value for name, value in facts.items()}
    # JSON has no NaN: what was not measured, or is no number in a foreign audit, is left out.
    return {
        name: value
        for name, value in shown.items()
        if value is not None and not (isinstance(value, float) and not math.isfinite(value))
    }


def _properties(run: Run) -> dict[str, Any]:
    names = ("run_id", "created_at", "model_spec", "model_digest", "data_digest", "encoder_spec", "encoder_digest")
    return {name: plain(str(getattr(run, name)), _TEXT_LIMIT) for name in names}


def _text(text: str) -> str:
    """One line in which no name is a placeholder ("{0}") or a link ("[words](address)") of SARIF."""
    shown = plain(text, _TEXT_LIMIT).replace("](", "] (")
    return re.sub(r"\{(\d+)\}", r"{{\1}}", shown)
