"""Fixed places in made worlds: maps by hand, and a model that is a function of what was exchanged."""

from dataclasses import replace

import numpy as np
import pytest
from evidence_world import CLASSES, V, World, relabelled

from auditor.evidence.effects.gaps import Gap
from auditor.evidence.effects.place_likeness import NOT_SEEN, PARTS
from auditor.evidence.effects.reliance import Erasure
from auditor.evidence.effects.swapped_outputs import SwappedOutputs
from auditor.evidence.pairs.measure import PairEvidence
from auditor.evidence.verdicts import place_leads
from auditor.evidence.verdicts.judge import judge
from auditor.evidence.verdicts.pair_states import JudgedPair
from auditor.evidence.verdicts.place_leads import choose_exchanges, find_places
from auditor.evidence.verdicts.place_losses import with_place_losses
from auditor.evidence.verdicts.place_sentences import with_places
from auditor.evidence.verdicts.unnamed_leads import unnamed_leads
from auditor.place_grid import PLACES
from auditor.rules import MIN_ARM, PLACE_GIVEN, PLACE_LOSS, PLACE_SHARE, PLACE_TAKEN, RECALL_LOSS

NAMES = [place.name for place in PLACES]
CORNER = NAMES.index("bottom right corner")
CAT = CLASSES.index("cat")


def silent(*_):
    pass


@pytest.fixture(scope="module")
def plain():
    world = World(seed=4)
    return world.audit(60, head=world.fit_head(150))


def marked(inputs, cats=0.75, others=0.0):
    """Something at the bottom right in a part of what is called cat, and of the rest; and which pictures have it."""
    rng = np.random.default_rng(0)
    shares = rng.dirichlet([3, 3, 3, 3, 18, 3, 3, 3, 3], len(inputs.image_ids)).astype(np.float32)
    there = rng.random(len(shares)) < np.where(inputs.predicted_idx == CAT, cats, others)
    shares[there] = 0.5 * shares[there] + 0.5 * np.eye(9, dtype=np.float32)[8]
    return replace(inputs, places=shares), there


def model(inputs, there, *, taken, given):
    """Calls a cat a cat without its mark unless that was ``taken`` to matter, and others cats for it if ``given``."""
    rng = np.random.default_rng(1)

    def exchange(swaps):
        called = []
        for swap in swaps:
            target = int(inputs.label_idx[swap.target])
            lost, won = target, target
            if target == CAT and there[swap.target] and rng.random() < taken:
                lost = 0
            if target != CAT and there[swap.source] and rng.random() < given:
                won = CAT
            called.append((lost if target == CAT else won, target))
        return np.array(called, dtype=np.int64)

    return exchange


def test_a_corner_that_decides_flags_the_class(plain):
    inputs, there = marked(plain)
    result = judge(inputs, exchange=model(inputs, there, taken=0.6, given=0.5))
    cat = result.verdicts[CAT]
    assert (cat.verdict, cat.severity, cat.concept_id) == ("flagged", "high", "place-bottom-right-corner")
    assert (cat.concept_kind, cat.gap, cat.share) == ("place", None, None)
    assert cat.rule_id in (PLACE_TAKEN.rule_id, PLACE_GIVEN.rule_id)
    assert cat.sentence.startswith(
        'With another class\'s picture at the bottom right corner (place) the model recognises 45 % of "cat" pictures, '
        "with one at that place's mirror image 100 %: "
    )
    (place,) = result.fixed_places
    assert (place.class_name, place.state, place.concept) == ("cat", "proven", "bottom right corner")
    own = (inputs.label_idx == CAT) & (inputs.predicted_idx == CAT)
    assert place.n_images == own.sum()
    assert set(place.image_ids) <= {inputs.image_ids[row] for row in np.flatnonzero(own & there)}
    rules = {one.rule_id: one for one in result.findings if one.concept_id == place.concept_id}
    assert set(rules) == {PLACE_SHARE.rule_id, PLACE_TAKEN.rule_id, PLACE_GIVEN.rule_id, PLACE_LOSS.rule_id}
    assert rules[PLACE_TAKEN.rule_id].q < 1e-6
    known = np.isfinite(result.place_presence[place.concept_id])
    assert (known == (inputs.predicted_idx == CAT)).all()


