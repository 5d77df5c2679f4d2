from collections import Counter
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from edit_world import edited_world, unknown_margins
from evidence_world import CLASSES, World
from scipy import sparse

from auditor.edit_records import COVERED_BESIDE, LevelEdits, PictureEdit
from auditor.evidence.effects.edits import CANNOT_BE_SET, NOT_READABLE, EditedLoss
from auditor.evidence.effects.swaps import NOT_TRIED
from auditor.evidence.pairs.measure import PairEvidence
from auditor.evidence.verdicts import edit_pairs
from auditor.evidence.verdicts.edit_pairs import MAX_PICTURES, _asked, pictures_at_level
from auditor.evidence.verdicts.harm import compared_with
from auditor.evidence.verdicts.judge import judge
from auditor.extraction.edit_record import EditRecorder, replayed_edits
from auditor.records import ATTRIBUTE_KIND, Concept
from auditor.rules import DELTA, EDITED_LOSS, EDITED_PULL, EDITED_RECALL, MARGIN_DELTA

VEHICLE, CAT = (CLASSES.index(name) for name in ("vehicle", "cat"))
PLANTED = World(planted={"vehicle": ("artifact", "watermark", 0.95)}, seed=0, class_strength=0.6)


@pytest.fixture(scope="module")
def head():
    return PLANTED.fit_head(300)


def by_name(result):
    return {verdict.class_name: verdict for verdict in result.verdicts}


def edited(result, class_name):
    return {
        (one.rule_id, one.concept): one
        for one in result.findings
        if one.class_name == class_name and one.rule_id in (EDITED_RECALL.rule_id, EDITED_PULL.rule_id)
    }


def test_margins_are_measured_and_told_where_recall_alone_would_not_show_it(head):
    inputs, edits = edited_world(PLANTED, head, margins=True)
    result = judge(inputs, edit=edits.edit)
    (margin,) = [
        one
        for one in result.findings
        if (one.class_name, one.rule_id, one.concept_id) == ("vehicle", "E6-margin", "mark-yes")
    ]
    assert margin.status == "measured"
    assert margin.low > MARGIN_DELTA
    vehicle = by_name(result)["vehicle"]
    assert (vehicle.verdict, vehicle.concept) == ("flagged", "property:mark = yes")
    assert "whose margins rise" not in vehicle.sentence  # it is shown by what pictures are called
    unknown, before = edited_world(PLANTED, head)
    assert not [one for one in judge(unknown, edit=before.edit).findings if one.rule_id == "E6-margin"]


def test_a_property_that_is_relied_on_is_flagged_and_the_sentence_tells_the_edit(head):
    inputs, edits = edited_world(PLANTED, head)
    result = judge(inputs, edit=edits.edit)
    vehicle = by_name(result)["vehicle"]
    assert (vehicle.verdict, vehicle.concept) == ("flagged", "property:mark = yes")
    assert "given mark yes, " in vehicle.sentence
    assert 'of other classes are called "vehicle" instead of' in vehicle.sentence
    assert EDITED_RECALL.rule_id in (vehicle.rule_id, vehicle.agreeing_rule_id) or EDITED_PULL.rule_id in (
        vehicle.rule_id,
        vehicle.agreeing_rule_id,
    )
    assert {name for name, one in by_name(result).items() if one.verdict == "flagged"} == {"vehicle"}
    found = edited(result, "vehicle")
    pull = found[EDITED_PULL.rule_id, "property:mark = yes"]
    assert pull.low > 0.1
    assert pull.status == "measured"
    assert pull.evidence_image_ids


