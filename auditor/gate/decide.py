"""Whether a release passes: audit, policy and baseline in, items and exit code out; pure.

What the gate keys on, and why 2 goes before 1, is in docs/decisions/0007-gate.md.
"""

from __future__ import annotations

import datetime
from collections import Counter
from collections.abc import Collection, Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from auditor.figures import beyond, counted, decimals_of, hundredths, points
from auditor.gate.accepted_kin import accepted_kin, found_as
from auditor.gate.baseline import Baseline, Entry
from auditor.gate.core_items import core_items
from auditor.gate.decision import AUDIT_A_MODEL, WARN_DAYS, GateDecision, GateItem, ItemState, Level
from auditor.gate.policy import Limits, Policy
from auditor.gate.policy_hits import PolicyHit, ReleaseEvidence, by_verdict, policy_hits, without_twins
from auditor.gate.releases import Pair
from auditor.records import Severity, Verdict, VerdictName
from auditor.wording import quote

ExitCode = Literal[0, 1, 2]

_SENTENCE_LIMIT = 400
_CODES: dict[ItemState, ExitCode] = {
    "new": 1,
    "expired": 1,
    "grown": 1,
    "core_refused": 1,
    "core_expired": 1,
    "too_weak": 1,
    "not_analysed": 2,
}
_OUTCOMES: dict[ExitCode, str] = {0: "passes", 1: "fails", 2: "undecided"}
_SUMMARY_WORDS: dict[ItemState, str] = {
    "new": "new",
    "expired": "expired",
    "grown": "grown",
    "core_refused": "core refused",
    "core_expired": "core expired",
    "too_weak": "too weak",
    "not_analysed": "not analysed",
    "core": "allowed as core",
    "not_shown": "not shown",
    "accepted": "accepted",
    "stale": "stale in the baseline",
    "tolerated": "tolerated by the policy",
    "skipped": "skipped",
}
_NEXT: dict[VerdictName, str] = {
    "flagged": "mend the model",
    "suspect": "settle it with the pictures that are missing",
    "harmed": "mend the model",
    "not_shown": "mend the model",  # it breaks a limit, as below
    "clean": "mend the model",  # it breaks a limit
}
_UNMATCHED = "nothing matches it any more"
_STATES: tuple[ItemState, ...] = tuple(_SUMMARY_WORDS)
_LEVELS: tuple[Level, ...] = get_args(Level)
_SEVERITIES: tuple[Severity, ...] = get_args(Severity)


@dataclass(frozen=True, slots=True)
class Growth:
    """How much a finding grew since the previous release, with its interval."""

    difference: float
    low: float
    high: float


def exit_code(states: Iterable[ItemState], *, empty: bool, strict: bool) -> ExitCode:
    """The exit code that items of these states make.

    Args:
        states: of all items, in any order.
        empty: whether nothing was judged: no pictures, no classes, or all of them skipped.
        strict: whether a stale entry of the baseline fails.
    """
    codes = {**_CODES, "stale": 1} if strict else _CODES
    return 2 if empty else max((codes.get(state, 0) for state in states), default=0)


def decide(
    evidence: ReleaseEvidence,
    policy: Policy,
    baseline: Baseline,
    *,
    today: datetime.date,
    strict: bool = False,
    growth: Mapping[str, Growth] | None = None,
    unmeasured: Mapping[str, str] | None = None,
    against: str | None = None,
    known_core: Collection[Pair] | None = None,
    policy_path: str | None = None,
    baseline_path: str | None = None,
) -> GateDecision:
    """Decide on one audit.

    Args:
        evidence: what was found.
        policy: what stops a release.
        baseline: what was accepted.
        today: the day that entries are held against.
        strict: whether a stale entry of the baseline fails, and a class whose pictures could not have shown anything.
        growth: how findings grew since the previous release, by fingerprint.
        unmeasured: why it is not known of others whether they grew, by fingerprint.
        against: which release that was, and what changed since, for the summary.
        known_core: what the settings of the previous release's audit allowed; None without one.
        policy_path: for the reader.
        baseline_path: for the reader.
    """
    entries = {entry.fingerprint: entry for entry in baseline.accepted}
    judge = _Judge(
        policy, entries, today, growth or {}, unmeasured or {}, evidence.data_alone, strict, evidence.family_of
    )
    items: list[GateItem] = []
    matched: set[str | None] = set()
    n_judged = 0
    for verdict, hits in policy_hits(evidence, policy):
        matched |= {hit.fingerprint for hit in hits}  # of those as well that are told with another
        grown = {hit.concept_id for hit in hits if judge.grown(hit)}
        of_class = judge.of_class(verdict, without_twins(hits, {**evidence.family_of, **evidence.same_as}, grown))
        n_judged += not any(item.state in ("not_analysed", "skipped") for item in of_class)
        items += of_class
    items += judge.stale(items, matched, strict=strict)
    items += core_items(evidence, policy, today=today, known=known_core)
    items.sort(key=_worst_first)
    empty = not evidence.n_images or not evidence.verdicts
    code = exit_code((item.state for item in items), empty=empty or not n_judged, strict=strict)
    summary = _summary(code, items, len(evidence.verdicts), n_judged, empty) + (f"; {against}" if against else "")
    return GateDecision(code, summary, tuple(items), policy_path, baseline_path)


