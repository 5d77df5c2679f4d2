"""Search by likeness: order, scores, pages, and what is left out."""

from types import SimpleNamespace

import numpy as np
import pytest
from picture_audit import image_id, write_picture_audit

from auditor.store.embedding_index import read_embedding_index, write_embedding_index
from auditor.store.open_audit import open_audit_database
from auditor.store.queries.pictures import index_row
from reports.dashboard import neighbours

ANGLES = np.linspace(0, np.pi / 2, 10)
ROWS = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=1).astype(np.float32)  # row i is 10 degrees on from row i - 1
IDS = [image_id(c, number) for c in range(2) for number in range(5)]


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    folder = write_picture_audit(tmp_path_factory.mktemp("audit"), 2)
    write_embedding_index(folder, ROWS)
    with open_audit_database(folder) as connection:
        yield connection, read_embedding_index(folder, len(IDS))


def test_the_likest_come_first(audit):
    connection, index = audit
    found = neighbours.most_like(connection, index, np.array([1, 0], np.float32))
    assert [one for one, _ in found] == IDS
    np.testing.assert_allclose([score for _, score in found], np.cos(ANGLES), atol=1e-6)
    assert neighbours.most_like(connection, index, np.array([0, 1], np.float32), limit=3) == [
        (one, pytest.approx(score)) for one, score in zip(IDS[:-4:-1], ROWS[:-4:-1, 1], strict=True)
    ]


def test_a_picture_is_not_its_own_neighbour(audit):
    connection, index = audit
    place = index_row(connection, IDS[4])
    assert place == 4
    found = neighbours.most_like(connection, index, index.reconstruct(place), limit=2, without=place)
    assert {one for one, _ in found} == {IDS[3], IDS[5]}
    assert index_row(connection, "'; DROP TABLE images") is None


def test_broken_rows_are_left_out(audit):
    connection, _ = audit
    index = SimpleNamespace(
        ntotal=10,
        search=lambda x, k: (np.array([[np.nan, np.inf, 0.9, 0.8, 0.7]]), np.array([[0, 1, 2, -1, 99]])),
    )
    assert neighbours.most_like(connection, index, ROWS[0]) == [(IDS[2], pytest.approx(0.9))]
    assert neighbours.most_like(connection, SimpleNamespace(ntotal=0), ROWS[0]) == []


def test_pages_carry_scores_and_facts(audit):
    connection, _ = audit
    found = [(one, 1 - at / 10) for at, one in enumerate(IDS)]
    page = neighbours.page_of(connection, found, 2, class_idx=0, concept_id="water", size=4)
    assert [(picture.image_id, picture.score) for picture in page.pictures] == found[4:8]
    assert (page.total, page.number) == (10, 2)
    assert page.pictures[1].path == "bird 1/5.jpg"
    assert page.pictures[1].presence == pytest.approx(0.9)
    assert neighbours.page_of(connection, found, 99, size=4).number == 3
    assert neighbours.page_of(connection, [], 1).pictures == ()


def test_words_are_a_unit_row():
    asked = []

    def encode_texts(texts):
        asked.extend(texts)
        return np.array([[3, 0], [0, 4]], np.float32)

    np.testing.assert_allclose(
        neighbours.words_vector(SimpleNamespace(encode_texts=encode_texts), "a {} dog"), [0.6, 0.8], atol=1e-6
    )
    assert asked == ["a photo of a {} dog", "a {} dog"]
