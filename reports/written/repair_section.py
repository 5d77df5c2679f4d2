"""The newest repair in a model card: what it is for, each subgroup before and after, and what it cost."""

from __future__ import annotations

from collections.abc import Iterator

from auditor.figures import counted
from auditor.store.queries import audit as queries
from auditor.store.queries.repairs import repair_figures, repairs
from reports.written.markdown import escape
from reports.written.repair_words import cost_line, figure_row, how, what_was_asked, which_model

_SHOWN = ("balanced", "worst", "subgroup")
_LIMIT = 1_000


def repair_section(connection: queries.Connection) -> Iterator[str]:
    """Lines of Markdown; none where no repair was kept."""
    found = repairs(connection)
    if not found:
        return
    kept = found[0]
    figures = repair_figures(connection, kept.repair_id)
    yield "### Repair"
    yield ""
    yield f"{escape(what_was_asked(kept), _LIMIT)} ({escape(how(kept), _LIMIT)})."
    yield escape(which_model(kept, queries.run(connection).model_digest), _LIMIT)
    yield f"Measured on {counted(kept.n_images, 'picture')}, each by a head that did not see it:"
    yield ""
    yield "| | before | after | change | n |"
    yield "|---|---|---|---|---|"
    for figure in figures:
        if figure.name in _SHOWN:
            label, *cells = figure_row(figure)
            yield f"| {escape(label, _LIMIT)} | {' | '.join(cells)} |"
    yield ""
    yield escape(cost_line(figures), _LIMIT)
    yield ""
    if len(found) > 1:
        yield f"{counted(len(found) - 1, 'older repair')}: table `repairs` of the audit."
        yield ""
