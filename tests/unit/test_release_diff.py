from dataclasses import replace

import numpy as np
import pytest
from release_world import LABEL, WATER, N, facts, gap, groups, verdict

from auditor.concept_records import CoreConcept
from auditor.errors import InputError
from auditor.gate.gap_change import plain_gap
from auditor.gate.release_diff import compare_releases
from auditor.gate.releases import Pair
from auditor.place_grid import PLACES
from auditor.records import fingerprint
from auditor.repair_records import RepairFigure

RELIANT, SOUND = {"bird": (58, 8)}, {"bird": (59, 38)}
FLAGGED = {"bird": "flagged"}


def only(diff):
    (change,) = diff.changes
    return change


def test_a_fix_is_measured_on_the_same_pictures():
    change = only(compare_releases(facts("old", RELIANT, FLAGGED), facts("new", SOUND)))
    assert (change.class_name, change.concept, change.concept_kind, change.measure) == (
        "bird",
        "water",
        "scene",
        "recall",
    )
    assert (change.change, change.old.verdict, change.new.verdict) == ("fixed", "flagged", "clean")
    assert change.fingerprint == fingerprint("bird", "water")
    assert (change.n_with, change.n_without) == (60, 40)
    assert (change.old.rate_with, change.old.rate_without) == pytest.approx((58 / 60, 8 / 40))
    assert (change.new.rate_with, change.new.rate_without) == pytest.approx((59 / 60, 38 / 40))
    expected = plain_gap((58, 8), (60, 40))
    assert (change.old.effect, change.old.low, change.old.high) == pytest.approx(
        (expected.effect, expected.low, expected.high)
    )
    assert change.difference == pytest.approx((59 / 60 - 38 / 40) - (58 / 60 - 8 / 40))
    assert change.difference_low < change.difference < change.difference_high < 0


@pytest.mark.parametrize("concept_id", ["water", "column"])
def test_a_repair_says_what_it_does_to_pictures_that_it_did_not_see(concept_id):
    figures = (
        RepairFigure("pull", 40, 0.3, 0.1, -0.3, -0.1, "bird", "water"),
        RepairFigure("gap", 100, 0.77, 0.4, -0.5, -0.2, "bird", "water"),
    )
    old, new = facts("old", RELIANT, FLAGGED), facts("new", SOUND, same_as={"column": "water"})
    diff = compare_releases(old, replace(new, held_out={Pair("bird", concept_id): figures}))
    assert only(diff).change == "fixed"
    assert only(diff).note == "on pictures that the repaired layer did not see: 77 → 40 pts, −37 pts [−50, −20]"
    (said,) = [one for one in diff.differences if "auditor repair" in one]
    assert said.startswith("the last layer of the new model was fitted to pictures of this audit")
    unknown = (replace(figures[1], after=float("nan")),)
    assert only(compare_releases(old, replace(new, held_out={Pair("bird", "water"): unknown}))).note is None


def test_a_small_change_is_noise():
    diff = compare_releases(facts("old", RELIANT, FLAGGED), facts("new", {"bird": (58, 12)}, FLAGGED))
    assert only(diff).change == "unchanged"
    noise = only(compare_releases(facts("old", {"bird": (58, 30)}, FLAGGED), facts("new", {"bird": (58, 34)})))
    assert (noise.change, noise.note) == ("unchanged", "the verdict changed, the gap did so only inside the noise")


def test_worse_and_better_need_it_in_both():
    old, new = facts("old", {"bird": (60, 30)}, FLAGGED), facts("new", RELIANT, FLAGGED)
    assert only(compare_releases(old, new)).change == "worse"
    assert only(compare_releases(new, old)).change == "better"


def test_what_is_no_longer_analysed_is_not_fixed():
    change = only(compare_releases(facts("old", RELIANT, FLAGGED), facts("new", SOUND, {"bird": "not_analysed"})))
    assert (change.change, change.note) == ("unclear", "not analysed in the new release, which does not make it fixed")
    assert change.difference < 0  # and yet it is said how far the gap fell


def test_a_concept_that_the_new_vocabulary_lacks_is_not_fixed():
    new = replace(facts("new", SOUND), concept_ids=frozenset({"mark"}))
    change = only(compare_releases(facts("old", RELIANT, FLAGGED), new))
    assert (change.change, change.note) == ("unclear", "the vocabulary of the new audit does not hold it")


def test_a_concept_that_was_made_core_is_not_fixed():
    new = facts("new", SOUND, core=frozenset({Pair("bird", "water")}))
    change = only(compare_releases(facts("old", RELIANT, FLAGGED), new))
    assert (change.change, change.note) == ("unclear", "the new audit takes it as core to the class")


