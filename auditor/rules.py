"""The one table of rules: what each measures, in which unit, how it is called, and the thresholds of every verdict.

A rule turns pictures into one number with an interval on a class and a concept; its id names a page of docs/rules
("E4-recall" is told on the page of E4). Nothing else in the program writes a rule's id or types a threshold again: a
test reads the source for it. What a rule's evidence does to a verdict is in ``evidence/verdicts``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from auditor.figures import percent, points
from auditor.records import Severity

#: "points": a difference of rates. "per cent": a share or a part of something. "chance": .5 says nothing. "spreads": of
#: standard deviations, without an end.
Unit = Literal["points", "per cent", "chance", "spreads"]
#: "screen": lets a concept through and proves nothing. "gap": seen in pictures as they are. "erasure": what goes when
#: the concept is taken out of the features. "intervention": what goes when it is taken out of pictures.
Kind = Literal["screen", "gap", "erasure", "intervention"]
#: Whose pictures show it: the class's own, or those of the other classes that are called it.
Whose = Literal["own", "others"]


@dataclass(frozen=True, slots=True)
class Rule:
    """One row of the table."""

    rule_id: str
    kind: Kind
    unit: Unit
    whose: Whose
    measures: str  # one line for a reader who knows none of this
    label: str  # beside a bar or at the head of a column
    phrase: str  # inside a sentence: "gap in recall 31 pts [21, 41]"

    @property
    def page(self) -> str:
        """Its page in docs/rules: "E4"."""
        return self.rule_id.partition("-")[0]


SHARE = Rule(
    rule_id="E1",
    kind="screen",
    unit="per cent",
    whose="own",
    measures="the part of the words for the class that the concept carries",
    label="Share of the words",
    phrase="share of the words",
)
ASSOCIATION = Rule(
    rule_id="E2",
    kind="screen",
    unit="chance",
    whose="own",
    measures="how surely the concept tells pictures of the class from others",
    label="Goes with the class",
    phrase="association in the data",
)
RECALL_GAP = Rule(
    rule_id="E4-recall",
    kind="gap",
    unit="points",
    whose="own",
    measures="how much more often the class is recognised with the concept than without it",
    label="Recall gap",
    phrase="gap in recall",
)
PULL_GAP = Rule(
    rule_id="E4-pull",
    kind="gap",
    unit="points",
    whose="others",
    measures="how much more often other classes' pictures are called it with the concept than without it",
    label="False calls gap",
    phrase="pull on other classes",
)
PULLED_SHARE = Rule(
    rule_id="E4-share",
    kind="gap",
    unit="per cent",
    whose="others",
    measures="the part of what is called it that are other classes' pictures, called so because of the concept",
    label="Pulled of what is called it",
    phrase="pulled of what is called it",
)
RECALL_LOSS = Rule(
    rule_id="E4-harm",
    kind="gap",
    unit="points",
    whose="own",
    measures="how much less often the class is recognised with the concept than without it",
    label="Recall lost with it",
    phrase="loss of recall",
)
ERASED_RECALL = Rule(
    rule_id="E3-recall",
    kind="erasure",
    unit="points",
    whose="own",
    measures="what of the recall gap goes when the concept is erased from the features",
    label="Erased from recall",
    phrase="erased from recall",
)
ERASED_PULL = Rule(
    rule_id="E3-pull",
    kind="erasure",
    unit="points",
    whose="others",
    measures="what of the false calls goes when the concept is erased from the features",
    label="Erased from false calls",
    phrase="erased from false calls",
)
ERASED_SHARE = Rule(
    rule_id="E3-share",
    kind="erasure",
    unit="per cent",
    whose="others",
    measures="the part of what is called it that other classes' pictures leave when the concept is erased",
    label="Erased from what is called it",
    phrase="erased from what is called it",
)
ERASED_MARGIN = Rule(
    rule_id="E3-margin",
    kind="erasure",
    unit="per cent",
    whose="own",
    measures="the part of the margin that goes when what the concept does in other classes is erased",
    label="Erased from margin",
    phrase="erased from the margin",
)
RESTORED_RECALL = Rule(
    rule_id="E3-harm",
    kind="erasure",
    unit="points",
    whose="own",
    measures="how much of the recall lost comes back when the concept is erased from the features",
    label="Given back by erasure",
    phrase="given back by erasure",
)
RESTORED_MARGIN = Rule(
    rule_id="E3-harm-margin",
    kind="erasure",
    unit="per cent",
    whose="own",
    measures="the part of the margin lost that comes back when what the concept does in other classes is erased",
    label="Margin given back",
    phrase="given back of the margin",
)
FILLED = Rule(
    rule_id="E5",
    kind="intervention",
    unit="points",
    whose="own",
    measures="how much more often the class is recognised when a place in its pictures is filled with the concept",
    label="Covered in its pictures",
    phrase="covered in its pictures",
)

PLACE_SHARE = Rule(
    rule_id="E1-place",
    kind="screen",
    unit="per cent",
    whose="own",
    measures="the part of the evidence for the class that lies at one place of its pictures",
    label="Share of the evidence there",
    phrase="share of the evidence",
)
PLACE_TAKEN = Rule(
    rule_id="E5-place",
    kind="intervention",
    unit="points",
    whose="own",
    measures="how much less often the class is recognised when a place is exchanged than when its mirror image is",
    label="Place taken away",
    phrase="lost with the place",
)
PLACE_GIVEN = Rule(
    rule_id="E5-place-given",
    kind="intervention",
    unit="points",
    whose="others",
    measures="how much more often other classes' pictures are called it with its place than with the mirror image",
    label="Place given to others",
    phrase="called it for the place",
)
PLACE_LOSS = Rule(
    rule_id="E5-place-harm",
    kind="intervention",
    unit="points",
    whose="own",
    measures="how much less often the class is recognised with another class's place than with the mirror image",
    label="Lost to the place",
    phrase="lost to the place of another class",
)
SURROUNDINGS_SHARE = Rule(
    rule_id="E1-surroundings",
    kind="screen",
    unit="per cent",
    whose="own",
    measures="the part of all that tells the class from others that lies around the middle of its pictures",
    label="Part around the middle",
    phrase="part around the middle",
)
SURROUNDINGS_TAKEN = Rule(
    rule_id="E5-surroundings",
    kind="intervention",
    unit="points",
    whose="own",
    measures="how much less often the class is recognised in another class's surroundings than in others of its own",
    label="Surroundings taken away",
    phrase="lost in other surroundings",
)
SURROUNDINGS_GIVEN = Rule(
    rule_id="E5-surroundings-given",
    kind="intervention",
    unit="points",
    whose="others",
    measures="how much more often other classes' pictures are called it in its surroundings than in their own",
    label="Surroundings given to others",
    phrase="called it in its surroundings",
)
EDITED_RECALL = Rule(
    rule_id="E6-recall",
    kind="intervention",
    unit="points",
    whose="own",
    measures="how much more often the class is recognised when its own pictures are given the level of a property",
    label="Set in its pictures",
    phrase="set in its pictures",
)
EDITED_MARGIN = Rule(
    rule_id="E6-margin",
    kind="intervention",
    unit="spreads",
    whose="own",
    measures="how much the margin of its own pictures rises with the level of a property, of how far margins spread",
    label="Margin when it is set",
    phrase="rise of the margin when it is set",
)
EDITED_PULL = Rule(
    rule_id="E6-pull",
    kind="intervention",
    unit="points",
    whose="others",
    measures="how much more often other classes' pictures are called it when they are given the level of a property",
    label="Set in other pictures",
    phrase="set in other classes' pictures",
)
EDITED_LOSS = Rule(
    rule_id="E6-harm",
    kind="intervention",
    unit="points",
    whose="own",
    measures="how much less often the class is recognised when its own pictures are given the level of a property",
    label="Lost when it is set",
    phrase="lost when it is set",
)

#: In the order of the argument: seen in the pictures, taken away, and the screens that led there.
RULES = (
    RECALL_GAP,
    PULL_GAP,
    PULLED_SHARE,
    RECALL_LOSS,
    ERASED_RECALL,
    ERASED_PULL,
    ERASED_SHARE,
    ERASED_MARGIN,
    RESTORED_RECALL,
    RESTORED_MARGIN,
    FILLED,
    PLACE_TAKEN,
    PLACE_GIVEN,
    PLACE_LOSS,
    SURROUNDINGS_TAKEN,
    SURROUNDINGS_GIVEN,
    EDITED_RECALL,
    EDITED_MARGIN,
    EDITED_PULL,
    EDITED_LOSS,
    PLACE_SHARE,
    SURROUNDINGS_SHARE,
    SHARE,
    ASSOCIATION,
)
#: Gaps in points, which limits on gaps and orders by gap compare with each other.
GAPS = tuple(rule for rule in RULES if rule.kind == "gap" and rule.unit == "points")
#: What a class is harmed by: its own pictures with the concept are those that go wrong.
LOSSES = (RECALL_LOSS, PLACE_LOSS, EDITED_LOSS)
_BY_ID = {rule.rule_id: rule for rule in RULES}


def rule_of(rule_id: str | None) -> Rule | None:
    """The rule of an id; None for an id that this program does not know (an audit may come from anybody)."""
    return _BY_ID.get(rule_id or "")


def shown_by_others(rule_id: str | None) -> bool:
    """Whether pictures of the other classes show what a rule measures: the class pulls them."""
    rule = rule_of(rule_id)
    return rule is not None and rule.whose == "others"


def settled_by_others(rule_id: str | None) -> bool:
    """Whether pictures of the other classes are missing; where an edit pulls them, the class's own are."""
    return shown_by_others(rule_id) and rule_id != EDITED_PULL.rule_id


