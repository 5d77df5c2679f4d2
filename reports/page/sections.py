"""The HTML page's section of one class: sentence, evidence, pictures with their maps, channel groups, what now."""

from __future__ import annotations

import functools
import hashlib
import re
import shlex
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from auditor.concept_records import ClassFit, FixedPlace, UnnamedLead
from auditor.figures import percent
from auditor.place_grid import SURROUNDINGS, Box, place_of
from auditor.records import PROPERTY_PREFIX, Finding, SaliencyMap, Verdict
from auditor.rules import fails_with, rule_of, shown_by_others
from auditor.store.manifest import DATABASE_NAME
from auditor.store.queries import audit as queries
from auditor.store.queries import pictures as picture_queries
from auditor.store.queries.audit import Connection
from auditor.store.queries.concept_holders import concept_holders
from auditor.store.queries.encoder_fit import unfit_classes
from auditor.store.queries.exposure import expected_losses
from auditor.store.queries.leads import leads
from auditor.store.queries.matrix import CalledOnSide, called_by_side
from auditor.store.queries.pictures import Side, SidePicture
from reports.display import exposed_sentence, plain
from reports.page import class_evidence
from reports.page.lead_strips import CUT_OUTS, PER_HALF, halves_strips, place_strips
from reports.page.pictures import PictureBudget, Sizes
from reports.page.records import (
    Card,
    CardPicture,
    Group,
    HalvesStrip,
    PlaceStrip,
    Section,
    Small,
    Strip,
    Tile,
    TileGroup,
    Zone,
)
from reports.page.verdict_sentence import NAME_LIMIT, sentence_parts
from reports.what_now import audit_folder, explain_command, what_now

#: Sections whose thumbnails are fetched together: one pass over the pictures' table each time, and few in memory.
_FETCHED_TOGETHER = 10
#: Lines of a section's tables; the SQL beside them gives all.
_MOST_LINES = 24