def test_a_class_that_loses_its_pictures_to_another_s_corner_is_harmed(plain):
    """Given what cats show there most pictures of the other classes are called cat, but not balloons."""
    inputs, there = marked(plain)
    balloon = CLASSES.index("balloon")
    pulls = model(inputs, there, taken=0.6, given=0.8)

    def exchange(swaps):
        called = pulls(swaps)
        kept = np.array([inputs.label_idx[swap.target] == balloon for swap in swaps])
        called[kept] = balloon
        return called

    before = judge(inputs).verdicts
    result = judge(inputs, exchange=exchange)
    told = {one.class_name: one for one in result.verdicts}
    assert told["cat"].verdict == "flagged"
    assert told["balloon"] == before[balloon]
    vehicle = told["vehicle"]
    assert (vehicle.verdict, vehicle.severity) == ("harmed", "high")
    assert (vehicle.concept_id, vehicle.concept_kind, vehicle.rule_id) == (
        "place-bottom-right-corner",
        "place",
        PLACE_LOSS.rule_id,
    )
    assert vehicle.sentence.startswith(
        'With what "cat" pictures show at the bottom right corner (place) the model recognises 10 % of "vehicle" '
        "pictures, and 100 % with its mirror image. Loss: "
    )
    assert vehicle.numbers == (
        'Loss: with what "cat" pictures show at the bottom right corner (place) put into its pictures 10 % of 20 '
        "trials are recognised, with its mirror image 100 %, a difference of 90 points [59, 100]; 90 % are called "
        '"cat" instead of 0 %.'
    )
    rows = {one.class_name: one for one in result.findings if one.rule_id == PLACE_LOSS.rule_id}
    assert set(rows) == {"waterbird", "landbird", "vehicle", "balloon"}
    assert (rows["vehicle"].concept_id, rows["vehicle"].n_images) == ("place-bottom-right-corner", 20)
    assert rows["vehicle"].q < 0.01
    assert rows["balloon"].q == 1.0


def test_what_lies_there_harms_nobody_where_it_is_no_shortcut(plain):
    """Where the place may be the class's object, or the settings allow it the class that loses by it."""
    inputs, there = marked(plain)
    before = judge(inputs).verdicts
    seen = judge(inputs, exchange=model(inputs, there, taken=0.6, given=0.8), look=looking(inputs, lost=0.1, won=0.1))
    assert seen.verdicts == before
    allowed = {(c, "place-bottom-right-corner"): ("a token", "Ada", None) for c, _ in enumerate(CLASSES) if c != CAT}
    result = judge(replace(inputs, core_places=allowed), exchange=model(inputs, there, taken=0.6, given=0.8))
    assert [one.verdict for one in result.verdicts if one.class_name != "cat"] == [
        one.verdict for one in before if one.class_name != "cat"
    ]


def test_a_loss_to_a_place_is_told_beside_what_flags_or_harms_the_class(plain):
    inputs, there = marked(plain)
    leads = find_places(inputs, model(inputs, there, taken=0.6, given=0.8), silent)
    before = judge(inputs).verdicts
    for verdict in ("flagged", "harmed"):
        worse = [replace(one, verdict=verdict, concept="snow", sentence="Told.", numbers="") for one in before]
        landbird = with_place_losses(inputs, worse, leads)[1]
        assert (landbird.verdict, landbird.concept) == (verdict, "snow")
        assert landbird.sentence.startswith('Told. Loss: with what "cat" pictures show at the bottom right corner')
    few = [replace(one, verdict="not_analysed", n_images=12, concept=None) for one in before]
    assert {one.verdict for one in with_place_losses(inputs, few, leads)} == {"not_analysed"}
    open_ = [replace(one, verdict="suspect", concept="snow") for one in before]
    landbird = with_place_losses(inputs, open_, leads)[1]
    assert landbird.verdict == "harmed"
    assert landbird.sentence.endswith("It may also rely on snow, which was neither shown nor excluded.")