@pytest.mark.parametrize("colour", [False, True])
def test_classes_whose_pictures_go_to_one_that_relies_on_it_are_harmed_by_it(head, colour):
    """Also where that class is suspect alone, as the colour of the whole frame may be how it looks."""
    inputs, edits = edited_world(PLANTED, head, one_way=True, whole_frame=colour, kept_does=False)
    result = judge(inputs, edit=edits.edit)
    found = by_name(result)
    cat = found["cat"]
    assert found["vehicle"].verdict == ("suspect" if colour else "flagged")
    assert (cat.verdict, cat.rule_id, cat.concept) == ("harmed", EDITED_LOSS.rule_id, "property:mark = yes")
    assert cat.gap is None  # no gap of pictures as they are
    assert cat.effect_low >= DELTA
    told = (
        ("56", "91", "91", "35 points [24, 45] fewer", "44")
        if colour
        else ("57", "91", "100", "34 points [23, 43] fewer", "43")
    )
    left, before, n, lost, taken = told
    assert f'Given mark yes, the model recognises {left} % of "cat" pictures instead of {before} %.' in cat.sentence
    assert f"{left} % of {n} pictures are recognised instead of {before} % ({lost}" in cat.sentence
    assert f'), and {taken} % are called "vehicle" instead of 0 % ({taken} points' in cat.sentence
    picked = "as it was picked from many, it counts as"
    assert picked not in cat.sentence
    assert f"{picked} {'21 points [5, 31]' if colour else '23 points [9, 32]'}" in found["waterbird"].sentence
    (loss,) = (one for one in result.findings if one.rule_id == EDITED_LOSS.rule_id and one.class_name == "cat")
    row_of = {image_id: row for row, image_id in enumerate(inputs.image_ids)}
    named = [row_of[image_id] for image_id in loss.evidence_image_ids]
    assert loss.effect == pytest.approx(32 / 91 if colour else 0.34)
    assert set(inputs.label_idx[named]) == {3} == set(inputs.predicted_idx[named])  # right as they are
    of_cat = [one for one in result.counterexamples if one.class_name == "cat"]
    assert [(one.present, one.rule_id) for one in of_cat] == [(True, "E6-harm"), (False, "E6-harm")]


def test_a_loss_by_a_level_is_the_other_side_of_a_reliance_on_another_one(head):
    """What is given a level loses another: a class that relies on no mark is not harmed by the mark as well."""
    inputs, _ = edited_world(PLANTED, head)
    loss = PairEvidence(3, 1, None, (0.5, 0.4, 0.6), by_words=False, by_data=False)
    loss.edited_loss = EditedLoss(NOT_TRIED, 2, NOT_TRIED, 0.0)
    assert compared_with(inputs, None, loss, {0})
    assert not compared_with(inputs, None, loss, set())


def test_without_a_picture_of_the_class_that_lacks_it_editing_shows_it_alone(head):
    """The audited vehicles all bear the mark: no gap of recall, and taking it away shows what it did."""
    world = replace(PLANTED, planted={"vehicle": ("artifact", "watermark", 1.0)})
    inputs, edits = edited_world(world, head)
    vehicle = by_name(judge(inputs, edit=edits.edit))["vehicle"]
    assert vehicle.verdict == "flagged"
    assert "property:mark" in vehicle.concept


@pytest.mark.parametrize("margins", [False, True])
def test_a_network_that_only_falls_under_the_edit_is_not_flagged(margins):
    """The audited pictures associate the mark with a class that learnt nothing of it."""
    head = World(seed=0, class_strength=1.2).fit_head(300)
    audited = World(planted={"vehicle": ("artifact", "watermark", 0.7)}, seed=0, class_strength=1.2)
    inputs, edits = edited_world(audited, head, fragile=1.5, one_way=True, margins=margins)
    result = judge(inputs, edit=edits.edit)
    assert edits.asked
    assert not {"flagged", "harmed"} & {one.verdict for one in result.verdicts}
    found = edited(result, "vehicle")[EDITED_RECALL.rule_id, "property:mark = yes"]
    assert found.status == "measured"
    assert found.effect < -0.1


def test_what_moves_nothing_when_it_is_set_is_excluded():
    plain = World(seed=0, class_strength=1.6)
    head = plain.fit_head(300)
    inputs, edits = edited_world(PLANTED, head, answer=lambda one, called: called)
    result = judge(inputs, edit=edits.edit)
    assert by_name(result)["vehicle"].verdict not in ("flagged", "suspect")


