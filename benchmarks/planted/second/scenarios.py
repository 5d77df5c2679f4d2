"""What a model of the second edition and its audit are made of: classes, plants, and what is wrong with the data."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

from benchmarks.planted.drawing import ClassOf, Mixture
from benchmarks.planted.worlds import World

#: How the audited pictures are drawn: as the training pictures were; with the planted value in half of every class's
#: pictures; or with nothing planted, every value at its free rate.
AuditKind = Literal["as training", "balanced", "independent"]
Value = tuple[str, str]  # (factor, value)

#: All pictures of this edition; the object is the class itself.
WORLD = World(
    "features",
    (
        ("object", ("duck",)),
        ("background", ("water", "forest", "sand", "snow", "grass", "city")),
        ("artifact", ("none", "watermark", "ruler", "sticker")),
        ("light", ("day", "bright", "dim")),
        ("cast", ("none",)),
        ("quality", ("sharp",)),
        ("surface", ("none",)),
    ),
)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the manifest that follows a value: in its pictures it has one level, elsewhere any of the others.

    ``levels`` is None for a number, which is larger where the value is; ``missing`` is the share of empty cells.
    """

    name: str
    tells: Value
    levels: int | None
    missing: float = 0.0


@dataclass(frozen=True, slots=True)
class FeatureScenario:
    """One model and its audit.

    Attributes:
        family: What this edition varies, for the tables.
        control: None where something is planted, else the name of the control.
        audit_kind: How the audit's pictures are drawn.
        correlation: Of planted values with their class in training.
        n_classes: C.
        per_class: Pictures of the audit of the largest class.
        smallest: Pictures of the audit of the smallest class; sizes between are geometric.
        train: How training pictures are drawn.
        audit: How the audit's are.
        class_strength: How plainly the features show the class; context has 1.6.
        synonyms: Whether the vocabulary has words that nearly mean what is planted, and 200 concepts in all.
        unnamed: Values that the vocabulary has no word for.
        unseen: Values that the encoder does not see.
        together: Two values that the features show only where both are.
        label_noise: Share of labels, in training and audit, drawn from the other classes.
        group_size: Pictures of a patient, who has one context and half of its noise in common.
        copied: Share of the audit's pictures that are copies of others of their class, half of them exact.
        columns: Of the manifest.
        misled: (class, scene): the encoder sees the scene in the more typical half of the class's pictures.
        seed: Of everything that is left to chance.
    """

    family: str
    control: str | None
    audit_kind: AuditKind
    correlation: float
    n_classes: int
    per_class: int
    smallest: int
    train: Mixture
    audit: Mixture
    class_strength: float
    synonyms: bool = False
    unnamed: tuple[Value, ...] = ()
    unseen: tuple[Value, ...] = ()
    together: tuple[Value, Value] | None = None
    label_noise: float = 0.0
    group_size: int = 1
    copied: float = 0.0
    columns: tuple[Column, ...] = ()
    misled: tuple[tuple[int, str], ...] = ()
    seed: int = 0

    @property
    def classes(self) -> tuple[ClassOf, ...]:
        """In the order of the outputs; their names mean nothing to any vocabulary."""
        return tuple(ClassOf(f"kind {c:03d}", ("duck",)) for c in range(self.n_classes))

    def digest(self) -> str:
        """Names model and audit."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()[:16]

    def as_dict(self) -> dict[str, Any]:
        """For tables."""
        return {
            "sort": self.family,
            "control": self.control,
            "correlation": self.correlation,
            "seed": self.seed,
            "architecture": "features",
            "tier": 2,
            "encoder": "own",
            "family": self.family,
            "audit": self.audit_kind,
            "per_class": self.per_class,
            "n_classes": self.n_classes,
            "classes": [one.name for one in self.classes],
            "planted": [[one.class_idx, one.factor, one.value] for one in self.train.plants if one.rate > 0],
        }
