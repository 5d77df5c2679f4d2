"""Columns of a manifest as concepts: every state by hand."""

import numpy as np
import pytest

from auditor.errors import InputError
from auditor.inputs.attributes import known_attributes
from auditor.inputs.core_concepts import core_concepts
from auditor.records import Concept, ImageItem, Vocabulary

VOCABULARY = (
    Concept("bird", "bird", "object"),
    Concept("dim-light", "dim light", "light"),
    Concept("flower", "flower", "context_object", ("blossom",)),
    Concept("water", "water", "scene", ("lake",)),
)
N = 60
LABELS = np.repeat([0, 1], N // 2)


def examine(columns, *, labels=LABELS, **settings):
    """The columns (lists of N values, None or "" for missing ones) of a manifest."""
    items = [
        ImageItem(f"{i}", f"{i}.jpg", str(labels[i]), attributes={k: v[i] for k, v in columns.items() if v[i]})
        for i in range(len(labels))
    ]
    return known_attributes(items, tuple(sorted(columns)), VOCABULARY, np.asarray(labels), **settings)


def state_of(values, labels=LABELS):
    found = examine({"x": values}, labels=labels)
    return found.columns[0].state, [concept.term for concept in found.concepts]


def mixed(*values):
    """The values in turn, so that every class has all of them."""
    return [values[i % len(values)] for i in range(N)]


def test_a_category_is_one_concept_a_value_and_exact():
    values = mixed("A", "B", None)
    found = examine({"scanner": values})
    (column,) = found.columns
    assert (column.attribute, column.state, column.n_values, column.n_images) == ("scanner", "examined", 2, 40)
    assert column.reason == "2 values"
    assert [(c.term, c.kind, c.column) for c in found.concepts] == [
        ("scanner = A", "attribute", "scanner"), ("scanner = B", "attribute", "scanner"),
    ]  # fmt: skip
    expected = [[np.nan] * 2 if v is None else [float(v == "A"), float(v == "B")] for v in values]
    np.testing.assert_array_equal(found.presence, np.array(expected, np.float32))
    assert found.same_as == {}


def test_values_that_differ_in_case_or_accents_only_are_two_concepts():
    ids = [concept.concept_id for concept in examine({"site": mixed("Köln", "Koln", "koln")}).concepts]
    assert len(set(ids)) == 3
    assert all(concept_id.startswith(("site-koln-", "site-kln-")) for concept_id in ids)
    assert ids == [concept.concept_id for concept in examine({"site": mixed("Köln", "Koln", "koln")}).concepts]


@pytest.mark.parametrize(
    ("values", "state"),
    [
        (mixed("A"), "constant"),
        (mixed(None), "constant"),
        ([f"p{i}" for i in range(N)], "many_values"),
        ([str(1000 - i) for i in range(N)], "many_values"),  # an id
        ([f"c{i % 21}" for i in range(N)], "many_values"),
        (["A"] * 9 + ["B"] * 9 + [None] * (N - 18), "too_few"),
        (["A"] * 9 + ["B"] * (N - 9), "too_few"),
        ([str(i / 10) if i < 39 else None for i in range(N)], "too_few"),
        (["5"] * 50 + [f"0.{i}" for i in range(10)], "examined"),
        (["0"] * 50 + [f"{i}.5" for i in range(10)], "too_few"),
        (mixed("duck-1", "birds"), "examined"),  # one of the two names a core concept
        (mixed("Bird", "birds"), "examined"),  # says nothing of the label
        (["bird"] * 30 + ["blossom"] * 30, "follows_label"),  # one of the two names a core concept
        (["Bird"] * 30 + ["birds"] * 30, "core"),
        (["A"] * 30 + ["B"] * 30, "follows_label"),
        ([None] * 30 + mixed("A", "B")[:30], "examined"),
    ],
)
def test_states(values, state):
    found, terms = state_of(values)
    assert found == state
    assert bool(terms) == (state in ("examined", "follows_label"))


def test_every_state_says_why():
    columns = {
        "age": ["7"] * N, "id": [str(i) for i in range(N)], "kind": ["bird"] * 30 + ["birds"] * 30,
        "code": ["A"] * 30 + ["B"] * 30, "rare": ["A"] * 9 + ["B"] * 51, "left": mixed("A", "B"),
    }  # fmt: skip
    reasons = {c.attribute: c.reason for c in examine(columns, exclude=("left",)).columns}
    assert reasons == {
        "age": "one value, '7', in 60 pictures",
        "code": "2 values; every class has one of them only, so nothing tells it from the label (where it names the "
        "class: [attributes] exclude)",
        "id": "another whole number in each of 60 pictures: an id",
        "kind": "its values name classes or objects: 'kind = bird', 'kind = birds', and copy the label (kappa 1.00)",
        "left": "left out by the settings ([attributes])",
        "rare": "no value is in 10 pictures and missing from 10 others",
    }


def test_numbers_fall_into_ranges_between_quartiles():
    values = [str(20 + i) for i in range(N)]
    values[0] = "20.5"  # no id
    found = examine({"age": values})
    # 20 pictures a range, so three of them here and four from 80 on
    assert [c.term for c in found.concepts] == ["age < 40", "40 ≤ age < 60", "age ≥ 60"]
    assert found.presence.sum(axis=0).tolist() == [20, 20, 20]
    assert (found.presence.sum(axis=1) == 1).all()
    assert found.presence[values.index("40")].tolist() == [0, 1, 0]
    assert found.columns[0].reason == "3 ranges"
    more = examine({"age": [f"{i}.5" for i in range(100)]}, labels=np.arange(100) % 2)
    assert [c.term for c in more.concepts] == ["age < 25.5", "25.5 ≤ age < 50.5", "50.5 ≤ age < 75.5", "age ≥ 75.5"]


def test_few_numbers_are_categories():
    assert state_of(mixed("1", "2", "3"))[1] == ["x = 1", "x = 2", "x = 3"]


def test_equal_numbers_stay_together():
    values = ["0"] * 31 + [f"{i}.5" for i in range(1, 30)]
    found = examine({"dose": values})
    assert [c.term for c in found.concepts] == ["dose < 10.5", "dose ≥ 10.5"]
    assert found.presence[:31, 0].all()


def test_values_and_columns_that_a_concept_is_named_after():
    columns = {
        "place": mixed("Lake", "moor"), "light": mixed("dim", "day"), "flower": mixed("yes", "no"),
        "blossoms": mixed("0", "1"),
    }  # fmt: skip
    found = examine(columns)
    named = {c.term: found.same_as.get(c.concept_id) for c in found.concepts}
    assert named == {
        "place = Lake": "water", "place = moor": None, "light = dim": "dim-light", "light = day": None,
        "flower = yes": "flower", "flower = no": None, "blossoms = 1": "flower", "blossoms = 0": None,
    }  # fmt: skip


ANIMALS = ("cat", "elephant", "owl")
OF_ANIMALS = np.repeat([0, 1, 2], 40)
NAMES = [ANIMALS[label] for label in OF_ANIMALS]


def among_animals(**columns):
    """Columns of 40 pictures each of three classes that are named like their values."""
    vocabulary = (*VOCABULARY, *(Concept(name, name, "object") for name in ANIMALS))
    items = [
        ImageItem(f"{i}", f"{i}.jpg", NAMES[i], attributes={name: v[i] for name, v in columns.items() if v[i]})
        for i in range(len(NAMES))
    ]
    return known_attributes(items, tuple(sorted(columns)), vocabulary, OF_ANIMALS, class_names=ANIMALS)


def swapped(n):
    """What every class is called, but for the first n pictures of each: they have the next class's name."""
    return [ANIMALS[(label + (i % 40 < n)) % 3] for i, label in enumerate(OF_ANIMALS)]


def test_values_that_name_classes_are_context_where_they_do_not_copy_the_label():
    found = among_animals(texture=swapped(4))
    (column,) = found.columns
    # 108 of 120 agree, a third of them by chance
    assert (column.state, column.reason) == (
        "examined",
        "3 values; what names classes or objects ('texture = cat', 'texture = elephant', 'texture = owl') is context, "
        "as it does not copy the label (kappa 0.85; if it is another label: [attributes] exclude)",
    )
    assert [(c.term, c.is_context) for c in found.concepts] == [(f"texture = {name}", True) for name in ANIMALS]
    assert found.presence[:, 0].tolist() == [float(value == "cat") for value in swapped(4)]
    # the texture of a cat is not the cat
    assert found.same_as == {}


def test_the_settings_may_allow_a_value_that_names_a_class():
    found = among_animals(texture=swapped(4))
    vocabulary = Vocabulary(VOCABULARY, {}, {}, "")
    allowed = core_concepts({"cat": ["texture = cat"]}, ANIMALS, vocabulary, found.concepts, found.same_as)
    assert {(name, one.reason, one.term) for (name, _), one in allowed.items()} == {
        ("cat", "settings", "texture = cat"),
    }  # fmt: skip
    assert [concept_id for _, concept_id in allowed] == [found.concepts[0].concept_id]


@pytest.mark.parametrize(
    ("values", "state"),
    [
        (NAMES, "core"),
        ([name.upper() if i % 2 else f"{name}s" for i, name in enumerate(NAMES)], "core"),
        ([None if i % 3 else name for i, name in enumerate(NAMES)], "core"),  # where it is known
        (swapped(1), "examined"),  # kappa .96
        (swapped(40), "follows_label"),  # every cat has an elephant's texture, and so on
        (["owl" if label == 1 else "elephant" for label in OF_ANIMALS], "follows_label"),  # an elephant's is an owl's
        (["flower" if label < 2 else "bird" for label in OF_ANIMALS], "follows_label"),
        ([name if i % 2 else "none" for i, name in enumerate(NAMES)], "examined"),
        ([name if i % 2 else f"other {name}" for i, name in enumerate(NAMES)], "examined"),
    ],
)
def test_what_copies_the_label(values, state):
    assert among_animals(texture=values).columns[0].state == state


def test_one_other_value_in_hundreds_is_a_copy_still():
    labels = np.repeat([0, 1], 300)
    values = ["cat"] * 299 + ["elephant"] * 301
    vocabulary = [Concept(name, name, "object") for name in ANIMALS]
    items = [ImageItem(f"{i}", f"{i}.jpg", "", attributes={"x": value}) for i, value in enumerate(values)]
    (column,) = known_attributes(items, ("x",), vocabulary, labels, class_names=ANIMALS[:2]).columns
    assert column.state == "core"
    # 299 + 300 of 600 agree, half by chance
    assert "(kappa 1.00)" in column.reason
    # without labels nothing says that it copies one
    (column,) = known_attributes(items, ("x",), vocabulary, np.full(600, -1), class_names=ANIMALS[:2]).columns
    assert column.state == "examined"


def test_kinds_of_classes_and_kinds_within_them_copy_the_label_where_they_name_objects():
    vocabulary = [Concept(name, name, "object") for name in ("duck", "owl", "cat", "bird", "mammal", "mallard", "teal")]
    labels = np.repeat([0, 1, 2], 40)
    columns = {
        "kind": ["bird"] * 80 + ["mammal"] * 40,
        "species": ["mallard"] * 20 + ["teal"] * 20 + ["barn owl"] * 20 + ["owl"] * 20 + ["cat"] * 40,
    }
    items = [ImageItem(f"{i}", f"{i}.jpg", "", attributes={k: v[i] for k, v in columns.items()}) for i in range(120)]
    found = known_attributes(items, tuple(columns), vocabulary, labels, class_names=("duck", "owl", "cat"))
    assert [column.state for column in found.columns] == ["core", "examined"]
    # what names nothing is a concept as ever
    assert [concept.term for concept in found.concepts] == ["species = barn owl"]
    assert found.columns[1].reason.startswith("5 values; core, since they name classes or objects: 'species = cat'")


def test_a_flag_that_is_named_after_a_class_is_core():
    assert examine({"bird": mixed("1", "0")}).columns[0].state == "core"
    assert examine({"birds": mixed("true", "false", None)}).columns[0].state == "core"


def test_include_and_exclude():
    columns = {"a": mixed("x", "y"), "b": mixed("x", "y")}
    assert [c.state for c in examine(columns, include=("b",)).columns] == ["excluded", "examined"]
    assert [c.state for c in examine(columns, exclude=("b",)).columns] == ["examined", "excluded"]
    assert examine(columns, include=()).concepts == ()
    with pytest.raises(InputError, match=r"\[attributes\] names column 'scaner'.*did you mean 'scanner'\?"):
        examine({"scanner": mixed("x", "y")}, exclude=("scaner",))
    with pytest.raises(InputError, match="columns: none"):
        examine({}, include=("scanner",))


def test_odd_values_never_crash():
    values = mixed("nan", "inf", "1e400", "\u202e", "=cmd()", "水", "a\nb", "x" * 10_000)
    found = examine({"\x00": values, "水": mixed("nan", "1", "2", "3", "4", "5", "6", "7")})
    assert {column.state for column in found.columns} <= {"examined", "too_few"}
    assert len({concept.concept_id for concept in found.concepts}) == len(found.concepts)
    assert all(len(concept.concept_id) < 60 for concept in found.concepts)