def fails_with(rule_id: str | None) -> bool:
    """Whether it is pictures *with* the concept that go wrong: those that a class pulls, or its own that it loses."""
    return shown_by_others(rule_id) or is_loss(rule_id)


def is_loss(rule_id: str | None) -> bool:
    """Whether a rule says that a class loses its own pictures with the concept."""
    return rule_of(rule_id) in LOSSES


def written(rule_id: str | None, effect: float | None, low: float | None = None, high: float | None = None) -> str:
    """An effect in the unit of its rule: "65 pts [58, 71]", or "41 % [38, 44]"; of an unknown rule in points."""
    rule = rule_of(rule_id)
    return points(effect, low, high) if rule is None or rule.unit == "points" else percent(effect, low, high)


# --- thresholds: of what counts as there, and of tests ----

#: Presence above this counts as "the concept is in the picture".
PRESENT = 0.5
#: H0 of every gap is "effect <= 5 points" (docs/method.md).
DELTA = 0.05
#: And of the rise of margins by an edit, in standard deviations: it moves at most a tenth of normal margins over zero.
MARGIN_DELTA = 0.25
#: Where an edit makes more than this of the others' pictures the class, the class is suspect by that alone.
MOST_PULLED = 0.5
#: Level of the corrected tests.
ALPHA = 0.05
#: Of every interval that is shown.
CONFIDENCE = 0.95
#: Fewer pictures than this in either arm and a gap is "too_few".
MIN_ARM = 10
#: And of a class's own pictures in which a level is set (E6): each is its own control, and the test is exact. Where
#: 95 % of a class have what cannot be taken back, few are left to give it to.
MIN_EDITED = 5
#: Fewer labelled pictures than this and a class is not analysed: it could not fill two arms.
MIN_CLASS = 2 * MIN_ARM
#: An effect whose upper bound lies below this is tolerated: the concept is excluded.
TOLERATED = 0.10
#: With more other classes than this the share that is pulled is asked for beside the mean pull. Of four, one class's
#: pull shows in the mean: a pull that makes a tenth of what is called a class of the same size, by a concept that half
#: of the pictures have, is one of over 5 points in the mean of up to four (decision 0029).
FEW_SOURCES = 4
#: H0 of that share, as of what erasure takes of it, and the share that is tolerated: of ten pictures called the class
#: one that is there because of the concept is seen by whoever looks through them.
PULLED_DELTA, TOLERATED_PULLED = 0.05, 0.10
#: The effect that missing pictures are counted for: never the observed one.
DESIGN_EFFECT = 0.20
#: Chance with which an effect is shown, or excluded, that is named as one that would be.
POWER = 0.8
#: Part of a class's level for the concepts that the data associate with it, where there are others as well.
ASSOCIATED_PART = 0.8
#: Part of a class's level for the columns of the manifest, where words are tested as well. Half: somebody named a few
#: columns and knows their values, and the words are a hundred or more whose presence is an encoder's opinion.
COLUMN_PART = 0.5
#: Part of the level for measured properties, taken from all others: their proof is an edit, which is sure or nothing.
#: Where the encoder sees the class in every word it is the words' part, and properties have the words' own.
PROPERTY_PART = 0.1
#: Part of a pair's level for a gap of recall, and for a pull; the rest is for recall and swaps tested together.
GAP_PART = 0.45
#: Part of a pair's level for edits (E6), where its concept is a property that can be set in a picture: the rest is for
#: gaps. Measured properties have little of the level, and editing is their proof.
EDITED_PART = 0.8
#: Two bounds of a gap, 98 % each, of which both must lie under the tolerance for a class to be called clean: of classes
#: with a gap as large as that one in fifty is (decision 0027).
BOUND_CONFIDENCE = 0.96
#: Gaps that a clean class may have where the settings name no other tolerance. As large as :data:`DESIGN_EFFECT`.
TOLERANCE = 0.20
#: Part of a class that the smaller arm must hold for the claim to rest on a concept that the data do not associate: of
#: what is rarer next to no data set has the pictures, and no class would ever be clean.
COVERED_PART = 0.10
#: Part of the context words that an encoder must tell twice alike for words to bear the claim.
FIT_PART = 0.5
#: Part of a class's pictures that the encoder must find some scene likely in for words to bear the claim: where an
#: encoder was blind to a scene that a class relies on it was .2 to .6, and .86 and more elsewhere (decision 0031).
PLACED_PART = 0.7
#: A class's severity by the lower bound of its gap: from here on high, and medium; below that low.
HIGH, MEDIUM = 0.20, 0.10


