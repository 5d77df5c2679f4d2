"""What verdicts claim, against the truth: outcomes made by hand."""

from __future__ import annotations

import pytest

from benchmarks.planted import claims, score
from benchmarks.planted import outcomes as outcomes_module


def one_class(class_idx, verdict, *, status="clean", size=0.0, n=100, clean=True, lead=None, repelled=False):
    return {
        "class_idx": class_idx, "verdict": verdict, "status": status, "size": size, "n_images": n, "lead": lead,
        "truly_clean": clean and status == "clean", "repelled": repelled,
    }  # fmt: skip


def pair(class_idx, concept, *, status="clean", effect=0.0, harm=0.0, harmed=False, flagged=False, arms=(50, 50)):
    return {
        "class_idx": class_idx, "concept_id": concept, "names": [concept], "alike": [concept], "status": status,
        "pulls": False, "accuracy": 0.9, "effect": effect, "harm": harm, "harmed": harmed, "flagged": flagged,
        "n_with": arms[0], "n_without": arms[1],
    }  # fmt: skip


def outcome(seed, classes, pairs=(), audit="as training"):
    return {"scenario": {"seed": seed, "audit": audit}, "classes": list(classes), "pairs": list(pairs)}


def relying(verdict, size, n=100):
    return one_class(0, verdict, status="relies", size=size, n=n)


def test_false_clean_is_told_by_audit_pictures_and_size() -> None:
    outcomes = [
        outcome(0, [relying("clean", 0.25), one_class(1, "clean")]),
        outcome(1, [relying("flagged", 0.39), relying("clean", 0.7)]),
        outcome(1000, [relying("not_shown", 0.3, n=300)]),
        outcome(1001, [relying("clean", 0.15)]),  # below what is asked for
        outcome(1002, [relying("suspect", 0.2)], audit="balanced"),
    ]
    rows = claims.false_clean(outcomes)
    told = [(row["audit"], row["pictures"], row["points"], row["classes"], row["hits"]) for row in rows]
    assert told == [
        ("as training", "76–200", "20–40", 2, 1),
        ("as training", "76–200", "60–100", 1, 1),
        ("as training", "> 200", "20–40", 1, 0),
        ("balanced", "76–200", "20–40", 1, 0),
    ]
    assert rows[0]["verdicts"] == {"clean": 1, "flagged": 1}
    assert rows[2]["verdicts"] == {"not_shown": 1}
    assert rows[2]["high"] == pytest.approx(0.975)  # none of one model: 1 - .025


def test_clean_may_be_said_of_what_nothing_touches() -> None:
    outcomes = [
        outcome(0, [one_class(0, "clean"), one_class(1, "not_shown"), one_class(2, "clean", clean=False)]),
        outcome(1, [one_class(0, "suspect", n=40), one_class(1, "clean", status="between")]),
    ]
    rows = claims.truly_clean(outcomes)
    assert [(row["pictures"], row["classes"], row["hits"], row["verdicts"]) for row in rows] == [
        ("≤ 75", 1, 0, {"suspect": 1}),
        ("76–200", 2, 1, {"clean": 1, "not_shown": 1}),
    ]


def test_harm_is_found_by_what_harms() -> None:
    hurt = pair(0, "watermark", harm=-0.4, harmed=True, arms=(12, 88))
    hidden = pair(1, "watermark", harm=-0.4, harmed=True, arms=(3, 97))
    small = pair(2, "watermark", harm=-0.15, harmed=True)
    nothing = pair(3, "watermark", harm=-0.02, effect=-0.01)
    model = outcome(
        0,
        [
            one_class(0, "harmed", lead="watermark"),
            one_class(1, "clean"),
            one_class(2, "harmed", lead="watermark"),  # too little to be asked for, too much to be wrong
            one_class(3, "harmed", lead="watermark"),
        ],
        [hurt, hidden, small, nothing],
    )
    assert claims.harmed([model]) == {
        "classes": 2, "visible": 1, "verdicts": {"clean": 1, "harmed": 1}, "named": 1, "wrong": 1,
    }  # fmt: skip
    elsewhere = outcome(0, [one_class(0, "harmed", lead="snow")], [hurt])
    assert claims.harmed([elsewhere])["named"] == 0


def test_what_is_left_out_is_counted() -> None:
    model = outcome(
        0,
        [
            one_class(0, "flagged", status="between", lead="snow"),
            one_class(1, "clean", status="between", repelled=True),
            one_class(2, "flagged", status="relies", size=0.5, lead="water"),
        ],
        [
            pair(0, "snow", status="between", flagged=True),
            pair(2, "water", status="relies", effect=0.5, flagged=True),
            pair(2, "sand", status="between", flagged=True),
        ],
    )
    assert claims.left_out([model]) == {
        "classes": 2, "verdicts": {"clean": 1, "flagged": 1}, "class_flags": 1, "pair_flags": 2,
        "repelled": 1, "repelled_verdicts": {"clean": 1},
    }  # fmt: skip


