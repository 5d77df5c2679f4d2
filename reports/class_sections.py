"""The HTML page's section of one class: sentence, evidence, pictures with their maps, channel groups, what now."""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from auditor.records import Finding, SaliencyMap, Verdict
from reports import class_evidence, picture_queries, queries
from reports.class_evidence import concept_words
from reports.display import percent, plain
from reports.leads import Lead, explain_command, leads, what_now
from reports.page_pictures import PictureBudget
from reports.page_records import Card, Group, Section, Small, Strip, Tile, TileGroup, Zone
from reports.picture_queries import Side, ToldPicture
from reports.queries import Connection

NAME_LIMIT, SENTENCE_LIMIT = 60, 2_000
_PULL = "E4-pull"
#: Path and JPEG by image id.
Thumbnails = dict[str, tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True)
class Extent:
    """How much a section shows: less, the more sections there are, so that the page stays small."""

    per_side: int
    groups: int
    per_group: int
    per_zone: int
    longest: int  # side of a picture, in pixels


class Sections:
    """Makes the sections of some classes one by one; only one section's pictures are in memory at a time.

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
        classes = [verdict.class_idx for verdict in shown]
        concepts = list(dict.fromkeys(verdict.concept_id for verdict in shown if verdict.concept_id))
        self._connection, self._anchors, self._extent, self._budget = connection, anchors, extent, budget
        self._leads = leads(connection)
        self._told = picture_queries.told_pictures(connection, classes, limit=extent.per_side)
        self._groups = picture_queries.groups_of_classes(connection, classes, limit=extent.groups)
        self._called = picture_queries.called_pictures(connection, concepts, limit=extent.per_zone)
        self._residuals = picture_queries.mean_residuals(connection)
        self._by_manifest = {row.concept_id for row in queries.attribute_concepts(connection)}
        self._strip_at: dict[str, str] = {}
        self._n_to_come = len(shown)

    def card(self, verdict: Verdict) -> Card:
        """A class on the first screen, with the picture in which its concept says most."""
        sides: tuple[Side, ...] = ("pulled", "with", "without", "words")
        if not self._by_pull(verdict):
            sides = ("with", "without", "words")
        told = [picture for side in sides for picture in self._told[verdict.class_idx, side]][:1]
        tiles = self._tiles(verdict, told, self._thumbnails(picture.image_id for picture in told))
        return Card(
            self._anchors[verdict.class_idx],
            verdict,
            self._by_pull(verdict),
            _compared(self._leading(verdict), self._leads.get(verdict.class_idx)),
            tiles[0] if tiles else None,
        )

    def section(self, verdict: Verdict) -> Section:
        """All of one class."""
        connection, c = self._connection, verdict.class_idx
        self._budget.begin_part(self._n_to_come)
        self._n_to_come -= 1
        lead, by_pull = self._leads.get(c), self._by_pull(verdict)
        findings = queries.findings(connection, c)
        concepts = queries.class_concepts(connection, c, limit=class_evidence.WORDS_SHOWN)
        examples = queries.counterexamples(connection, c)
        subgroups = [] if examples else queries.subgroups(connection, c)
        opening, rest = sentence_parts(verdict)
        leading = [row for row in findings if row.concept_id == verdict.concept_id]
        wanted = [row for row in examples if row.concept_id == verdict.concept_id and row.present == by_pull]
        sides: tuple[Side, ...] = ("with", "pulled", "without") if by_pull else ("with", "without", "words")
        thumbnails = self._thumbnails(self._image_ids(verdict, sides))
        return Section(
            anchor=self._anchors[c],
            verdict=verdict,
            opening=opening,
            rest=rest,
            arms_of_others=by_pull and bool(wanted),
            arms=tuple(class_evidence.arms(verdict, lead, examples, subgroups)),
            n_compared=_compared(leading, lead),
            tile_groups=tuple(
                self._tile_group(verdict, side, thumbnails) for side in sides if self._told[c, side]
            ),
            forest=class_evidence.forest(leading, lead),
            words=class_evidence.words_chart(concepts, verdict, self._residuals.get(c)),
            what_now=what_now(verdict, lead),
            n_wanted=next((row.n_others_missing if by_pull else row.n_missing for row in wanted), None),
            command=explain_command(verdict, lead),
            strip=self._strip(verdict, thumbnails),
            groups=tuple(
                Group(
                    plain(group.name, NAME_LIMIT), group.share, group.n_channels, group.n_images,
                    self._smalls(group.image_ids[: self._extent.per_group], thumbnails),
                )
                for group in self._groups[c]
            ),
            findings=tuple(findings),
            counterexamples=tuple(examples),
            statements=class_evidence.statements(verdict),
        )  # fmt: skip

    def _leading(self, verdict: Verdict) -> list[Finding]:
        found = queries.findings(self._connection, verdict.class_idx)
        return [finding for finding in found if finding.concept_id == verdict.concept_id]

    def _by_pull(self, verdict: Verdict) -> bool:
        lead = self._leads.get(verdict.class_idx)
        return lead is not None and lead.rule_id == _PULL

    def _image_ids(self, verdict: Verdict, sides: Sequence[Side]) -> list[str]:
        c = verdict.class_idx
        ids = [picture.image_id for side in sides for picture in self._told[c, side]]
        ids += [image_id for group in self._groups[c] for image_id in group.image_ids[: self._extent.per_group]]
        called = self._called.get(verdict.concept_id or "")
        if called is not None and called.concept_id not in self._strip_at:
            ids += [*called.surest, *called.above, *called.below]
        return ids

    def _thumbnails(self, image_ids: Iterable[str]) -> Thumbnails:
        return picture_queries.thumbnails_and_paths(self._connection, list(dict.fromkeys(image_ids)))

    def _tile_group(self, verdict: Verdict, side: Side, thumbnails: Thumbnails) -> TileGroup:
        name, concept = plain(verdict.class_name, NAME_LIMIT), concept_words(verdict)
        decides = side == ("pulled" if self._by_pull(verdict) else "without")
        titles: dict[Side, tuple[str, str]] = {
            "with": (f"{name} with {concept}", "where it says most"),
            "without": (f"{name} without {concept}", "mistakes first"),
            "pulled": (f"other classes with {concept}, called {name}", "all mistakes"),
            "words": (f"called {name}", "best explained by words"),
        }
        tiles = self._tiles(verdict, self._told[verdict.class_idx, side], thumbnails)
        return TileGroup(*titles[side], decides, tuple(tiles))

    def _tiles(self, verdict: Verdict, told: Sequence[ToldPicture], thumbnails: Thumbnails) -> list[Tile]:
        maps = picture_queries.maps_of_class(self._connection, verdict.class_idx)
        found = []
        for picture in told:
            path, jpeg = thumbnails.get(picture.image_id, ("", None))
            saliency = _map_of(picture, verdict, maps)
            plain_one, mapped = (None, None) if jpeg is None else self._budget.with_map(jpeg, saliency)
            if plain_one is None:
                continue
            called = f"called {plain(picture.predicted_name, 40)}" if picture.predicted_name else "no model was asked"
            if picture.confidence is not None:
                called += f", {percent(picture.confidence)}"
            if picture.side == "pulled" and picture.label_name:
                called = f"{plain(picture.label_name, 40)} {called}"
            of = concept_words(verdict) if saliency and saliency.concept_id else plain(verdict.class_name, NAME_LIMIT)
            labelled = f", labelled {plain(picture.label_name, 40)}" if picture.label_name else ""
            found.append(
                Tile(
                    plain_one, mapped, f"{plain(path, 80)}{labelled}, {called}", f"where it looks for {of}", called,
                    picture.correct is False,
                )
            )  # fmt: skip
        return found

    def _strip(self, verdict: Verdict, thumbnails: Thumbnails) -> Strip | None:
        called = self._called.get(verdict.concept_id or "")
        if called is None:
            return None
        by_manifest = called.concept_id in self._by_manifest
        titles = {"surest": "surely", "above": "barely", "below": "barely not"}
        ids = {"surest": called.surest, "above": called.above, "below": called.below}
        if by_manifest:  # it is so or not, and nobody is more or less sure
            titles = {"surest": "with it", "below": "without it"}
        shown_at = self._strip_at.setdefault(called.concept_id, self._anchors[verdict.class_idx])
        first = shown_at == self._anchors[verdict.class_idx]
        zones = [Zone(title, self._smalls(ids[zone], thumbnails)) for zone, title in titles.items()] if first else []
        return Strip(
            concept_words(verdict), by_manifest, called.n_present, called.n_known,
            tuple(zone for zone in zones if zone.pictures), None if first else shown_at,
        )  # fmt: skip

    def _smalls(self, image_ids: Iterable[str], thumbnails: Thumbnails) -> tuple[Small, ...]:
        found = []
        for image_id in image_ids:
            path, jpeg = thumbnails.get(image_id, ("", None))
            drawn = None if jpeg is None else self._budget.small(jpeg)
            if drawn is not None:
                found.append(Small(drawn, plain(path, 80)))
        return tuple(found)


def _compared(leading: Sequence[Finding], lead: Lead | None) -> int | None:
    """Pictures that the verdict's own gap compares."""
    rule_id = lead.rule_id if lead else None
    return next((finding.n_images for finding in leading if finding.rule_id == rule_id), None)


def _map_of(
    picture: ToldPicture, verdict: Verdict, maps: dict[tuple[str, str | None], SaliencyMap]
) -> SaliencyMap | None:
    """The map of the concept where the picture shows it and its phrases say it, else the map of the class."""
    of_class = maps.get((picture.image_id, None))
    return of_class if picture.side == "without" else maps.get((picture.image_id, verdict.concept_id), of_class)


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


def sentence_parts(verdict: Verdict) -> tuple[str, str]:
    """The sentence with its class name cut short, in two: what is claimed, and the numbers."""
    sentence, name = verdict.sentence, verdict.class_name
    if len(name) > NAME_LIMIT:
        sentence = sentence.replace(name, plain(name, NAME_LIMIT))
    sentence = plain(sentence, SENTENCE_LIMIT)
    # A matter of type size alone: whatever the names hold, both parts are shown, in their order.
    claim, colon, numbers = sentence.partition("): ")
    if verdict.verdict == "flagged" and colon:
        return f"{claim}).", numbers[:1].upper() + numbers[1:]
    return sentence, ""