def severity_of(low: float) -> Severity:
    """By the lower bound of what was shown: a gap, another effect, or what is lost."""
    return "high" if low >= HIGH else "medium" if low >= MEDIUM else "low"


# --- thresholds of the rules ----

#: E1 screen: the concept carries this share of the words, this many times its share in the other classes.
SCREEN_SHARE, SCREEN_LIFT = 0.15, 1.5
#: E2 screen: lower bound of the one-vs-rest AUC, and how much more often the concept is present than in other classes.
#: The AUC alone also rises when an encoder finds a class's pictures a little more like a mark that none of them bears.
SCREEN_AUC, SCREEN_EXCESS = 0.6, 0.10
#: Plain gaps with a p below this are measured in full, reported, and may be shown; alone they are no suspects.
NOTABLE_P = 0.05
#: Erasure agrees with a gap when it takes away at least this part of it, and DELTA; or this part of the margin.
#: Fillings agree with this part of a gap.
AGREEING_PART = 0.25
#: An eraser never saw the pictures that it judges, and takes away less of what is there the fewer pictures it was
#: fitted on. Below this many pictures a channel these parts, of gap and margin, are asked for (decision 0024).
FEW_A_CHANNEL = 10
AGREEING_FEW, AGREEING_MARGIN_FEW = 0.20, 0.05
#: Level at which an erasure must exceed what erasers fitted to permuted presence take away.
NULL_ALPHA = 0.05
#: An eraser is fitted only where the concept is present in some pictures and absent from others of so many.
MIN_VARYING = 20
#: Part of the pictures that must still be called the class when they are filled *with* the concept: else it is the
#: transplant as such that changes what they are called, and a model without its object falls back on what is left.
LEAST_KEPT = 0.5
#: How surely the encoder's score of the class may tell pictures of another class with a concept from those without it,
#: as an area under the curve. Above, presence copies the look of the class, and matching on a score that is itself
#: an opinion leaves too much of it (docs/decisions/0020).
MAX_LIKENESS = 0.8
#: Pictures of a class that differ by less than this part of its standard deviation in that score look equally like
#: another class (Austin 2011: takes away at least 98 % of the bias that the score explains).
CALIPER = 0.2
#: Correlation of presence from which two words may be of one thing, and the one is no control of the other.
RELATED = 0.3