@pytest.mark.parametrize(
    ("taken", "given", "state"),
    [
        (0.6, 0.0, "excluded"),  # a part of the object lies there: it is needed, and nothing is called cat for it
        (0.0, 0.5, "open"),  # others are called cat for it, and no cat needs it
        (0.0, 0.0, "excluded"),
    ],
)
def test_one_way_alone_proves_nothing(plain, taken, given, state):
    inputs, there = marked(plain)
    before = judge(inputs)
    result = judge(inputs, exchange=model(inputs, there, taken=taken, given=given))
    assert [place.state for place in result.fixed_places] == [state]
    assert result.verdicts == before.verdicts


def looking(inputs, *, lost, won):
    """An encoder that sees so much less cat in cats without the corner, and more in others with it."""

    def look(swaps):
        is_cat = np.array([inputs.label_idx[swap.target] == CAT for swap in swaps])
        noise = np.random.default_rng(2).normal(0, 0.05, (len(swaps), 2))
        likeness = np.stack([np.where(is_cat, -lost, won), np.zeros(len(swaps))], axis=1) + noise
        return np.rint(PARTS * likeness).astype(np.int64)

    return look


def test_a_place_that_shows_the_class_itself_is_a_lead_and_flags_nothing(plain):
    """Heads of dogs lie at the top of their pictures: exchanging the top decides, and it is the dog that decides."""
    inputs, there = marked(plain)
    exchange = model(inputs, there, taken=0.6, given=0.5)
    result = judge(inputs, exchange=exchange, look=looking(inputs, lost=0.1, won=0.1))
    assert result.verdicts == judge(inputs).verdicts
    (place,) = result.fixed_places
    assert place.state == "open"
    assert place.sentence.startswith(
        'What lies at the bottom right corner decides "cat", for the encoder as well, more than its mirror image: it '
        "may be what the class looks like. Place: "
    )
    assert "Exchange: with another class's picture at that place " in place.sentence


@pytest.mark.parametrize(
    ("lost", "won"),
    [
        (0.0, 0.0),  # a stamp
        (-0.1, 0.0),  # a stamp that covers the object
        (0.1, 0.0),  # its object is there in the one way alone
        (0.0, 0.1),
    ],
)
def test_a_place_that_makes_no_difference_to_the_encoder_either_way_decides_as_before(plain, lost, won):
    inputs, there = marked(plain)
    exchange = model(inputs, there, taken=0.6, given=0.5)
    look = looking(inputs, lost=lost, won=won)
    result = judge(inputs, exchange=model(inputs, there, taken=0.6, given=0.5), look=look)
    assert result.verdicts == judge(inputs, exchange=exchange).verdicts
    assert result.verdicts[CAT].verdict == "flagged"


@pytest.mark.parametrize("seen", [None, NOT_SEEN])
def test_what_was_not_looked_at_decides_as_before(plain, seen):
    """Judged again without an encoder, or its pictures gone."""
    inputs, there = marked(plain)

    def look(swaps):
        return None if seen is None else np.full((len(swaps), 2), seen)

    result = judge(inputs, exchange=model(inputs, there, taken=0.6, given=0.5), look=look)
    assert result.verdicts[CAT].verdict == "flagged"


def test_only_what_decides_is_looked_at(plain):
    inputs, there = marked(plain)
    judge(inputs, exchange=model(inputs, there, taken=0.0, given=0.0), look=lambda _: pytest.fail("looked"))


def test_without_exchanges_a_place_is_a_lead_and_no_suspect(plain):
    inputs, _ = marked(plain)
    result = judge(inputs)
    assert [(place.class_name, place.state) for place in result.fixed_places] == [("cat", "open")]
    assert "Exchange: not tried." in result.fixed_places[0].sentence
    assert result.verdicts == judge(plain).verdicts
    assert judge(plain).fixed_places == []


