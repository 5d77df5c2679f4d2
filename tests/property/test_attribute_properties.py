"""Columns of any text: never a crash, the same whatever the order of pictures, exact and of one value a picture."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from auditor.inputs.attributes import MIN_PICTURES, known_attributes
from auditor.inputs.vocabulary import load_vocabulary
from auditor.records import ImageItem

N = 48
WORDS = st.one_of(
    st.none(), st.sampled_from(["yes", "no", "1", "0", "A", "a", "forest", "duck", "3.5", "-2", "nan", "1e9"]),
    st.text(max_size=3).filter(str.strip), st.floats(allow_nan=False, allow_infinity=False).map(str),
)  # fmt: skip
COLUMNS = st.lists(st.lists(WORDS, min_size=1, max_size=12), min_size=1, max_size=3)
VOCABULARY = load_vocabulary().concepts


def examined(values, order, labels):
    """Columns made of a few values each, drawn in turn, with the pictures in an order."""
    names = tuple(f"c{i}" for i in range(len(values)))
    said = [{n: v[i % len(v)] for n, v in zip(names, values, strict=True)} for i in order]
    items = [
        ImageItem(f"{i}", f"{i}.jpg", None, attributes={n: value for n, value in row.items() if value})
        for i, row in zip(order, said, strict=True)
    ]
    return known_attributes(items, names, VOCABULARY, labels[order])


@settings(max_examples=150, deadline=None)
@given(COLUMNS, st.permutations(range(N)), st.integers(1, 4))
def test_any_columns(values, order, n_classes):
    order, labels = np.array(order), np.arange(N) * n_classes // N
    plain, shuffled = examined(values, np.arange(N), labels), examined(values, order, labels)
    assert plain.columns == shuffled.columns
    assert plain.concepts == shuffled.concepts
    np.testing.assert_array_equal(plain.presence[order], shuffled.presence)
    assert plain.same_as == shuffled.same_as
    assert len({concept.concept_id for concept in plain.concepts}) == len(plain.concepts)
    known = np.isfinite(plain.presence)
    assert set(np.unique(plain.presence[known])) <= {0.0, 1.0}
    for v, concept in enumerate(plain.concepts):
        column = int(concept.column[1:])
        missing = [values[column][i % len(values[column])] is None for i in range(N)]
        np.testing.assert_array_equal(~known[:, v], missing)
        present = plain.presence[known[:, v], v]
        assert MIN_PICTURES <= present.sum() <= present.size - MIN_PICTURES
    for name in {concept.column for concept in plain.concepts}:
        of_column = [v for v, concept in enumerate(plain.concepts) if concept.column == name]
        assert (np.nansum(plain.presence[:, of_column], axis=1) <= 1).all()  # one value a picture
    states = {column.attribute: column.state for column in plain.columns}
    assert {c.column for c in plain.concepts} == {n for n, s in states.items() if s in ("examined", "follows_label")}
