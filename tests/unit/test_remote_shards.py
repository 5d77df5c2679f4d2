"""Shards elsewhere: fetched once into the cache, whole or not at all, and every mishap is one line without secrets."""

from __future__ import annotations

import errno
import importlib.util
import logging
import os
from types import SimpleNamespace

import pytest
from loopback import Site, changing, cut_short, leading_to, status
from packed_files import png, samples, write_parquet, write_tar

pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")
import fsspec

from auditor.errors import InputError
from auditor.inputs.dataset import load_dataset
from auditor.inputs.remote import fetch
from auditor.inputs.remote.fetch import fetch_shards
from auditor.inputs.remote.kept import SHARDS_NAME, fetching, kept_set, kept_shards, prune_shards

LABELS = ["duck", "swan"]


def tar(path, first=0):
    return write_tar(path, samples([png(first), png(first + 1)], LABELS, start=first))


@pytest.fixture
def local(tmp_path):
    """Two shards of a split."""
    for at in range(2):
        tar(tmp_path / "set" / "val" / f"birds-00{at}.tar", 10 * at)
    return tmp_path / "set" / "val"


@pytest.fixture
def site(local):
    with Site(local.parent).served() as served:
        yield served


@pytest.fixture
def cache(tmp_path):
    return tmp_path / "cache"


@pytest.fixture
def memory(local):
    files = fsspec.filesystem("memory")
    for path in local.iterdir():
        files.pipe(f"/birds/val/{path.name}", path.read_bytes())
    yield files
    files.rm("/birds", recursive=True)


def refused(address, cache):
    with pytest.raises(InputError) as refusal:
        fetch_shards(address, cache)
    told = str(refusal.value)
    assert "\n" not in told
    return told


def left(cache):
    """What a fetch that failed leaves in the cache."""
    return sorted(path.suffix or path.name for path in (cache / SHARDS_NAME).rglob("*"))


def contents(path):
    found = load_dataset(path)
    return found.digest, found.contents


@pytest.mark.parametrize(
    "address",
    [
        "memory://birds/val/*.tar",
        "memory://birds/val",
        "memory://birds/val/birds-{000..001}.tar",
        "memory://birds/{val,val}/*.tar",
        "file://{local}/*.tar",
        "{site}/val/birds-{000..001}.tar",
        "{site}/val/*.tar",
        "{site}/val/birds-00[01].tar",
    ],
)
def test_shards_elsewhere_are_those_of_the_folder(address, local, site, memory, cache):
    place = address.replace("{site}", site.url).replace("{local}", str(local))
    found = fetch_shards(place, cache)
    assert found.line() == "2 of 2 shards fetched, 0 were there"
    assert contents(found.path) == contents(local)
    assert fetch_shards(place, cache).line() == "0 of 2 shards fetched, 2 were there"


def test_one_shard_is_a_file(local, site, cache):
    found = fetch_shards(f"{site.url}/val/birds-001.tar", cache)
    assert found.line() == "1 of 1 shard fetched, 0 were there"
    assert contents(found.path) == contents(local / "birds-001.tar")


def test_parquet_and_what_another_address_means_too(tmp_path, site, local, cache):
    for at in range(3):
        write_parquet(local.parent / "rows" / f"test-{at:05}.parquet", [png(at), png(9 + at)], [0, 1])
    assert fetch_shards(f"{site.url}/rows/test-{{00000..00001}}.parquet", cache).n_fetched == 2
    found = fetch_shards(f"{site.url}/rows/*.parquet", cache)
    assert (found.n_fetched, found.n_there) == (1, 2)
    assert contents(found.path) == contents(local.parent / "rows")
    asked = [path for path in site.fetched() if path.endswith(".parquet")]
    assert len(asked) == len(set(asked)) == 3


