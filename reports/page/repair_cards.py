"""Repairs before and after, for the HTML page and the dashboard: bars of subgroups, and pictures of what changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from auditor.repair_records import LOST_SHOWN, MENDED_SHOWN, ChangedPicture, KeptRepair, RepairFigure
from auditor.rules import DELTA
from auditor.store.queries import audit as queries
from auditor.store.queries.audit import Connection
from auditor.store.queries.pictures import maps_of_repair, thumbnails_and_paths
from auditor.store.queries.repairs import changed_pictures, repair_figures, repairs
from reports.page.pictures import PictureBudget
from reports.page.records import Drawn
from reports.written.repair_words import change_of, cost_line, figure_label, how, name_of, what_was_asked, which_model

#: Repairs that are shown, the newest first, and subgroups of each; the tables have all.
_REPAIRS, _SUBGROUPS = 3, 12


@dataclass(frozen=True, slots=True)
class ChangedTile:
    """A picture with what it was called and is called now, by heads that did not see it.

    ``drawn`` is it alone, or under the map of its own class before and after the repair, each with its words.
    """

    drawn: tuple[tuple[Drawn, str], ...]
    before: str
    after: str
    mended: bool


@dataclass(frozen=True, slots=True)
class SubgroupBars:
    """Accuracy of a subgroup before and after; ``n_mended`` and ``n_lost`` of its pictures, some of them shown."""

    label: str
    before: float
    after: float
    change: str
    n: int
    n_mended: int
    n_lost: int
    tiles: tuple[ChangedTile, ...]


@dataclass(frozen=True, slots=True)
class RepairPart:
    """A repair as a page shows it."""

    asked: str
    how: str
    which: str
    cost: str
    kept: KeptRepair
    overall: tuple[SubgroupBars, ...]
    subgroups: tuple[SubgroupBars, ...]
    n_more: int

    @property
    def has_maps(self) -> bool:
        """Whether any picture is shown under its maps."""
        return any(len(tile.drawn) > 1 for one in self.subgroups for tile in one.tiles)


def repair_parts(connection: Connection, budget: PictureBudget) -> tuple[tuple[RepairPart, ...], int]:
    """The repairs that are shown, and how many more there are.

    Args:
        connection: An open audit.
        budget: What the pictures may take.
    """
    found = repairs(connection)
    model = queries.run(connection).model_digest if found else ""
    return tuple(_part(connection, kept, model, budget) for kept in found[:_REPAIRS]), max(len(found) - _REPAIRS, 0)


def _part(connection: Connection, kept: KeptRepair, model_digest: str, budget: PictureBudget) -> RepairPart:
    figures = repair_figures(connection, kept.repair_id)
    # what a repair is for comes first
    split = sorted((one for one in figures if one.name == "subgroup"), key=lambda one: one.before)
    overall = [one for one in figures if one.name in ("worst", "balanced")]
    pulls = [one for one in figures if one.name == "pull" and one.before >= DELTA]
    return RepairPart(
        asked=what_was_asked(kept),
        how=how(kept),
        which=which_model(kept, model_digest),
        cost=cost_line(figures),
        kept=kept,
        overall=(*(_bars(one, (), 0, 0) for one in overall), *(_pull(one) for one in pulls)),
        subgroups=tuple(_subgroup(connection, kept, one, budget) for one in split[:_SUBGROUPS]),
        n_more=max(len(split) - _SUBGROUPS, 0),
    )


def _subgroup(connection: Connection, kept: KeptRepair, figure: RepairFigure, budget: PictureBudget) -> SubgroupBars:
    class_name, concept = figure.class_name or "", figure.concept or ""
    changed = changed_pictures(connection, kept.repair_id, class_name, concept, present=bool(figure.present))
    mended = [one for one in changed if one.called_after == class_name]
    lost = [one for one in changed if one.called_before == class_name]
    return _bars(
        figure, _tiles(connection, kept, [*mended[:MENDED_SHOWN], *lost[:LOST_SHOWN]], budget), len(mended), len(lost)
    )


def _pull(figure: RepairFigure) -> SubgroupBars:
    """How many more pictures of other classes are called the class with the concept: it costs the class nothing."""
    concept = name_of(figure.concept or "")
    label = f"more others called {name_of(figure.class_name or '')} with {concept} than without (fewer is better)"
    return replace(_bars(figure, (), 0, 0), label=label)


def _bars(figure: RepairFigure, tiles: tuple[ChangedTile, ...], n_mended: int, n_lost: int) -> SubgroupBars:
    label = figure_label(figure)
    return SubgroupBars(label, figure.before, figure.after, change_of(figure), figure.n, n_mended, n_lost, tiles)


def _tiles(
    connection: Connection, kept: KeptRepair, shown: Sequence[ChangedPicture], budget: PictureBudget
) -> tuple[ChangedTile, ...]:
    ids = [one.image_id for one in shown]
    jpegs, maps = thumbnails_and_paths(connection, ids), maps_of_repair(connection, kept.repair_id, ids)
    tiles = []
    for one in shown:
        path, jpeg = jpegs.get(one.image_id, ("", None))
        if jpeg is None:
            continue
        before, after = name_of(one.called_before), name_of(one.called_after)
        name, what = name_of(path), name_of(one.class_name)
        pair = [
            (budget.mapped(jpeg, saliency), f"{name}, called {called}: where what speaks for {what} lies {when}")
            for saliency, called, when in zip(
                maps.get(one.image_id, ()), (before, after), ("before", "after"), strict=False
            )
        ]
        drawn = [(picture, alt) for picture, alt in pair if picture is not None]
        if len(drawn) < 2:
            plain = budget.small(jpeg)
            drawn = [] if plain is None else [(plain, f"{name}, called {before} before and {after} after")]
        if drawn:
            tiles.append(ChangedTile(tuple(drawn), before, after, one.called_after == one.class_name))
    return tuple(tiles)