@pytest.mark.parametrize(("cats", "others"), [(0.0, 0.0), (0.75, 0.75)])
def test_no_lead_where_no_class_stands_out(plain, cats, others):
    inputs, _ = marked(plain, cats, others)
    assert find_places(inputs, None, silent) == []


def test_relabelling_classes_changes_nothing_else(plain):
    inputs, _ = marked(plain)
    new_of_old = np.array([3, 0, 4, 1, 2])
    other = relabelled(inputs, new_of_old)
    (lead,), (moved,) = find_places(inputs, None, silent), find_places(other, None, silent)
    assert moved.class_idx == new_of_old[lead.class_idx]
    assert moved.rows.tolist() == lead.rows.tolist()
    assert moved.screen.p == pytest.approx(lead.screen.p)


def test_who_meets_whom(plain):
    inputs, there = marked(plain)
    groups = np.arange(len(there)) // 2
    (lead,) = find_places(replace(inputs, groups=groups), None, silent)
    swaps = choose_exchanges(replace(inputs, groups=groups), inputs.places, lead)
    assert len(swaps) == 2 * place_leads.N_EXCHANGES
    away, back = swaps[: len(swaps) // 2], swaps[len(swaps) // 2 :]
    assert [(one.target, one.source) for one in away] == [(one.source, one.target) for one in back]
    assert np.mean([there[one.target] for one in away]) > 0.9
    for one in away:
        assert inputs.label_idx[one.target] == CAT != inputs.label_idx[one.source]
        assert groups[one.target] != groups[one.source]
        assert PLACES[one.mirror_idx].family == "corner"
        assert one.mirror_idx != one.place_idx == CORNER
    labels = np.bincount(inputs.label_idx[[one.source for one in away]], minlength=5)
    assert max(labels) - min(np.delete(labels, CAT)) <= 3  # classes in turns


def test_too_few_pictures_are_not_exchanged(plain):
    inputs, _ = marked(plain)
    (lead,) = find_places(inputs, None, silent)
    assert choose_exchanges(inputs, inputs.places, replace(lead, rows=lead.rows[: MIN_ARM - 1])) == []


def test_an_audit_judged_again_without_these_exchanges_says_so(plain):
    inputs, _ = marked(plain)
    (place,) = judge(inputs, exchange=lambda swaps: None).fixed_places
    assert place.state == "open"
    assert "Exchange: not tried again." in place.sentence


def test_where_a_class_may_rest_on_a_place_nothing_is_looked_for(plain):
    """Nor at the edges that the corner is a part of: what lies there would come back under their name."""
    inputs, _ = marked(plain)
    (lead,) = find_places(inputs, None, silent)
    entry = ("the hospital's token", "Ada", None)
    allowed = replace(inputs, core_places={(CAT, lead.place.concept_id): entry})
    assert find_places(allowed, None, silent) == []
    assert find_places(replace(inputs, core_places={(0, lead.place.concept_id): entry}), None, silent) != []
    (row,) = judge(allowed).core_concepts
    assert (row.class_name, row.concept, row.concept_kind, row.reason) == ("cat", lead.place.name, "place", "settings")
    assert (row.why, row.who, row.expires) == entry


def halved(plain, hidden):
    """Cats of which the ``hidden`` (N,) lose their margin to something that no word knows of."""
    (rows, x, logits), *_ = list(plain.head_chunks())
    logits = logits.copy()
    own = plain.label_idx[rows]
    logits[np.arange(len(own)), own] = logits.max(axis=1) + 1
    logits[hidden & (own == CAT), CAT] -= 6
    called = logits.argmax(axis=1)
    return replace(marked(plain)[0], predicted_idx=called, head_chunks=lambda: [(rows, x, logits)])


def test_halves_of_a_class_by_hand(plain):
    hidden = np.random.default_rng(2).random(len(plain.image_ids)) < 0.5
    inputs = halved(plain, hidden)
    (lead,) = unnamed_leads(inputs)
    assert (lead.class_name, lead.n_first_correct) == ("cat", lead.n_first)
    assert lead.n_second_correct < lead.n_second
    assert lead.low > 0.05
    told = dict(zip(inputs.image_ids, hidden, strict=True))
    assert np.mean([told[image_id] for image_id in lead.second_ids]) > 0.9
    assert np.mean([told[image_id] for image_id in lead.first_ids]) < 0.1
    assert judge(inputs).unnamed_leads == [lead]
    assert unnamed_leads(replace(inputs, places=None)) == []  # where a head is tried, nobody looks for leads


def test_a_group_lies_in_one_half_and_counts_as_one_where_it_is_of_copies():
    world = World(seed=4)
    plain = world.audit(100, head=world.fit_head(150))
    n = len(plain.image_ids)
    groups = np.zeros(n, dtype=np.int64)
    for c in range(len(CLASSES)):  # pairs within each class
        own = np.flatnonzero(plain.label_idx == c)
        groups[own] = 1000 * c + np.arange(own.size) // 2
    inputs = halved(plain, np.random.default_rng(2).random(groups.max() + 1)[groups] < 0.4)
    (alone,) = unnamed_leads(inputs)
    (pairs,) = unnamed_leads(replace(inputs, groups=groups))
    (copies,) = unnamed_leads(replace(inputs, groups=groups, copies=groups))
    group_of = dict(zip(inputs.image_ids, groups.tolist(), strict=True))
    shown = [group_of[one] for one in (*pairs.first_ids, *pairs.second_ids)]
    assert len(set(shown)) == len(shown)  # one picture of each, and none in both strips
    assert (copies.n_first, copies.n_second) == (pairs.n_first // 2, pairs.n_second // 2)
    assert pairs.high - pairs.low > alone.high - alone.low  # pairs that are recognised or missed together
    assert copies.first_ids == pairs.first_ids


def test_a_place_leaves_what_else_is_said_of_a_class(plain):
    """A class that loses pictures to a watermark keeps that; too few pictures for a verdict hide no place."""
    inputs, there = marked(plain)
    leads = find_places(inputs, model(inputs, there, taken=0.6, given=0.5), silent)
    before = judge(inputs).verdicts
    lost = Gap(0.3, 0.2, 0.4, 1e-6, 30, 60, 50, 60)
    given_back = Erasure(0.3, 0.2, 0.4, 60, 60, p=1e-6, permuted=0.0)
    pair = PairEvidence(
        CAT,
        V["watermark"],
        None,
        (0.5, 0.4, 0.6),
        False,
        False,
        recall=lost,
        erased_recall=given_back,
        transferred_recall=given_back,
    )
    losses = [[] for _ in CLASSES]
    losses[CAT] = [JudgedPair(pair, "proven", RECALL_LOSS, lost, 0.2)]
    cat = with_places(inputs, before, leads, losses)[CAT]
    assert (cat.verdict, cat.concept) == ("flagged", "bottom right corner")
    assert "Loss: with watermark (artifact)" in cat.numbers
    called, counts = {CAT: CAT + 1, CAT + 1: CAT}, {CAT: (40, 2, 38), CAT + 1: (40, 0, 40)}
    cat = with_places(inputs, before, leads, losses, SwappedOutputs(called, counts))[CAT]
    assert "But labels and outputs look swapped (see the notes)" in cat.sentence
    few = [replace(one, verdict="not_analysed", n_images=12, sentence="Too few.", numbers="") for one in before]
    cat = with_places(inputs, few, leads, losses)[CAT]
    assert (cat.verdict, cat.concept) == ("not_analysed", before[CAT].concept)
    assert cat.sentence.startswith('Too few. What lies at the bottom right corner decides "cat". Place: ')
    assert cat.numbers.startswith('What lies at the bottom right corner decides "cat"')
