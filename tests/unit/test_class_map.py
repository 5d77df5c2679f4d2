import json
from pathlib import Path

import pytest

from auditor.errors import InputError
from auditor.inputs.class_map import label_indices, match_classes
from auditor.records import ImageItem


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def failing(*args) -> str:
    with pytest.raises(InputError) as caught:
        match_classes(*args)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_by_exact_name_leaves_other_outputs_alone():
    match = match_classes(["dog", "cat"], 3, ["cat", "cow", "dog"], None)
    assert match.class_names == ("cat", "cow", "dog")
    assert match.label_to_class == {"cat": 0, "dog": 2}
    assert (match.how, match.warning) == ("name", None)


def test_by_name_without_regard_to_case_and_separators():
    match = match_classes(["polar_bear", "hot-air Balloon"], 2, ["Hot air balloon", "Polar Bear"], None)
    assert match.label_to_class == {"polar_bear": 1, "hot-air Balloon": 0}


def test_exact_name_wins_over_a_loose_one():
    assert match_classes(["Cat", "dog"], 3, ["cat", "Cat", "dog"], None).label_to_class == {"Cat": 1, "dog": 2}


def test_unknown_label_shows_both_lists():
    assert failing(["bees", "ant"], 2, ["ant", "bee"], None) == (
        "1 of 2 labels unknown to the model: 'bees' (nearest output to 'bees': 'bee'); labels: 'ant', 'bees'; "
        "outputs: 'ant', 'bee'; say which is which with --class-map FILE.csv, whose first "
        "line is label,output, and then a line a label, such as cat,0"
    )


def test_long_lists_are_cut():
    message = failing([f"label {n}" for n in range(50)], 1000, [f"output {n}" for n in range(1000)], None)
    assert "'output 9' and 990 more" in message
    assert "and 40 more" in message


def test_ambiguous_names_are_refused():
    assert "label 'CAT' names outputs [0, 1] of the model alike" in failing(
        ["CAT", "dog"], 3, ["cat", "Cat", "dog"], None
    )
    assert "labels 'CAT', 'Cat' all name output 0" in failing(["CAT", "Cat"], 2, ["cat", "dog"], None)


def test_name_used_twice_by_the_model():
    match = match_classes(["a", "b"], 4, ["crane", "a", "crane", "b"], None)
    assert match.class_names == ("crane (output 0)", "a", "crane (output 2)", "b")
    assert "names outputs [0, 2]" in failing(["crane", "a"], 4, ["crane", "a", "crane", "b"], None)


def test_names_and_outputs_must_agree():
    assert "model has 3 outputs but 2 names" in failing(["a", "b"], 3, ["a", "b"], None)


def test_by_order_warns():
    match = match_classes(["b", "a"], 2, None, None)
    assert (match.class_names, dict(match.label_to_class), match.how) == (("a", "b"), {"a": 0, "b": 1}, "order")
    assert match.warning is not None
    assert "0 = 'a', 1 = 'b'" in match.warning


def test_order_needs_as_many():
    assert failing(["a", "b"], 1000, None, None) == (
        "model has 1000 outputs without names, the data has 2 labels: 'a', 'b'; "
        "say which is which with --class-map FILE.csv, whose first "
        "line is label,output, and then a line a label, such as cat,0"
    )


def test_numbers_whose_two_orders_differ_are_not_taken_by_luck():
    assert match_classes(["0", "1", "2"], 3, None, None).label_to_class == {"0": 0, "1": 1, "2": 2}
    assert failing([str(n) for n in range(11)], 11, None, None) == (
        "order of the labels is not sure: as text output 2 is '10', by value '2'; outputs: 11 without names; labels: "
        "'0', '1', '10', '2', '3', '4', '5', '6', '7', '8' and 1 more; say which is which with --class-map "
        "FILE.csv, whose first line is label,output, and then a line a label, such as cat,0"
    )


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (["0.0", "1.0", "2.0", "10.0"], "as text output 2 is '10.0', by value '2.0'"),
        (["-1", "-2"], "as text output 0 is '-1', by value '-2'"),
        (["0.5", "0.25"], None),
        (["a2", "A10"], "'A10', with numbers by value and without regard to case 'a2'"),
        (["class_1", "class_2", "class_10"], "output 1 is 'class_10', with numbers by value 'class_2'"),
        (["class_01", "class_02", "class_10"], None),
        (["Zebra", "ant"], "output 0 is 'Zebra', without regard to case and accents 'ant'"),
        (["\u00c9cole", "Zoo"], "output 0 is 'Zoo', without regard to case and accents '\u00c9cole'"),
        (["Ant", "zebra"], None),
        (["cat", "2 dogs", "1 dog"], None),
    ],
)
def test_order_is_taken_only_where_every_way_of_sorting_gives_it(labels, said):
    if said is None:
        assert match_classes(labels, len(labels), None, None).class_names == tuple(sorted(labels))
    else:
        assert said in failing(labels, len(labels), None, None)


