"""Scores of the planted benchmark on outcomes made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.planted import score


def pair(
    class_idx: int,
    concept: str,
    status: str,
    *,
    effect: float = 0.0,
    flagged: bool = False,
    alike=(),
    rank=0.0,
    pulls=False,
    arms=(100, 100),
):
    return {
        "class_idx": class_idx, "concept_id": concept, "alike": [concept, *alike], "status": status, "pulls": pulls,
        "planted": True, "n_with": arms[0], "n_without": arms[1],
        "effect": effect, "flagged": flagged, "score": rank, "slices": {"10": None, "25": None},
    }  # fmt: skip


def one_class(class_idx: int, status: str, *, lead: str | None = None, size: float = 0.0, ranking=()):
    return {
        "class_idx": class_idx, "status": status, "verdict": "flagged" if lead else "clean", "lead": lead,
        "size": size, "ranking": list(ranking), "by_words": list(ranking),
    }  # fmt: skip


def outcome(classes, pairs, flags=(), other=()):
    return {"classes": classes, "pairs": pairs, "flags": list(flags), "flags_of_other_seed": list(other)}


@pytest.fixture
def model():
    """Class 0 relies on water (.5) and is flagged for it; 1 relies on sand (.15), flagged for snow; 2 is clean."""
    return outcome(
        [
            one_class(0, "relies", lead="water", size=0.5, ranking=["water", "snow"]),
            one_class(1, "relies", lead="snow", size=0.15, ranking=["snow", "sand"]),
            one_class(2, "clean"),
        ],
        [
            pair(0, "water", "relies", effect=0.5, flagged=True, rank=0.9),
            pair(0, "snow", "clean", rank=0.1),
            pair(1, "sand", "relies", effect=0.15, rank=0.2),
            pair(1, "snow", "clean", flagged=True, rank=0.8),
            pair(2, "water", "between"),
        ],
    )


def test_classes_and_pairs_are_counted(model) -> None:
    assert score.class_counts(model, score.own_leads(model)).tolist() == [1, 1, 1]
    assert score.class_counts(model, score.own_leads(model), least=0.2).tolist() == [1, 1, 0]
    assert score.pair_counts(model).tolist() == [1, 1, 1]
    assert score.pair_counts(model, least=0.2).tolist() == [1, 1, 0]


def test_pairs_that_the_pictures_cannot_show_may_be_left_out() -> None:
    pairs = [pair(0, "water", "relies", effect=0.5, arms=(96, 4)), pair(0, "snow", "relies", effect=0.5, arms=(10, 90))]
    thin = outcome([one_class(0, "relies", size=0.5)], pairs)
    assert score.pair_counts(thin).tolist() == [0, 0, 2]
    assert score.pair_counts(thin, arm=10).tolist() == [0, 0, 1]


def test_flags_on_pairs_in_between_are_left_out() -> None:
    between = outcome([one_class(0, "between", lead="water")], [pair(0, "water", "between", flagged=True)])
    assert score.class_counts(between, ["water"]).tolist() == [0, 0, 0]
    assert score.pair_counts(between).tolist() == [0, 0, 0]


def test_a_flag_on_a_pull_is_no_false_one() -> None:
    pulls = outcome([one_class(0, "clean", lead="mark")], [pair(0, "mark", "clean", flagged=True, pulls=True)])
    assert score.class_counts(pulls, ["mark"]).tolist() == [0, 0, 0]
    assert score.pair_counts(pulls).tolist() == [0, 0, 0]


def test_a_flag_on_something_that_has_no_truth_is_false() -> None:
    strange = outcome([one_class(0, "clean", lead="tea")], [pair(0, "water", "clean")])
    assert score.class_counts(strange, ["tea"]).tolist() == [0, 1, 0]


def test_values_that_work_alike_are_one_concept() -> None:
    model = outcome(
        [one_class(0, "relies", lead="sea", size=0.4)],
        [
            pair(0, "water", "relies", effect=0.4, alike=["sea"]),
            pair(0, "sea", "relies", effect=0.3, alike=["water"], flagged=True),
        ],
    )
    assert score.pair_counts(model).tolist() == [1, 0, 0]
    assert score.class_counts(model, ["sea"]).tolist() == [1, 0, 0]


def test_shares_of_counts() -> None:
    counts = np.array([3.0, 1.0, 2.0])
    assert score.precision(counts) == pytest.approx(0.75)
    assert score.recall(counts) == pytest.approx(0.6)
    assert score.f1(counts) == pytest.approx(6 / 9)
    assert score.precision(np.zeros(3)) == 1.0


def test_upper_bound_without_alarms_is_clopper_pearsons() -> None:
    clean = outcome([one_class(0, "clean"), one_class(1, "clean")], [])
    # the method's figures: 0 and 1 alarm need 183 and 277 units for an upper bound of 2 %
    none = score.false_alarms([clean] * 183, score.own_leads)
    assert none["classes"] == 366
    assert none["upper"] == pytest.approx(0.02, abs=1.1e-4)
    alarm = outcome([one_class(0, "clean", lead="water"), one_class(1, "clean")], [])
    one = score.false_alarms([alarm, *[clean] * 276], score.own_leads)
    assert one["value"] == pytest.approx(1 / 554, abs=5e-5)
    assert one["upper"] == pytest.approx(0.02, abs=1.1e-4)


def test_upper_bound_of_many_alarms_is_a_bootstrap_over_models() -> None:
    clean, alarm = outcome([one_class(0, "clean")], []), outcome([one_class(0, "clean", lead="water")], [])
    found = score.false_alarms([alarm] * 20 + [clean] * 80, score.own_leads)
    assert found["value"] == 0.2
    assert 0.26 < found["upper"] < 0.30  # normal: .2 + 1.96 * .04


def test_concept_recall_asks_for_the_first_ones(model) -> None:
    assert score.concept_recall([model], 1) == 0.5
    assert score.concept_recall([model], 2) == 1.0


def test_average_precision_by_hand(model) -> None:
    # by falling score: water true, snow false, sand true; the pair in between is out: (1 + 2/3) / 2
    assert score.average_precision([model]) == pytest.approx(5 / 6, abs=1e-4)


def test_agreement_of_seeds() -> None:
    first = outcome([], [], flags=["a/water", "b/sand"], other=["a/water"])
    second = outcome([], [], flags=["c/snow"], other=["c/snow"])
    assert score.agreement([first, second]) == pytest.approx(2 / 3, abs=1e-4)
    assert score.agreement([outcome([], [])]) is None


def test_best_threshold_of_a_peer(model) -> None:
    model["peers"] = {
        "words": [{"lead": "water", "score": 0.7}, {"lead": "sand", "score": 0.6}, {"lead": "sky", "score": 0.5}]
    }
    threshold = score.best_threshold([model], "words")
    assert threshold == 0.6
    assert score.peer_leads(model, "words", threshold) == ["water", "sand", None]
    assert score.class_counts(model, ["water", "sand", None]).tolist() == [2, 0, 0]
