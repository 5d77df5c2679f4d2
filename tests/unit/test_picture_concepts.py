"""What is told from covered pictures, what from whole ones, and what the reader learns of it."""

from types import SimpleNamespace

import numpy as np
import pytest

from auditor.picture_concepts import _presence, surroundings_of
from auditor.records import Failure

#: Two kinds, two words each, along the axes: water and forest are scenes, ruler and frame artifacts.
AXES = np.eye(4, dtype=np.float32)
CONCEPTS = [SimpleNamespace(kind=kind, concept_id=str(v)) for v, kind in enumerate(["scene"] * 2 + ["artifact"] * 2)]
INPUTS = SimpleNamespace(concepts=SimpleNamespace(concepts=CONCEPTS, families=()), logit_scale=20.0)
WORDS = [row[None] for row in AXES]
ABSENT = {"artifact": np.full((1, 4), -0.5, np.float32)}


def pictures(masked, labels=None, failures=()):
    n = len(masked)
    covered = np.where(np.asarray(masked)[:, None], AXES[1], np.float32(np.nan))
    return SimpleNamespace(
        embeddings=np.tile(AXES[0], (n, 1)),
        surroundings=covered if any(masked) else None,
        mask_failures=tuple(failures),
        label_idx=np.zeros(n, np.int64) if labels is None else np.asarray(labels),
    )


def test_scenes_by_the_covered_picture_and_marks_by_the_whole_one():
    whole, around = np.stack([AXES[0] + AXES[2]]) / np.sqrt(2), np.stack([AXES[1] + AXES[3]]) / np.sqrt(2)
    found = _presence(INPUTS, whole, around, WORDS, ABSENT)[0] > 0.5
    assert found.tolist() == [False, True, True, False]
    assert (_presence(INPUTS, whole, whole, WORDS, ABSENT)[0] > 0.5).tolist() == [True, False, True, False]


def test_without_masks_nothing_is_said():
    given = pictures([False] * 3)
    around, notices = surroundings_of(given)
    assert around is given.embeddings
    assert notices == ()


def test_the_few_without_a_mask_are_told_whole():
    given = pictures([True] * 39 + [False], failures=[Failure("x", "a.png", "mask", "file not found")])
    around, (notice,) = surroundings_of(given)
    assert (around[:39] == AXES[1]).all()
    assert (around[39] == AXES[0]).all()
    assert notice == (
        "39 of 40 pictures have a usable mask: what lies around their objects is told with these covered; "
        "1 cannot be used ('a.png': file not found)"
    )


@pytest.mark.parametrize("labels", [[0] * 40, [0] * 20 + [1] * 20])
def test_masks_of_a_part_would_tell_the_parts_apart(labels):
    given = pictures([True] * 30 + [False] * 10, labels)
    around, (notice,) = surroundings_of(given)
    assert around is given.embeddings
    assert notice.startswith("no mask is used: 30 of 40 pictures have a usable mask")
    assert "at least 95 % of every class" in notice


def test_masks_none_of_which_can_be_used():
    failures = [Failure(str(k), f"{k}.png", "mask", "file not found") for k in range(3)]
    _, (notice,) = surroundings_of(pictures([False] * 3, failures=failures))
    assert notice == (
        "no mask is used; 3 cannot be used ('0.png': file not found; '1.png': file not found; … see the table "
        "'failures')"
    )