class Sections:
    """Makes the sections of some classes, one by one in their order; a few sections' thumbnails are in memory.

    Args:
        connection: an open audit.
        shown: classes that get a section, worst first.
        anchors: by class, see `anchors`.
        extent: how much each shows.
        budget: what their pictures may take.
    """

    def __init__(
        self,
        connection: Connection,
        shown: Sequence[Verdict],
        anchors: dict[int, str],
        extent: Extent,
        budget: PictureBudget,
    ) -> None:
        self._connection, self._anchors = connection, anchors
        self._leads, self._folder = leads(connection), audit_folder(connection)
        self._run = queries.run(connection)
        self._losses = expected_losses(connection)
        data_alone = any(verdict.verdict == "not_analysed" for verdict in shown)
        self._holders = concept_holders(connection) if data_alone else {}
        self._pictures = SectionPictures(connection, shown, anchors, extent, budget)

    def card(self, verdict: Verdict) -> Card:
        """A class on the first screen."""
        by_pull = shown_by_others(verdict.rule_id)
        connection, c = self._connection, verdict.class_idx
        leading = _of_concept(queries.findings(connection, c), verdict)
        data_alone = verdict.verdict == "not_analysed"
        if data_alone:
            arms = class_evidence.arms_of_data(verdict, self._holders[c])
        else:
            arms = class_evidence.compared_arms(verdict, leading)
        if not arms:
            examples = queries.counterexamples(connection, c)
            subgroups = [] if examples else queries.subgroups(connection, c)
            arms = class_evidence.same_comparison(class_evidence.arms(verdict, examples, subgroups), verdict)
        return Card(
            anchor=self._anchors[c],
            verdict=verdict,
            claim=sentence_parts(verdict)[0],
            by_pull=by_pull,
            n_compared=_compared(leading, verdict),
            pictures=tuple(self._pictures.card(verdict, by_pull=by_pull)),
            arms=tuple(arms),
        )

    def section(self, verdict: Verdict, *, charts: bool = True) -> Section:
        """All of one class; ``charts`` are drawn as SVG, for a page that cannot draw them itself."""
        connection, c = self._connection, verdict.class_idx
        lead = self._leads.get(c)
        by_pull = shown_by_others(verdict.rule_id)
        findings = queries.findings(connection, c)
        leading = _of_concept(findings, verdict)
        examples = queries.counterexamples(connection, c)
        subgroups = [] if examples else queries.subgroups(connection, c)
        decides = fails_with(verdict.rule_id)
        wanted = [row for row in examples if row.concept_id == verdict.concept_id and row.present == decides]
        no_model = verdict.verdict == "not_analysed"
        if no_model:
            arms = class_evidence.arms_of_data(verdict, self._holders[c])
        else:
            arms = class_evidence.arms(verdict, examples, subgroups)
        compared = [] if no_model else class_evidence.compared_arms(verdict, leading)
        opening, rest = sentence_parts(verdict)
        forest, words, doses = self._charts(verdict, leading) if charts else (Markup(), Markup(), Markup())
        self._pictures.begin_section(verdict)
        return Section(
            anchor=self._anchors[c],
            verdict=verdict,
            opening=opening,
            rest=rest,
            exposed=exposed_sentence(self._losses.get(c)),
            arms_of="data" if no_model else "others" if by_pull and (compared or wanted) else "class",
            arms=tuple(compared or arms),
            all_arms=tuple(arms) if compared and {arm.n for arm in arms} != {arm.n for arm in compared} else (),
            went_to=tuple(class_evidence.went_to(verdict, self._called(verdict))),
            tile_groups=self._pictures.tile_groups(verdict, by_pull=by_pull),
            forest=forest,
            words=words,
            words_doubted=c in self._unfit,
            doses=doses,
            what_now=what_now(verdict, lead),
            n_wanted=next((row.n_others_missing if by_pull else row.n_missing for row in wanted), None),
            command=explain_command(verdict, lead, self._folder, self._run),
            strip=self._pictures.strip(verdict),
            groups=self._pictures.groups(verdict),
            read_at=self._pictures.read_at(verdict),
            places=self._pictures.places(verdict),
            halves=self._pictures.halves(verdict),
            # the leading concept's come first, and stay where there are many
            findings=tuple(sorted(findings, key=lambda row: row.concept_id != verdict.concept_id)[:_MOST_LINES]),
            n_findings=len(findings),
            counterexamples=tuple(examples[:_MOST_LINES]),
            statements=class_evidence.statements(verdict),
            sql_command=shlex.join(["duckdb", "-readonly", "-csv", f"{self._folder}/{DATABASE_NAME}"]),
        )

    def _charts(self, verdict: Verdict, leading: Sequence[Finding]) -> tuple[Markup, Markup, Markup]:
        """Its rules, its words, and what pictures are called at levels of a property."""
        from reports.page import drawn_evidence  # Altair and vl-convert take a second and 40 MiB

        connection, c = self._connection, verdict.class_idx
        concepts = queries.class_concepts(connection, c, limit=class_evidence.WORDS_SHOWN)
        return (
            drawn_evidence.forest(leading, verdict),
            drawn_evidence.words_chart(concepts, verdict, self._residuals.get(c)),
            drawn_evidence.dose_chart(queries.dose_responses(connection, c), verdict),
        )

    @functools.cached_property
    def _residuals(self) -> dict[int, float]:
        return picture_queries.mean_residuals(self._connection)

    @functools.cached_property
    def _unfit(self) -> dict[int, ClassFit]:
        return unfit_classes(self._connection)

    def _called(self, verdict: Verdict) -> list[CalledOnSide]:
        """Of a class that is recognised more or less often with its concept, what its pictures are called."""
        if verdict.concept_id is None or shown_by_others(verdict.rule_id):
            return []
        return called_by_side(self._connection, verdict.class_idx, verdict.concept_id)


def _of_concept(findings: Sequence[Finding], verdict: Verdict) -> list[Finding]:
    return [finding for finding in findings if finding.concept_id == verdict.concept_id]


