"""Pictures as a table in CSV: where each lies, what it is and is called, and how much of the concept is in it."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from auditor.store.queries.picture_lists import GridPicture
from reports.display import without_formula

COLUMNS = ("path", "label", "called", "confidence", "presence", "share")


def picture_csv(pictures: Sequence[GridPicture]) -> str:
    """The pictures in their order; it ends without a newline.

    Nothing measured is an empty cell, and text that a spreadsheet would take for a formula gets an apostrophe in front.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for one in pictures:
        text = (one.path, one.label_name, one.predicted_name)
        numbers = (one.confidence, one.presence, one.share)
        writer.writerow([*(without_formula(cell) for cell in text), *numbers])
    return stream.getvalue().rstrip("\n")
