"""What people have, read as it lies: columns under other names, other tables, folders of splits, imagefolder."""

import json
import shlex
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset_files import failing, touch, write
from typer.testing import CliRunner

from auditor.cli import app
from auditor.inputs.attributes import known_attributes
from auditor.inputs.class_map import label_indices
from auditor.inputs.dataset import in_training, load_dataset
from auditor.inputs.manifest import Reading
from auditor.records import ClassMatch


def pairs(dataset):
    return [(item.path, item.label) for item in dataset.items]


AB = [("a.jpg", "x"), ("b.jpg", "y")]


@pytest.fixture
def here(tmp_path):
    return touch(tmp_path, "a.jpg", "b.jpg")


# --- columns ----


@pytest.mark.parametrize("path", ["file", "filename", "file_name", "Image", "image_path", "img", "File Path"])
@pytest.mark.parametrize("label", ["Class", "category", "target", "y", "class-name"])
def test_columns_are_found_under_their_common_names(here, path, label):
    dataset = load_dataset(write(here / "m.csv", f"{path},{label},site\na.jpg,x,n\nb.jpg,y,s\n"))
    assert pairs(dataset) == AB
    assert dataset.attribute_names == ("site",)
    assert dataset.notices == (
        f"manifest 'm.csv': column {path!r} is read as path",
        f"manifest 'm.csv': column {label!r} is read as label",
    )


def test_the_names_of_a_manifest_go_before_all_others(here):
    dataset = load_dataset(write(here / "m.csv", "path,image,label,class\na.jpg,1,x,u\nb.jpg,2,y,v\n"))
    assert pairs(dataset) == AB
    assert dataset.attribute_names == ("class", "image")
    assert dataset.notices == ()


def test_several_candidates_are_listed(here):
    path = write(here / "m.csv", "file,class,target\na.jpg,x,1\nb.jpg,y,2\n")
    assert failing(path) == (
        "manifest 'm.csv': 2 columns could be the one that names the picture's class: 'class', 'target'; say which "
        "with --label-column (label_column in auditor.toml), or call it 'label'"
    )
    dataset = load_dataset(path, reading=Reading(label_column="target"))
    assert dataset.labels == ("1", "2")
    assert dataset.attribute_names == ("class",)
    assert dataset.notices == ("manifest 'm.csv': column 'file' is read as path",)


def test_a_named_column_that_is_not_there(here):
    path = write(here / "m.csv", "file,breed\na.jpg,x\nb.jpg,y\n")
    assert "no column 'breeds', which --label-column (label_column in auditor.toml) names; columns found: 'file', " in (
        message := failing(path, reading=Reading(label_column="breeds"))
    )
    assert message.endswith("did you mean 'breed'?")
    assert pairs(load_dataset(path, reading=Reading(label_column="breed"))) == AB


# --- tables ----


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("m.csv", "\ufeffpath;label\na.jpg;x\nb.jpg;y\n"),
        ("m.csv", "path\tlabel\na.jpg\tx\nb.jpg\ty\n"),
        ("m.tsv", "path\tlabel\na.jpg\tx\nb.jpg\ty\n"),
        ("m.jsonl", '\ufeff{"path": "a.jpg", "label": "x"}\n\n{"label": ["y"], "path": "b.jpg"}\n'),
        ("m.ndjson", '{"path": "a.jpg", "label": "x"}\n{"path": "b.jpg", "label": "y"}'),
    ],
)
def test_tables_of_every_kind_say_the_same(here, name, content):
    assert pairs(load_dataset(write(here / name, content))) == AB


def test_json_lines_say_the_same_as_parquet(here):
    columns = {"path": ["a.jpg", "b.jpg"], "label": [["x"], ["y"]], "n": [3.0, None], "flag": [True, False]}
    pq.write_table(pa.table(columns), here / "m.parquet")
    rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    lines = write(here / "m.jsonl", "\n".join(map(json.dumps, rows)))
    assert load_dataset(lines).items == load_dataset(here / "m.parquet").items
    assert load_dataset(lines).items[0].attributes == {"n": "3", "flag": "true"}


