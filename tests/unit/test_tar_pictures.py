"""WebDataset's tars: members as pictures, classes and facts beside them, and hostile or broken tars in one line."""

import gzip
import hashlib
import io
import json
import tarfile

import pytest
from dataset_files import failing, write
from packed_files import png, samples, write_tar
from picture_files import reason

from auditor.inputs import tar_pictures
from auditor.inputs.dataset import load_dataset
from auditor.inputs.images import read_image
from auditor.inputs.manifest import Reading
from auditor.inputs.picture_bytes import read_bytes
from benchmarks.packed import write_forms

PICTURES = [png(seed) for seed in range(6)]
LABELS = [0, 1] * 3
MEMBERS = samples(PICTURES, LABELS)


def test_keys_are_pictures_with_their_classes(tmp_path):
    found = load_dataset(write_tar(tmp_path / "birds.tar", MEMBERS))
    assert [item.path for item in found.items] == [f"birds.tar#000{at}.png" for at in range(6)]
    assert [item.label for item in found.items] == ["0", "1"] * 3
    assert [found.contents[item.path] for item in found.items] == [hashlib.sha256(p).hexdigest() for p in PICTURES]
    assert found.notices == ()
    (tmp_path / "one.png").write_bytes(PICTURES[3])
    packed, single = read_image(found.root / "birds.tar#0003.png"), read_image(tmp_path / "one.png")
    assert packed.image.tobytes() == single.image.tobytes()
    assert packed.facts == single.facts


def test_a_file_beside_the_shards_names_the_classes(tmp_path):
    write(tmp_path / "classnames.txt", "duck\nwhooper swan\n")
    write_tar(tmp_path / "test" / "test-000000.tar", MEMBERS)
    write_tar(tmp_path / "test" / "test-000001.tar", samples([png(10), png(11)], [1, 0], 6))
    found = load_dataset(tmp_path)
    assert [item.label for item in found.items] == [*["duck", "whooper swan"] * 3, "whooper swan", "duck"]
    assert {item.split for item in found.items} == {"test"}
    assert found.items[-1].path == "test/test-000001.tar#0007.png"
    write_tar(tmp_path / "test" / "test-000001.tar", samples([png(10), png(11)], [1, 7], 6))
    assert (
        "1 class has no line in classnames.txt ('7', key '0007' of 'test/test-000001.tar'): numbers count its lines "
        "from 0"
    ) in failing(tmp_path)


