"""An audit of shards on a web server is that of the same shards here, and finds its pictures again without it."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from loopback import Site, slow
from packed_files import tars_of

pytest.importorskip("fsspec")
pytest.importorskip("aiohttp")

from auditor.config import AuditConfig
from auditor.errors import InputError
from auditor.explain import explain_image
from auditor.finished_audit import settings_again
from auditor.inputs.remote.again import picture_root
from auditor.inputs.remote.kept import SHARDS_NAME
from auditor.more_maps import load_map_drawer
from auditor.pipeline import run_audit
from auditor.store.digest import contents_digest
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import pictures as picture_queries
from reports.page.html_report import render_html

#: Of the web server, which asks for neither.
USER, SIGNATURE = "ann:s3cret-word", "s3cret-signature"


@pytest.fixture(scope="module")
def tars(sample_manifest: Path, tmp_path_factory) -> Path:
    """Twenty pictures of every class of the planted set in two tars."""
    return tars_of(sample_manifest, tmp_path_factory.mktemp("site") / "val", per_class=20)


def command(address: str, folder: Path) -> list[str]:
    found = [sys.executable, "-m", "auditor.cli", "run", "--data", address, "--model", "sample:planted"]
    found += ["--encoder", "sample", "--n-extreme", "20", "--no-properties", "--jobs", "1"]
    return [*found, "--out", str(folder / "audit"), "--cache", str(folder / "cache")]


def settings(data: object, folder: Path) -> AuditConfig:
    return AuditConfig(
        data=data,
        model="sample:planted",
        encoder="sample",
        out=folder / "audit",
        n_extreme=20,
        properties=False,
        jobs=1,
        cache=folder / "cache",
    )


@pytest.fixture(scope="module")
def local(tars: Path, tmp_path_factory) -> Path:
    return run_audit(settings(tars, tmp_path_factory.mktemp("local")))


@pytest.fixture(scope="module")
def site(tars: Path):
    with Site(tars.parent).served() as served:
        yield served


@pytest.fixture(scope="module")
def ran(site: Site, tmp_path_factory):
    """The command on the server's address, with a user and a signature; the folder that it worked in."""
    folder = tmp_path_factory.mktemp("remote")
    address = f"http://{USER}@{site.host}/val/birds-{{000..001}}.tar?sig={SIGNATURE}"
    return subprocess.run(command(address, folder), check=False, capture_output=True, text=True), folder


@pytest.fixture
def audit(ran) -> Path:
    return ran[1] / "audit"


def said(audit: Path) -> str:
    with open_audit_database(audit) as connection:
        return contents_digest(connection)


def tars_fetched(site: Site) -> list[str]:
    return [path for path in site.fetched() if ".tar" in path]


def first_picture(audit: Path) -> tuple[str, str]:
    with open_audit_database(audit) as connection:
        found = connection.execute("SELECT path, image_id FROM images ORDER BY path").fetchone()
    assert found is not None
    return str(found[0]), str(found[1])


def test_the_audit_is_that_of_the_same_shards_here(ran, local, audit):
    done, _ = ran
    assert done.returncode == 0, done.stderr
    assert "2 of 2 shards fetched, 0 were there" in done.stderr
    assert said(audit) == said(local)
    with open_audit_database(audit) as here, open_audit_database(local) as there:
        sql = "SELECT class_name, verdict, sentence FROM verdicts ORDER BY ALL"
        assert here.execute(sql).fetchall() == there.execute(sql).fetchall()
    features = [{path.name: path.read_bytes() for path in one.glob("features/*.parquet")} for one in (audit, local)]
    assert features[0] == features[1] != {}


def test_what_is_stored_is_the_address_without_its_secrets(ran, site, audit):
    done, _ = ran
    with open_audit_database(audit) as connection:
        tables = [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]
        stored = {name: repr(connection.execute(f'SELECT * FROM "{name}"').fetchall()) for name in tables}
        (data_path,) = connection.execute("SELECT data_path FROM runs").fetchone()
        page = render_html(connection)
    assert data_path == f"{site.url}/val/birds-{{000..001}}.tar"
    facts = str(np.load(audit / "features" / "kept_inputs.npz")["facts"])
    everything = "".join(stored.values()) + page + done.stdout + done.stderr + (audit / "audit.json").read_text()
    assert "s3cret" not in everything + facts
    assert f"cache/{SHARDS_NAME}" not in everything
    assert "val/birds-{000..001}.tar" in done.stdout
    assert page.count("data:image/webp") >= 10  # the pictures are shown


