"""Is the first word that ``auditor explain`` gives for a picture true of it? Judged by what the renderer drew.

    python -m benchmarks.explained_words --audit audits/demo/planted --output benchmarks/results/explained_words.json

Of a finished audit of bundled pictures all mistakes (or ``--pictures`` of them) and as many right calls, drawn by seed
0, are explained for the class that they are called. A word is true of a picture whose object, group, scene, mark,
light, cast or quality it names, by the manifest; the audit's encoder, by which ``explain`` says what a picture shows,
has no part in that.
"""

from __future__ import annotations

import argparse
import csv
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from auditor.evidence.effects.significance import clopper_pearson
from auditor.explain import explain_image
from auditor.rules import LITTLE_EVIDENCE
from auditor.store.open_audit import open_audit_database
from benchmarks.machine import write_result
from sample_data.captions import GROUP_OF, GROUP_WORDS, WORDS_OF_FACTOR

_CALLS = """
SELECT path, predicted_name, correct FROM predictions JOIN images USING (image_id)
WHERE correct IS NOT NULL ORDER BY path
"""


@dataclass(frozen=True, slots=True)
class Explained:
    """A picture's first word; ``said_shown``: it is told as one that the picture shows."""

    path: str
    called: str
    word: str | None
    said_shown: bool
    true: bool
    little: bool


def explained(audit: Path, path: str, called: str, drawn: dict[str, str]) -> Explained:
    """Ask for a picture's words."""
    found = explain_image(audit, path)
    first = found.words[0] if found.words else None
    word = None if first is None else first.concept.term
    true = word in terms(drawn)
    shown = first is not None and first.seen is not False
    return Explained(path, called, word, shown, true, found.maps.strength < LITTLE_EVIDENCE)


def terms(drawn: dict[str, str]) -> set[str]:
    """Every word that is true of a picture, by its row of the manifest."""
    found = {word for factor, _, words in WORDS_OF_FACTOR for word in words[drawn[_COLUMN.get(factor, factor)]]}
    return found | set(GROUP_WORDS.get(GROUP_OF.get(drawn["object"], ""), ()))


#: What the manifest calls a factor of the renderer, where it is another word.
_COLUMN = {"background": "scene"}


def drawn_pictures(audit: Path) -> dict[str, dict[str, str]]:
    """Rows of the audited manifest by path."""
    with open_audit_database(audit) as connection:
        ((data,),) = connection.execute("SELECT data_path FROM runs").fetchall()
    with Path(data).open(encoding="utf-8", newline="") as file:
        return {row["path"]: row for row in csv.DictReader(file)}


def measure(audit: Path, n_pictures: int | None) -> dict[str, list[Explained]]:
    """Mistakes and right calls."""
    drawn, rng = drawn_pictures(audit), np.random.default_rng(0)
    with open_audit_database(audit) as connection:
        calls = connection.execute(_CALLS).fetchall()
    mistakes = [(path, called) for path, called, correct in calls if not correct][:n_pictures]
    right = [(path, called) for path, called, correct in calls if correct]
    some = [right[i] for i in rng.permutation(len(right))[: len(mistakes)]]
    return {
        name: [explained(audit, path, called, drawn[path]) for path, called in asked]
        for name, asked in (("mistakes", mistakes), ("right calls", some))
    }


def row(name: str, found: list[Explained]) -> str:
    """A line of the table."""
    n_true = sum(one.true for one in found)
    low, high = clopper_pearson(n_true, len(found))
    n_shown = sum(one.said_shown for one in found)
    n_lie = sum(one.said_shown and not one.true for one in found)
    n_little = sum(one.little for one in found)
    told = f"{n_true} of {len(found)} ({low:.0%} to {high:.0%})"
    return f"| {name} | {told} | {n_lie} of {n_shown} | {n_little} |"


def main() -> None:
    """Measure, print a table, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--audit", type=Path, required=True)
    parser.add_argument("--pictures", type=int)
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    found = measure(given.audit, given.pictures)
    print("| | first word is true of it | told as shown, and not there | little speaks for the class |")
    print("|---|---|---|---|")
    for name, some in found.items():
        print(row(name, some))
    if given.output:
        write_result(given.output, {name: [asdict(one) for one in some] for name, some in found.items()}, reused={})


if __name__ == "__main__":
    main()
