"""What stops a release: ``policy.toml``. Without one, a flagged class does, and a class that was not analysed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, Strict
from pydantic_core import PydanticCustomError

from auditor.gate.toml_model import parse_model, read_text
from auditor.records import CONTEXT_KINDS
from auditor.wording import quote_path

FailOn = Literal["flagged", "suspect", "harmed", "not_shown"]
MinSeverity = Literal["low", "medium", "high"]
SEVERITIES: tuple[MinSeverity, ...] = get_args(MinSeverity)

_FRACTION = "a fraction from 0 to 1 (20 points are 0.2)"


def _context_kind(kind: str) -> str:
    if kind not in CONTEXT_KINDS:
        raise PydanticCustomError(
            "literal_error", "unknown kind", {"expected": ", ".join(f"'{known}'" for known in CONTEXT_KINDS)}
        )
    return kind


Verdicts = Annotated[tuple[FailOn, ...], Strict(False)]
Patterns = Annotated[tuple[str, ...], Strict(False)]
Kinds = Annotated[tuple[Annotated[str, AfterValidator(_context_kind)], ...], Strict(False), Field(min_length=1)]
Fraction = Annotated[float | None, Field(ge=0, le=1)]

_FAIL_ON = 'a list of "flagged", "suspect", "harmed" and "not_shown"'
_MIN_SEVERITY = '"low", "medium" or "high"'
_PATTERNS = 'a list of class names or patterns like "tumour-*"'
_COUNT = "a whole number, at least 0"


def _allow_core(value: object) -> bool | tuple[str, ...]:
    if isinstance(value, bool):
        return value
    if isinstance(value, list | tuple) and all(isinstance(pattern, str) for pattern in value):
        return tuple(value)
    raise PydanticCustomError("allow_core", "neither a truth value nor a list of patterns")


#: Checked in one piece: of a union a mistake would be told once for each member.
AllowCore = Annotated[bool | tuple[str, ...], PlainValidator(_allow_core)]


class Rule(BaseModel):
    """An exception: where class and kind match, what is given here replaces what the policy says above it."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    classes: Patterns = Field(default=("*",), min_length=1, description=_PATTERNS)
    kinds: Kinds | None = Field(default=None, description=f"a list of {', '.join(CONTEXT_KINDS)}")
    fail_on: Verdicts | None = Field(default=None, description=_FAIL_ON)
    min_severity: MinSeverity | None = Field(default=None, description=_MIN_SEVERITY)
    max_share: Fraction = Field(default=None, description=_FRACTION)
    max_gap: Fraction = Field(default=None, description=_FRACTION)
    max_growth: Fraction = Field(default=None, description=_FRACTION)
    max_detectable_effect: Fraction = Field(default=None, description=_FRACTION)


@dataclass(frozen=True, slots=True)
class Limits:
    """What holds for one class and kind of concept once the rules are applied; None is "no limit"."""

    fail_on: tuple[FailOn, ...]
    min_severity: MinSeverity
    max_share: float | None
    max_gap: float | None
    max_growth: float | None
    max_detectable_effect: float | None = None


class Policy(BaseModel):
    """The keys of ``policy.toml`` and their defaults. Limits are fractions and are broken only beyond the noise."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    fail_on: Verdicts = Field(default=("flagged",), description=_FAIL_ON)
    min_severity: MinSeverity = Field(default="low", description=_MIN_SEVERITY)
    min_images: Annotated[int, Field(ge=0)] = Field(default=0, description=_COUNT)
    may_skip: Patterns = Field(default=(), description=_PATTERNS)
    max_share: Fraction = Field(default=None, description=_FRACTION)
    max_gap: Fraction = Field(default=None, description=_FRACTION)
    max_growth: Fraction = Field(default=None, description=_FRACTION)
    max_detectable_effect: Fraction = Field(default=None, description=_FRACTION)
    allow_core: AllowCore = Field(default=True, description=f"true, false, or {_PATTERNS}")
    rule: Annotated[tuple[Rule, ...], Strict(False)] = Field(default=(), description="tables [[rule]]")

    def limits(self, class_name: str, kind: str) -> Limits:
        """What holds for a class and a kind of concept: each key by the last rule that matches and gives it."""
        names = [field.name for field in fields(Limits)]
        found = {name: getattr(self, name) for name in names}
        for rule in self.rule:
            if matches(class_name, rule.classes) and (rule.kinds is None or kind in rule.kinds):
                found |= {name: getattr(rule, name) for name in names if getattr(rule, name) is not None}
        return Limits(**found)

    @property
    def fails_on_suspects(self) -> bool:
        """Whether any class is to fail where it is suspect."""
        return any("suspect" in (fail_on or ()) for fail_on in (self.fail_on, *(rule.fail_on for rule in self.rule)))

    @property
    def limits_shares(self) -> bool:
        """Whether any class has a limit on its share of the words."""
        return any(limit is not None for limit in (self.max_share, *(rule.max_share for rule in self.rule)))

    @property
    def limits_growth(self) -> bool:
        """Whether any class has a limit on how much its findings may grow."""
        return any(limit is not None for limit in (self.max_growth, *(rule.max_growth for rule in self.rule)))

    def skips(self, class_name: str) -> bool:
        """Whether the class need not be analysed."""
        return matches(class_name, self.may_skip)

    def allows_core(self, class_name: str) -> bool:
        """Whether the settings of the audit may say what the class may rest on."""
        return self.allow_core if isinstance(self.allow_core, bool) else matches(class_name, self.allow_core)

    def idle_patterns(self, class_names: Iterable[str]) -> list[str]:
        """Patterns that match none of the classes: a misspelt one would not do what it was written for, unnoticed."""
        names = list(class_names)
        core = () if isinstance(self.allow_core, bool) else self.allow_core
        patterns = [*self.may_skip, *core, *(pattern for rule in self.rule for pattern in rule.classes)]
        return [pattern for pattern in patterns if not any(matches(name, (pattern,)) for name in names)]


def load_policy(path: Path | None) -> Policy:
    """Read ``policy.toml``; None gives the default policy.

    Raises:
        InputError: the file cannot be read, or holds an unknown key or a wrong value.
    """
    if path is None:
        return Policy()
    text = read_text(path, what="policy")
    return parse_model(text, Policy, name=f"policy {quote_path(path)}", entries="rule")


def matches(class_name: str, patterns: Iterable[str]) -> bool:
    """Whether a class is named by its name or by a pattern with ``*``, ``?`` or ``[…]``."""
    return any(class_name == pattern or fnmatchcase(class_name, pattern) for pattern in patterns)
