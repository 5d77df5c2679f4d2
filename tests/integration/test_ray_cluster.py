"""The Ray engine on a cluster of several nodes on one machine: the local engine's files, whoever is lost on the way."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
from packed_files import tars_of

from auditor.config import AuditConfig
from auditor.errors import InputError
from auditor.extraction import extract
from auditor.pipeline import extract as extract_pictures
from auditor.pipeline import load_inputs, run_audit
from auditor.store.digest import contents_digest
from auditor.store.open_audit import open_audit_database

# Beside other tests workers must not starve, and what Ray starts is slow to answer.
os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}
os.environ |= {"RAY_gcs_rpc_server_connect_timeout_s": "60", "RAY_raylet_start_wait_time_s": "120"}
pytest.importorskip("ray")
import ray
from ray.cluster_utils import Cluster


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    """A worker of one CPU computes in one thread, and so must what it is compared with."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def tiny_shards():
    patch = pytest.MonkeyPatch()
    patch.setattr(extract, "SHARD_IMAGES", 20)
    yield
    patch.undo()


@pytest.fixture(scope="module")
def cluster(tiny_shards):
    """A head without room for workers, and two nodes with room for one each."""
    here = {"include_dashboard": False}  # not 127.0.0.1: connecting, Ray takes that for this machine's other address
    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, **here})
    nodes = [started.add_node(num_cpus=1, **here) for _ in range(2)]
    ray.init(started.address, log_to_driver=False)
    yield started, nodes
    ray.shutdown()
    started.shutdown()


@pytest.fixture(scope="module")
def config(sample_manifest: Path, tiny_shards, tmp_path_factory) -> AuditConfig:
    """Settings of a quick audit of 100 pictures, five shards."""
    folder = tmp_path_factory.mktemp("few")
    return AuditConfig(
        data=sample_manifest,
        max_images_per_class=20,
        model="sample:planted",
        encoder="sample",
        out=folder / "local",
        n_extreme=20,
        properties=False,
        jobs=1,
        cache=folder / "cache",
    )


@pytest.fixture(scope="module")
def local(config: AuditConfig) -> Path:
    return run_audit(config)


def on_ray(config: AuditConfig, folder: Path) -> AuditConfig:
    """The same with an empty cache, so that both models are run."""
    return config.model_copy(update={"out": folder / "audit", "cache": folder / "cache", "engine": "ray"})


def contents(audit: Path) -> str:
    with open_audit_database(audit) as connection:
        return contents_digest(connection)


def files(audit: Path) -> dict[str, str]:
    """sha256 by name of every file of features."""
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in (audit / "features").iterdir()}


def test_the_same_files_and_verdicts_though_a_node_leaves_midway(cluster, local, config, tmp_path):
    started, nodes = cluster
    told: list[tuple[int, int]] = []

    def on_progress(stage: str, done: int, total: int) -> None:
        if stage == "pictures":
            told.append((done, total))
            if len(told) == 2:
                started.remove_node(nodes.pop(), allow_graceful=False)

    audit = run_audit(on_ray(config, tmp_path), on_progress=on_progress)
    assert told == [(done, 100) for done in range(20, 101, 20)]
    assert files(audit) == files(local)
    assert contents(audit) == contents(local)


def test_pictures_of_tars_are_brought_through_as_here(cluster, config, tmp_path):
    tars = tars_of(config.data, tmp_path / "val", per_class=20)
    here = config.model_copy(update={"data": tars, "out": tmp_path / "here", "cache": tmp_path / "cache-here"})
    audit = run_audit(on_ray(here, tmp_path))
    run_audit(here)
    assert files(audit) == files(here.out)
    assert contents(audit) == contents(here.out)


def test_what_a_worker_refuses_comes_as_its_own_line(cluster, config, tmp_path):
    settings = on_ray(config, tmp_path)
    inputs = load_inputs(settings)
    changed = dict(inputs.dataset.contents) | {inputs.dataset.items[-1].path: "0" * 64}
    dataset = replace(inputs.dataset, contents=changed)
    with pytest.raises(InputError, match="changed while it was audited"):
        extract_pictures(settings, replace(inputs, dataset=dataset))
    left = {path.suffix for path in (settings.out / "features").iterdir()}
    assert left <= {".parquet", ".sha256", ".unfinished"}


def test_a_worker_that_fits_on_no_node_is_refused(cluster, local, config, tmp_path):
    inputs = load_inputs(config)
    settings = on_ray(config, tmp_path).model_copy(update={"ray_cpus": 64.0})
    with pytest.raises(InputError, match="no node of the Ray cluster has room for a worker of 64 CPUs"):
        extract_pictures(settings, inputs)
