from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.dashboard.address import LISTS, SORTS, VIEWS, Place

_NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
_PLACES = st.builds(
    Place,
    audit=st.none() | _NAMES,
    view=st.sampled_from(VIEWS),
    class_name=st.none() | _NAMES,
    concept=st.none() | _NAMES,
    group=st.none() | st.integers(0, 10**9),
    text=_NAMES | st.just(""),
    among=st.none() | st.sampled_from(LISTS),
    page=st.integers(1, 10**9),
    verdicts=st.lists(st.sampled_from(["flagged", "suspect", "clean", "not_analysed"]), unique=True).map(tuple),
    kinds=st.lists(_NAMES, unique=True, max_size=3).map(tuple),
    opacity=st.integers(0, 100),
    sort=st.sampled_from(SORTS),
    column=_NAMES | st.just(""),
    values=st.lists(_NAMES | st.just(""), unique=True, max_size=3).map(tuple),
)


def test_the_default_place_needs_no_parameter():
    assert Place().params() == {}
    assert Place.read({}) == (Place(), [])


def test_a_selection_reads_in_the_url():
    place = Place(view="class", class_name="waterbird", verdicts=("flagged", "suspect"))
    assert place.url() == "?view=class&class=waterbird&verdict=flagged%2Csuspect"


@given(_PLACES)
def test_every_place_comes_back_from_its_url(place):
    params = dict(parse_qsl(place.url().removeprefix("?"), keep_blank_values=True))
    assert Place.read(params) == (place, [])


@pytest.mark.parametrize(
    ("params", "told"),
    [
        ({"view": "admin"}, "view='admin': expected one of audits, overview"),
        ({"page": "0"}, "page='0': expected a page from 1"),
        ({"page": "9" * 5000}, "at most 4,000 characters"),
        ({"page": "²"}, "expected a page from 1"),
        ({"group": "-1"}, "expected the number of a channel group"),
        ({"among": "all of them"}, "expected one of all, with"),
        ({"opacity": "101"}, "expected percent from 0 to 100"),
        ({"verdict": "flagged,evil"}, "expected some of flagged"),
        ({"span": "0.6..0.2"}, "expected numbers from and to, like 0.2..0.6"),
        ({"span": "nan..inf"}, "expected numbers from and to"),
        ({"sort": "name; DROP"}, "expected one of severity"),
        ({"class_name": "x"}, "'class_name' is no parameter"),
        ({"<script>": "x"}, "'<script>' is no parameter"),
    ],
)
def test_a_broken_parameter_is_told_and_ignored(params, told):
    place, broken = Place.read({**params, "class": "cat"})
    assert place == Place(class_name="cat")
    (line,) = broken
    assert told in line
    assert len(line) < 200


@given(st.dictionaries(st.text(max_size=12) | st.sampled_from(["page", "view", "kind", "verdict"]), st.text()))
def test_no_parameters_break_it(params):
    place, broken = Place.read(params)
    assert len(broken) + len(place.params()) <= len(params)


def test_another_list_begins_at_its_first_page():
    place = Place(class_name="cat", page=7)
    assert place.but(class_name="dog").page == 1
    assert place.but(opacity=20, map="water").page == 7
    assert place.but(class_name="dog", page=3).page == 3


def test_kinds_may_hold_commas():
    place = Place(kinds=("a,b", "c"))
    assert Place.read(place.params())[0].kinds == ("a,b", "c")


def test_two_audits_are_compared_anyway_only_where_it_says_so():
    assert Place.read({"anyway": "True"}) == (Place(anyway=True), [])
    assert Place.read(Place(anyway=True).params()) == (Place(anyway=True), [])
    assert Place.read({"anyway": "yes"}) == (Place(), ["anyway='yes': expected True"])