@pytest.mark.parametrize(("kept_does", "verdict"), [(True, "flagged"), (False, "suspect")])
def test_colour_and_light_are_flagged_only_where_the_effect_stays_around_the_object(head, kept_does, verdict):
    inputs, edits = edited_world(PLANTED, head, whole_frame=True, kept_does=kept_does)
    result = judge(inputs, edit=edits.edit)
    vehicle = by_name(result)["vehicle"]
    assert vehicle.verdict == verdict
    assert any(one.keep_object for one, _ in edits.asked)
    assert ("with the place of the object left as it is" in vehicle.sentence) == (verdict == "suspect")


def test_what_an_edit_shows_stands_where_nothing_else_could_be_said(head):
    """A class that goes by its colour alone is at chance in balanced pictures, or no word explains it."""
    inputs, edits = edited_world(PLANTED, head, one_way=True, whole_frame=True, kept_does=False)
    unexplained = replace(inputs, residuals=np.ones(len(inputs.label_idx), np.float32))
    found = by_name(judge(unexplained, edit=edits.edit))
    assert {one.verdict for one in found.values()} == {"not_analysed"}
    told, lost = found["vehicle"].sentence, found["cat"].sentence
    assert "Editing: given mark yes, " in told
    assert 'of other classes are called "vehicle" instead of' in told
    assert "Editing: given mark yes, 56 % of 91 pictures are recognised instead of 91 %" in lost
    assert not any("Editing:" in one.sentence for one in judge(unexplained).verdicts)


def test_what_goes_one_way_only_is_given_and_not_taken(head):
    inputs, edits = edited_world(
        replace(PLANTED, planted={"vehicle": ("artifact", "watermark", 0.8)}), head, one_way=True
    )
    result = judge(inputs, edit=edits.edit)
    found = edited(result, "vehicle")[EDITED_RECALL.rule_id, "property:mark = yes"]
    assert (found.status, found.n_images) == (
        "measured",
        int((~(inputs.presence[:, 1] > 0.5) & (inputs.label_idx == 2)).sum()),
    )

    nothing = judge(inputs, edit=lambda _, rows: unknown_margins(np.full(len(rows), CANNOT_BE_SET)))
    found = edited(nothing, "vehicle")[EDITED_RECALL.rule_id, "property:mark = yes"]
    assert found.status == "one_way"

    gone = judge(inputs, edit=lambda _, rows: unknown_margins(np.full(len(rows), NOT_READABLE)))
    assert edited(gone, "vehicle")[EDITED_RECALL.rule_id, "property:mark = yes"].status == "not_readable"
    assert "Editing: not tried, as the pictures could not be read again." in by_name(gone)["vehicle"].sentence


def test_a_sure_gap_is_asked_for_before_what_only_goes_with_a_class():
    """Of eight levels that are open, the mark has a gap of 60 points and goes with no class; the others are junk."""

    def gap(low, status="measured"):
        return SimpleNamespace(low=low, status=status)

    def judged(v, strength, recall):
        pair = SimpleNamespace(concept_idx=v, class_idx=0, screened=True, recall=recall, pull=gap(0.0, "too_few"))
        return SimpleNamespace(pair=pair, state="open", strength=strength)

    junk = [judged(v, 0.4, gap(-0.2) if v % 2 else gap(0.3, "too_few")) for v in range(7)]
    mark = judged(7, 0.0, gap(0.6))
    inputs = SimpleNamespace(
        edits=dict.fromkeys(range(8)),
        class_names=("cat",),
        concepts=[SimpleNamespace(concept_id=f"level-{v}") for v in range(8)],
    )
    assert list(_asked(inputs, [[*junk, mark]])) == [7, 0, 1, 2, 3, 4]