# --- thresholds of fixed places ----

#: A place is a lead where the class has so much more of its evidence there than the other classes, by its lower bound.
PLACE_EXCESS = 0.01
#: A picture shows a place where it has more of its evidence there than this part of the other classes' pictures.
PLACE_SHOWN = 0.9
#: Surroundings decide a class where the part of what tells it that the model sees there is surely over the second, and
#: over the second and the first times what the encoder sees there. Of clean heads on photographs it is .6 to 3.6 times
#: the encoder's, once 6.8 times, and .07 at most where the encoder sees nothing there (decision 0087).
SURROUNDINGS_TIMES = 3.0
SURROUNDINGS_EXCESS = 0.10

# --- thresholds of copies ----

#: Bits of two fingerprints (of 512) that may differ in near copies. Copies encoded again, resized, a little brighter or
#: cropped by a hundredth differ in fewer, nearly all; different pictures in 84 and more (decision 0022).
NEAR_COPY_BITS = 56
#: And the encoder's least cosine between them: it knows what grey levels do not, such as another colour.
NEAR_COPY_COSINE = 0.75

# --- thresholds of named states ----

#: Kappa of a column's values and the labels from which on values that name classes or objects are taken for the label
#: once more. High: a label that was gone over again has a few per cent of other values and is better asked about than
#: kept silent; a shortcut that goes with its class in 95 of 100 pictures of two classes has .9, in 99 of 100 .98.
LABEL_COPY_KAPPA = 0.99
#: Kappa of presence told twice below which it is not known in which pictures a concept is.
MIN_KAPPA = 0.6
#: Examples of either side below which a concept is not learnt: with five of each a probe on photographs tells unseen
#: pictures with an AUC of .64 to .80 (decision 0035).
MIN_EXAMPLES = 10
#: Part of label-shuffled probes that would tell unseen examples so well, from which on a probe is at chance.
CHANCE_P = 0.05
#: A context word tells a class from this AUC on, or says that it is another one as surely. Where more than this part
#: of the context words tell a class, and at least so many, the encoder sees the class in every word, and words say
#: nothing about it (decision 0036). Of few words, chosen for the pictures, several may rightly go with a class.
COPIES_AUC, COPIES_PART, COPIES_LEAST = 0.8, 0.2, 10
#: Mean residual of the phrases above which words say nothing about a class.
MAX_RESIDUAL = 0.9
#: Evidence for a class below this part of what pictures have of it on average (each class counting the same): little
#: speaks for the class, and words of what is missing would lead (decision 0036).
LITTLE_EVIDENCE = 1.0
#: Recall from which on pictures look like those that the model was trained on.
NEAR_PERFECT = 0.995
#: Confidence with which recall must exceed the rate among other classes, for a class to count as known to the model.
KNOWN = 0.999

# --- thresholds of the model as such ----

#: What the head gets for a picture may differ by this part of its largest value when others are beside it in the batch.
#: Kernels sum by the shape of a batch, and rounding to ten bits, as GPUs do in convolutions, is half a thousandth
#: (decision 0038).
SAME_ANSWER = 0.01
#: Labels and outputs look swapped where this part more of a class's pictures is called one other class than is called
#: the class itself, all round: of two classes that are told apart no worse than 70 to 30, only the wrong way.
SWAPPED_GAIN = 0.4
#: Chance that so few are called what they are labelled where either name is as likely.
SWAPPED_P = 0.001