def test_values_of_a_column_meet_names_and_maps_in_their_own_spelling(tmp_path):
    assert match_classes(["1", "2"], 2, ["2.0", "1.0"], None).label_to_class == {"1": 1, "2": 0}
    assert match_classes(["false", "true"], 2, ["True", "False"], None).label_to_class == {"false": 1, "true": 0}
    assert match_classes(["caf\u00e9", "bar"], 2, ["cafe\u0301", "bar"], None).label_to_class == {
        "caf\u00e9": 0,
        "bar": 1,
    }
    path = write(tmp_path / "twice.json", '{"1.0": 1, "1.00": 0, "b": 0}')
    assert "1 of 2 labels missing: '1'" in failing(["1", "b"], 2, None, path)
    path = write(tmp_path / "map.json", '{"1.0": 1, "2.0": 0, "cafe\u0301 ": 0}')
    assert match_classes(["1", "2", "caf\u00e9"], 2, None, path).label_to_class == {"1": 1, "2": 0, "caf\u00e9": 0}


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("map.csv", "label,output\nant,1\nbee,Bee!\nwasp,0\n"),
        ("map.toml", 'ant = 1\nbee = "Bee!"\nwasp = 0\n'),
        ("map.json", '{"ant": 1, "bee": "Bee!", "wasp": 0}'),
    ],
)
def test_by_file(tmp_path, name, text):
    match = match_classes(["bee", "ant"], 2, ["Bee!", "Ant!"], write(tmp_path / name, text))
    assert match.label_to_class == {"ant": 1, "bee": 0}
    assert (match.class_names, match.how) == (("Bee!", "Ant!"), "class_map")


def test_file_names_unnamed_outputs_by_labels(tmp_path):
    path = write(tmp_path / "map.json", json.dumps({"husky": 2, "beagle": 2, "cat": 0}))
    match = match_classes(["beagle", "cat", "husky"], 3, None, path)
    assert match.class_names == ("cat", "output 1", "husky / beagle")
    assert match.label_to_class == {"beagle": 2, "cat": 0, "husky": 2}


def test_names_made_from_labels_stay_unique(tmp_path):
    path = write(tmp_path / "map.json", json.dumps({"output 1": 0}))
    names = match_classes(["output 1"], 2, None, path).class_names
    assert len(set(names)) == 2


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("map.csv", "label,output\na,1.0\nb,0e0\nc,2e+00\n"),
        ("map.json", '{"a": 1.0, "b": 0, "c": "2."}'),
        ("map.toml", 'a = 1.0\nb = 0.0\nc = "2"\n'),
    ],
)
def test_whole_numbers_in_any_spelling(tmp_path, name, text):
    path = write(tmp_path / name, text)
    assert match_classes(["a", "b", "c"], 3, None, path).label_to_class == {"a": 1, "b": 0, "c": 2}


def test_name_that_looks_like_a_number_is_a_name(tmp_path):
    path = write(tmp_path / "map.csv", "label,output\na,1\nb,0\n")
    assert match_classes(["a", "b"], 2, ["1", "0"], path).label_to_class == {"a": 0, "b": 1}
    assert match_classes(["a", "b"], 2, ["1.0", "0.0"], path).label_to_class == {"a": 0, "b": 1}


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("m.csv", "label,output\na,0\n", "1 of 2 labels missing: 'b'; it maps: 'a'; outputs: 0 to 1"),
        ("m.csv", "label,output\na,0\nb,2\n", "label 'b' is mapped to '2'; expected an output's name or 0 to 1"),
        ("m.csv", "label,output\na,0\nb,-1\n", "label 'b' is mapped to '-1'"),
        ("m.csv", "label,output\na,0\nb,0.5\n", "label 'b' is mapped to '0.5'; expected an output's name or 0 to 1"),
        ("m.csv", f"label,output\na,0\nb,{'9' * 400}\n", "label 'b' is mapped to '9999"),
        ("m.json", f'{{"a": 0, "b": {"9" * 400}}}', "label 'b' is mapped to '9999"),
        ("m.json", '{"a": 0, "b": NaN}', "label 'b' is mapped to 'nan'"),
        ("m.csv", "label,outptu\na,0\n", "no column 'output'; columns found: 'label', 'outptu'; nearest is 'outptu'"),
        ("m.csv", "label,output\na,0\na,1\n", "labels given more than once: 'a'"),
        ("m.json", '{"a": 0, "a": 1}', "labels given more than once: 'a'"),
        ("m.json", '{"a": true, "b": 1}', "label 'a' is mapped to 'True'; expected a number or a name"),
        ("m.json", '{"a": [0], "b": 1}', "label 'a' is mapped to '[0]'"),
        ("m.json", "[1, 2]", "expected a label and its output each: lines cat,0 below label,output (.csv)"),
        ("m.json", "{", "not readable as JSON"),
        ("m.json", "[" * 100_000, "not readable as JSON"),
        ("m.toml", "a = ", "not readable as TOML"),
        ("m.yaml", "a: 0", "ends in '.yaml'; expected .csv, .toml or .json"),
    ],
)
def test_bad_file(tmp_path, name, text, expected):
    message = failing(["a", "b"], 2, None, write(tmp_path / name, text))
    assert message.startswith(f"class map {name!r}")
    assert expected in message


def test_absent_file(tmp_path):
    assert "cannot be read: No such file" in failing(["a", "b"], 2, None, tmp_path / "m.json")
    assert "cannot be read: No such file" in failing(["a", "b"], 2, None, tmp_path / "m.csv")


def test_every_picture_gets_the_output_of_its_label():
    match = match_classes(["dog", "cat"], 3, ["cat", "cow", "dog"], None)
    items = [ImageItem("", f"{label}.png", label) for label in ("dog", None, "cat", "dog")]
    assert label_indices(match, items).tolist() == [2, -1, 0, 2]