def test_descriptions_are_columns_and_may_hold_the_class(tmp_path):
    members = []
    for at, data in enumerate(PICTURES):
        facts = {"class": ["duck", "swan"][at % 2], "site": "north", "box": {"x": 1}, "group_id": at // 2}
        members += [(f"a/{at}.PNG", data), (f"a/{at}.json", json.dumps(facts).encode()), (f"a/{at}.txt", b"a bird")]
        members += [(f"a/{at}.mask.png", png(90 + at))]
    found = load_dataset(write_tar(tmp_path / "birds.tar", [*members, ("_info.json", b"{}")]))
    assert [(item.label, item.group_id) for item in found.items[:3]] == [("duck", "0"), ("swan", "0"), ("duck", "1")]
    assert found.attribute_names == ("site",)
    assert found.items[2].mask_path == "birds.tar#a/2.mask.png"
    assert found.contents["birds.tar#a/2.mask.png"] == hashlib.sha256(png(92)).hexdigest()
    assert found.notices == (
        "data 'birds.tar': 1 key has no picture, left out: '_info'",
        "data 'birds.tar': 6 members beside the pictures left out: '.txt' (6)",
        "data 'birds.tar': entries of the descriptions that hold objects are left out: 'box'",
        "data 'birds.tar': column 'class' is read as label",
    )


def test_without_classes_the_folders_in_the_tar_are_the_classes(tmp_path):
    members = [(f"./{label}/2024.{at}.png", png(at)) for at in range(4) for label in ("duck", "swan")]
    found = load_dataset(write_tar(tmp_path / "birds.tar", members))
    assert [item.path for item in found.items[:2]] == ["birds.tar#duck/2024.0.png", "birds.tar#duck/2024.1.png"]
    assert found.labels == ("duck", "swan")
    assert found.notices == (
        "data 'birds.tar' has no classes beside its pictures: the first folder of a member is its label",
    )


@pytest.mark.parametrize("name", ["/etc/a.png", "../a.png", "a/../../b.png", "a\\b.png", "a\nb.png"])
def test_names_that_lead_out_are_refused(tmp_path, name):
    message = failing(write_tar(tmp_path / "a.tar", [*MEMBERS, (name, PICTURES[0])]))
    assert f"1 member has a name that leads out, or that cannot be written ({name!r} in 'a.tar')" in message


def test_links_and_devices_are_counted_and_never_followed(tmp_path):
    write(tmp_path / "secret.png", "secret")
    path = write_tar(tmp_path / "a.tar", MEMBERS)
    with tarfile.open(path, "a") as tar:
        for name, kind in (
            ("link.png", tarfile.SYMTYPE),
            ("hard.png", tarfile.LNKTYPE),
            ("pipe.png", tarfile.FIFOTYPE),
        ):
            member = tarfile.TarInfo(name)
            member.type, member.linkname = kind, "secret.png"
            tar.addfile(member)
    found = load_dataset(path)
    assert len(found.items) == 6
    assert found.notices == (
        "data 'a.tar': 3 members are links or no files, left out: 'link.png', 'hard.png', 'pipe.png'",
    )
    assert reason(tmp_path / "a.tar#link.png") == "no such member in its tar"


def test_names_that_stand_twice_are_counted(tmp_path):
    twice = failing(write_tar(tmp_path / "a.tar", [*MEMBERS, *MEMBERS[:4]]))
    assert "4 members have the name of an earlier one ('0000.png' in 'a.tar', " in twice
    several = failing(write_tar(tmp_path / "b.tar", [*MEMBERS, ("0001.jpg", b"x"), ("0002.CLS", b"1")]))
    assert "1 key has several pictures ('0001.png', '0001.jpg' in 'b.tar'): one picture a key is audited" in several
    assert "1 member has the name of an earlier one ('0002.CLS' and '0002.cls' in 'b.tar')" in several


@pytest.mark.parametrize(
    ("cut", "told"), [(-1, "after member 12"), (1000, "after member 1"), (10, "no tar: its first")]
)
def test_a_tar_that_is_cut_short_is_refused(tmp_path, cut, told):
    path = write_tar(tmp_path / "a.tar", MEMBERS)
    whole = path.read_bytes()
    with tarfile.open(path) as tar:
        tar.getmembers()
        end = tar.offset
    path.write_bytes(whole[: end if cut < 0 else cut])
    message = failing(path)
    assert message.startswith("data 'a.tar': shard 'a.tar': ")
    assert told in message
    assert message.endswith("fetch or write it again")


def test_a_header_that_is_broken_is_no_end(tmp_path):
    path = write_tar(tmp_path / "a.tar", MEMBERS)
    data = bytearray(path.read_bytes())
    data[data.index(b"0003.png")] ^= 1
    path.write_bytes(data)
    assert "cut short or damaged after member 6: fetch or write it again" in failing(path)


def test_compressed_tars_are_refused_with_what_to_do(tmp_path):
    path = write_tar(tmp_path / "a.tar", MEMBERS)
    whole = path.read_bytes()
    path.write_bytes(gzip.compress(whole))
    assert "gunzip it, pictures are compressed already" in failing(path)
    (tmp_path / "b.tar.gz").write_bytes(gzip.compress(whole))
    assert "a tar with pictures is read as .tar, so gunzip it" in failing(tmp_path / "b.tar.gz")


def test_what_stands_beside_pictures_is_read_with_care(tmp_path, monkeypatch):
    monkeypatch.setattr("auditor.inputs.tar_tables._MOST_BYTES", 40)
    beside = [("0000.json", b"[1]"), ("0001.json", b"{"), ("0002.json", b'{"a": "%s"}' % (b"x" * 40))]
    message = failing(write_tar(tmp_path / "a.tar", [*MEMBERS[:-1], ("0005.cls", b"\xff"), *beside]))
    assert "2 descriptions are no JSON objects (key '0000' of 'a.tar', key '0001' of 'a.tar')" in message
    assert "1 member beside a picture is over 1 MiB ('0002.json' in 'a.tar')" in message
    assert "1 class is no UTF-8 text (key '0005' of 'a.tar')" in message


def test_pictures_without_classes_and_tars_without_pictures_are_told(tmp_path):
    message = failing(write_tar(tmp_path / "a.tar", [("1.png", png(1)), ("2.png", png(2))]))
    assert message == (
        "data 'a.tar': nothing tells the classes: expected KEY.cls or KEY.json beside KEY.jpg, or pictures in folders "
        "of their classes"
    )
    assert failing(write_tar(tmp_path / "b.tar", [("1.npy", b"x")])) == "data 'b.tar': no pictures in 1 shard ('b.tar')"


def test_members_that_cannot_be_used_are_failures_of_those_pictures(tmp_path, monkeypatch):
    members = [*MEMBERS, ("7.png", b"no picture"), ("7.cls", b"1"), ("8.png", b""), ("8.cls", b"1")]
    found = load_dataset(write_tar(tmp_path / "a.tar", members))
    assert found.notices == (
        "1 picture of a shard has no bytes there ('a.tar#8.png'): write the bytes into the shard, not the paths of "
        "files alone",
    )
    assert reason(tmp_path / "a.tar#7.png").startswith("not a JPEG, PNG")
    assert reason(tmp_path / "a.tar#8.png") == "its member is empty"
    monkeypatch.setattr("auditor.inputs.picture_bytes.MAX_FILE_BYTES", 20)
    size = len(PICTURES[0])
    assert reason(tmp_path / "a.tar#0000.png") == f"member of {size} bytes, over the limit of 20"


def test_headers_are_read_once_until_the_tar_changes(tmp_path, monkeypatch):
    read = []
    headers = tar_pictures._headers
    monkeypatch.setattr(tar_pictures, "_headers", lambda path: read.append(path) or headers(path))
    path = write_tar(tmp_path / "a.tar", MEMBERS)
    load_dataset(path)
    assert read_bytes(tmp_path / "a.tar#0003.png") == PICTURES[3]
    assert len(read) == 1
    write_tar(path, samples(PICTURES[::-1] + PICTURES, LABELS * 2))
    assert read_bytes(tmp_path / "a.tar#0003.png") == PICTURES[2]
    assert len(read) == 2


def test_tars_have_no_column_of_paths_and_lie_beside_no_parquet(tmp_path):
    path = write_tar(tmp_path / "a.tar", MEMBERS)
    assert "holds tars, which have none of paths: drop it" in failing(path, reading=Reading(path_column="x"))
    assert "holds the pictures itself: drop it" in failing(path, reading=Reading(data_root=tmp_path))
    write(tmp_path / "b.parquet", "")
    assert "holds Parquet files and tars ('a.tar', 'b.parquet'); expected shards of one sort" in failing(tmp_path)


def test_beside_pictures_as_files_a_tar_is_told(tmp_path):
    write_tar(tmp_path / "birds.tar", MEMBERS)
    for label in ("duck", "swan"):
        (tmp_path / label).mkdir()
        (tmp_path / label / "1.png").write_bytes(PICTURES[0])
    found = load_dataset(tmp_path)
    assert len(found.items) == 2
    assert found.notices == (
        "'birds.tar' in the folder of the data name or hold pictures too and are not read: --data names them",
    )


def test_of_the_same_pictures_every_form_has_the_same_contents_in_the_same_order(tmp_path):
    paths = write_forms(tmp_path, [png(seed) for seed in range(12)])
    found = {form: load_dataset(path) for form, path in paths.items()}
    assert list(found) == ["files", "parquet", "parquet_one_group", "tar"]
    contents = {form: [(one.label, data.contents[one.path]) for one in data.items] for form, data in found.items()}
    assert contents["parquet"] == contents["parquet_one_group"] == contents["tar"]
    assert sorted(contents["files"]) == sorted(contents["tar"])


def test_a_tar_may_hold_names_as_long_as_pax_has_them(tmp_path):
    long = "d" * 90 + ".tar#d/" + "e" * 120
    members = [(f"{long}{at}.png", png(at)) for at in range(2)] + [(f"{long}{at}.cls", b"%d" % at) for at in range(2)]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in members:
            member = tarfile.TarInfo(name)
            member.size = len(data)
            tar.addfile(member, io.BytesIO(data))
    (tmp_path / "a.tar").write_bytes(buffer.getvalue())
    found = load_dataset(tmp_path / "a.tar")
    assert [item.label for item in found.items] == ["0", "1"]
    assert read_bytes(found.root / found.items[1].path) == png(1)