def test_broken_lines_of_json_are_all_named(here):
    bad = [
        '{"path": "a.jpg"',
        '["a.jpg"]',
        '{"path": "a", "path": "b"}',
        '{"path": {"bytes": 1}}',
        '{"path": "\\ud800"}',
    ]
    good = ['{"path": "a.jpg", "label": "x"}', '{"path": "b.jpg", "label": "y"}']
    assert failing(write(here / "m.jsonl", "\n".join(good + bad))) == (
        "manifest 'm.jsonl': 5 lines are no JSON objects of plain values (line 3: Expecting ',' delimiter at character "
        "18, line 4: 'no object', line 5: \"'path' is given twice\", …): expected one object a line, one line a picture"
    )


def test_json_that_is_no_table_names_the_next_step(here):
    assert failing(write(here / "m.json", "{}")).endswith("COCO annotations: `auditor manifest coco FILE`")


# --- where pictures lie ----


def test_absolute_paths_count_from_the_root_that_they_lie_in(tmp_path):
    root = touch(tmp_path / "pictures", "a.jpg", "b.jpg")
    (tmp_path / "link").symlink_to(root)
    text = f"path,label\n{root}/a.jpg,x\n{root}/b.jpg,y\n"
    path = write(tmp_path / "lists" / "m.csv", text)
    message = failing(path)
    assert message.startswith("manifest 'm.csv': 2 paths are absolute, and not below the folder of the pictures (")
    assert message.endswith(f" on line 3): give --data-root '{root}' (data_root in auditor.toml)")
    for given in (root, tmp_path / "link"):
        dataset = load_dataset(path, reading=Reading(data_root=given))
        assert (pairs(dataset), dataset.root) == (AB, root.resolve())
    through = write(tmp_path / "lists" / "n.csv", f"path,label\n{tmp_path}/link/a.jpg,x\n./b.jpg,y\n")
    assert pairs(load_dataset(through, reading=Reading(data_root=tmp_path / "link"))) == AB
    assert pairs(load_dataset(write(root / "m.csv", text))) == AB  # beside its pictures it needs no root
    assert "2 paths are absolute" in failing(path, reading=Reading(data_root=tmp_path / "lists"))


def test_a_neighbour_whose_name_begins_alike_is_outside(tmp_path):
    touch(tmp_path / "data", "a.jpg")
    path = write(tmp_path / "m.csv", f"path,label\n{tmp_path}/data-2/b.jpg,x\n{tmp_path}/data/a.jpg,y\n")
    assert "1 path is absolute" in failing(path, reading=Reading(data_root=tmp_path / "data"))


def test_a_root_is_for_manifests(here):
    assert "data_root is for the paths of a manifest" in failing(here, reading=Reading(data_root=here))
    assert "path_column and label_column name columns" in failing(here, reading=Reading(label_column="x"))


def test_missing_files_are_told_and_too_many_refused(here):
    path = write(here / "m.csv", "path,label\na.jpg,x\nb.jpg,y\nc.jpg,y\n")
    told = (
        f"1 file is not there ('c.jpg'): looked for in '{here.resolve()}'; --data-root names another folder that the "
        "paths begin in"
    )
    assert load_dataset(path, max_missing_share=0.34).notices == (told,)
    assert failing(path, max_missing_share=0.33) == f"manifest 'm.csv': {told}"


