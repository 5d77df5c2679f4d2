import hashlib
from collections import Counter
from pathlib import Path

import pytest

from auditor.errors import InputError
from auditor.inputs.vocabulary import VOCABULARY_KINDS, add_class_names, find_concept, load_vocabulary, slug
from auditor.inputs.words import number_forms, word_key
from auditor.records import Concept

SMALL = """# a comment
[templates]
scene = ["a photo taken at {}", "{} behind it"]

[absent]
artifact = ["a clean photo"]

[[concept]]
term = "water"
kind = "scene"
synonyms = ["lake", "sea"]

[[concept]]
term = "bee"
kind = "object"

[[concept]]
term = "watermark"
kind = "artifact"
synonyms = [
  "logo",
  "text overlay",
]
"""


def load(tmp_path: Path, text: str):
    path = tmp_path / "v.toml"
    path.write_text(text, encoding="utf-8")
    return load_vocabulary(path)


def failing(tmp_path: Path, text: str) -> str:
    with pytest.raises(InputError) as caught:
        load(tmp_path, text)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("water", "water"),
        ("Hot air_balloon", "hot-air-balloon"),
        ("  T-shirt ", "t-shirt"),
        ("bird 2", "bird-2"),
        ("café", "cafe-" + hashlib.sha256("café".encode()).hexdigest()[:8]),
        ("C++", "c-" + hashlib.sha256(b"c++").hexdigest()[:8]),
        ("水", hashlib.sha256("水".encode()).hexdigest()[:8]),
    ],
)
def test_slug(term, expected):
    assert slug(term) == expected


def test_slugs_of_different_words_differ():
    words = ["1", "-1", "+1", "1.0", "C", "C++", "C#", "a/b", "a b", "a.b", "", "é", "e", "x" * 100, "x" * 101]
    assert len({slug(word) for word in words}) == len(words)
    assert max(len(slug(word)) for word in words) <= 73


def test_load(tmp_path):
    vocabulary = load(tmp_path, SMALL)
    assert vocabulary.concepts == (
        Concept("bee", "bee", "object", ()),
        Concept("water", "water", "scene", ("lake", "sea")),
        Concept("watermark", "watermark", "artifact", ("logo", "text overlay")),
    )
    assert vocabulary.templates == {"scene": ("a photo taken at {}", "{} behind it")}
    assert vocabulary.absent == {"artifact": ("a clean photo",)}


def test_digest_follows_content_not_order(tmp_path):
    head, *entries = SMALL.split("[[concept]]\n")
    turned = head + "".join("[[concept]]\n" + entry.rstrip() + "\n\n" for entry in reversed(entries))
    assert load(tmp_path, turned) == load(tmp_path, "\ufeff" + SMALL)
    for old, new in [("lake", "pond"), ('"scene"', '"surface"'), ("behind it", "behind"), ("a clean", "one clean")]:
        assert load(tmp_path, SMALL.replace(old, new)).digest != load(tmp_path, SMALL).digest


