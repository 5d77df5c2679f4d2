import numpy as np
import pytest
from scipy.special import expit, softmax

from auditor.evidence.presence.presence import concept_presence, crowd_posterior
from auditor.rules import PRESENT


def unit(rows):
    rows = np.asarray(rows, dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


AXES = np.eye(6, dtype=np.float32)


def test_exclusive_kind_is_a_softmax_with_synonyms_summed():
    images = unit([[1, 0.5, 0.2, 0, 0, 0], [0, 0.1, 1, 0, 0, 0]])
    words = [AXES[:2], AXES[2:3]]  # "water" with a synonym, "forest"
    presence = concept_presence(images, words, ["scene", "scene"], {}, logit_scale=5.0)
    masses = softmax(5 * images[:, :3], axis=1)
    assert presence == pytest.approx(np.column_stack([masses[:, :2].sum(axis=1), masses[:, 2]]), abs=1e-6)


def test_absence_joins_an_exclusive_contest():
    images = unit([[1, 0, 0, 0, 0, 0], [0, 0, 0, 1, 0, 0]])
    presence = concept_presence(
        images, [AXES[:1], AXES[1:2]], ["light", "light"], {"light": AXES[3:4]}, logit_scale=20.0
    )
    assert presence[0, 0] > 0.99
    assert np.all(presence[1] < 0.01)


def test_single_artifact_against_absence_by_hand():
    images = unit([[1, 0, 0.6, 0, 0, 0]])
    presence = concept_presence(images, [AXES[:1]], ["artifact"], {"artifact": AXES[2:3]}, logit_scale=3.0)
    # alone it has no rival: the lead over absence decides, up to the handicap that a rival would have
    assert presence[0, 0] == pytest.approx(expit(3 * float(images[0, 0] - images[0, 2])), abs=1e-6)


def test_more_synonyms_are_no_advantage_against_absence():
    images = unit([[1, 0, 0.8, 0, 0, 0]])
    one = concept_presence(images, [AXES[:1]], ["artifact"], {"artifact": AXES[2:3]}, logit_scale=9.0)
    same = concept_presence(images, [AXES[[0, 0, 0]]], ["artifact"], {"artifact": AXES[2:3]}, logit_scale=9.0)
    assert one == pytest.approx(same, abs=1e-6)


def test_a_clean_picture_bears_none_of_four_artifacts():
    """The contest of four artifacts has a winner in every clean picture; here nothing wins."""
    rng = np.random.default_rng(0)
    images = unit(AXES[5] + 0.15 * rng.normal(size=(500, 6)))
    kinds = ["artifact"] * 4
    presence = concept_presence(
        images, [AXES[i : i + 1] for i in range(4)], kinds, {"artifact": AXES[5:]}, logit_scale=20.0
    )
    assert np.mean(presence > PRESENT) < 0.001


def test_a_mark_is_not_explained_by_the_others_but_two_marks_both_count():
    images = unit([[1, 0, 0, 0, 0, 0], [1, 0.95, 0, 0, 0, 0]])
    words = [AXES[:1], AXES[1:2]]
    # neither picture is like "a clean photo", which alone would let the ruler in on the first
    absent = {"artifact": unit([[-0.2, -0.2, 0, 0, 0, 1]])}
    presence = concept_presence(images, words, ["artifact", "artifact"], absent, logit_scale=20.0)
    assert presence[0, 0] > 0.9
    assert presence[0, 1] < 0.01
    assert np.all(presence[1] > PRESENT)


def test_crowd_finds_a_second_population():
    rng = np.random.default_rng(0)
    truth = rng.random(3000) < 0.2
    posterior = crowd_posterior((0.02 + 0.1 * rng.normal(size=3000) + 0.35 * truth).astype(np.float32)[:, None])[:, 0]
    assert np.mean(posterior[truth] > PRESENT) > 0.85
    assert np.mean(posterior[~truth] > PRESENT) < 0.03


def test_crowd_of_noise_has_no_second_population():
    rng = np.random.default_rng(1)
    worst = np.mean(crowd_posterior(rng.normal(size=(1000, 8))) > PRESENT, axis=0).max()
    assert worst < 0.005


def test_crowd_posterior_never_falls_as_the_score_grows():
    rng = np.random.default_rng(2)
    scores = np.sort(np.r_[rng.normal(size=900), 4 + rng.normal(size=100)])
    assert np.all(np.diff(crowd_posterior(scores[:, None])[:, 0]) >= -1e-6)


def test_crowd_does_not_depend_on_scale_or_offset():
    rng = np.random.default_rng(3)
    scores = np.r_[rng.normal(size=900), 4 + rng.normal(size=100)]
    both = crowd_posterior(np.stack([scores, 3 * scores - 7], axis=1))
    assert both[:, 0] == pytest.approx(both[:, 1], abs=1e-5)


def test_crowds_of_several_columns_are_those_of_each_alone():
    rng = np.random.default_rng(6)
    upper = rng.random((600, 5)) < [0, 0.02, 0.1, 0.4, 0.9]
    scores = rng.normal(size=(600, 5)) + 4 * upper
    alone = np.concatenate([crowd_posterior(scores[:, [column]]) for column in range(5)], axis=1)
    np.testing.assert_allclose(crowd_posterior(scores), alone, atol=1e-6)


def test_crowd_of_constant_or_few_scores_is_absent():
    assert not crowd_posterior(np.full((100, 2), 0.3)).any()
    assert not crowd_posterior(np.arange(5.0)[:, None]).any()


def test_centred_kind_ignores_what_all_pictures_and_all_texts_share():
    """The modality gap: one large offset common to all pictures, another to all texts."""
    rng = np.random.default_rng(4)
    truth = rng.random(800) < 0.3
    offset = np.array([0, 0, 0, 0, 3.0, 0])
    images = unit(offset + truth[:, None] * AXES[0] * 1.5 + 0.3 * rng.normal(size=(800, 6)))
    texts = [unit(AXES[i : i + 1] + 2 * AXES[5]) for i in range(4)]
    presence = concept_presence(images, texts, ["person", "texture", "texture", "texture"], {}, logit_scale=100.0)
    assert np.mean((presence[:, 0] > PRESENT) == truth) > 0.9


def test_lone_concept_of_an_exclusive_kind_is_not_always_present():
    rng = np.random.default_rng(5)
    images = unit(rng.normal(size=(200, 6)))
    presence = concept_presence(
        images, [AXES[:1], AXES[1:2], AXES[2:3]], ["scene", "person", "part"], {}, logit_scale=20.0
    )
    assert np.mean(presence[:, 0] > PRESENT) < 0.1


def test_wrong_number_of_kinds_is_an_error():
    with pytest.raises(ValueError, match="2 concepts have prompts, 1 have kinds"):
        concept_presence(AXES, [AXES[:1], AXES[1:2]], ["scene"], {}, logit_scale=1.0)


def test_kind_whose_absence_the_encoder_does_not_know_is_told_against_the_crowd():
    rng = np.random.default_rng(3)
    images = unit(0.3 * rng.normal(size=(400, 6)) + np.where(np.arange(400)[:, None] < 120, 2 * AXES[0], AXES[4]))
    words, nothing = [AXES[:1], AXES[1:2], AXES[4:5]], np.zeros((0, 6), np.float32)
    kinds = ["light", "light", "scene"]
    presence = concept_presence(images, words, kinds, {"light": nothing}, logit_scale=20.0)
    alone = concept_presence(images, words, ["part", "part", "scene"], {}, logit_scale=20.0)
    assert presence == pytest.approx(alone)
    assert np.mean(presence[:120, 0] > PRESENT) > 0.95 > 0.05 > np.mean(presence[120:, 0] > PRESENT)
    assert np.mean(presence[:, 1] > PRESENT) < 0.05  # a contest of the two would have called it present somewhere