def test_all_problems_are_told_at_once(here):
    rows = ["a.jpg,x", "b.jpg,y", ",x", "b.jpg,y", "a,b,c", "../up.jpg,x", "no.jpg,x"]
    message = failing(write(here / "m.csv", "path,label\n" + "\n".join(rows)), max_missing_share=0.05)
    assert message.startswith("manifest 'm.csv': 5 sorts of problems: ")
    for said in (
        "(line 6: 3 for 2)",
        "1 row has no path (line 4)",
        "1 row names a picture again ('b.jpg' on line 3 and line 5)",
        "1 path leads out of the folder of the pictures ('../up.jpg' on line 7)",
        "1 file is not there ('no.jpg')",
    ):
        assert said in message


# --- several labels ----


def test_several_labels_are_refused(here):
    said = "1 picture has several labels ('a.jpg' on line 2: 'x|y'): an audit needs one class a picture"
    assert said in failing(write(here / "m.csv", "path,label\na.jpg,x|y\nb.jpg,y\n"))
    assert said in failing(write(here / "m.csv", "path,label\na.jpg,x\na.jpg,y\nb.jpg,y\n"))
    lines = '{"path": "a.jpg", "label": ["x", "y"]}\n{"path": "b.jpg", "label": "y"}'
    assert said.replace("line 2", "line 1") in failing(write(here / "m.jsonl", lines))


# --- folders ----


def test_class_folders_within_one_folder(tmp_path):
    dataset = load_dataset(touch(tmp_path, "images/ant/1.jpg", "images/bee/deep/2.jpg", "README.md"))
    assert pairs(dataset) == [("images/ant/1.jpg", "ant"), ("images/bee/deep/2.jpg", "bee")]
    assert dataset.notices == ("the class folders were found in 'images'",)


@pytest.mark.parametrize(
    "files", [["bee/1.jpg", "bee/2.jpg"], ["bee/1.jpg", "bee/pond/2.jpg", "bee/lake/3.jpg"], ["bee/pond/1.jpg"]]
)
def test_a_single_class_is_no_folder_around_classes(tmp_path, files):
    assert "only one label, 'bee', in " in failing(touch(tmp_path, *files))


def test_folders_of_splits(tmp_path):
    touch(tmp_path, "train/ant/1.jpg", "train/bee/2.jpg", "Val/ant/3.jpg", "Val/bee/4.jpg", "notes/x.txt")
    dataset = load_dataset(tmp_path, split="val")
    assert pairs(dataset) == [("Val/ant/3.jpg", "ant"), ("Val/bee/4.jpg", "bee")]
    assert {item.split for item in dataset.items} == {"val"}
    assert in_training(dataset) is False
    assert in_training(load_dataset(tmp_path, split="train")) is True
    assert any("2 of 2 pictures lie in another split too" in notice for notice in dataset.notices)
    assert "holds splits ('train', 'val')" in failing(tmp_path)
    assert failing(tmp_path, split="test").endswith("splits: 'train (2 pictures)', 'val (2 pictures)'")


def test_two_folders_of_one_split_are_both_read(tmp_path):
    dataset = load_dataset(touch(tmp_path, "Val/ant/1.jpg", "val/bee/2.jpg"))
    assert pairs(dataset) == [("Val/ant/1.jpg", "ant"), ("val/bee/2.jpg", "bee")]


def test_a_single_split_needs_no_choice_and_a_split_may_hold_one_folder(tmp_path):
    dataset = load_dataset(touch(tmp_path, "set/val/images/ant/1.jpg", "set/val/images/bee/2.jpg"))
    assert pairs(dataset) == [("set/val/images/ant/1.jpg", "ant"), ("set/val/images/bee/2.jpg", "bee")]
    assert in_training(dataset) is False


def test_the_split_that_is_offered_is_none_of_training(tmp_path):
    touch(tmp_path, "training_set/ant/1.jpg", "test_set/ant/1.jpg")
    assert failing(tmp_path).endswith("choose one with --split, such as --split test_set")


def test_a_table_of_pictures_beside_class_folders_is_told(tmp_path):
    touch(tmp_path, "ant/1.jpg", "bee/2.jpg")
    write(tmp_path / "metadata.csv", "path,label,flower\nant/1.jpg,ant,1\n")
    write(tmp_path / "notes.csv", "day,who\n1,Ann\n")
    said = "'metadata.csv' in the folder of the data name or hold pictures too and are not read: --data names them"
    assert load_dataset(tmp_path).notices == (said,)


