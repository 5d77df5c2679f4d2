"""Data in Parquet with bytes: rows as pictures, what is wrong with them in one line, and each row group read once."""

import hashlib
import shutil
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from dataset_files import failing, write
from packed_files import png, write_parquet
from picture_files import reason

from auditor.inputs import parquet_pictures
from auditor.inputs.contents import file_digest
from auditor.inputs.dataset import load_dataset
from auditor.inputs.images import read_image
from auditor.inputs.manifest import Reading
from auditor.inputs.packed_address import packed_address, row_key, row_of
from auditor.inputs.picture_bytes import read_bytes

PICTURES = [png(seed) for seed in range(12)]
LABELS = [0, 1] * 6


@pytest.fixture
def shard(tmp_path):
    return write_parquet(tmp_path / "birds.parquet", PICTURES, LABELS)


def test_rows_are_pictures_with_the_names_of_their_classes(shard):
    found = load_dataset(shard)
    assert [item.path for item in found.items] == [f"birds.parquet#{row:02}" for row in range(12)]
    assert [item.label for item in found.items] == ["duck", "swan"] * 6
    assert found.labels == ("duck", "swan")
    assert found.notices == ()
    assert [found.contents[item.path] for item in found.items] == [hashlib.sha256(p).hexdigest() for p in PICTURES]


def test_contents_are_those_of_the_same_pictures_as_files(shard, tmp_path):
    for row, data in enumerate(PICTURES):
        (tmp_path / f"{row}.png").write_bytes(data)
        packed, single = read_image(tmp_path / f"birds.parquet#{row}"), read_image(tmp_path / f"{row}.png")
        assert packed.content_digest == single.content_digest == file_digest(tmp_path / f"birds.parquet#{row}")
        assert packed.image.tobytes() == single.image.tobytes()
        assert packed.facts == single.facts


def test_shards_of_a_folder_are_one_list_and_their_names_tell_splits(tmp_path):
    for at, name in enumerate(("train-00000-of-00002", "train-00001-of-00002", "validation-00000-of-00001")):
        write_parquet(tmp_path / "data" / f"{name}.parquet", [png(10 * at), png(10 * at + 1)], [0, 1])
    write(tmp_path / "README.md", "# birds")
    write(tmp_path / "data" / "notes.doc", "x")
    assert "holds splits ('train', 'validation')" in failing(tmp_path)
    found = load_dataset(tmp_path, split="Train")
    assert [item.path for item in found.items] == [
        f"data/train-0000{shard}-of-00002.parquet#{row}" for shard in (0, 1) for row in (0, 1)
    ]
    assert {item.split for item in found.items} == {"train"}
    assert found.notices == ("1 file beside the shards left out: 'data/notes.doc'",)
    unknown = failing(tmp_path, split="dev")
    assert "splits: 'train (4 pictures)', 'validation (2 pictures)'" in unknown


def test_a_split_may_be_a_folder_or_a_column(tmp_path):
    write_parquet(tmp_path / "a" / "test" / "0000.parquet", PICTURES, LABELS)
    assert {item.split for item in load_dataset(tmp_path / "a").items} == {"test"}
    splits = ["val", "val", "dev"] * 4
    write_parquet(tmp_path / "b" / "train-00000-of-00001.parquet", PICTURES, LABELS, split=splits)
    assert len(load_dataset(tmp_path / "b", split="val").items) == 8


def test_a_picture_that_lies_in_another_split_too_is_told(tmp_path):
    write_parquet(tmp_path / "train-00000-of-00001.parquet", [png(1), png(2)], [0, 1])
    write_parquet(tmp_path / "test-00000-of-00001.parquet", [png(3), png(2)], [0, 1])
    notices = load_dataset(tmp_path, split="test").notices
    assert len(notices) == 1
    assert "1 of 2 pictures lies in another split too, byte for byte: 'test-00000-of-00001.parquet#1'" in notices[0]