def test_folders_of_splits(site, local, cache):
    tar(local.parent / "train" / "birds-000.tar", 40)
    found = fetch_shards(f"{site.url}/{{train,val}}/*.tar", cache)
    assert load_dataset(found.path, split="train").digest == load_dataset(local.parent, split="train").digest
    tar(local.parent / "more" / "birds-000.tar", 50)
    assert "shards in the folders 'more', 'val'; expected them in one folder, or in folders of splits" in refused(
        f"{site.url}/{{more,val}}/*.tar", cache
    )


def test_names_of_classes_beside_tars_come_with_them(site, local, cache):
    for path in local.iterdir():
        write_tar(path, samples([png(1), png(2)], [0, 1]))
    (local.parent / "classnames.txt").write_text("duck\nswan\n")
    found = fetch_shards(f"{site.url}/val/*.tar", cache)
    assert load_dataset(found.path).labels == ("duck", "swan")
    assert load_dataset(found.path).notices == load_dataset(local).notices == ()


def test_a_shard_that_changed_is_fetched_again_and_the_old_set_stays(site, local, cache):
    address = f"{site.url}/val/*.tar"
    before = fetch_shards(address, cache).path
    old = contents(before)
    tar(local / "birds-001.tar", 30)
    found = fetch_shards(address, cache)
    assert found.line() == "1 of 2 shards fetched, 1 was there"
    assert contents(found.path) == contents(local) != old == contents(before)
    assert kept_set(address, [cache]) == found.path


def test_a_server_that_tells_no_versions(site, cache, caplog):
    site.versioned = False
    assert fetch_shards(f"{site.url}/val/*.tar", cache).n_fetched == 2
    assert "says neither version nor time of its files" in caplog.text
    assert fetch_shards(f"{site.url}/val/*.tar", cache).n_there == 2


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("memory://birds/val/none-*.tar", "matches no shard; expected an address that ends in .tar or .parquet"),
        ("memory://birds/none/x.tar", "cannot be listed: nothing there; look at its spelling"),
        ("memory://birds/val/birds-{000..002}.tar", "('memory://birds/val/birds-002.tar'): nothing there"),
        ("memory://birds/val/birds-{1..0}.tar", "has {1..0}; expected numbers that go up, 100,000 at most"),
        ("memory://birds/notes.txt", "is no shard"),
        ("memroy://birds/x.tar", "begins with 'memroy'; expected one of http, https, s3, gs"),
        ("memroy://birds/x.tar", "did you mean memory://?"),
        ("reference://birds/x.tar", "begins with 'reference'"),
        ("hf:no/such/name", "is no data set; expected hf:OWNER/NAME, or hf:FOLDER"),
        ("https://user:secret/word@host/x.tar", "no number as its port"),
        ("http:///x.tar", "the web address has no host"),
        ("{site}/none/birds-000.tar", "cannot be listed: nothing there (404"),
        ("{site}/val/birds-000.tar#x\n", "holds characters that cannot be printed"),
        ("http://127.0.0.1:9/birds-000.tar", "cannot be listed: Connect call failed"),
        ("http://nowhere.invalid/birds-000.tar", "look at the network and the server, then run again"),
    ],
)
def test_addresses_without_shards(address, told, site, memory, cache):
    memory.pipe("/birds/notes.txt", b"x")
    found = refused(address.replace("{site}", site.url), cache)
    assert found.startswith("data")
    assert told in found
    assert "secret" not in found
    assert not cache.exists()


@pytest.mark.parametrize(("number", "told"), [(403, "access refused (403"), (500, "server error (500"), (404, "(404")])
def test_a_server_that_refuses(number, told, site, cache):
    site.wrong["/val/birds-001.tar"] = status(number)
    assert told in refused(f"{site.url}/val/birds-{{000..001}}.tar", cache)
    assert not cache.exists()


def test_a_file_that_goes_between_listing_and_fetching(site, cache):
    refuse = status(410)
    site.wrong["/val/birds-001.tar"] = lambda handler, data: handler.command == "GET" and refuse(handler, data)
    told = refused(f"{site.url}/val/*.tar", cache)
    assert f"shard '{site.url}/val/birds-001.tar' cannot be fetched: nothing there (410" in told
    assert "shards that were fetched stay" in told
    del site.wrong["/val/birds-001.tar"]
    assert fetch_shards(f"{site.url}/val/*.tar", cache).line() == "1 of 2 shards fetched, 1 was there"


