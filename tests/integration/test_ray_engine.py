"""The Ray engine on a cluster of several nodes on one machine: the local engine's files, whoever is lost on the way."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from conftest import copy_sample

from auditor.config import AuditConfig
from auditor.extraction import extract
from auditor.pipeline import run_audit
from auditor.store.digest import contents_digest
from auditor.store.open_audit import open_audit_database

os.environ |= {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0"}  # else workers starve beside other tests
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
    started = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    nodes = [started.add_node(num_cpus=1, resources={name: 1}) for name in ("first", "second")]
    ray.init(started.address, log_to_driver=False)
    yield started, nodes
    ray.shutdown()
    started.shutdown()


@pytest.fixture(scope="module")
def config(tiny_shards, tmp_path_factory) -> AuditConfig:
    """Settings of a quick audit of 100 pictures, five shards."""
    folder = tmp_path_factory.mktemp("few")
    return AuditConfig(
        data=copy_sample("planted", folder / "data", per_class=20),
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