def test_other_columns_are_attributes_and_objects_are_left_out(tmp_path):
    boxes = pa.array([[{"x": 1}]] * 12)
    path = write_parquet(
        tmp_path / "a.parquet", PICTURES, LABELS, site=["north", "south"] * 6, objects=boxes, path=["p"] * 12
    )
    found = load_dataset(path)
    assert found.attribute_names == ("site",)
    assert found.items[1].attributes == {"site": "south"}
    assert found.notices == (
        "data 'a.parquet': 'objects' holds no text, numbers or dates, and is left out",
        "data 'a.parquet': column 'path' is left out: a picture's path is its shard and its row",
    )


def test_a_class_of_minus_one_is_none(tmp_path):
    found = load_dataset(write_parquet(tmp_path / "a.parquet", PICTURES, [-1, *LABELS[1:]]))
    assert found.items[0].label is None
    assert found.notices == ("1 of 12 pictures have no label, and tell nothing of any class",)


def test_numbers_without_a_name_are_counted(tmp_path):
    message = failing(write_parquet(tmp_path / "a.parquet", PICTURES, [7, 0, 2, *LABELS[3:]]))
    assert (
        "2 rows have a number of 'label' that no class has ('7' in row 0 of 'a.parquet', '2' in row 2 of 'a.parquet'): "
        "expected 0 to 1 by the names that the file gives (-1 for none)"
    ) in message


def test_rows_without_bytes_are_counted(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", [None, *PICTURES[1:5], None, *PICTURES[6:]], LABELS)
    line = (
        "2 pictures of shards have no bytes there ('a.parquet#00', 'a.parquet#05'): write the bytes into the shard, "
        "not the paths of files alone"
    )
    assert load_dataset(path).notices == (line,)
    assert line in failing(path, max_missing_share=0.05)
    assert reason(tmp_path / "a.parquet#00") == "its row holds no bytes"


def test_bytes_that_are_no_picture_are_told_when_they_are_decoded(tmp_path):
    path = write_parquet(tmp_path / "a.parquet", [b"no picture", *PICTURES[1:]], LABELS)
    assert reason(load_dataset(path).root / "a.parquet#00").startswith("not a JPEG, PNG")
    assert reason(tmp_path / "a.parquet#99") == "no row 99: its shard has 12 rows"
    assert reason(tmp_path / "a.parquet#x") == "no row of its shard: expected a number, found 'x'"


def test_without_pictures_the_columns_are_named(tmp_path):
    (tmp_path / "shards").mkdir()
    pq.write_table(pa.table({"text": ["a"], "label": [1]}), tmp_path / "shards" / "a.parquet")
    assert failing(tmp_path / "shards").endswith(
        "no column of pictures; columns found: 'text', 'label'; expected bytes, or a struct with 'bytes' as Hugging "
        "Face's 'image' is; a table that names files is given itself, as --data FILE"
    )


def test_several_columns_of_pictures_are_asked_for(tmp_path):
    kind = pa.binary()
    table = pa.table({"left": pa.array(PICTURES, kind), "right": pa.array(PICTURES[::-1], kind), "label": LABELS})
    pq.write_table(table, tmp_path / "a.parquet")
    assert "2 columns hold pictures: 'left', 'right'; say which with --path-column" in failing(tmp_path / "a.parquet")
    found = load_dataset(tmp_path / "a.parquet", reading=Reading(path_column="right"))
    assert found.items[0].path == "a.parquet#right:00"
    assert read_bytes(found.root / found.items[0].path) == PICTURES[-1]
    assert found.notices[0] == "data 'a.parquet': column 'right' holds the pictures"


def test_a_shard_that_is_cut_short_is_one_line(shard):
    shard.write_bytes(shard.read_bytes()[:-20])
    assert "not readable as Parquet" in failing(shard)
    folder = shard.parent / "folder"
    folder.mkdir()
    shutil.copy(shard, folder)
    assert "it may be cut short: fetch or write it again" in failing(folder)


def test_a_shard_that_is_damaged_costs_its_pictures_and_no_more(tmp_path):
    contents = [np.random.default_rng(row).bytes(200) for row in range(12)]
    path = write_parquet(tmp_path / "a.parquet", contents, LABELS)
    data = path.read_bytes()
    at = data.index(contents[5])
    path.write_bytes(data[: at - 4] + b"\xff" * 4 + data[at:])  # the length that the page gives of row 5
    found = load_dataset(path)
    readable = [item.path for item in found.items if found.contents[item.path] is not None]
    assert readable == [f"a.parquet#{row:02}" for row in (0, 1, 2, 3, 8, 9, 10, 11)]  # but for its row group
    assert reason(tmp_path / "a.parquet#05").startswith("its shard cannot be read: ")


def test_shards_must_have_the_same_columns(tmp_path):
    write_parquet(tmp_path / "a.parquet", PICTURES, LABELS)
    write_parquet(tmp_path / "b.parquet", PICTURES, LABELS, site=["n"] * 12)
    assert "shard 'b.parquet': 'site' not in all shards; expected the same columns in each" in failing(tmp_path)


def test_a_manifest_may_name_rows_and_no_link_leads_out(shard, tmp_path):
    inside = write(
        tmp_path / "list.csv", "path,label\nbirds.parquet#3,duck\nbirds.parquet#04,swan\nbirds.parquet#99,swan\n"
    )
    found = load_dataset(inside)
    assert found.contents["birds.parquet#3"] == hashlib.sha256(PICTURES[3]).hexdigest()
    assert found.notices[0].startswith("1 picture of a shard has no bytes there ('birds.parquet#99')")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "link.parquet").symlink_to(shard)
    listed = write(elsewhere / "list.csv", "path,label\nlink.parquet#3,duck\nlink.parquet#../../x,swan\n")
    assert "2 paths lead out of the folder of the pictures" in failing(listed)
    assert "shard 'link.parquet' is a link out of folder" in failing(elsewhere)
    assert len(load_dataset(elsewhere / "link.parquet").items) == 12  # named itself


