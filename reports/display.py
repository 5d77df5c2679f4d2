"""How names and verdicts read in every report: made harmless (`plain`, `inert`), short, and the same everywhere."""

from __future__ import annotations

from auditor.wording import inert as inert
from auditor.wording import plain as plain

#: A shape and a word for every verdict, so that none depends on colour.
VERDICT_SHAPES = {"flagged": "▲", "suspect": "◆", "clean": "●", "not_analysed": "○"}
#: Under every table of classes.
LEGEND = "Share: of the words for the class. Gap: how much more often pictures are called it with the concept."
VERDICT_WORDS = {"flagged": "flagged", "suspect": "suspect", "clean": "clean", "not_analysed": "not analysed"}