def test_intervals_go_by_seed_where_there_are_three() -> None:
    def of(seed, n_clean):
        return outcome(seed * 1000, [relying("clean" if k < n_clean else "flagged", 0.5) for k in range(4)])

    def asked(one):
        return claims.relies(one, score.LARGE)

    def hit(one):
        return one["verdict"] == "clean"

    two = claims.share([of(0, 1), of(1, 3)], asked, hit)
    assert (two["share"], two["seeds"], two["seed_low"], two["seed_high"]) == (0.5, 2, None, None)
    three = claims.share([of(0, 0), of(1, 2), of(2, 4)], asked, hit)
    assert (three["share"], three["seed_low"], three["seed_high"]) == (0.5, 0.0, 1.0)
    assert claims.share([of(0, 1)], lambda one: False, hit) == {"classes": 0, "models": 0, "verdicts": {}}


def test_names_that_the_product_may_come_to_have_are_counted() -> None:
    model = outcome(0, [one_class(0, "undecided"), one_class(1, "not_shown"), one_class(2, "flagged")])
    assert claims.verdict_names([model]) == ["flagged", "not_shown", "undecided"]


def test_a_near_synonym_of_what_is_in_between_is_no_false_flag() -> None:
    between = {**pair(0, "water", status="between"), "names": ["water", "pond"]}
    model = outcome(0, [one_class(0, "flagged", status="between", lead="pond")], [between])
    assert score.status_of(model, 0, "pond") == "between"
    assert score.status_of(model, 0, "snow") == "negative"


def test_a_share_has_an_interval_by_seed() -> None:
    counts = [score.total_of([[1, 0, 0]]), score.total_of([[0, 0, 1]]), score.total_of([[1, 0, 0]])]
    found = score.figure(counts, score.recall, [0, 1, 0])
    assert (found["seeds"], found["seed_low"], found["seed_high"]) == (2, 0.0, 1.0)
    assert score.figure(counts, score.recall, [0, 0, 0])["seed_low"] is None
    assert score.figure(counts, score.recall)["seeds"] == 0


def test_clean_is_asked_for_where_the_smaller_arms_have_the_pictures() -> None:
    """30, 57 and 100 pictures at a recall of .95, .85 and .70; values of less than a tenth of a class do not count."""
    cases = [(0.95, 30, True), (0.95, 29, False), (0.949, 57, True), (0.85, 56, False), (0.7, 100, True)]
    cases += [(0.69, 150, False)]
    for accuracy, arm, enough in cases:
        pairs = [pair(0, "water", arms=(arm, 300 - arm)), pair(0, "ruler", arms=(29, 271))]
        model = {**outcome(0, [one_class(0, "clean", n=300)], pairs), "accuracy": [accuracy]}
        assert claims.enough_to_be_clean(model, model["classes"][0]) is enough
        assert claims.with_enough_pictures([model])["classes"] == enough
    nothing = {**outcome(0, [one_class(0, "clean", n=300)], [pair(0, "ruler", arms=(29, 271))]), "accuracy": [1.0]}
    assert not claims.enough_to_be_clean(nothing, nothing["classes"][0])


def test_verdicts_are_told_by_the_pictures_that_tell() -> None:
    pairs = [
        pair(0, "water", status="relies", effect=0.3, arms=(9, 91)),
        pair(0, "sea", status="relies", effect=0.3, arms=(80, 20)),
        pair(1, "water", status="relies", effect=0.3, arms=(91, 9)),
        pair(2, "ruler", harm=-0.3, harmed=True, arms=(45, 55)),
        pair(2, "water", status="relies", effect=0.19),
    ]
    verdicts = [relying("flagged", 0.3), {**relying("suspect", 0.3), "class_idx": 1}, one_class(2, "harmed")]
    model = outcome(0, verdicts, pairs)
    rows = claims.by_smaller_arm([model], harm=False)
    best = [row.pop("best_test") for row in rows]
    assert best[0]["0.05"] < best[1]["0.05"] < 1  # nine pictures without it, and twenty
    assert rows == [
        {"pictures": "≤ 9", "classes": 1, "verdicts": {"suspect": 1}},
        {"pictures": "20–39", "classes": 1, "verdicts": {"flagged": 1}},
    ]
    assert claims.by_smaller_arm([model], harm=True) == [{"pictures": "> 39", "classes": 1, "verdicts": {"harmed": 1}}]
    leads = ["sea", None, None]
    assert score.class_counts(model, leads).tolist() == [1, 0, 1]
    assert score.class_counts(model, leads, arm=20).tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("effect", "pull", "clean"), [(-0.09, 0.09, True), (-0.1, 0, False), (0, 0.1, False), (0, -0.25, False)]
)
def test_truly_clean_is_what_nothing_moves_either_way(effect, pull, clean) -> None:
    """Nor may a value keep other classes' pictures from it: where 25 points fewer are called it, "clean" is wrong."""
    moved = {**pair(0, "water", effect=effect), "pull": pull}
    assert outcomes_module.truly_clean([moved]) is clean
