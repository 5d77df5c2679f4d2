"""What an encoder sees in a data set, as a page of its own: each word with pictures that show it, and that do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from auditor.evidence.verdicts.fit_sentences import fit_notices
from auditor.records import FloatArray, IntArray
from auditor.rules import PRESENT
from reports.page.pictures import PictureBudget, Sizes
from reports.page.records import Drawn
from reports.page.templates import assets, environment

if TYPE_CHECKING:
    from auditor.encoder_check import EncoderCheck

#: Pictures of each sort that are shown of a word, and the bytes that all pictures of the page may take.
_SHOWN, _BYTES = 4, 12_000_000
_SIZES = Sizes(small=72)


@dataclass(frozen=True, slots=True)
class WordStrip:
    """One word: which class it tells best and how well, and its pictures with their paths, the surest first."""

    term: str
    kind: str
    class_name: str
    auc: float
    kappa: float | None
    n_present: int
    zones: tuple[tuple[str, tuple[tuple[Drawn, str], ...]], ...]


def encoder_page(check: EncoderCheck) -> str:
    """The page: first what the encoder's words are worth here, then the words, those that tell a class best first."""
    css, _, _ = assets()
    budget = PictureBudget(_BYTES, _SIZES)
    strips = list(_strips(check, budget))
    return (
        environment()
        .get_template("encoder.html.j2")
        .render(
            css=css,
            encoder=check.encoder,
            n_pictures=len(check.paths),
            notices=fit_notices(check.fit, check.class_names),
            strips=strips,
            n_left_out=budget.n_left_out,
        )
    )


def _strips(check: EncoderCheck, budget: PictureBudget) -> Iterator[WordStrip]:
    far = np.nan_to_num(np.abs(check.auc - 0.5))
    for v in np.argsort(-far.max(axis=0), kind="stable"):
        c = int(far[:, v].argmax())
        presence, kappa = check.presence[:, v], float(check.kappa[v])
        yield WordStrip(
            term=check.concepts[v].term,
            kind=check.concepts[v].kind,
            class_name=check.class_names[c],
            auc=float(check.auc[c, v]),
            kappa=None if np.isnan(kappa) else kappa,
            n_present=int((presence > PRESENT).sum()),
            zones=tuple(
                (title, tuple(_drawn(check, rows, budget)))
                for title, rows in zip(("surely", "barely", "barely not"), _zones(presence), strict=True)
            ),
        )


def _zones(presence: FloatArray) -> tuple[IntArray, IntArray, IntArray]:
    """Rows that surely show a word, that barely do, and that barely do not; each once."""
    order = np.argsort(-np.where(np.isfinite(presence), presence, -1), kind="stable")
    there = order[presence[order] > PRESENT]
    lacking = order[presence[order] <= PRESENT]
    surely = there[:_SHOWN]
    return surely, there[_SHOWN:][-_SHOWN:][::-1], lacking[:_SHOWN]


def _drawn(check: EncoderCheck, rows: IntArray, budget: PictureBudget) -> Iterator[tuple[Drawn, str]]:
    for row in rows:
        jpeg = check.thumbnails[row]
        drawn = None if jpeg is None else budget.small(jpeg)
        if drawn is not None:
            yield drawn, check.paths[row]
