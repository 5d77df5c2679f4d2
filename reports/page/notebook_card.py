"""What a notebook shows of an audit: the first screen of the HTML page in small, as a piece of somebody else's page."""

from __future__ import annotations

import importlib.resources

from markupsafe import Markup

from auditor.records import FOUND
from auditor.store.queries import audit as queries
from auditor.store.queries.audit import Connection
from reports.display import VERDICT_SHAPES, VERDICT_WORDS, told_counts
from reports.page.html_report import headline
from reports.page.pictures import PictureBudget, Sizes
from reports.page.sections import Extent, Sections, anchors
from reports.page.templates import environment

#: Worst classes that are shown, and what their pictures may take.
_WORST, _PICTURE_BYTES = 3, 120_000
_NOTICES = 3


def render_card(connection: Connection, *, where: str) -> str:
    """The card as HTML that loads nothing and holds no script; every name in it is escaped.

    Args:
        connection: an open audit.
        where: its folder, as text.
    """
    verdicts = queries.verdicts(connection)
    worst = [verdict for verdict in verdicts if verdict.verdict in FOUND][:_WORST]
    extent = Extent(1, 0, 0, 0, Sizes(128, 72, 68))
    sections = Sections(connection, worst, anchors(verdicts), extent, PictureBudget(_PICTURE_BYTES, extent.sizes))
    style = (importlib.resources.files("reports") / "templates" / "notebook.css").read_text(encoding="utf-8")
    run, counts = queries.run(connection), queries.verdict_counts(connection)
    return (
        environment()
        .get_template("notebook.html.j2")
        .render(
            css=Markup(style),  # noqa: S704 (a file of this package)
            run=run,
            where=where,
            n_pictures=queries.picture_count(connection),
            headline=headline(counts, no_model=run.data_alone),
            counts=told_counts(counts),
            cards=[sections.card(verdict) for verdict in worst],
            notices=run.notices[:_NOTICES],
            n_more=max(0, len(run.notices) - _NOTICES),
            shapes=VERDICT_SHAPES,
            words=VERDICT_WORDS,
        )
    )