def _worst_first(item: GateItem) -> tuple[int, int, int]:
    return _LEVELS.index(item.level), _STATES.index(item.state), _SEVERITIES.index(item.severity)


def _summary(code: ExitCode, items: Sequence[GateItem], n_classes: int, n_judged: int, empty: bool) -> str:
    if empty:
        return f"{_OUTCOMES[2]}: the audit holds no pictures or no classes"
    counts = Counter(item.state for item in items)
    said = [f"{counts[state]:,} {words}" for state, words in _SUMMARY_WORDS.items() if counts[state]]
    said += [] if n_judged else ["no class was judged"]
    classes = counted(n_classes, "class", "classes")
    # what fails is said to fail, also where other classes could not be judged, which is the exit code's to say
    code = 1 if any(item.level == "error" and _CODES.get(item.state) == 1 for item in items) else code
    return f"{_OUTCOMES[code]}: {', '.join(said) or 'nothing found'} ({classes})"


@dataclass(frozen=True, slots=True)
class _Judge:
    """What turns hits into items."""

    policy: Policy
    entries: Mapping[str, Entry]
    today: datetime.date
    growth: Mapping[str, Growth]
    unmeasured: Mapping[str, str]
    data_alone: bool
    strict: bool
    family_of: Mapping[str, str]

    def of_class(self, verdict: Verdict, hits: Sequence[PolicyHit]) -> list[GateItem]:
        """The items of one class; a class without a verdict, or on too few pictures to pass by it, is an item too."""
        if verdict.verdict == "not_analysed":
            step = AUDIT_A_MODEL if self.data_alone else "add pictures, or name the class in may_skip"
            return [self._unanalysed(verdict, verdict.sentence, step)]
        limits, items = self.policy.limits(verdict.class_name, ""), []
        weak = self._weak(verdict, limits)
        if weak is not None:
            items.append(weak)
        elif verdict.concept_id is None and by_verdict(verdict, limits)[0]:
            why = f"{verdict.verdict}, but the audit names no concept that could be judged or accepted"
            items.append(self._unanalysed(verdict, why, "audit again", may_skip=False))
        shown = verdict.verdict == "flagged" and any(hit.broken for hit in hits)
        if shown or verdict.n_images >= self.policy.min_images:  # what is shown stays shown
            return [*items, *(self._item(hit) for hit in hits)]
        said = verdict.verdict.replace("_", " ")
        few = f"{said} on {verdict.n_images:,} pictures only, min_images {self.policy.min_images:,}"
        if not items or weak is not None:
            items = [self._unanalysed(verdict, few, "add pictures, or name the class in may_skip")]
        return [*items, *(self._item(hit) for hit in hits if hit.broken or self.grown(hit))]

    def _weak(self, verdict: Verdict, limits: Limits) -> GateItem | None:
        """The item of a class where nothing was shown on pictures that could not have shown it; None of others."""
        limit, effect = limits.max_detectable_effect, verdict.detectable_effect
        told, refused = [], False
        if verdict.verdict not in ("clean", "not_shown"):
            return None
        if verdict.verdict == "not_shown":
            told.append(_one_line(verdict.claim or verdict.sentence))
            refused = self.strict or "not_shown" in limits.fail_on
        if limit is not None and (effect is None or effect > limit):
            decimals = decimals_of(limit) or int(hundredths(effect) == hundredths(limit))
            smallest = f"the smallest gap that would have been shown is {points(effect, decimals=decimals)}"
            told.append(f"{smallest}, max_detectable_effect {points(limit, decimals=decimals)}")
            refused = True
        if not told:
            return None
        skipped = self.policy.skips(verdict.class_name)
        state: tuple[ItemState, Level] = ("too_weak", "error") if refused else ("not_shown", "warning")
        # more pictures are no help where the verdict itself advises something else
        advice = _one_line(verdict.advice).removesuffix(".")
        step = f"{advice[:1].lower()}{advice[1:]}; or name" if advice else "add pictures, or name"
        return _on_class(verdict, *state, "; ".join(told), f"{step} the class in may_skip", skipped)

    def _unanalysed(self, verdict: Verdict, why: str, next_step: str, *, may_skip: bool = True) -> GateItem:
        skipped = may_skip and self.policy.skips(verdict.class_name)
        return _on_class(verdict, "not_analysed", "error", _one_line(why), next_step, skipped)

    def _item(self, hit: PolicyHit) -> GateItem:
        state, level, reason = self._state(hit)
        return GateItem(
            class_name=hit.verdict.class_name,
            concept_id=hit.concept_id,
            concept=hit.concept,
            concept_kind=hit.concept_kind,
            verdict=hit.verdict.verdict,
            # the class's own, which says nothing of what is proven besides its leading concept
            severity=hit.verdict.severity if hit.concept_id == hit.verdict.concept_id else "none",
            fingerprint=hit.fingerprint,
            state=state,
            level=level,
            reason=reason,
            rule_id=hit.rule_id,
        )

    def _state(self, hit: PolicyHit) -> tuple[ItemState, Level, str]:
        said, entry = "; ".join(hit.broken.values()), self.entries.get(hit.fingerprint)
        if hit.broken:
            if entry is None:
                said = "; ".join(
                    [said, *accepted_kin(self.entries, self.family_of, hit.verdict.class_name, hit.concept_id)]
                )
                return "new", "error", f"{said}: {_NEXT[hit.verdict.verdict]}, or accept it with --update-baseline"
            if not entry.names(hit.verdict.class_name, hit.concept):
                theirs = f"{quote(entry.class_name)}, {quote(entry.concept)}"
                return "new", "error", f"{said}: the baseline has its fingerprint under other names ({theirs}); mend it"
            if not entry.covers(hit.verdict.verdict):
                return "new", "error", f"{said}: was {entry.judged} as {entry.verdict} only, {_by(entry)}"
            if entry.expired(self.today):
                return "expired", "error", f"{said}: was {entry.judged} {_by(entry)}; mend it, or renew the entry"
        grown = self.grown(hit)
        if grown:
            said = "; ".join(filter(None, (said, grown)))
            return "grown", "error", f"{said}: mend the model, or give it a [[rule]] of its own in the policy"
        unmeasured = self._unmeasured(hit)
        if not hit.broken or entry is None:
            said = "; ".join(filter(None, (*hit.passed, unmeasured)))
            return "tolerated", "warning" if unmeasured else "note", said
        warns = unmeasured or (entry.expires - self.today).days <= WARN_DAYS
        marked = "" if entry.state == "accepted" else f"{entry.judged} "
        said = "; ".join(filter(None, (said, unmeasured, f"{marked}{_by(entry)}")))
        return "accepted", "warning" if warns else "note", said

    def grown(self, hit: PolicyHit) -> str | None:
        """How much it surely grew by more than the policy allows, None where it did not."""
        growth, limit = self.growth.get(hit.fingerprint), self._max_growth(hit)
        if growth is None or limit is None or not growth.low > limit:
            return None
        grown = beyond(growth.difference, growth.low, growth.high, limit, "max_growth")
        return f"grown since the previous release by {grown}"

    def _unmeasured(self, hit: PolicyHit) -> str | None:
        why = self.unmeasured.get(hit.fingerprint)
        if why is None or self._max_growth(hit) is None:
            return None
        return f"max_growth not tried: {_one_line(why)}"

    def _max_growth(self, hit: PolicyHit) -> float | None:
        return self.policy.limits(hit.verdict.class_name, hit.concept_kind).max_growth

    def stale(self, items: Sequence[GateItem], matched: Container[str | None], *, strict: bool) -> list[GateItem]:
        """Entries that nothing matches; what was not analysed this time cannot show that an entry is needed no more."""
        unknown = {item.class_name for item in items if item.concept_id is None}
        found = found_as(items, self.family_of)
        return [
            GateItem(
                class_name=entry.class_name,
                concept_id=None,
                concept=entry.concept,
                concept_kind=None,
                verdict=None,
                severity="none",
                fingerprint=entry.fingerprint,
                state="stale",
                level="error" if strict else "warning",
                reason=f"{found.get(entry.fingerprint, _UNMATCHED)}: delete the entry, {entry.judged} {_by(entry)}",
            )
            for entry in self.entries.values()
            if entry.fingerprint not in matched and entry.class_name not in unknown
        ]


def _on_class(verdict: Verdict, state: ItemState, level: Level, reason: str, next_step: str, skipped: bool) -> GateItem:
    """An item on a class and no concept; of one that the policy skips a note."""
    return GateItem(
        class_name=verdict.class_name,
        concept_id=None,
        concept=None,
        concept_kind=None,
        verdict=verdict.verdict,
        severity="none",
        fingerprint=None,
        state="skipped" if skipped else state,
        level="note" if skipped else level,
        reason=reason if skipped else f"{reason}; {next_step}",
    )


def _by(entry: Entry) -> str:
    return f"by {quote(entry.who)} until {entry.expires.isoformat()} ({quote(entry.reason, 200)})"


def _one_line(text: str) -> str:
    """A sentence of the audit, whose file may come from anybody, as the middle of a line."""
    line = "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
    return line.rstrip(".") if len(line) <= _SENTENCE_LIMIT else line[:_SENTENCE_LIMIT] + "…"