def test_what_the_settings_allow_is_told_where_it_differs():
    def allowed(concept, **changes):
        made = CoreConcept(0, "bird", concept, concept, "scene", "settings", True, True, "why", "Ann", None, True)
        return {Pair("bird", concept): replace(made, **changes)}

    def said(before, after):
        diff = compare_releases(facts("old", allowed=before), facts("new", allowed=after))
        return [line for line in diff.differences if "[core]" in line]

    assert said(allowed("water"), allowed("water")) == []
    assert said({}, allowed("water")) == ["new in [core], what a class may rest on: 'bird' on 'water'"]
    assert said(allowed("water"), {}) == ["gone in [core], what a class may rest on: 'bird' on 'water'"]
    renewed = allowed("water", expires="2030-01-31")
    assert said(allowed("water"), renewed) == [
        "on other grounds in [core], what a class may rest on: 'bird' on 'water'"
    ]
    assert said(allowed("water", why=None, who=None), renewed) == []  # of an audit that kept no reason
    many = {pair: row for n in range(12) for pair, row in allowed(f"w{n:02}").items()}
    assert said({}, many)[0].endswith("'bird' on 'w09' and 2 more")


def test_audits_without_a_model_are_compared_by_nothing():
    unexamined = facts("new", predicted=np.full(N, -1), found=dict.fromkeys(("bird", "cat", "car"), "not_analysed"))
    change = only(compare_releases(facts("old", RELIANT, FLAGGED), unexamined))
    assert (change.change, change.note) == ("unclear", "not analysed in the new release, which does not make it fixed")
    moved = replace(unexamined, pictures=replace(unexamined.pictures, keys=np.arange(N, dtype=np.uint64) + N))
    counts = tuple(replace(row, n_correct=None) for row in unexamined.subgroups)
    moved = replace(moved, subgroups=counts)
    assert only(compare_releases(facts("old", RELIANT, FLAGGED), moved)).difference is None


def test_classes_that_come_and_go():
    old = facts("old", RELIANT, FLAGGED)
    new = replace(
        facts("new"),
        class_names=("heron", "cat", "car"),
        verdicts=(verdict("cat"), replace(verdict("car"), class_name="heron")),
    )
    diff = compare_releases(old, new)
    assert (only(diff).change, only(diff).note) == ("unclear", "the new release has no such class")
    assert [(one.class_name, one.old_verdict, one.new_verdict) for one in diff.classes] == [
        ("bird", "flagged", None), ("car", "clean", None), ("cat", "clean", "clean"), ("heron", None, "clean"),
    ]  # fmt: skip


def test_a_pull_is_compared_by_the_pictures_of_the_other_classes():
    """All cats and cars on water are called birds; in the new release none is."""
    pulled = np.where(WATER & (LABEL > 0), 0, LABEL)
    gaps = [gap("bird", 0.0, -0.1, 0.1), gap("bird", 1.0, 0.9, 1.0, rule="E4-pull")]
    old = facts("old", predicted=pulled, found=FLAGGED, gaps=gaps)
    change = only(compare_releases(old, facts("new")))
    assert (change.change, change.measure, change.n_with, change.n_without) == ("fixed", "pull", 120, 80)
    assert (change.old.rate_with, change.old.rate_without, change.difference) == (1.0, 0.0, -1.0)


def test_intervals_hold_together():
    one = compare_releases(facts("old", RELIANT, FLAGGED), facts("new", SOUND))
    found = {"bird": "flagged", "cat": "suspect", "car": "suspect"}
    three = compare_releases(facts("old", RELIANT, found), facts("new", SOUND))
    assert (one.confidence, three.confidence) == pytest.approx((0.95, 1 - 0.05 / 3))
    wider = next(change for change in three.changes if change.class_name == "bird")
    assert wider.difference_low < only(one).difference_low < only(one).difference_high < wider.difference_high


def test_order_and_counts():
    old = facts("old", {"bird": (58, 8), "cat": (58, 30)}, {"bird": "flagged", "cat": "flagged"})
    new = facts("new", {"cat": (58, 28), "car": (60, 5)}, {"cat": "flagged", "car": "flagged"})
    diff = compare_releases(old, new)
    assert [(one.class_name, one.change) for one in diff.changes] == [
        ("car", "new"), ("bird", "fixed"), ("cat", "unchanged"),
    ]  # fmt: skip
    assert (diff.count("new"), diff.count("worse"), diff.count("unchanged")) == (1, 0, 1)
    assert (diff.shared_images, diff.old_accuracy, diff.new_accuracy) == pytest.approx((N, 254 / 300, 251 / 300))


