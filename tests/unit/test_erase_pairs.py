"""E3 with more channels than pictures, as photographs have it: 1,280 channels, 90 pictures a class, two classes."""

import warnings
from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from auditor.evidence.evidence_input import EvidenceInput
from auditor.evidence.pairs.erase import erase_pairs
from auditor.evidence.pairs.measure import ERASURES, PairEvidence, measure
from auditor.evidence.verdicts.agreement import agrees_by_counts, margins_agree
from auditor.records import ATTRIBUTE_KIND, Concept, LinearHead

K, PER_CLASS = 1280, 90
NAMES = ("cat", "dog")
CONCEPTS = (Concept("snow", "snow", ATTRIBUTE_KIND, column="place"), Concept("junk", "junk", "scene"))


def silent(_stage, _done, _total):
    pass


def photographs(seed, *, used=1.0, width=K, per_class=PER_CLASS, junk_follows_difficulty=False, groups=None):
    """Snow is in 75 % of the dogs and 25 % of the cats, features say it, and the head uses it by ``used``.

    ``junk`` is present at random, or in the harder half of the dogs: the features of the cats do not say it.
    """
    rng = np.random.default_rng(seed)
    n = 2 * per_class
    labels = np.repeat([0, 1], per_class)
    rare = round(0.25 * per_class)  # enough in either class for the other to be judged by it
    snow = np.zeros(n)
    snow[:rare] = 1
    snow[per_class : n - rare] = 1
    spectrum = 1 / np.sqrt(1 + np.arange(width) / 20)  # features of a network: few directions vary much
    basis = rng.normal(size=(width, width)) / np.sqrt(width)
    noise = (rng.normal(size=(n, width)) * spectrum) @ basis * 3
    says_class, says_snow, says_hard = rng.normal(size=(3, width)) / np.sqrt(width) * np.array([[4], [4], [12]])
    hard = rng.random(n)
    junk = np.where(labels == 1, hard > 0.5, rng.random(n) < 0.5) if junk_follows_difficulty else rng.random(n) < 0.4
    x = np.outer(labels - 0.5, says_class) + np.outer(snow, says_snow) + noise
    x += np.where(labels == 1, hard - 0.5, 0)[:, None] * says_hard * junk_follows_difficulty
    weight = says_class + used * says_snow + junk_follows_difficulty * 0.3 * says_hard
    head = LinearHead(np.stack([-weight, weight]).astype(np.float32) / 2, np.zeros(2, np.float32))
    x = x.astype(np.float32)
    head.bias[1] = -(x @ weight.astype(np.float32)).mean()
    logits = x @ head.weight.T + head.bias
    embeddings = rng.normal(size=(n, 16)).astype(np.float32)
    inputs = EvidenceInput(
        image_ids=tuple(f"{i:04d}" for i in rng.permutation(n)),
        label_idx=labels,
        predicted_idx=logits.argmax(axis=1),
        class_names=NAMES,
        concepts=CONCEPTS,
        shares=sparse.csr_array((n, 2), dtype=np.float32),
        residuals=np.zeros(n, np.float32),
        presence=np.stack([snow, junk], axis=1).astype(np.float32),
        embeddings=embeddings / np.linalg.norm(embeddings, axis=1, keepdims=True),
        class_prompt_score=rng.normal(size=(n, 2)).astype(np.float32) * 0.01,
        groups=groups,
        head=head,
        head_chunks=lambda: [(slice(0, n), x, logits)],
        seed=seed,
    )
    measured = measure(inputs, silent)
    for c, v in ((0, 0), (1, 0), (1, 1)):
        if (c, v) not in {(pair.class_idx, pair.concept_idx) for pair in measured.pairs}:
            measured.pairs.append(PairEvidence(c, v, None, (0.5, 0.4, 0.6), by_words=True, by_data=True))
    return inputs, measured


def erased(inputs, measured):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        erase_pairs(inputs, measured, silent)
    return {(pair.class_idx, pair.concept_idx): pair for pair in measured.pairs}


