"""Which pictures show a class's evidence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from auditor.evidence.verdicts import exemplars
from auditor.evidence.verdicts.exemplars import Exemplar, choose_exemplars
from auditor.records import Concept, Verdict
from auditor.rules import RECALL_LOSS

CONCEPTS = (Concept("beak", "beak", "part"), Concept("water", "water", "scene"))


def verdict(class_idx, concept_id=None):
    concept = None if concept_id is None else concept_id
    return Verdict(
        class_idx, f"c{class_idx}", "flagged" if concept else "clean", "none", concept_id, concept, None, "", 1
    )


def choose(verdicts, *, labels, predicted, water, presence, beak=None):
    n = len(labels)
    shares = sparse.csr_array(np.stack([beak or [0.0] * n, water], axis=1).astype(np.float32))
    present = np.stack([np.ones(n), presence], axis=1).astype(np.float32)
    return choose_exemplars(verdicts, CONCEPTS, np.array(labels), np.array(predicted), shares, present)


@pytest.fixture(autouse=True)
def two_per_side(monkeypatch):
    monkeypatch.setattr(exemplars, "PICTURES_PER_SIDE", 2)


def test_the_concept_s_largest_shares_then_pictures_of_the_class_without_it_mistakes_first():
    found = choose(
        [verdict(0, "water")],
        labels=[0, 0, 0, 0, 0, 0, 1],
        predicted=[0, 0, 0, 0, 1, 1, 0],
        water=[0.2, 0.5, 0.1, 0.0, 0.9, 0.0, 0.6],
        presence=[0.9, 0.9, 0.3, 0.1, 0.4, 0.2, 0.9],
    )
    # carrying: 6 and 1 (4 has more water but is not called the class); without: the mistakes 5 and 4, least water first
    assert found == [Exemplar(6, 0, 1), Exemplar(1, 0, 1), Exemplar(5, 0, 1), Exemplar(4, 0, 1)]


def test_right_pictures_without_it_come_after_the_mistakes():
    found = choose(
        [verdict(0, "water")],
        labels=[0, 0, 0],
        predicted=[0, 1, 0],
        water=[0.9, 0.0, 0.0],
        presence=[0.9, 0.45, 0.01],
    )
    # row 2 carries nothing but is the second largest of two; it is named once
    assert [exemplar.row for exemplar in found] == [0, 2, 1]


def test_last_come_pictures_of_other_classes_that_are_called_the_class_and_show_the_concept():
    found = choose(
        [verdict(0, "water")],
        labels=[0, 0, 1, 1, 1, -1, 1],
        predicted=[0, 0, 0, 0, 0, 0, 1],
        water=[0.9, 0.8, 0.1, 0.2, 0.3, 0.4, 0.7],
        presence=[0.9, 0.9, 0.9, 0.9, 0.4, 0.9, 0.9],
    )
    # 4 does not show it, 5 has no label, 6 is not called the class
    assert [exemplar.row for exemplar in found] == [0, 1, 3, 2]


def test_presence_at_the_line_is_not_present_as_in_the_counts():
    found = choose(
        [verdict(0, "water")],
        labels=[0, 0, 0, 1],
        predicted=[0, 0, 1, 0],
        water=[0.9, 0.8, 0.0, 0.5],
        presence=[0.9, 0.9, 0.5, 0.5],
    )
    assert [exemplar.row for exemplar in found] == [0, 1, 2]


def test_without_a_concept_the_pictures_best_explained_by_words():
    found = choose(
        [verdict(1)],
        labels=[0, 0, 0, 0],
        predicted=[1, 1, 1, 0],
        water=[0.1, 0.3, 0.3, 0.9],
        beak=[0.4, 0.0, 0.1, 0.9],
        presence=[0.0] * 4,
    )
    assert found == [Exemplar(0, 1, None), Exemplar(2, 1, None)]


def test_ties_stay_in_the_order_of_the_pictures():
    found = choose([verdict(0, "water")], labels=[1] * 4, predicted=[0] * 4, water=[0.5] * 4, presence=[0.9] * 4)
    assert [exemplar.row for exemplar in found] == [0, 1]


def test_classes_without_pictures_have_none_and_the_order_is_that_of_the_verdicts():
    found = choose(
        [verdict(2, "water"), verdict(1), verdict(0)],
        labels=[0, 1],
        predicted=[0, 1],
        water=[0.5, 0.5],
        presence=[0.9, 0.9],
    )
    assert found == [Exemplar(1, 1, None), Exemplar(0, 0, None)]


def test_pictures_without_a_label_are_never_shown_as_without_the_concept():
    found = choose([verdict(0, "water")], labels=[-1, -1], predicted=[1, 1], water=[0.5, 0.5], presence=[0.0, 0.0])
    assert found == []


def test_of_what_harms_a_class_its_missed_pictures_with_it_then_those_without_it_that_are_recognised():
    harmed = replace(verdict(0, "water"), verdict="harmed", rule_id=RECALL_LOSS.rule_id)
    found = choose(
        [harmed],
        labels=[0, 0, 0, 0, 0, 0, 1],
        predicted=[0, 1, 1, 1, 0, 0, 0],
        water=[0.9] * 7,
        presence=[0.99, 0.6, 0.8, 0.3, 0.1, 0.2, 0.9],
    )
    # with it 2 and 1, which are missed, before 0; without it 4 and 5, least water first, before 3, which is missed
    assert found == [Exemplar(2, 0, 1), Exemplar(1, 0, 1), Exemplar(4, 0, 1), Exemplar(5, 0, 1)]


def test_of_a_column_the_class_s_own_pictures_come_before_those_that_are_called_it():
    column = (CONCEPTS[0], Concept("jpeg", "JPEG quality = 6", "attribute", column="property:jpeg_quality"))
    labels, presence = np.array([1, 1, 1, 0, 0]), np.ones((5, 2), np.float32)
    shares = sparse.csr_array((5, 2), dtype=np.float32)
    found = choose_exemplars([verdict(0, "jpeg")], column, labels, np.zeros(5, int), shares, presence)
    # two of its own, and two that are pulled
    assert [exemplar.row for exemplar in found] == [3, 4, 0, 1]