def test_an_attribute_and_the_concept_of_its_name_are_told_once():
    column, same_as = {"water": WATER, "scene-water": WATER, "mark": ~WATER}, {"scene-water": "water"}
    gaps = [gap("bird"), gap("bird", concept="scene-water"), gap("bird", concept="mark")]
    vocabulary = frozenset(column)
    old = facts("old", RELIANT, FLAGGED, gaps=gaps, present=column, concept_ids=vocabulary, same_as=same_as)
    diff = compare_releases(old, facts("new", SOUND, concept_ids=vocabulary))
    assert {one.concept_id for one in diff.changes} == {"water", "scene-water", "mark"}
    assert {one.concept_id for one in diff.told()} == {"water", "mark"}
    assert diff.count("fixed") == 1
    # where the two changed in different ways both are told
    apart = compare_releases(old, facts("new", SOUND, concept_ids=frozenset({"water", "mark"})))
    assert {(one.concept_id, one.change) for one in apart.told()} >= {("water", "fixed"), ("scene-water", "unclear")}


class TestOtherData:
    OLD = facts("old", RELIANT, FLAGGED)
    NEW = facts("new", SOUND, keys=np.arange(N) + 1000, release_data_digest="f" * 64, release_data_path="test")

    def test_is_refused_in_one_line(self):
        with pytest.raises(InputError) as caught:
            compare_releases(self.OLD, self.NEW)
        assert str(caught.value) == (
            "the two audits cannot be compared: the data differ (val, digest dddddddd, then test, digest ffffffff); "
            "audit both releases on the same data with the same encoder, or add --allow-different-data"
        )

    def test_is_compared_by_counts_where_allowed(self):
        diff = compare_releases(self.OLD, self.NEW, allow_different_data=True)
        change = only(diff)
        assert (change.change, change.n_with, change.old.rate_with) == ("fixed", None, None)
        before, after = plain_gap((58, 8), (60, 40)), plain_gap((59, 38), (60, 40))
        assert (change.old.effect, change.new.effect) == pytest.approx((before.effect, after.effect))
        assert change.difference_high == pytest.approx(
            change.difference + np.hypot(after.high - after.effect, before.effect - before.low)
        )
        assert diff.shared_images is None
        assert diff.differences[0].startswith("the data differ (val")

    def test_takes_e4_where_both_have_it(self):
        new = facts("new", SOUND, FLAGGED, keys=np.arange(N) + 1000, gaps=[gap("bird", 0.1, 0.06, 0.2)])
        change = only(compare_releases(self.OLD, new))
        assert (change.old.effect, change.new.effect, change.change) == (0.5, 0.1, "better")

    def test_a_pull_that_the_new_audit_did_not_measure_is_not_fixed(self):
        old = facts("old", RELIANT, FLAGGED, gaps=[gap("bird", rule="E4-pull"), gap("bird", 0.0, -0.1, 0.1)])
        change = only(compare_releases(old, self.NEW, allow_different_data=True))
        assert (change.change, change.measure, change.difference) == ("unclear", "pull", None)

    def test_falls_back_on_recall_where_that_was_shown_as_well(self):
        old = facts("old", RELIANT, FLAGGED, gaps=[gap("bird", low=0.5, rule="E4-pull"), gap("bird", low=0.4)])
        change = only(compare_releases(old, self.NEW, allow_different_data=True))
        assert (change.change, change.measure) == ("fixed", "recall")

    def test_pictures_that_belong_together_count_less(self):
        together = replace(self.NEW, pictures=replace(self.NEW.pictures, groups=np.arange(N) // 20))
        alone = only(compare_releases(self.OLD, self.NEW, allow_different_data=True))
        grouped = only(compare_releases(self.OLD, together, allow_different_data=True))
        assert grouped.new.effect == alone.new.effect
        assert grouped.new.high - grouped.new.low > alone.new.high - alone.new.low


def test_another_encoder_is_refused_and_said():
    new = facts("new", SOUND, release_encoder_digest="f" * 64)
    with pytest.raises(InputError, match="the encoders differ"):
        compare_releases(facts("old"), new)
    diff = compare_releases(facts("old"), new, allow_different_data=True)
    assert diff.groups == ()
    assert diff.group_note is not None
    assert "different encoders" in diff.group_note


def test_groups_of_other_dimensions_are_not_followed():
    diff = compare_releases(facts("old"), facts("new", groups=groups(np.eye(2, 3))))
    assert (diff.groups, diff.group_note) == (
        (), "channel groups are not followed: their directions have 2 and 3 dimensions",
    )  # fmt: skip
    assert compare_releases(facts("old"), facts("new", groups=groups(np.zeros((0, 0)), (), ()))).group_note is None


def test_what_else_differs_is_said():
    new = facts(
        "new", settings={"seed": 1, "n_extreme": 60, "split": "val"}, release_vocabulary_digest="w" * 64,
        release_auditor_version="0.2.0", release_model_digest="old" * 8,
    )  # fmt: skip
    assert compare_releases(facts("old"), new).differences == (
        "both audits are of the same model",
        "the vocabularies differ: a concept that only one of them holds cannot be found by the other",
        "the settings differ: seed 0 → 1, split None → val",
        "the audits were made by auditor 0.1.0 and 0.2.0: rules may differ",
    )
    assert compare_releases(facts("old"), facts("new")).differences == ()


RULES = {"release_model_digest": "m" * 64, "release_run_id": "first"}


def rejudged(**changes):
    thresholds = changes.pop("thresholds", {"DELTA": 0.05, "MIN_ARM": 10.0})
    made = {**RULES, "release_rules_digest": "r" * 64, "release_run_id": "second", "release_rejudged_from": "first"}
    return facts("new", thresholds=thresholds, **{**made, **changes})


def before(**changes):
    return facts("old", **{"thresholds": {"DELTA": 0.05}, **RULES, "release_rules_digest": "q" * 64, **changes})


def test_where_the_rules_alone_differ_the_thresholds_are_named():
    diff = compare_releases(before(), rejudged(thresholds={"DELTA": 0.1, "MIN_ARM": 10.0}))
    assert diff.rules_note == (
        "model and data are the same, and the rules differ: what changed comes from the rules (DELTA 0.05 → 0.1, "
        "MIN_ARM none → 10)"
    )
    assert diff.differences == ()


def test_rules_whose_thresholds_are_the_same():
    diff = compare_releases(before(thresholds={}), rejudged(thresholds={}))
    assert diff.rules_note is not None
    assert diff.rules_note.endswith("comes from the rules (no threshold, but the code that judges)")


def test_rules_that_the_older_audit_did_not_record():
    diff = compare_releases(before(release_rules_digest=None), rejudged())
    assert diff.rules_note is not None
    assert diff.rules_note.endswith("(those of the old one, of auditor 0.1.0, are not recorded)")
    own = compare_releases(before(release_rules_digest=None), rejudged(release_rejudged_from=None))
    assert (own.rules_note, own.differences) == (None, ("both audits are of the same model",))


def test_the_same_rules_and_what_else_differs():
    same = compare_releases(before(), rejudged(release_rules_digest="q" * 64))
    assert same.rules_note is None
    assert same.differences == (
        "both audits are of the same model",
        "the new audit is the old one rejudged by the same rules",
    )
    model = compare_releases(before(), rejudged(release_model_digest="n" * 64))
    assert (model.rules_note, model.differences) == (None, ("the rules differ: MIN_ARM none → 10",))
    seed = compare_releases(before(), rejudged(settings={"seed": 1, "n_extreme": 60}))
    assert seed.rules_note is None
    assert seed.differences == (
        "both audits are of the same model",
        "the settings differ: seed 0 → 1",
        "the rules differ: MIN_ARM none → 10",
    )


def test_a_verdict_that_the_rules_changed_says_so():
    right = {"bird": (58, 8)}
    old = before(right=right, found={"bird": "flagged"})
    (change,) = compare_releases(old, rejudged(right=right, found={"bird": "suspect"})).changes
    assert change.change == "unchanged"
    assert change.note == "other rules give another verdict, and what the model calls the pictures is the same"
    (same,) = compare_releases(old, rejudged(right=right, found={"bird": "flagged"})).changes
    assert same.note is None


@pytest.mark.parametrize(
    ("after", "change", "standing"),
    [
        ("proven", "unchanged", "flagged"),
        ("excluded", "fixed", "clean"),
        ("open", "unclear", "open"),
        (None, "unclear", "open"),
    ],
)
def test_a_place_is_told_by_its_name_and_by_whether_it_decides(after, change, standing):
    place = PLACES[0]
    pair = Pair("bird", place.concept_id)

    def audit(name, state):
        made = facts(name)
        led = {"verdict": "flagged", "concept_id": place.concept_id, "concept": place.name} if state == "proven" else {}
        return replace(
            made,
            concept_ids=made.concept_ids | {place.concept_id},
            verdicts=tuple(replace(one, **led) if one.class_name == "bird" else one for one in made.verdicts),
            states={pair: state} if state in ("proven", "open") else {},
            places={pair: state} if state else {},
        )

    told = only(compare_releases(audit("old", "proven"), audit("new", after)))
    assert (told.concept, told.concept_kind, told.change) == (place.name, "place", change)
    assert (told.old.verdict, told.new.verdict) == ("flagged", standing)
    unclear = "the new release neither showed nor excluded that the place decides the class"
    assert told.note == (unclear if change == "unclear" else None)
    back = only(compare_releases(audit("old", after), audit("new", "proven")))
    assert back.change == {"fixed": "new"}.get(change, change)