def test_bundled_vocabulary():
    vocabulary = load_vocabulary()
    counts = Counter(concept.kind for concept in vocabulary.concepts)
    assert len(vocabulary.concepts) >= 400
    assert set(counts) == set(VOCABULARY_KINDS) == set(vocabulary.templates)
    assert min(counts.values()) >= 10
    assert all(len(templates) >= 2 for templates in vocabulary.templates.values())
    assert {"artifact", "person", "quality"} <= set(vocabulary.absent)
    words = [word_key(word) for concept in vocabulary.concepts for word in (concept.term, *concept.synonyms)]
    assert len(words) == len(set(words))


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("waterbird", "object"), ("ants", "object"), ("wing", "part"), ("meadow", "scene"), ("hospital ward", "scene"),
        ("sand", "surface"), ("wood floor", "surface"), ("fog", "weather"), ("night", "light"),
        ("watermark", "artifact"), ("ruler", "artifact"), ("hospital tag", "artifact"), ("blue", "colour"),
        ("stripes", "texture"),
        ("blur", "quality"), ("hands", "person"), ("leash", "context_object"), ("flowers", "context_object"),
        ("keyboard", "context_object"),
    ],
)  # fmt: skip
def test_bundled_vocabulary_knows(name, kind):
    concept = find_concept(load_vocabulary(), name)
    assert concept is not None
    assert concept.kind == kind


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('"sea"]', '"Lake"]', "line 11: 'Lake' is given twice, first as 'lake' on line 11; drop one"),
        ('"bee"', '"Sea"', "line 14: 'Sea' is given twice, first as 'sea' on line 11; drop one"),
        ('"text overlay"', '"bee"', "line 22: 'bee' is given twice, first as 'bee' on line 14; drop one"),
        ('"bee"', '"text_overlay"', "line 22: 'text overlay' is given twice, first as 'text_overlay' on line 14"),
        ('"logo"', '" "', "line 21: blank synonym; expected a word"),
        ('"bee"', '""', "line 14: blank term; expected a word"),
        ('"bee"', "3", "line 14: term holds '3'; expected text in quotes"),
        ('"object"', '"objekt"', "line 15: unknown kind 'objekt'; nearest is 'object'; expected one of object, part"),
        ('kind = "object"\n', "", "line 13: concept without kind; expected term and kind"),
        ('term = "bee"\n', "", "line 13: concept without term; expected term and kind"),
        ("synonyms = [\n", "synonym = [\n", "line 20: unknown key 'synonym'; nearest is 'synonyms'"),
        ('["lake", "sea"]', '"lake"', "line 11: synonyms is 'lake'; expected a list"),
        ("{} behind it", "behind it", "line 3: templates.scene holds 'behind it'; expected a template with {}"),
        ("scene = [", "scenes = [", "line 3: unknown kind 'scenes'; nearest is 'scene'"),
        ('["a clean photo"]', '["a {} photo"]', "line 6: absent.artifact holds 'a {} photo'; expected a whole prompt"),
        ('["a clean photo"]', "[]", "line 6: absent.artifact is '[]'; expected a list of prompts"),
        ("[absent]", "[absence]", "line 5: unknown key 'absence'; nearest is 'absent'"),
        ('"bee"', '"bee', "not readable as TOML"),
    ],
)
def test_errors_name_the_line(tmp_path, old, new, expected):
    assert SMALL.count(old) == 1
    message = failing(tmp_path, SMALL.replace(old, new))
    assert message.startswith("vocabulary 'v.toml'")
    assert expected in message


def test_toml_errors_keep_the_parsers_line(tmp_path):
    assert "at line 14" in failing(tmp_path, SMALL.replace('"bee"', '"bee'))


def test_entries_in_another_layout_are_named_by_number(tmp_path):
    text = 'concept = [{term = "a", kind = "object"}, {term = "a", kind = "object"}]'
    assert failing(tmp_path, text) == (
        "vocabulary 'v.toml', concept number 2: 'a' is given twice, first as 'a'; drop one"
    )


def test_no_concepts_no_file_no_text(tmp_path):
    assert "no concepts; expected [[concept]] entries" in failing(tmp_path, "")
    assert "line 1: no concepts" in failing(tmp_path, "concept = 3\n")
    with pytest.raises(InputError, match="cannot be read: No such file"):
        load_vocabulary(tmp_path / "no.toml")
    (tmp_path / "v.toml").write_bytes(b"# fine\n# \xff\n")
    with pytest.raises(InputError, match="line 2: not UTF-8"):
        load_vocabulary(tmp_path / "v.toml")


# --- class names ----


def kinds(vocabulary):
    return {concept.concept_id: concept.kind for concept in vocabulary.concepts}


def test_class_name_makes_a_context_concept_core(tmp_path):
    vocabulary = load(tmp_path, SMALL)
    assert kinds(add_class_names(vocabulary, ["Lake", "bees"])) == {
        "bee": "object", "water": "object", "watermark": "artifact"
    }  # fmt: skip
    assert kinds(vocabulary)["water"] == "scene"


def test_part_stays_a_part():
    assert kinds(add_class_names(load_vocabulary(), ["wings"]))["wing"] == "part"


def test_new_class_name_becomes_an_object(tmp_path):
    vocabulary = load(tmp_path, SMALL)
    added = add_class_names(vocabulary, ["Polar_Bear", "polar bear", "", "<b>\nx</b>"])
    new = [concept for concept in added.concepts if concept not in vocabulary.concepts]
    assert sorted((concept.term, concept.kind) for concept in new) == [
        ("<b> x</b>", "object"),
        ("Polar Bear", "object"),
    ]
    assert find_concept(added, "polar-bears") == Concept("polar-bear", "Polar Bear", "object")
    assert added.digest != vocabulary.digest
    assert add_class_names(vocabulary, ["bee"]) == vocabulary
    assert add_class_names(vocabulary, ["polar bear", "duck"]).digest == (
        add_class_names(vocabulary, ["duck", "polar bear"]).digest
    )


def test_labels_that_differ_in_a_sign_stay_two(tmp_path):
    added = add_class_names(load(tmp_path, SMALL), ["-1", "1"])
    assert {concept.term for concept in added.concepts} >= {"-1", "1"}


