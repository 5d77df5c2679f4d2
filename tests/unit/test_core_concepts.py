from dataclasses import replace

import pytest

from auditor.errors import InputError
from auditor.inputs.core_concepts import core_concepts, unmeasured_core
from auditor.inputs.vocabulary import load_vocabulary
from auditor.records import Concept, Vocabulary

CONCEPTS = (
    Concept("beach", "beach", "scene", ("seashore",)),
    Concept("forest", "forest", "scene", ("woods",)),
    Concept("reef", "reef", "scene"),
    Concept("wing", "wing", "part"),
    Concept("water", "water", "scene", ("lake",)),
    Concept("rain", "rain", "weather", ("rainy day",)),
    Concept("room", "room", "scene"),
)
VOCABULARY = Vocabulary(CONCEPTS, {}, {}, "v")
ATTRIBUTES = (Concept("place-w", "place = water", "attribute", column="place"),)


def found(settings=None, classes=("duck", "cat"), **more):
    return {pair: core.reason for pair, core in core_concepts(settings or {}, classes, VOCABULARY, **more).items()}


def test_classes_that_name_no_context_have_none():
    assert found() == {}


def test_names_synonyms_and_plurals_of_classes():
    assert found(classes=("Beaches", "seashore", "duck")) == {
        ("Beaches", "beach"): "class name", ("seashore", "beach"): "class name",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("class_name", "concept_id"),
    [("coral reef", "reef"), ("rainforest", "forest"), ("pine_woods", "forest"), ("coral reefs", "reef")],
)
def test_a_class_may_rest_on_what_it_is_a_kind_of(class_name, concept_id):
    assert found(classes=(class_name, "cat")) == {(class_name, concept_id): "kind of the class"}


@pytest.mark.parametrize("class_name", ["mushroom", "pineforest", "Mushrooms", "field mushroom"])
def test_letters_that_end_a_word_are_no_kind(class_name):
    """A mushroom is no room: taken for core, what it rests on would never be looked at."""
    assert found(classes=(class_name, "cat")) == {}


@pytest.mark.parametrize("class_name", ["water buffalo", "waterbird", "beach ball", "a", "", "---"])
def test_what_stands_first_in_a_name_is_no_kind(class_name):
    assert found(classes=(class_name, "cat")) == {}


def test_settings_are_core_for_their_class_only():
    assert found({"duck": ["lake", "woods"], "cat": ["Forest"]}) == {
        ("duck", "water"): "settings", ("duck", "forest"): "settings", ("cat", "forest"): "settings",
    }  # fmt: skip


def test_attributes_by_name_and_with_the_concept_that_they_name():
    known = {"attributes": ATTRIBUTES, "same_as": {"place-w": "water"}}
    assert found({"duck": ["water"]}, **known) == {("duck", "water"): "settings", ("duck", "place-w"): "settings"}
    assert found({"duck": ["place=Water"]}, **known) == {("duck", "place-w"): "settings"}


def test_a_core_kind_needs_no_leave():
    assert found({"duck": ["wing"]}) == {}


def test_unknown_names_are_told_with_the_nearest():
    with pytest.raises(InputError, match=r"\[core\] names unknown class 'duk'; did you mean 'duck'\?"):
        found({"duk": ["water"]})
    with pytest.raises(InputError, match=r"\[core\], class 'duck': unknown concept 'watr'; did you mean 'water'\?"):
        found({"duck": ["watr"]})
    with pytest.raises(InputError, match=r"unknown concept 'place = sand'; did you mean 'place = water'\?"):
        found({"duck": ["place = sand"]}, attributes=ATTRIBUTES)
    with pytest.raises(InputError, match="unknown concept 'qqq'; known: 'beach'"):
        found({"duck": ["qqq"]})


def test_the_bundled_vocabulary():
    names = ("brown bear", "coral reef", "snowmobile", "goldfish", "sea lion", "seashore")
    context = core_concepts({}, names, load_vocabulary())
    assert {class_name for class_name, _ in context} <= {"coral reef", "seashore"}


WATERS = replace(
    VOCABULARY,
    concepts=(*CONCEPTS, Concept("river", "river", "scene"), Concept("bay", "bay", "scene")),
    families=(Concept("family-water", "water", "scene", members=("bay", "river", "water")),),
)


def test_a_family_is_core_with_one_of_its_members():
    """Else it would be flagged for what is allowed; its other members are still looked at."""
    core = core_concepts({"duck": ["river"]}, ("duck", "cat"), WATERS)
    assert {pair: (one.reason, one.term) for pair, one in core.items()} == {
        ("duck", "river"): ("settings", "river"), ("duck", "family-water"): ("settings", "river"),
    }  # fmt: skip


def test_who_names_a_family_names_all_its_members():
    core = core_concepts({"duck": ["Water"]}, ("duck", "cat"), WATERS)
    assert {pair: one.term for pair, one in core.items()} == {
        ("duck", one): "Water" for one in ("bay", "river", "water", "family-water")
    }
    named = replace(WATERS, families=(replace(WATERS.families[0], term="anything wet"),))
    assert ("duck", "bay") in core_concepts({"duck": ["anything wet"]}, ("duck",), named)
    with pytest.raises(InputError, match="did you mean 'anything wet'"):
        core_concepts({"duck": ["anything wat"]}, ("duck",), named)


@pytest.mark.parametrize("name", ["property:jpeg_quality", "JPEG quality", "jpeg  quality"])
def test_a_measured_property_is_core_at_all_its_levels(name):
    assert found({"duck": [name]}) == {("duck", "property:jpeg_quality"): "settings"}


def test_a_property_that_is_not_measured_is_told():
    allowed = core_concepts({"duck": ["JPEG quality", "beach", "top left corner"]}, ("duck", "cat"), VOCABULARY)
    assert unmeasured_core(allowed) == [
        "[core] allows 'duck' to rest on 'JPEG quality', and with properties = false (--no-properties) that is not "
        "measured: the entry does nothing"
    ]


def test_a_word_comes_before_a_property_of_its_name():
    vocabulary = replace(VOCABULARY, concepts=(*CONCEPTS, Concept("border", "border", "artifact")))
    allowed = core_concepts({"duck": ["border", "property:border"]}, ("duck", "cat"), vocabulary)
    assert {pair: one.term for pair, one in allowed.items()} == {
        ("duck", "border"): "border", ("duck", "property:border"): "property:border",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["top left corner", "place-top-left-corner"])
def test_a_place_is_core(name):
    assert found({"cat": [name]}) == {("cat", "place-top-left-corner"): "settings"}


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [
        ("property:sharpnes", "property:sharpness"),
        ("top left corners", "top left corner"),
        ("property:hue", "property:"),
    ],
)
def test_unknown_properties_and_places_are_refused(wrong, meant):
    with pytest.raises(InputError, match=rf"unknown concept '{wrong}'; did you mean '{meant}"):
        found({"duck": [wrong]})