@pytest.mark.parametrize(
    ("n_levels", "n_whole_frame", "expected"), [(0, 0, 0), (1, 0, 150), (1, 1, 100), (2, 2, 50), (6, 0, 50), (6, 6, 30)]
)
def test_levels_share_the_pictures_and_those_around_the_object_take_what_few_of_them_need(
    n_levels, n_whole_frame, expected
):
    """Of six levels of colour and light two at once may show something: 30 pictures each, and 30 around the object."""
    assert pictures_at_level(n_levels, n_whole_frame) == expected


@pytest.mark.parametrize("name", ["mark", "lettering"])
def test_no_class_has_more_pictures_go_through_the_model_than_is_allowed(head, name):
    """What is covered goes through it twice."""
    inputs, edits = edited_world(PLANTED, head, per_class=200, whole_frame=name == "mark", name=name)
    spent = Counter()

    def counting(asked, rows):
        for c, n in Counter(inputs.label_idx[rows].tolist()).items():
            spent[c] += n * (2 if asked.keep_object else 1)
        return edits.edit(asked, rows)

    judge(inputs, edit=EditRecorder(counting, "each once"))
    assert spent
    assert max(spent.values()) <= MAX_PICTURES


def covering(inputs, harm):
    """What an edit of lettering does to a network: what is covered of a vehicle hides it in so many of ten pictures."""

    def answer(asked, called):
        hidden = (inputs.label_idx == VEHICLE) & (np.arange(called.size) % 10 < harm) & (asked.level != "yes")
        return np.where(hidden, CAT, called)

    return answer


def test_what_is_covered_is_compared_with_as_much_that_is_covered_beside_it(head):
    """Of ten vehicles four are lost to whatever is covered: no reliance on letters, and no part of one."""
    plain, _ = edited_world(PLANTED, head, name="lettering")
    asked = []

    def harmed(one, rows):
        asked.append((one.level, set(rows)))
        called = edits.edit(one, list(range(len(plain.label_idx)))).called
        return unknown_margins(covering(plain, 4)(one, called)[list(rows)])

    inputs, edits = edited_world(PLANTED, head, name="lettering")
    result = judge(inputs, edit=harmed)
    vehicle = edited(result, "vehicle")[EDITED_RECALL.rule_id, "property:lettering = yes"]
    unharmed, same = edited_world(PLANTED, head, name="lettering")
    without = edited(judge(unharmed, edit=same.edit), "vehicle")[EDITED_RECALL.rule_id, "property:lettering = yes"]
    assert vehicle.effect <= without.effect
    covered, beside = (set().union(*(rows for level, rows in asked if level == one)) for one in ("no", COVERED_BESIDE))
    assert covered
    assert beside == covered
    told = by_name(judge(unharmed, edit=same.edit))["vehicle"].sentence
    assert "; each picture is compared with itself, where something was covered with as much covered beside it." in told


def junk_beside(inputs, n=4):
    """The same audit with levels that go with the mark and do nothing; each gives its property a value."""
    there = inputs.presence[:, 1] > 0.5
    drawn = np.random.default_rng(3).random((n, there.size)) < np.where(there, 0.8, 0.3)
    junk = [Concept(f"junk-{k}", f"property:junk = {k}", ATTRIBUTE_KIND, column="property:junk") for k in range(n)]
    edits = {2 + k: LevelEdits(PictureEdit("junk", f"{k}"), PictureEdit("junk", "none")) for k in range(n)}
    return replace(
        inputs,
        concepts=(*inputs.concepts, *junk),
        presence=np.hstack([inputs.presence, drawn.T.astype(np.float32)]),
        shares=sparse.csr_array((there.size, 2 + n), dtype=np.float32),
        edits={**inputs.edits, **edits},
    )


def doing_nothing(inputs, edits):
    """Edits of which those of the junk change nothing."""

    def edit(asked, rows):
        if asked.property_name == "junk":
            return unknown_margins(inputs.predicted_idx[rows])
        return edits.edit(asked, rows)

    return edit


