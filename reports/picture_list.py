"""Pictures chosen from an audit as a file to go on with: a table (CSV), or paths alone for other programs."""

from __future__ import annotations

from collections.abc import Sequence

from auditor.errors import InputError
from auditor.store.queries.picture_lists import GridPicture
from auditor.wording import quote
from reports.formats import ExportFormat
from reports.picture_csv import picture_csv


def picture_list(pictures: Sequence[GridPicture], export_format: ExportFormat) -> str:
    """The pictures in their order; it ends without a newline.

    Paths are relative to the data, as the audit has them. In CSV nothing measured is an empty cell, and text that a
    spreadsheet would take for a formula gets an apostrophe in front.

    Raises:
        InputError: the format is none of lists, or a path holds a line break, which a list of paths cannot.
    """
    if export_format is ExportFormat.paths:
        for picture in pictures:
            if len(picture.path.splitlines()) > 1:
                raise InputError(
                    f"path {quote(picture.path)} holds a line break, which a list cannot: take --format csv"
                )
        return "\n".join(picture.path for picture in pictures)
    if export_format is not ExportFormat.csv:
        raise InputError(f"--format {export_format} with --pictures; expected csv or paths")
    return picture_csv(pictures)