# --- imagefolder ----


def test_imagefolder_at_the_top(here):
    write(here / "metadata.csv", "file_name,label,text\na.jpg,x,one\nb.jpg,y,two\n")
    dataset = load_dataset(here)
    assert (pairs(dataset), dataset.attribute_names, dataset.source) == (AB, ("text",), "folder")


def test_imagefolder_of_splits(tmp_path):
    for split in ("train", "test"):
        touch(tmp_path / split, "a.jpg", "b.jpg")
        lines = '{"file_name": "a.jpg", "label": "x"}\n{"file_name": "b.jpg", "label": "y", "site": "n"}'
        write(tmp_path / split / "metadata.jsonl", lines)
    dataset = load_dataset(tmp_path, split="test")
    assert pairs(dataset) == [("test/a.jpg", "x"), ("test/b.jpg", "y")]
    assert dataset.items[1].attributes == {"site": "n"}
    assert "holds splits ('test', 'train')" in failing(tmp_path)
    write(tmp_path / "test" / "metadata.jsonl", '{"file_name": "a.jpg", "label": "x"}\n{')
    assert "no JSON object of plain values (test: line 2: " in failing(tmp_path, split="test")


def test_metadata_without_labels_leave_the_folders_their_say(tmp_path):
    touch(tmp_path, "ant/1.jpg", "bee/2.jpg")
    write(tmp_path / "metadata.csv", "file_name,site\nant/1.jpg,n\nbee/2.jpg,s\n")
    dataset = load_dataset(tmp_path)
    assert pairs(dataset) == [("ant/1.jpg", "ant"), ("bee/2.jpg", "bee")]
    assert dataset.attribute_names == ("site",)


def test_other_metadata_beside_class_folders_are_no_imagefolder(tmp_path):
    touch(tmp_path, "ant/1.jpg", "bee/2.jpg", "metadata.jsonl")
    write(tmp_path / "metadata.csv", "id,taken by\n1,Ann\n")
    assert load_dataset(tmp_path).labels == ("ant", "bee")


# --- yes and no ----


@pytest.mark.parametrize(("yes", "no", "shown"), [("yes", "no", "yes"), ("True", "False", "true"), ("1", "0", "1")])
def test_a_flag_is_said_as_its_column_writes_it(tmp_path, yes, no, shown):
    rows = [f"{i}.jpg,{'xy'[i % 2]},{yes if i < 20 else no}" for i in range(40)]
    dataset = load_dataset(write(tmp_path / "m.csv", "path,label,flower\n" + "\n".join(rows)))
    match = ClassMatch(dataset.labels, {"x": 0, "y": 1}, "labels")
    found = known_attributes(dataset.items, ("flower",), (), label_indices(match, dataset.items))
    assert f"flower = {shown}" in {concept.term for concept in found.concepts}


# --- the command ----


def manifest_of(*arguments, exit_code=0):
    done = CliRunner().invoke(app, ["manifest", *map(str, arguments)])
    assert done.exit_code == exit_code, done.output
    return done.stdout.splitlines() if exit_code == 0 else done.stderr


def test_the_command_writes_what_run_would_read(tmp_path):
    touch(tmp_path, "train/ant/1.jpg", "train/bee/2.jpg", "val/ant/3.jpg", "val/bee/4.jpg")
    path = tmp_path / "auditor-manifest.csv"
    assert manifest_of("folder", tmp_path) == [
        f"{path}: 4 pictures, 2 classes (ant 2, bee 2)",
        "splits: train 2, val 2",
        "attributes: none; each column that you add is examined as one",
        f"Next: auditor run --data {path} --split val --model ... --out ...",  # not what a model was trained on
    ]
    assert load_dataset(path, split="val").items == load_dataset(tmp_path, split="val").items
    assert "is there already; --force replaces it" in manifest_of("folder", tmp_path, exit_code=2)