def _compared(leading: Sequence[Finding], verdict: Verdict) -> int | None:
    """Pictures that the verdict's own effect compares; trials of an intervention are no pictures of the class."""
    rule = rule_of(verdict.rule_id)
    if rule is None or rule.kind == "intervention":
        return None
    return next((finding.n_images for finding in leading if finding.rule_id == rule.rule_id), None)


def anchors(verdicts: Sequence[Verdict]) -> dict[int, str]:
    """A stable name for every class's section: readable, and unlike that of any other class."""
    slugs: defaultdict[str, list[Verdict]] = defaultdict(list)
    for verdict in verdicts:
        slugs[re.sub(r"[^a-z0-9]+", "-", verdict.class_name[:40].lower()).strip("-")].append(verdict)
    found = {}
    for slug, owners in slugs.items():
        for verdict in owners:
            exact = len(owners) == 1 and re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _-]{,39}", verdict.class_name)
            digest = hashlib.sha256(verdict.class_name.encode("utf-8", "backslashreplace")).hexdigest()[:8]
            parts = ("class", slug) if exact else ("class", slug, digest)
            found[verdict.class_idx] = "-".join(part for part in parts if part)
    return found


# --- the pictures of the sections: with the concept and without it, under their maps; what is called it ----


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a section shows: less, the more sections there are, so that the page stays small.

    With ``per_zone`` 0 it does not look for what is called the concept.
    """

    per_side: int
    groups: int
    per_group: int
    per_zone: int
    sizes: Sizes


class SectionPictures:
    """Draws the pictures of some classes, section by section in their order.

    Args:
        connection: an open audit.
        shown: classes that get a section.
        anchors: by class.
        extent: how much each shows.
        budget: what the pictures may take.
    """

    def __init__(
        self,
        connection: Connection,
        shown: Sequence[Verdict],
        anchors: dict[int, str],
        extent: Extent,
        budget: PictureBudget,
    ) -> None:
        self._connection, self._shown, self._anchors = connection, shown, anchors
        self._extent, self._budget = extent, budget
        #: The first class that a concept leads: its section shows what is called so.
        self._owner: dict[str, int] = {}
        for verdict in shown:
            if verdict.concept_id is not None:
                self._owner.setdefault(verdict.concept_id, verdict.class_idx)
        classes = [verdict.class_idx for verdict in shown]
        self._place = {class_idx: place for place, class_idx in enumerate(classes)}
        self._told = picture_queries.side_pictures(connection, classes, limit=extent.per_side)
        self._groups = picture_queries.groups_of_classes(connection, classes, limit=extent.groups)
        called = list(self._owner) if extent.per_zone else []
        self._called = picture_queries.called_pictures(connection, called, limit=extent.per_zone) if called else {}
        known = queries.attribute_concepts(connection)
        self._by_example = {row.concept_id for row in queries.example_concepts(connection)}
        self._column_of = {row.concept_id: row.attribute for row in known if row.concept_id not in self._by_example}
        self._twins = {row.same_as: row for row in known if row.same_as and row.concept_id in self._column_of}
        self._lying: defaultdict[int, list[FixedPlace]] = defaultdict(list)
        for place in queries.fixed_places(connection):
            self._lying[place.class_idx].append(place)
        self._halves: defaultdict[int, list[UnnamedLead]] = defaultdict(list)
        for lead in queries.unnamed_leads(connection):
            self._halves[lead.class_idx].append(lead)
        self._fetched: dict[str, tuple[str, bytes | None]] = {}
        self._fetched_from = -1
        self._maps: dict[tuple[str, str | None], SaliencyMap] = {}

    def begin_section(self, verdict: Verdict) -> None:
        """Make ready for a class: its share of the budget, its thumbnails, its maps."""
        place = self._place[verdict.class_idx]
        self._budget.begin_part(len(self._shown) - place)
        self._fetch(place)
        self._maps = picture_queries.maps_of_class(self._connection, verdict.class_idx)

    def card(self, verdict: Verdict, *, by_pull: bool) -> list[CardPicture]:
        """Two pictures of a class on the first screen: one that carries what decides it, and one that breaks it."""
        self._fetch(self._place[verdict.class_idx])
        self._maps = picture_queries.maps_of_class(self._connection, verdict.class_idx)
        concept = plain(verdict.concept or "", 30)
        titles: dict[Side, str] = {"with": f"with {concept}", "without": f"without {concept}", "words": ""}
        titles["pulled"] = f"another class, with {concept}"
        harms = not by_pull and fails_with(verdict.rule_id)
        sides: tuple[Side, ...] = ("with", "pulled") if by_pull else ("with", "without", "words")
        found = []
        for side in ("without", "with", "words") if harms else sides:
            found += [
                CardPicture(tile, titles[side])
                for tile in self._tiles(verdict, self._told[verdict.class_idx, side][:1])
            ]
        return found[:2]

    def tile_groups(self, verdict: Verdict, *, by_pull: bool) -> tuple[TileGroup, ...]:
        """With the concept and without it; for a pull, other classes' pictures before those without it."""
        sides: tuple[Side, ...] = ("with", "pulled", "without") if by_pull else ("with", "without", "words")
        name, concept = plain(verdict.class_name, NAME_LIMIT), plain(verdict.concept or "", NAME_LIMIT)
        with_it, without_it = f"with {concept}", f"without {concept}"
        if place_of(verdict.concept_id) is not None:
            by = "by its" if verdict.concept_id == SURROUNDINGS.concept_id else "at the"
            with_it, without_it = f"decided {by} {concept}", "decided elsewhere"
        no_model = verdict.verdict == "not_analysed"  # such a class has pictures to show only then
        loses = not by_pull and fails_with(verdict.rule_id)
        shows = "where it shows most" if no_model else "where it says most"
        shows_not = "where it shows least" if no_model or loses else "mistakes first"
        titles: dict[Side, tuple[str, str]] = {
            "with": (f"{name} {with_it}", "mistakes first" if loses else shows),
            "without": (f"{name} {without_it}", shows_not),
            "pulled": (f"others {with_it}, called {name}", "all wrong"),
            "words": (f"called {name}", "best explained by words"),
        }
        return tuple(
            TileGroup(
                side,
                *titles[side],
                side == ("pulled" if by_pull else "with" if loses else "without"),
                tuple(self._tiles(verdict, told)),
            )
            for side in sides
            if (told := self._told[verdict.class_idx, side])
        )

    def strip(self, verdict: Verdict) -> Strip | None:
        """What the audit says shows the leading concept; once a page."""
        called = self._called.get(verdict.concept_id or "")
        if called is None or place_of(called.concept_id) is not None:  # what lies at a place is shown as such
            return None
        owner = self._owner[called.concept_id]
        column = self._column_of.get(called.concept_id)
        by_measure = column is not None and column.startswith(PROPERTY_PREFIX)
        exact = column is not None
        zones = (
            ("with it" if exact else "surely", called.surest),
            ("barely", () if exact else called.above),  # a column says so or not, never hardly
            ("without it" if exact else "barely not", called.below),
        )
        twin = self._twins.get(called.concept_id)
        drawn = [Zone(title, self._smalls(ids)) for title, ids in zones] if owner == verdict.class_idx else []
        return Strip(
            concept=plain(verdict.concept or "", NAME_LIMIT),
            by_manifest=exact and not by_measure,
            by_example=called.concept_id in self._by_example,
            by_measure=by_measure,
            twin=plain(twin.concept, NAME_LIMIT) if twin else None,
            agreement=twin.agreement if twin else None,
            n_present=called.n_present,
            n_known=called.n_known,
            zones=tuple(zone for zone in drawn if zone.pictures),
            shown_at=None if owner == verdict.class_idx else self._anchors[owner],
        )

    def groups(self, verdict: Verdict) -> tuple[Group, ...]:
        """The channel groups that carry most of the class."""
        return tuple(
            Group(
                words=plain(group.name, NAME_LIMIT),
                share=group.share,
                n_channels=group.n_channels,
                n_images=group.n_images,
                pictures=self._smalls(group.image_ids[: self._extent.per_group]),
            )
            for group in self._groups[verdict.class_idx]
        )

    def places(self, verdict: Verdict) -> tuple[PlaceStrip, ...]:
        """What lies at its fixed places."""
        return place_strips(self._lying[verdict.class_idx], self._maps, self._cut_out)

    def halves(self, verdict: Verdict) -> tuple[HalvesStrip, ...]:
        """Halves of it that no word names."""
        return halves_strips(self._halves[verdict.class_idx], self._smalls)

    def _cut_out(self, image_id: str, box: Box, covered: Box | None) -> Small | None:
        path, jpeg = self._fetched.get(image_id, ("", None))
        drawn = None if jpeg is None else self._budget.part(jpeg, box, covered)
        return None if drawn is None else Small(drawn, plain(path, 80))

    def _fetch(self, place: int) -> None:
        start = place - place % _FETCHED_TOGETHER
        if start == self._fetched_from:
            return
        ids: list[str] = []
        for verdict in self._shown[start : start + _FETCHED_TOGETHER]:
            c = verdict.class_idx
            for side in ("with", "without", "pulled", "words"):
                ids += [picture.image_id for picture in self._told[c, side]]
            ids += [one for group in self._groups[c] for one in group.image_ids[: self._extent.per_group]]
            ids += [one for lying in self._lying[c] for one in lying.image_ids[:CUT_OUTS]]
            ids += [
                one for half in self._halves[c] for one in (*half.first_ids[:PER_HALF], *half.second_ids[:PER_HALF])
            ]
            called = self._called.get(verdict.concept_id or "")
            if called is not None and self._owner[called.concept_id] == c:
                ids += [*called.surest, *called.above, *called.below]
        self._fetched = picture_queries.thumbnails_and_paths(self._connection, list(dict.fromkeys(ids)))
        self._fetched_from = start

    def _tiles(self, verdict: Verdict, told: Sequence[SidePicture]) -> list[Tile]:
        found = []
        for picture in told:
            path, jpeg = self._fetched.get(picture.image_id, ("", None))
            saliency = self._maps.get((picture.image_id, None))
            whole, mapped = (None, None) if jpeg is None else self._budget.with_map(jpeg, saliency)
            if whole is None:
                continue
            called = f"called {plain(picture.predicted_name, 40)}" if picture.predicted_name else ""
            if picture.confidence is not None:
                called += f", {percent(picture.confidence)}"
            label = plain(picture.label_name, 40) if picture.label_name else None
            told_of = (plain(path, 80), f"labelled {label}" if label else "", called)
            found.append(
                Tile(
                    plain=whole,
                    mapped=mapped,
                    alt=", ".join(part for part in told_of if part),
                    map_alt=f"where the evidence for {plain(verdict.class_name, NAME_LIMIT)} lies",
                    caption=f"{label} {called}" if picture.side == "pulled" and label else called,
                    wrong=picture.correct is False,
                    image_id=picture.image_id,
                )
            )
        return found

    def read_at(self, verdict: Verdict) -> tuple[Small, ...]:
        """Pictures with the leading concept under its own map: where the evidence for the class reads as it."""
        found = []
        for picture in self._told[verdict.class_idx, "with"]:
            saliency = self._maps.get((picture.image_id, verdict.concept_id))
            path, jpeg = self._fetched.get(picture.image_id, ("", None))
            if verdict.concept_id is None or saliency is None or jpeg is None:
                continue
            drawn = self._budget.mapped(jpeg, saliency)
            if drawn is not None:
                found.append(Small(drawn, f"{plain(path, 80)}, where it reads as {plain(verdict.concept or '', 40)}"))
        return tuple(found)

    def _smalls(self, image_ids: Iterable[str]) -> tuple[Small, ...]:
        found = []
        for image_id in image_ids:
            path, jpeg = self._fetched.get(image_id, ("", None))
            drawn = None if jpeg is None else self._budget.small(jpeg)
            if drawn is not None:
                found.append(Small(drawn, plain(path, 80)))
        return tuple(found)
