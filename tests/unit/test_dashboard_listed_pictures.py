import pytest

from auditor.store.queries.picture_lists import Selection
from reports.dashboard.address import LISTS, VIEWS, Place
from reports.dashboard.listed_pictures import class_idx_of, home_of, selection_of, title_of

NAMES = ("waterbird", "landbird")


def test_the_class_of_a_place():
    assert class_idx_of(Place(class_name="landbird"), NAMES) == 1
    assert class_idx_of(Place(class_name="boat"), NAMES) is None
    assert class_idx_of(Place(), NAMES) is None


def test_the_list_that_a_place_names():
    here = Place(class_name="landbird", concept="water", group=3)
    assert selection_of(here.but(among="with"), NAMES) == Selection("with", 1, "water", 3)
    assert selection_of(here.but(among="most"), NAMES) == Selection("most", None, "water", 3)
    assert selection_of(here.but(among="group", class_name=None), NAMES) == Selection("group", None, "water", 3)
    assert selection_of(here.but(among="confused", called="waterbird"), NAMES) == Selection(
        "confused", 1, "water", 3, 0
    )
    assert selection_of(here.but(among="search"), NAMES) is None
    assert selection_of(here.but(among="area"), NAMES) is None
    assert selection_of(here, NAMES) is None
    # a list of a class that the audit does not have is none, and no list of all classes
    assert selection_of(here.but(among="mistakes", class_name="boat"), NAMES) is None


@pytest.mark.parametrize("among", LISTS)
def test_every_list_has_a_home_and_a_title(among):
    place = Place(among=among, class_name="cat", concept="water", group=2, text="boat")
    assert home_of(place) in VIEWS
    assert title_of(place, "water", "water, lake")


def test_homes():
    homes = {among: home_of(Place(among=among, class_name="cat")) for among in LISTS}
    assert homes == {
        "all": "pictures", "with": "pictures", "without": "pictures", "mistakes": "pictures", "pulled": "pictures",
        "said": "class",
        "most": "concept", "least": "concept", "group": "groups", "search": "search", "confused": "confusion",
        "area": "atlas", "basket": "basket",
    }  # fmt: skip
    assert home_of(Place(among="said", concept="water")) == "concept"
    assert home_of(Place()) == "overview"


def test_titles_name_what_is_listed():
    place = Place(class_name="cat", text="boat on water")
    assert title_of(place.but(among="without"), "sofa", None) == "cat without sofa"
    assert title_of(place.but(among="pulled"), "sofa", None) == "others with sofa, called cat"
    assert title_of(place.but(among="confused", called="dog"), "sofa", None) == "cat called dog"
    assert title_of(place.but(among="search"), None, None) == 'pictures like "boat on water"'
    assert title_of(place.but(among="search", like="x"), None, None) == "pictures like this one"
    assert title_of(place, None, None) == ""