@pytest.mark.parametrize("seed", range(3))
def test_what_the_head_uses_is_erased_from_pictures_that_were_not_fitted_on(seed):
    dog = erased(*photographs(seed))[1, 0]
    assert dog.erased_margin.effect > 0.25
    assert dog.transferred_margin.effect > 0.15
    assert max(dog.erased_margin.p, dog.transferred_margin.p) == 1 / 200
    assert dog.transferred_pull.status == "measured"  # of two classes the other one tells


@pytest.mark.parametrize("seed", range(3))
def test_what_goes_with_difficulty_in_one_class_alone_is_not_shown(seed):
    """The pooled eraser takes it away, with a p at its floor: what says it are the dogs themselves."""
    dog = erased(*photographs(seed, junk_follows_difficulty=True))[1, 1]
    assert dog.recall.effect > 0.25
    assert dog.erased_margin.effect > 0.15
    assert dog.erased_margin.p == 1 / 200
    assert dog.transferred_margin.status == dog.transferred_recall.status == "not_told"
    assert not agrees_by_counts(dog)
    assert not margins_agree(dog.erased_margin, dog.transferred_margin)


def test_presence_that_no_feature_says_is_not_told():
    dog = erased(*photographs(0))[1, 1]
    found = dog.erased_recall, dog.erased_margin, dog.transferred_recall, dog.transferred_pull
    assert {one.status for one in found} == {"not_told"}


def test_without_use_nothing_is_taken():
    dog = erased(*photographs(0, used=0))[1, 0]
    assert dog.recall.effect < 0.05
    assert abs(dog.erased_recall.effect) < 0.02
    assert dog.erased_margin.status == "not_identified"  # there is no margin to take it from


def with_features(inputs, change):
    ((rows, x, logits),) = inputs.head_chunks()
    return replace(inputs, head_chunks=lambda: [(rows, change(x.copy()), logits)])


def constant_channels(x):
    x[:, :7] = 3.5
    return x


def test_constant_channels_take_no_part():
    inputs, measured = photographs(0)
    dog = erased(with_features(inputs, constant_channels), measured)[1, 0]
    assert dog.transferred_margin.effect == pytest.approx(0.2, abs=0.05)


@pytest.mark.parametrize("width", [K, 40])
def test_features_that_are_all_zero_tell_nothing(width):
    inputs, measured = photographs(0, width=width)
    pairs = erased(with_features(inputs, np.zeros_like), measured)
    assert {pair.erased_recall.status for pair in pairs.values()} == {"not_told"}
    assert {pair.transferred_pull.status for pair in pairs.values()} == {"not_told"}


def test_groups_larger_than_a_fold_and_classes_of_one_picture_are_named():
    """Four groups of 45 pictures: a fold has one, two or none, and too few groups to say anything."""
    inputs, measured = photographs(0, groups=np.arange(2 * PER_CLASS) // 45)
    assert {pair.erased_margin.status for pair in erased(inputs, measured).values()} == {"not_told"}
    alone = replace(inputs, groups=None, label_idx=np.where(np.arange(2 * PER_CLASS) == 0, 0, 1))
    assert {pair.transferred_recall.status for pair in erased(alone, measured).values() if pair.class_idx == 1} == {
        "not_identified"
    }


def test_permuted_presence_says_of_a_pair_the_same_whichever_others_are_asked_for_and_when():
    def nulls(pair):
        return [(one.p, one.permuted) for one in (getattr(pair, name) for name in ERASURES)]

    def same(found, expected):
        assert [p for p, _ in found] == [p for p, _ in expected]
        assert [mean or 0 for _, mean in found] == pytest.approx([mean or 0 for _, mean in expected], abs=1e-6)

    inputs, measured = photographs(3, width=24)
    of_all = {key: nulls(pair) for key, pair in erased(inputs, measured).items()}
    inputs, measured = photographs(3, width=24)
    later = erase_pairs(inputs, measured, silent, lambda pair: pair.concept_idx == 0)
    by_key = {(pair.class_idx, pair.concept_idx): pair for pair in measured.pairs}
    same(nulls(by_key[1, 0]), of_all[1, 0])
    assert by_key[1, 0].erased_recall.p is not None
    assert nulls(by_key[1, 1]) == [(None, None)] * len(ERASURES)
    later.ask(lambda _pair: True, silent)
    same(nulls(by_key[1, 1]), of_all[1, 1])