def test_a_package_that_is_not_installed(monkeypatch, cache):
    find = importlib.util.find_spec
    for address, package, extra in (
        ("s3://bucket/x.tar", "s3fs", "s3fs"),
        ("gs://bucket/x.tar", "gcsfs", "gcsfs"),
        ("https://host/x.tar", "aiohttp", "'auditor[remote]'"),
    ):
        monkeypatch.setattr(
            "importlib.util.find_spec", lambda name, lacks=package: None if name == lacks else find(name)
        )
        assert refused(address, cache).endswith(
            f"needs the package {package}, which is not installed: pip install {extra}"
        )


def test_a_connection_that_breaks_is_tried_once_more(site, local, cache, caplog):
    site.wrong["/val/birds-000.tar"] = cut_short(times=1)
    found = fetch_shards(f"{site.url}/val/*.tar", cache)
    assert contents(found.path) == contents(local)
    assert "birds-000.tar: the connection broke; fetched once more" in caplog.text


def test_a_connection_that_breaks_twice_leaves_what_is_whole(site, cache):
    site.wrong["/val/birds-001.tar"] = cut_short(times=2)
    told = refused(f"{site.url}/val/*.tar", cache)
    assert "birds-001.tar' cannot be fetched: the connection broke; look at the network" in told
    assert left(cache) == [".tar"]
    assert fetch_shards(f"{site.url}/val/*.tar", cache).line() == "1 of 2 shards fetched, 1 was there"


def test_fewer_bytes_than_were_said(memory, cache, monkeypatch):
    whole = type(memory).get_file

    def half(self, path, to, **options):
        whole(self, path, to, **options)
        os.truncate(to, 1024)

    monkeypatch.setattr(type(memory), "get_file", half)
    assert "it ends after 1,024 of 10,240 bytes" in refused("memory://birds/val/*.tar", cache)
    assert left(cache) == []


def test_a_tar_that_is_cut_short_where_it_lies(site, local, cache):
    path = local / "birds-001.tar"
    path.write_bytes(path.read_bytes()[:1400])
    found = fetch_shards(f"{site.url}/val/*.tar", cache)
    with pytest.raises(InputError, match="cut short or damaged"):
        load_dataset(found.path)


def test_a_file_that_changes_while_it_is_fetched(site, local, cache):
    site.wrong["/val/birds-000.tar"] = changing(local / "birds-000.tar", tar(local.parent / "other.tar").read_bytes())
    whole = fetch.current

    def later(files, file):
        for _ in range(500):
            if whole(files, file) != (file.size, file.version):
                break
        return whole(files, file)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fetch, "current", later)
        assert "birds-000.tar' changed while it was fetched; run again" in refused(f"{site.url}/val/*.tar", cache)
    assert left(cache) == []