def test_levels_that_may_be_shown_have_the_pictures_that_the_others_leave(head):
    """Setting the mark does something and the junk nothing, so the mark has more than half as many again."""
    inputs, edits = edited_world(PLANTED, head, per_class=200)
    inputs, n = junk_beside(inputs), Counter()
    carry_out = doing_nothing(inputs, edits)

    def edit(asked, rows):
        n[asked.property_name, asked.level] = max(n[asked.property_name, asked.level], len(rows))
        return carry_out(asked, rows)

    result = judge(inputs, edit=edit)
    assert by_name(result)["vehicle"].concept == "property:mark = yes"
    junk_n = [count for (name, level), count in n.items() if name == "junk" and level != "none"]
    assert junk_n
    assert n["mark", "yes"] > 1.5 * max(junk_n)


def test_an_audit_that_is_judged_again_has_the_pictures_of_before_the_rules_that_ask_for_more(head, monkeypatch):
    """Each level had the same number then; today's rules ask for half of them first and for more then."""
    inputs, edits = edited_world(PLANTED, head, per_class=200)
    inputs = junk_beside(inputs)
    recorder = EditRecorder(doing_nothing(inputs, edits), "then")
    monkeypatch.setattr(edit_pairs, "_may_be_shown", lambda _: True)  # all levels go on, evenly
    before = judge(inputs, edit=recorder)
    monkeypatch.undo()
    again = judge(inputs, edit=replayed_edits(recorder.record(), "then"))
    name = "property:mark = yes"
    then, now = (edited(one, "vehicle")[EDITED_PULL.rule_id, name] for one in (before, again))
    assert (then.n_images, then.effect, then.p) == (now.n_images, now.effect, now.p)
    assert by_name(again)["vehicle"].verdict == by_name(before)["vehicle"].verdict == "flagged"


def test_an_audit_that_is_judged_again_keeps_what_the_first_pictures_show(head):
    """Later rules may ask for more pictures than were edited then."""
    inputs, edits = edited_world(PLANTED, head)
    first = {}

    def only_first(asked, rows):
        first.setdefault(asked, len(rows))
        return edits.edit(asked, rows) if len(rows) <= first[asked] else None

    result = judge(inputs, edit=only_first)
    found = edited(result, "vehicle")[EDITED_PULL.rule_id, "property:mark = yes"]
    assert found.status == "measured"
    assert by_name(result)["vehicle"].verdict == "flagged"


def test_dose_and_response_of_what_is_told(head):
    inputs, edits = edited_world(PLANTED, head)

    def at_level(asked, rows):
        level = "yes" if asked.level in ("yes", 0.75, 1.0) else "no"
        return edits.edit(PictureEdit("mark", level, asked.keep_object), rows)

    result = judge(inputs, edit=at_level)
    curve = [one for one in result.dose_responses if one.class_name == "vehicle"]
    assert [one.level for one in curve] == [0.0, 0.25, 0.5, 0.75, 1.0]
    rates = [one.n_others_called / one.n_others for one in curve]
    assert rates[0] == rates[2] < rates[3] == rates[4]
    assert {one.n for one in curve} == {40}


def test_what_was_not_carried_out_for_an_audit_is_not_tried_again(head):
    inputs, _ = edited_world(PLANTED, head)
    result = judge(inputs, edit=lambda _asked, _rows: None)
    found = edited(result, "vehicle")
    assert {one.status for one in found.values()} == {"not_tried_again"}
    assert result.dose_responses == []


def test_relabelling_classes_permutes_what_edits_say(head):
    from evidence_world import relabelled

    inputs, edits = edited_world(PLANTED, head)
    order = np.array([3, 0, 4, 1, 2])
    turned = relabelled(inputs, order)

    def edit(asked, rows):
        return unknown_margins(order[edits.edit(asked, rows).called])

    one, other = judge(inputs, edit=edits.edit), judge(turned, edit=edit)
    told = {name: (v.verdict, v.concept, v.sentence) for name, v in by_name(one).items()}
    assert told == {name: (v.verdict, v.concept, v.sentence) for name, v in by_name(other).items()}
