import hashlib
import logging
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from auditor.errors import InputError
from auditor.inputs.dataset import image_id, in_training, load_dataset, training_notice


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def touch(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


def failing(path: Path, **kwargs) -> str:
    with pytest.raises(InputError) as caught:
        load_dataset(path, **kwargs)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_image_id_is_the_start_of_the_sha256():
    assert image_id("bee/1.jpg") == hashlib.sha256(b"bee/1.jpg").hexdigest()[:16]
    assert image_id("a") == "ca978112ca1bbdca"


# --- folders ----


def test_folder_takes_the_first_folder_as_label(tmp_path):
    touch(tmp_path, "bee/2.JPG", "bee/deep/er/1.png", "ant/1.webp", "ant/.hidden.jpg", "ant/notes.txt", ".git/a.jpg")
    dataset = load_dataset(tmp_path)
    assert [(item.path, item.label) for item in dataset.items] == [
        ("ant/1.webp", "ant"),
        ("bee/2.JPG", "bee"),
        ("bee/deep/er/1.png", "bee"),
    ]
    assert dataset.items[0].image_id == image_id("ant/1.webp")
    assert dataset.labels == ("ant", "bee")
    assert (dataset.source, dataset.root, dataset.attribute_names) == ("folder", tmp_path.resolve(), ())


def test_folder_names_loose_pictures_and_empty_classes(tmp_path, caplog):
    touch(tmp_path, "a/1.jpg", "b/1.jpg", "loose.jpg")
    (tmp_path / "c").mkdir()
    with caplog.at_level(logging.WARNING):
        assert load_dataset(tmp_path).labels == ("a", "b")
    assert "class folder 'c' holds no pictures" in caplog.text
    assert "1 pictures directly in" in caplog.text


def test_empty_folder(tmp_path):
    assert "holds no pictures in class folders; expected class/picture" in failing(tmp_path)
    touch(tmp_path, "1.jpg", "2.jpg")
    assert "; 2 pictures lie directly in it" in failing(tmp_path)


def test_one_class(tmp_path):
    touch(tmp_path, "bee/1.jpg", "bee/2.jpg")
    assert "only one label, 'bee', in 2 pictures; expected at least two" in failing(tmp_path)


def test_folder_of_splits_is_not_taken_for_classes(tmp_path):
    touch(tmp_path, "train/bee/1.jpg", "val/bee/2.jpg")
    message = failing(tmp_path)
    assert "holds splits ('train', 'val') where classes were expected" in message
    assert "split 'val' asked of folder" in failing(tmp_path, split="val")


def test_class_called_train_beside_others_is_a_class(tmp_path):
    assert load_dataset(touch(tmp_path, "train/1.jpg", "tram/1.jpg")).labels == ("train", "tram")


def test_links_out_of_a_folder_are_refused(tmp_path):
    outside = touch(tmp_path / "outside", "secret.jpg")
    root = touch(tmp_path / "root", "a/1.jpg", "b/1.jpg")
    (root / "a" / "2.jpg").symlink_to(root / "a" / "1.jpg")
    assert len(load_dataset(root).items) == 3
    (root / "a" / "3.jpg").symlink_to(outside / "secret.jpg")
    assert "picture 'a/3.jpg' is a link out of folder" in failing(root)
    (root / "a" / "3.jpg").unlink()
    (root / "c").symlink_to(outside)
    assert "'c' in data" in failing(root)
    assert "is a link to a folder" in failing(root)


def test_root_may_be_a_link(tmp_path):
    root = touch(tmp_path / "root", "a/1.jpg", "b/1.jpg")
    (tmp_path / "link").symlink_to(root)
    assert load_dataset(tmp_path / "link").root == root.resolve()


def test_nothing_there(tmp_path):
    assert "not found; expected a folder class/picture or a CSV or Parquet manifest" in failing(tmp_path / "no")
    assert "cannot be read" in failing(Path("x" * 5000)) or "not found" in failing(Path("x" * 5000))


# --- manifests ----


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
    assert message.startswith(f"manifest 'm.csv', line 3: {column} {bad!r} ")
    assert "expected a path below that folder" in message


def test_link_out_of_the_manifests_folder(tmp_path):
    outside = touch(tmp_path / "outside", "secret.jpg")
    root = touch(tmp_path / "root", "1.jpg")
    (root / "file.jpg").symlink_to(outside / "secret.jpg")
    (root / "folder").symlink_to(outside)
    (root / "inside.jpg").symlink_to(root / "1.jpg")
    for bad in ("file.jpg", "folder/secret.jpg", "folder/missing.jpg"):
        message = failing(write(root / "m.csv", f"path,label\n1.jpg,a\n{bad},b\n"))
        assert f"path {bad!r} leads out of the manifest's folder" in message
    assert len(load_dataset(write(root / "m.csv", "path,label\n1.jpg,a\ninside.jpg,b\n")).items) == 2


def test_repeated_path_names_both_lines(tmp_path):
    message = failing(write(tmp_path / "m.csv", "path,label\na.jpg,x\nb.jpg,y\n./a.jpg,y\n"))
    assert message == (
        "manifest 'm.csv', line 4: path 'a.jpg' was already given on line 2; expected one row a picture: drop one"
    )


def test_missing_column_names_the_nearest(tmp_path):
    message = failing(write(tmp_path / "m.csv", "path,Lable\na.jpg,x\n"))
    assert message == (
        "manifest 'm.csv': no column 'label'; columns found: 'path', 'Lable'; nearest is 'Lable': rename it"
    )
    assert "separate the columns by commas" in failing(write(tmp_path / "m.csv", "path;label\na.jpg;x\n"))


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("m.csv", b"", "no column 'path'; columns found: none"),
        ("m.csv", b"path,label\n", "no rows"),
        ("m.csv", b"path,label\na.jpg,x,y\n", "line 2: 3 values for 2 columns"),
        ("m.csv", b"path,label\na.jpg\n", "line 2: 1 values for 2 columns"),
        ("m.csv", b'path,label\n"a.jpg,x\n', "line 2: not readable as CSV"),
        ("m.csv", b"path,label\na.jpg,\xff\xfe\n", "not UTF-8"),
        ("m.csv", b"path,label,path\na,b,c\n", "column named more than once: 'path'"),
        ("m.csv", b"path,label\n ,x\n", "line 2: path is blank"),
        ("m.csv", b"path,label\na\x00.jpg,x\n", "NUL"),
        ("m.csv", b"path,label\na.jpg,\nb.jpg,\n", "no labels in 2 pictures"),
        ("m.parquet", b"PAR1 no", "not readable as Parquet"),
        ("m.xlsx", b"PK", "ends in '.xlsx'; expected .csv or .parquet"),
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


# --- choosing ----


def test_split(tmp_path):
    text = "path,label,split\na,x,val\nb,y,val\nc,x,train\nd,y,train\n"
    path = write(tmp_path / "m.csv", text)
    assert [item.path for item in load_dataset(path, split="val").items] == ["a", "b"]
    assert len(load_dataset(path).items) == 4
    assert failing(path, split="vall") == (
        "split 'vall' not in manifest 'm.csv'; splits: 'train', 'val'; did you mean 'val'?"
    )
    without = write(tmp_path / "n.csv", "path,label\na,x\nb,y\n")
    assert "has no column 'split'" in failing(without, split="val")


def test_split_of_one_class(tmp_path):
    path = write(tmp_path / "m.csv", "path,label,split\na,x,val\nb,y,train\n")
    assert "only one label, 'x'" in failing(path, split="val")


def test_max_images_per_class_does_not_depend_on_order_or_others(tmp_path):
    rows = [f"{number}.jpg,{'xy'[number % 2]}" for number in range(100)]
    path = write(tmp_path / "m.csv", "path,label\n" + "\n".join(rows))
    chosen = {item.path for item in load_dataset(path, max_images_per_class=10).items}
    assert len(chosen) == 20
    assert sum(item.label == "x" for item in load_dataset(path, max_images_per_class=10).items) == 10
    write(path, "path,label\n" + "\n".join(reversed(rows)))
    assert {item.path for item in load_dataset(path, max_images_per_class=10).items} == chosen
    assert {item.path for item in load_dataset(path, max_images_per_class=5).items} < chosen
    assert {item.path for item in load_dataset(path, max_images_per_class=10, seed=1).items} != chosen
    assert "max_images_per_class is 0; expected at least 1" in failing(path, max_images_per_class=0)


def test_digest_follows_labels_and_attributes_not_times(tmp_path):
    path = write(tmp_path / "m.csv", "path,label,site\na,x,n\nb,y,s\n")
    digest = load_dataset(path).digest
    assert load_dataset(write(path, "site,path,label\ns,b,y\nn,a,x\n")).digest == digest
    assert load_dataset(write(path, "path,label,site\na,x,n\nb,y,n\n")).digest != digest
    assert load_dataset(write(path, "path,label,site\na,x,n\nb,z,s\n")).digest != digest
    folder = touch(tmp_path / "folder", "a/1.jpg", "b/1.jpg")
    before = load_dataset(folder).digest
    (folder / "a/1.jpg").write_bytes(b"other")
    assert load_dataset(folder).digest == before
    assert load_dataset(touch(folder, "a/2.jpg")).digest != before


def test_training_data_are_told_by_their_names(tmp_path):
    touch(tmp_path / "val", "bee/1.jpg", "ant/1.jpg")
    assert training_notice(load_dataset(tmp_path / "val")) is None
    touch(tmp_path / "Train", "bee/1.jpg", "ant/1.jpg")
    said = "2 of 2 pictures are named as training data: what a model was trained on hides gaps"
    assert training_notice(load_dataset(tmp_path / "Train")) == said
    rows = "path,label,split\nval/bee/1.jpg,bee,train\nval/ant/1.jpg,ant,test\n"
    manifest = write(tmp_path / "m.csv", rows)
    assert training_notice(load_dataset(manifest)).startswith("1 of 2 pictures are named")


def test_whether_a_model_was_trained_on_the_pictures_is_known_by_their_names(tmp_path):
    for name, known in (("VAL", False), ("train", True), ("pictures", None)):
        touch(tmp_path / name, "bee/1.jpg", "ant/1.jpg")
        assert in_training(load_dataset(tmp_path / name)) is known

    def of(*splits):
        rows = "".join(f"val/{i % 2}/{i}.jpg,{'ab'[i % 2]},{split}\n" for i, split in enumerate(splits))
        return in_training(load_dataset(write(tmp_path / "m.csv", f"path,label,split\n{rows}")))

    assert of("test", "Test ", "dev") is False
    assert of("test", "", "dev") is None  # of one picture nobody knows
    assert of("test", "train", "dev") is True
    assert of(*["val"] * 19, "train") is None  # a twentieth changes next to nothing, but is no promise either
