"""What goes with each class of an audit without a model, for the reports that are written."""

from __future__ import annotations

from dataclasses import dataclass

from auditor.figures import UNKNOWN, rate
from auditor.records import Verdict
from auditor.store.queries import audit as queries
from auditor.store.queries.concept_holders import concept_holders

#: In place of verdicts, and of a count of them.
NOTHING_JUDGED = "No model was examined: what goes with a class need not be used."
HEADER = ("Class", "Goes with it most", "In the class", "In the others")


@dataclass(frozen=True, slots=True)
class DataRow:
    """A class, and how many of its and of the other classes' pictures show the concept that goes with it most."""

    verdict: Verdict
    own: str
    others: str


def data_rows(connection: queries.Connection) -> list[DataRow]:
    """Every class, in the order of the verdicts."""
    holders = concept_holders(connection)
    return [
        DataRow(verdict, *(_shares(*holders[verdict.class_idx]) if verdict.concept is not None else (UNKNOWN, UNKNOWN)))
        for verdict in queries.verdicts(connection)
    ]


def _shares(own: int, n_own: int, others: int, n_others: int) -> tuple[str, str]:
    return _share(own, n_own), _share(others, n_others)


def _share(n_with: int, n: int) -> str:
    return rate(n_with / n, n) if n else UNKNOWN
