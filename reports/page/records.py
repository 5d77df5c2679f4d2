"""What the templates of the HTML page are given: names and numbers as measured, pictures as data URIs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from markupsafe import Markup

from auditor.concept_records import Counterexample
from auditor.records import Finding, Verdict


@dataclass(frozen=True, slots=True)
class Drawn:
    """A picture for the page: its data URI and size in pixels."""

    uri: str
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Tile:
    """A picture cut to what the model saw, the same under its map (None: the map has no known place), and its fate."""

    plain: Drawn
    mapped: Drawn | None
    alt: str
    map_alt: str
    caption: str
    wrong: bool
    image_id: str


@dataclass(frozen=True, slots=True)
class TileGroup:
    """Pictures of one side of the story (``store.queries.pictures.Side``); without maps where none could be drawn."""

    side: str
    title: str
    note: str
    decides: bool
    tiles: tuple[Tile, ...]

    @property
    def has_maps(self) -> bool:
        """Whether any picture has a map."""
        return any(tile.mapped for tile in self.tiles)


@dataclass(frozen=True, slots=True)
class Small:
    """A small picture of a strip."""

    drawn: Drawn
    alt: str


@dataclass(frozen=True, slots=True)
class Zone:
    """Pictures that are said alike surely to show a concept."""

    title: str
    pictures: tuple[Small, ...]


@dataclass(frozen=True, slots=True)
class Strip:
    """What the audit says shows a concept; where an earlier section shows it already, the anchor of that one."""

    concept: str
    by_manifest: bool
    by_example: bool
    by_measure: bool  # by auditor's own measure of the pictures
    twin: str | None  # what the manifest calls the same
    agreement: float | None  # Cohen's kappa of the two
    n_present: int
    n_known: int
    zones: tuple[Zone, ...]
    shown_at: str | None


@dataclass(frozen=True, slots=True)
class Group:
    """A channel group with its words, its share of the class's evidence, and pictures in which it carries most."""

    words: str
    share: float
    n_channels: int
    n_images: int
    pictures: tuple[Small, ...]


@dataclass(frozen=True, slots=True)
class PlaceStrip:
    """What lies at a place of a class's pictures, cut out of them; of surroundings all but the middle."""

    name: str
    is_around: bool
    proven: bool
    sentence: str
    n_showing: int
    n_images: int
    pictures: tuple[Small, ...]


@dataclass(frozen=True, slots=True)
class HalvesStrip:
    """Two halves of a class that no word names, each with (recognised, all) and some of its pictures."""

    sentence: str
    first: tuple[int, int]
    second: tuple[int, int]
    first_pictures: tuple[Small, ...]
    second_pictures: tuple[Small, ...]


@dataclass(frozen=True, slots=True)
class Arm:
    """One line of the counterexample table: pictures, and how many of them the model calls the class."""

    label: str
    n: int
    n_called: int | None
    rate: float | None
    low: float | None
    high: float | None
    decides: bool


@dataclass(frozen=True, slots=True)
class WentTo:
    """What pictures of a class are called on one side of its concept: the most frequent calls, and how many others."""

    side: str
    n: int
    calls: tuple[tuple[str, int], ...]
    n_others: int


@dataclass(frozen=True, slots=True)
class Section:
    """All that the page says of one class."""

    anchor: str
    verdict: Verdict
    opening: str
    rest: str
    exposed: str | None  # what a gap would cost in deployment
    arms_of: Literal["class", "others", "data"]
    arms: tuple[Arm, ...]
    all_arms: tuple[Arm, ...]  # with the pictures that cannot be compared; empty where there are none
    went_to: tuple[WentTo, ...]
    tile_groups: tuple[TileGroup, ...]
    forest: Markup
    words: Markup
    words_doubted: bool  # the encoder sees the class in every word
    doses: Markup
    what_now: str | None
    n_wanted: int | None
    command: str | None
    strip: Strip | None
    groups: tuple[Group, ...]
    read_at: tuple[Small, ...]  # pictures with the concept, under the map of what reads as it
    places: tuple[PlaceStrip, ...]
    halves: tuple[HalvesStrip, ...]
    findings: tuple[Finding, ...]
    n_findings: int
    counterexamples: tuple[Counterexample, ...]
    statements: dict[str, str]
    sql_command: str  # that runs them

    @property
    def has_pictures(self) -> bool:
        """Whether any of its pictures could be drawn."""
        return any(group.tiles for group in self.tile_groups)


@dataclass(frozen=True, slots=True)
class CardPicture:
    """A picture of a card, and what it stands for: "with water"."""

    tile: Tile
    title: str


@dataclass(frozen=True, slots=True)
class Card:
    """One of the worst classes on the first screen."""

    anchor: str
    verdict: Verdict
    claim: str
    by_pull: bool
    n_compared: int | None
    pictures: tuple[CardPicture, ...]  # one that carries what decides it, one that breaks it, as far as there are any
    arms: tuple[Arm, ...]  # of the comparison that the gap is of