def test_pictures_as_files_go_before_shards(shard, tmp_path):
    for label in ("duck", "swan"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.png").write_bytes(PICTURES[0])
    assert [item.path for item in load_dataset(tmp_path).items] == ["duck/1.png", "swan/1.png"]


def test_in_order_each_row_group_is_read_once_also_where_one_comes_late(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_pictures, "_BATCH_ROWS", 5)
    pictures = [b"%d" % row for row in range(103)]
    write_parquet(tmp_path / "a.parquet", pictures, [0] * 103, rows=20)
    read = []
    of_group = parquet_pictures._Shard._read
    monkeypatch.setattr(parquet_pictures._Shard, "_read", lambda s, group: read.append(group) or of_group(s, group))
    rows = [*range(22), *range(23, 51), 22, *range(51, 103)]
    assert [read_bytes(tmp_path / f"a.parquet#{row}") for row in rows] == [b"%d" % row for row in rows]
    assert read == [0, 1, 2, 1, 3, 4, 5]  # of up to 20 rows each; row 22 came late, and row 51 was not behind
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(read_bytes, [tmp_path / f"a.parquet#{row}" for row in range(103)])) == pictures


def test_a_shard_that_is_written_anew_is_read_anew(shard, tmp_path):
    assert read_bytes(tmp_path / "birds.parquet#3") == PICTURES[3]
    write_parquet(shard, PICTURES[::-1] + PICTURES, LABELS * 2)
    assert read_bytes(tmp_path / "birds.parquet#3") == PICTURES[8]


def test_an_address_is_taken_apart_only_where_the_shard_is_there(shard, tmp_path):
    assert packed_address(f"{shard}#7") == (str(shard), "7")
    assert packed_address(tmp_path / "other.parquet#7") is None
    assert packed_address(shard) is None
    assert [row_key(7, n) for n in (8, 10, 11, 1001)] == ["7", "7", "07", "0007"]
    assert [row_of(key) for key in ("007", "left:3", "", "-1", "a")] == [(7, None), (3, "left"), None, None, None]