@pytest.mark.parametrize(
    ("splits", "asked"),
    [(("train", "test"), " --split test"), (("north", "south"), ""), (("Training", "my eval"), " --split 'my eval'")],
)
def test_the_next_command_reads_what_a_model_was_not_trained_on(tmp_path, splits, asked):
    here = touch(tmp_path / "own pictures", "a.jpg", "b.jpg", "c.jpg", "d.jpg")
    rows = [f"{name}.jpg,{'xy'[i % 2]},{splits[i // 2]}" for i, name in enumerate("abcd")]
    said = manifest_of("csv", write(here / "m.csv", "\n".join(["path,label,split", *rows])))
    command = f"auditor run --data '{here}/auditor-manifest.csv'{asked} --model ... --out ..."
    assert said[-1] == f"Next: {command}"  # as a shell takes it
    words = shlex.split(command)
    split = words[words.index("--split") + 1] if "--split" in words else None
    assert len(load_dataset(here / "auditor-manifest.csv", split=split).items) == (2 if asked else 4)


def test_the_command_prints_what_it_would_write(tmp_path):
    touch(tmp_path, "train/ant/1.jpg", "train/bee/2.jpg", "val/ant/3.jpg", "val/bee/4.jpg")
    done = CliRunner().invoke(app, ["manifest", "folder", str(tmp_path), "-o", "-"])
    assert done.exit_code == 0, done.output
    path = tmp_path / "auditor-manifest.csv"
    assert not path.exists()
    assert done.stderr.splitlines()[0] == "standard output: 4 pictures, 2 classes (ant 2, bee 2)"
    words = shlex.split(done.stderr.splitlines()[-1].removeprefix("Next: auditor run "))
    manifest_of("folder", tmp_path)
    assert done.stdout_bytes == path.read_bytes()
    elsewhere = tmp_path / "lists"
    elsewhere.mkdir()
    printed = write(elsewhere / "m.csv", done.stdout)
    assert words[:4] == ["--data", "FILE", "--data-root", str(tmp_path)]
    read = load_dataset(printed, split="val", reading=Reading(data_root=Path(words[3])))
    assert read.items == load_dataset(path, split="val").items


def test_a_manifest_of_files_that_are_not_there_is_not_written(here):
    some = write(here / "m.csv", "path,label\na.jpg,x\nno.jpg,y\n")
    assert any("1 file is not there ('no.jpg')" in line for line in manifest_of("csv", some))
    none = write(here / "n.csv", "path,label\nphotos/a.jpg,x\nphotos/b.jpg,y\n")
    told = manifest_of("csv", none, "-o", here / "out.csv", exit_code=2)
    assert "2 files are not there ('photos/a.jpg', 'photos/b.jpg'): looked for in " in told
    assert not (here / "out.csv").exists()
    besides = write(here / "b.csv", "path,label\na.jpg,x\n,y\nno.jpg,y\n")  # all problems in one go, as of a run
    told = manifest_of("csv", besides, exit_code=2)
    assert "2 sorts of problems: 1 row has no path (line 3)" in told
    assert "1 file is not there ('no.jpg')" in told


FLAGS = "img,ant,bee,reed\na.jpg,1,0,0\nb.jpg,0,1,1\nc.jpg,1,1,0\nd.jpg,0,0,1\n"