def test_a_full_disk(memory, cache, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(type(memory), "get_file", full)
    told = refused("memory://birds/val/*.tar", cache)
    assert "cannot be written to" in told
    assert "No space left on device; make room, or give --cache a folder on another disk" in told
    assert left(cache) == []
    monkeypatch.setattr(fetch.shutil, "disk_usage", lambda _: SimpleNamespace(free=5))
    assert "the shards to fetch are 0 MiB, and 0 MiB are free in" in refused("memory://birds/val/*.tar", cache)


def test_a_cache_that_cannot_be_written(memory, tmp_path):
    (tmp_path / "file").write_text("x")
    assert "cannot be made" in refused("memory://birds/val/*.tar", tmp_path / "file" / "cache")


def test_no_server_leads_to_files_of_this_machine(site, local, cache):
    site.wrong["/val/birds-000.tar"] = leading_to(f"file://{local}/birds-001.tar")
    assert "which is not followed" in refused(f"{site.url}/val/birds-000.tar", cache)
    assert not cache.exists()


@pytest.mark.parametrize("name", ["..", "a\\b", "a#b", "\u202e", "x" * 300])
def test_names_that_lead_out_or_that_no_disk_takes(name, memory, cache, monkeypatch):
    listed = {f"/birds/{name}/x.tar": {"type": "file", "size": 1, "ETag": "1"}}
    listed["/birds/val/x.tar"] = {"type": "file", "size": 1, "ETag": "1"}
    monkeypatch.setattr(type(memory), "glob", lambda *_, **__: listed)
    assert "which no disk takes" in refused("memory://birds/**/*.tar", cache)
    assert not cache.exists()


def test_what_a_page_links_to_elsewhere_is_not_fetched(site, cache):
    fetch_shards(f"{site.url}/val/*.tar", cache)
    assert {path for _, path in site.asked if "elsewhere" in path} == set()


def test_tars_and_parquet_are_not_mixed(site, local, cache):
    write_parquet(local / "birds-002.parquet", [png(1)], [0])
    assert "holds Parquet files and tars" in refused(f"{site.url}/val/*", cache)


def test_secrets_are_neither_kept_nor_told(site, cache, caplog):
    caplog.set_level(logging.DEBUG, logger="auditor")
    address = f"http://ann:s3cret@{site.host}/val/birds-000.tar?X-Amz-Signature=s3cret"
    assert fetch_shards(address, cache).n_fetched == 1
    assert site.asked[-1][1].endswith("?X-Amz-Signature=s3cret")
    assert fetch_shards(address.replace("Signature=s3cret", "Signature=new"), cache).n_there == 1
    site.wrong["/val/birds-000.tar"] = status(403)
    told = refused(address, cache)
    assert f"data '{site.url}/val/birds-000.tar' cannot be listed: access refused" in told
    del site.wrong["/val/birds-000.tar"]
    site.wrong["/val/birds-001.tar"] = cut_short(times=2)
    told += refused(address.replace("000", "001"), cache)
    everything = told + caplog.text + " ".join(str(path) for path in cache.rglob("*"))
    assert "s3cret" not in everything
    assert "ann" not in everything.replace("cannot", "")


def test_what_a_killed_run_left_half_goes_when_it_is_old(site, cache):
    store = cache / SHARDS_NAME
    store.mkdir(parents=True)
    for name, age in (("old", 7200), ("new", 0)):
        path = store / f".unfinished-{name}"
        path.write_bytes(b"half")
        os.utime(path, (path.stat().st_mtime - age,) * 2)
    fetch_shards(f"{site.url}/val/*.tar", cache)
    assert [path.name for path in store.glob(".unfinished-*")] == [".unfinished-new"]


def test_pruning_takes_what_was_not_used_for_longest(site, local, cache):
    first = fetch_shards(f"{site.url}/val/birds-000.tar", cache).path
    fetch_shards(f"{site.url}/val/birds-001.tar", cache)
    assert kept_shards(cache) == (2, 2 * 10240)
    assert prune_shards(cache, max_bytes=2 * 10240) == 0
    assert prune_shards(cache) == 0  # this process uses both
    _give_up(cache)
    os.utime(first.parent.parent, (1, 1))
    assert prune_shards(cache, max_bytes=15_000) == 10240
    assert not first.exists()
    assert kept_set(f"{site.url}/val/birds-000.tar", [cache]) is None
    with fetching(cache / SHARDS_NAME):
        assert prune_shards(cache) == 0  # the file may wait for its set
    assert prune_shards(cache) == 10240
    assert kept_shards(cache) == (0, 0)
    assert fetch_shards(f"{site.url}/val/*.tar", cache).n_fetched == 2


def _give_up(cache):
    """As a process that ends gives up the sets that it used."""
    from auditor.inputs.remote import kept

    for folder in [one for one in kept._used if one.is_relative_to(cache)]:
        os.close(kept._used.pop(folder))