def test_an_audit_that_is_up_to_date_asks_for_no_bytes(site, ran, audit):
    before = tars_fetched(site)
    address = f"{site.url}/val/birds-{{000..001}}.tar"
    written = (audit / "audit.json").stat().st_mtime_ns
    run_audit(settings(address, ran[1]), resume=True)
    assert (audit / "audit.json").stat().st_mtime_ns == written
    assert tars_fetched(site) == before


def test_pictures_are_found_again_in_the_cache_alone(ran, site, audit, tmp_path):
    before = len(site.asked)
    path, image_id = first_picture(audit)
    explanation = explain_image(audit, path)
    assert explanation.path == path
    assert explanation.image.size[0] > 0
    drawer = load_map_drawer(audit)
    assert [one.image_id for one in drawer.draw(image_id, 0, None)] == [image_id]
    again = settings_again(audit, {}, out=tmp_path, trust_code=False)
    assert sorted(one.name for one in again.local_data.iterdir()) == ["birds-000.tar", "birds-001.tar"]
    with open_audit_database(audit) as connection:
        shown = picture_queries.thumbnails_and_paths(connection, [image_id])
    assert shown[image_id][1].startswith(b"\xff\xd8")
    assert len(site.asked) == before


def test_what_is_no_longer_in_the_cache_is_fetched_where_the_user_names_it(ran, site, audit, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "caches"))
    shards = ran[1] / "cache" / SHARDS_NAME
    shards.rename(tmp_path / "away")
    try:
        path, _ = first_picture(audit)
        with pytest.raises(InputError, match="not in the cache any more; give the address again with --data"):
            explain_image(audit, path)
        with pytest.raises(InputError, match="not in the cache any more"):
            settings_again(audit, {}, out=tmp_path, trust_code=False)
        assert settings_again(audit, {}, out=tmp_path, trust_code=True).needs_fetching
        before = tars_fetched(site)
        assert explain_image(audit, path, data=f"{site.url}/val/birds-{{000..001}}.tar").path == path
        assert len(tars_fetched(site)) == len(before) + 2
        assert picture_root(f"{site.url}/val/birds-{{000..001}}.tar", None).is_dir()  # from the user's own cache now
    finally:
        (tmp_path / "away").rename(shards)


def test_an_audit_that_was_killed_while_it_fetched_goes_on(site, local, tmp_path):
    address = f"{site.url}/val/birds-{{000..001}}.tar"
    site.wrong["/val/birds-001.tar"] = slow(60)
    killed = subprocess.Popen([*command(address, tmp_path), "--quiet"], stderr=subprocess.PIPE)
    try:
        store = tmp_path / "cache" / SHARDS_NAME
        while not list(store.glob("*.tar")):
            assert killed.poll() is None, killed.stderr.read()
            time.sleep(0.1)
    finally:
        killed.kill()
        killed.communicate()
        del site.wrong["/val/birds-001.tar"]
    before = len(tars_fetched(site))
    audit = run_audit(settings(address, tmp_path), resume=True)
    assert tars_fetched(site)[before:] == ["/val/birds-001.tar"]
    assert said(audit) == said(local)


@pytest.mark.parametrize("made", ["cut", "gone"])
def test_what_goes_wrong_is_one_line_and_leaves_no_audit(made, site, tars, tmp_path):
    folder = shutil.copytree(tars, tars.parent / made)
    if made == "cut":
        shard = folder / "birds-001.tar"
        shard.write_bytes(shard.read_bytes()[:-2000])
    else:
        shutil.rmtree(folder)
    address = f"{site.url}/{made}/birds-{{000..001}}.tar"
    done = subprocess.run([*command(address, tmp_path), "--quiet"], check=False, capture_output=True, text=True)
    assert done.returncode == 2
    told = {"cut": "cut short or damaged", "gone": "cannot be listed"}[made]
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert told in done.stderr
    assert f"{site.url}/{made}/birds-" in done.stderr
    assert not (tmp_path / "audit").exists()