def test_the_command_keeps_pictures_of_which_one_column_says_yes(here):
    said = manifest_of("csv", write(here / "m.csv", FLAGS), "--one-of", "ant,bee")
    assert "note: manifest 'm.csv': a picture has the labels whose columns say yes: 'ant', 'bee', 'reed'" in said
    assert "note: 1 of 4 pictures have several of the labels 'ant', 'bee', and are left out" in said
    assert "note: 1 of 4 pictures have none of the labels 'ant', 'bee', and are left out" in said
    dataset = load_dataset(here / "auditor-manifest.csv")
    assert pairs(dataset) == [("a.jpg", "ant"), ("b.jpg", "bee")]
    assert [item.attributes for item in dataset.items] == [{"reed": "0"}, {"reed": "1"}]  # ant and bee copy the label
    assert "no picture has the label 'z' of --one-of; labels: 'ant', 'bee', 'reed'" in manifest_of(
        "csv", here / "m.csv", "--one-of", "ant,z", exit_code=2
    )
    named = write(here / "n.csv", "img,site\na.jpg,n\nb.jpg,s\n")
    assert "no column names the picture's class" in manifest_of("csv", named, "--one-of", "n,s", exit_code=2)


def test_columns_that_say_yes_and_no_are_told_where_no_class_is_named(here):
    message = failing(write(here / "m.csv", FLAGS))
    assert "no column names the picture's class ('label' and the like)" in message
    assert "; or 'ant', 'bee', 'reed' say yes and no: --multi-label audits a classifier of several labels" in message
    assert "say yes and no" not in failing(write(here / "n.csv", "img,x,site\na.jpg,1,n\nb.jpg,0,s\n"))


def test_columns_that_are_not_found_are_told_at_once(here):
    path = write(here / "m.csv", "a,class,target\na.jpg,x,u\nb.jpg,y,v,w\n")
    message = failing(path)
    assert message.startswith("manifest 'm.csv': 3 sorts of problems: ")
    for said in (
        "(line 3: 4 for 3)",
        "no column names the picture's file ('path' and the like); columns found: 'a', 'class', 'target'",
        "2 columns could be the one that names the picture's class: 'class', 'target'",
    ):
        assert said in message


def test_the_command_keeps_pictures_with_one_of_the_labels(here):
    rows = "img,tags,site\na.jpg,x|reed,n\nb.jpg,y,s\nc.jpg,x|y,n\nd.jpg,reed,n\n"
    path = write(here / "m.csv", rows)
    said = manifest_of("csv", path, "--label-column", "tags", "--one-of", "x,y")
    assert "note: 1 of 4 pictures have several of the labels 'x', 'y', and are left out" in said
    assert "note: 1 of 4 pictures have none of the labels 'x', 'y', and are left out" in said
    assert pairs(load_dataset(here / "auditor-manifest.csv")) == AB
    assert (
        "no picture has the label 'reeds' of --one-of; labels: 'reed', 'x', 'y'; did you mean 'reed'?"
        in manifest_of("csv", path, "--label-column", "tags", "--one-of", "x,reeds", "--force", exit_code=2)
    )
    assert "expected at least two labels" in manifest_of("csv", path, "--one-of", "x", exit_code=2)


def test_rows_of_a_picture_that_differ_in_more_than_the_label_are_counted(here):
    rows = "img,tags,site\na.jpg,x,n\na.jpg,reed,s\nb.jpg,y,s\nb.jpg,reed,s\nc.jpg,reed,n\nc.jpg,moss,s\n"
    path = write(here / "m.csv", rows)
    said = manifest_of("csv", path, "--label-column", "tags", "--one-of", "x,y")
    assert "1 picture has rows that differ in column 'site': the first row of each is read" in " ".join(said)
    assert load_dataset(here / "auditor-manifest.csv").items[0].attributes["site"] == "n"


def test_the_command_refuses_options_of_other_kinds(here):
    assert "--crops is for coco, and the manifest is of csv; leave it out" in manifest_of(
        "csv", here / "m.csv", "--crops", here, exit_code=2
    )
    assert "is not a folder; expected one as ROOT" in manifest_of("folder", here / "a.jpg", exit_code=2)
    assert "has no metadata.csv, metadata.jsonl" in manifest_of("hf", here, exit_code=2)