def test_very_long_class_name(tmp_path):
    added = add_class_names(load(tmp_path, SMALL), ["x" * 10_000])
    assert max(len(concept.term) for concept in added.concepts) == 10_000
    assert max(len(concept.concept_id) for concept in added.concepts) <= 73


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("bees", "bee"), ("ant", "ants"), ("butterflies", "butterfly"), ("foxes", "fox"), ("leaf", "leaves"),
        ("knives", "knife"), ("women", "woman"), ("person", "people"), ("polar bears", "polar bear"),
        ("bushes", "bush"), ("buses", "bus"), ("bus", "buses"), ("potato", "potatoes"),
    ],
)  # fmt: skip
def test_plurals(one, other):
    assert other in list(number_forms(one))


@pytest.mark.parametrize(("one", "other"), [("grass", "gras"), ("bus", "bu"), ("glass", "glas")])
def test_words_that_only_look_plural(one, other):
    assert other not in list(number_forms(one))


FAMILY = """
[[concept]]
term = "river"
kind = "scene"

[[concept]]
term = "fog"
kind = "weather"

[[family]]
term = "water"
kind = "scene"
members = ["lake", "river"]
"""


def test_a_family_is_named_by_words_of_its_members(tmp_path):
    loaded = load(tmp_path, SMALL + FAMILY)
    assert loaded.families == (Concept("family-water", "water", "scene", members=("river", "water")),)
    assert loaded.digest != load(tmp_path, SMALL + FAMILY.partition("[[family]]")[0]).digest
    assert load(tmp_path, SMALL + FAMILY.replace('"lake", "river"', '"River", "sea"')).digest == loaded.digest


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"lake", "river"', '"lake", "rivr"',
         "line 36: member 'rivr' is no concept of this vocabulary; did you mean 'river'?"),
        ('"lake", "river"', '"lake", "fog"', "line 36: member 'fog' is of kind weather, its family of kind scene"),
        ('"lake", "river"', '"lake", "water"', "line 36: family 'water' has 1 of at least 2 members"),
        ('"lake", "river"', '"lake", 3', "line 36: members is \"['lake', 3]\"; expected a list of terms"),
        ('members = ["lake", "river"]', "", "line 33: family without members; expected term, kind, members"),
        ('members = ["lake"', 'member = ["lake"', "line 36: unknown key 'member'; nearest is 'members'"),
        ('term = "water"\nkind = "scene"\nmembers', 'term = "fog"\nkind = "scene"\nmembers',
         "line 34: 'fog' is a concept that is no member of the family; give the family another term"),
        ('term = "water"\nkind = "scene"\nmembers', 'term = " "\nkind = "scene"\nmembers',
         "line 34: term is ' '; expected a word in quotes"),
        ('term = "water"\nkind = "scene"\nmembers', 'term = "water"\nkind = "object"\nmembers',
         "line 35: unknown kind of a family 'object'"),
        ('term = "fog"\nkind = "weather"', 'term = "family water"\nkind = "weather"',
         "line 34: family 'water' has the id of 'family water'; give it another term"),
        ("[[family]]", '[[family]]\nterm = "wet"\nkind = "scene"\nmembers = ["sea", "river"]\n\n[[family]]',
         "line 41: 'river' is a member of 'wet' as well; a concept is in one family at most"),
        ("[[family]]", "[family]", "line 33: expected [[family]] entries with term, kind and members"),
    ],
)  # fmt: skip
def test_families_that_are_none(tmp_path, old, new, message):
    text = SMALL + FAMILY
    head, _, tail = text.rpartition(old)
    assert message in failing(tmp_path, head + new + tail)


def test_what_a_class_is_named_after_leaves_its_family(tmp_path):
    more = (
        FAMILY.replace('"lake", "river"', '"lake", "river", "pond"') + '\n[[concept]]\nterm = "pond"\nkind = "scene"\n'
    )
    vocabulary = load(tmp_path, SMALL + more)
    assert add_class_names(vocabulary, ["Ponds"]).families[0].members == ("river", "water")
    assert add_class_names(vocabulary, ["pond", "river"]).families == ()  # one member is no family
    assert add_class_names(vocabulary, ["water"]).families == ()  # it would be context for the other classes
    assert add_class_names(vocabulary, ["cat"]).families == vocabulary.families


def test_the_bundled_families():
    bundled = load_vocabulary()
    by_id = {concept.concept_id: concept for concept in bundled.concepts}
    members = [member for family in bundled.families for member in family.members]
    assert 30 <= len(bundled.families) <= 60
    assert len(members) == len(set(members))
    assert all(by_id[member].kind == family.kind for family in bundled.families for member in family.members)
    (water,) = [family for family in bundled.families if family.concept_id == "family-water"]
    assert {"lake", "river", "sea", "water"} < set(water.members)
