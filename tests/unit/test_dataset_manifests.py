"""Manifests as data sets: every column, paths kept inside, and one line for what is wrong."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset_files import failing, touch, write

from auditor.inputs.dataset import load_dataset

MANIFEST = """path,label,split,group_id,mask,weather,site
b/2.jpg,duck,val,p1,b/2.png,rain,
a/1.jpg,swan,train,,,,north
b/1.jpg,,val,p2,,sun,south
"""


def test_manifest_keeps_every_column(tmp_path):
    dataset = load_dataset(write(tmp_path / "val.csv", MANIFEST))
    first, second, third = dataset.items
    assert [item.path for item in dataset.items] == ["a/1.jpg", "b/1.jpg", "b/2.jpg"]
    assert (first.label, first.split, first.group_id, first.mask_path) == ("swan", "train", None, None)
    assert first.attributes == {"site": "north"}
    assert (second.label, second.attributes) == (None, {"weather": "sun", "site": "south"})
    assert (third.label, third.group_id, third.mask_path) == ("duck", "p1", "b/2.png")
    assert dataset.labels == ("duck", "swan")
    assert dataset.attribute_names == ("site", "weather")
    assert (dataset.source, dataset.root) == ("manifest", tmp_path.resolve())


def test_parquet_says_the_same_as_csv(tmp_path):
    columns = {
        "path": ["b/2.jpg", "a/1.jpg", "b/1.jpg"],
        "label": pa.array(["duck", "swan", None]).dictionary_encode(),
        "split": ["val", "train", "val"],
        "group_id": ["p1", None, "p2"],
        "mask": ["b/2.png", None, ""],
        "weather": ["rain", None, "sun"],
        "site": ["", "north", "south"],
    }
    pq.write_table(pa.table(columns), tmp_path / "val.parquet")
    from_csv = load_dataset(write(tmp_path / "val.csv", MANIFEST))
    from_parquet = load_dataset(tmp_path / "val.parquet")
    assert from_parquet.items == from_csv.items
    assert from_parquet.digest == from_csv.digest


def test_parquet_numbers_become_text(tmp_path):
    table = pa.table({"path": ["1.jpg", "2.jpg"], "label": [3.0, 4.0], "x": [0.25, float("nan")], "y": [True, None]})
    pq.write_table(table, tmp_path / "m.parquet")
    dataset = load_dataset(tmp_path / "m.parquet")
    assert dataset.labels == ("3", "4")
    assert [item.attributes for item in dataset.items] == [{"x": "0.25", "y": "true"}, {}]


def test_parquet_of_picture_bytes_is_refused(tmp_path):
    pq.write_table(pa.table({"path": ["1.jpg"], "label": ["a"], "image": [b"\xff"]}), tmp_path / "m.parquet")
    assert "column 'image' holds 'binary'" in failing(tmp_path / "m.parquet")


def test_parquet_whose_column_is_named_in_no_utf8(tmp_path):
    path = tmp_path / "m.parquet"
    pq.write_table(pa.table({"path": ["1.jpg"], "label": ["a"], "scanner": ["x"]}), path)
    path.write_bytes(path.read_bytes().replace(b"scanner", b"sc\xe5nner"))
    assert "m.parquet': not readable as Parquet" in failing(path)


def test_byte_order_mark_crlf_spaces_and_index_column(tmp_path):
    text = '\ufeff,path, label\r\n0,a.jpg, duck\r\n\r\n1,"b, c.jpg",swan\r\n'
    dataset = load_dataset(write(tmp_path / "m.csv", text))
    assert [(item.path, item.label) for item in dataset.items] == [("a.jpg", "duck"), ("b, c.jpg", "swan")]
    assert dataset.attribute_names == ()


def test_paths_take_one_form(tmp_path):
    dataset = load_dataset(write(tmp_path / "m.csv", "path,label\n./a//1.jpg,x\nb\\2.jpg,y\n"))
    assert [item.path for item in dataset.items] == ["a/1.jpg", "b/2.jpg"]


def test_foreign_class_names_stay_as_they_are(tmp_path):
    long, html = "x" * 10_000, "<b>&\n</b>"
    dataset = load_dataset(write(tmp_path / "m.csv", f'path,label\na.jpg,{long}\nb.jpg,"{html}"\n'))
    assert dataset.labels == (html, long)


@pytest.mark.parametrize(
    "bad", ["../x.jpg", "a/../../x.jpg", "/etc/x.jpg", "C:\\x.jpg", "..\\x.jpg", "\\\\host\\x.jpg"]
)
@pytest.mark.parametrize("column", ["path", "mask"])
def test_path_outside_the_root(tmp_path, bad, column):
    row = f"{bad},a," if column == "path" else f"1.jpg,a,{bad}"
    message = failing(write(tmp_path / "m.csv", f"path,label,mask\n0.jpg,b,\n{row}\n"))
    sort = "path leads out of the folder" if ".." in bad else "path is absolute, and not below the folder"
    assert message.startswith(f"manifest 'm.csv': 1 {sort} of the pictures ({bad!r} on line 3): ")


def test_link_out_of_the_manifests_folder(tmp_path):
    outside = touch(tmp_path / "outside", "secret.jpg")
    root = touch(tmp_path / "root", "1.jpg")
    (root / "file.jpg").symlink_to(outside / "secret.jpg")
    (root / "folder").symlink_to(outside)
    (root / "inside.jpg").symlink_to(root / "1.jpg")
    for bad in ("file.jpg", "folder/secret.jpg", "folder/missing.jpg"):
        message = failing(write(root / "m.csv", f"path,label\n1.jpg,a\n{bad},b\n"))
        assert f"1 path leads out of the folder of the pictures ({bad!r} on line 3)" in message
    assert len(load_dataset(write(root / "m.csv", "path,label\n1.jpg,a\ninside.jpg,b\n")).items) == 2


def test_repeated_path_names_both_lines(tmp_path):
    message = failing(write(tmp_path / "m.csv", "path,label\na.jpg,x\nb.jpg,y\n./a.jpg,x\n"))
    assert message == (
        "manifest 'm.csv': 1 row names a picture again ('a.jpg' on line 2 and line 4): expected one row a picture: "
        "drop the others"
    )


def test_names_of_measured_columns_are_taken(tmp_path):
    path = write(tmp_path / "m.csv", "path,label,property:noise\na.jpg,cat,1\nb.jpg,dog,2\n")
    message = failing(path)
    assert message == (
        "manifest 'm.csv': column 'property:noise' begins with 'property:', as only columns that auditor measures "
        "itself do: give it another name"
    )


def test_missing_column_names_the_nearest(tmp_path):
    message = failing(write(tmp_path / "m.csv", "path,Lable\na.jpg,x\n"))
    assert message == (
        "manifest 'm.csv': no column names the picture's class ('label' and the like); columns found: 'path', 'Lable'; "
        "is it 'Lable'?; name it with --label-column (label_column in auditor.toml)"
    )
    assert "separate the columns by commas" in failing(write(tmp_path / "m.csv", "path|label\na.jpg|x\n"))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("m.csv", b"", "no column names the picture's file ('path' and the like); columns found: none"),
        ("m.csv", b"path,label\n", "no rows"),
        (
            "m.csv",
            b"path,label\na.jpg,x,y\n",
            "line has another number of values than there are columns (line 2: 3 for 2)",
        ),
        ("m.csv", b"path,label\na.jpg\n", "(line 2: 1 for 2)"),
        (
            "m.csv",
            b'path,label\n"a.jpg,x\n',
            "1 line is not readable as CSV, and ends the reading (line 2: 'unexpected end of data')",
        ),
        ("m.csv", b"path,label\na.jpg,\xff\xfe\n", "not UTF-8"),
        ("m.csv", b"path,label,path\na,b,c\n", "column named more than once: 'path'"),
        ("m.csv", b"path,label\n ,x\n", "1 row has no path (line 2)"),
        ("m.csv", b"path,label\na\x00.jpg,x\n", "NUL"),
        ("m.csv", b"path,label\na.jpg,\nb.jpg,\n", "no labels in 2 pictures"),
        ("m.parquet", b"PAR1 no", "not readable as Parquet"),
        ("m.xlsx", b"PK", "ends in '.xlsx'; expected .csv, .tsv, .jsonl or .parquet"),
    ],
)
def test_unreadable_manifest(tmp_path, name, content, expected):
    (tmp_path / name).write_bytes(content)
    message = failing(tmp_path / name)
    assert name in message
    assert expected in message


def test_messages_cut_foreign_text(tmp_path):
    message = failing(write(tmp_path / "m.csv", f'path,label\n"../{"x" * 10_000}\n\x1b[31m",a\n'))
    assert len(message) < 400
