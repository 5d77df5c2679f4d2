"""What the Ray engine refuses, each in one line, without a cluster: `tests/integration/test_ray_cluster.py` has one."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from types import SimpleNamespace

import pytest
from toy_audit import toy_classifier, toy_encoder, write_pictures
from toy_models import GapCnn

from auditor.config import AuditConfig
from auditor.errors import InputError, ModelError, StoreError
from auditor.extraction import ray_engine
from auditor.extraction.extract import shard_files
from auditor.extraction.shards import is_whole
from auditor.models.live_model import LiveModel
from auditor.pipeline import load_inputs

CLASSIFIER, ENCODER = toy_classifier(), toy_encoder()


@pytest.fixture
def config(tmp_path):
    return AuditConfig(
        data=tmp_path / "data",
        model="toy",
        out=tmp_path / "audit",
        cache=tmp_path / "cache",
        engine="ray",
        batch_size=2,
    )


@pytest.fixture
def job(config, tmp_path, monkeypatch):
    """A job whose folder this machine sees, and whose models are toys."""
    monkeypatch.setattr(ray_engine, "classifier_of", lambda *_, **__: CLASSIFIER)
    monkeypatch.setattr(ray_engine, "load_encoder", lambda *_, **__: ENCODER)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "features").mkdir()
    (tmp_path / "features" / "seen").touch()
    return ray_engine._Job(
        config=config,
        features=None,
        folder=tmp_path / "features",
        token="seen",
        host="elsewhere",
        working_folder=tmp_path,
        n_labels=2,
        model_digest=CLASSIFIER.digest,
        encoder_digest=ENCODER.digest,
    )


def crew(nodes, config):
    """The crew of a cluster of such nodes, which nobody is hired on."""
    ray = SimpleNamespace(nodes=lambda: nodes, put=lambda job: job, remote=lambda _: SimpleNamespace(options=dict))
    return ray_engine._Crew(ray, SimpleNamespace(config=config), None)


def node(cpus, gpus=0, alive=True):
    return {"Alive": alive, "Resources": {"CPU": cpus, "GPU": gpus}}


def test_a_worker_writes_the_file_of_the_local_engine(job, tmp_path):
    dataset = write_pictures(tmp_path / "data")
    ((path, _),) = shard_files(dataset, CLASSIFIER, ENCODER, folder=job.folder, thumbnails=True, properties=True)
    worker = ray_engine._Worker(job)
    worker.prepare()
    _, shapes = worker.extract(dataset, path.name)
    assert is_whole(path)
    assert list(shapes.values()) == [dataset.items[0].path]
    # machines that share a disk do not share a cache file
    (cache,) = (tmp_path / "cache").iterdir()
    assert cache.name.startswith("node-")


def test_a_folder_that_a_node_does_not_see_is_named(job):
    with pytest.raises(StoreError, match=r"folder .*features is not shared with node .*: what is written there"):
        ray_engine._Worker(replace(job, token="unseen")).prepare()


@pytest.mark.parametrize("what", ["model", "encoder"])
def test_other_weights_on_a_node_are_refused(job, what):
    with pytest.raises(ModelError, match=rf"loads another {what} than the machine that began the audit"):
        ray_engine._Worker(replace(job, **{f"{what}_digest": "0" * 64})).prepare()


def test_another_auditor_on_a_node_is_refused(job, tmp_path):
    worker = ray_engine._Worker(job)
    worker.prepare()
    with pytest.raises(StoreError, match=r"expected 0123456789ab: its auditor is not the one that began the audit"):
        worker.extract(write_pictures(tmp_path / "data"), "0123456789abcdef.parquet")
    assert {path.name for path in job.folder.iterdir()} == {"seen"}


def test_without_ray_one_line_says_what_to_install(config, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(
        InputError, match=r"needs the package ray, which is not installed: pip install 'auditor\[ray\]'"
    ):
        load_inputs(config)


def test_a_model_in_memory_stays_where_it_is(config, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name)
    with pytest.raises(InputError, match=r"live:GapCnn is in the memory of this process alone"):
        load_inputs(config, live=LiveModel(GapCnn()))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, 11), ({"ray_cpus": 0.5}, 22), ({"ray_cpus": 3.0}, 3), ({"ray_gpus": 0.25}, 4), ({"ray_workers": 5}, 5)],
)
def test_as_many_workers_as_each_node_has_room_for(config, changes, expected):
    nodes = [node(8, gpus=1), node(3), node(64, alive=False)]
    assert crew(nodes, config.model_copy(update=changes))._n_workers() == expected


def test_no_room_is_told_with_what_there_is(config):
    with pytest.raises(InputError, match=r"no node .* of 1 CPUs and 1 GPUs \(the largest has 8 CPUs and 0 GPUs\)"):
        crew([node(8)], config.model_copy(update={"ray_gpus": 1.0}))._n_workers()


def test_pictures_that_end_every_worker_end_the_audit(tmp_path):
    shard = ray_engine._Shard(tmp_path / "a.parquet", write_pictures(tmp_path / "data").items)
    for _ in range(3):
        shard = shard.lost("killed")
    with pytest.raises(
        StoreError, match=r"4 Ray workers were lost over the pictures '.*' to '.*' \(the last: killed\)"
    ):
        shard.lost("killed")


def test_a_cluster_of_another_version_is_named(monkeypatch):
    ray = pytest.importorskip("ray")
    told = "Version mismatch: The cluster was started with:\n    Ray: 2.40.0\n    Python: 3.11.7\n"
    monkeypatch.setenv("RAY_ADDRESS", "head:6379")

    def init(address, **_):
        assert address == "head:6379"
        raise RuntimeError(told)

    monkeypatch.setattr(ray, "init", init)
    found = r"no Ray cluster can be used at 'head:6379': .*Version mismatch.*2\.40\.0.*; this is Ray "
    with pytest.raises(InputError, match=found), ray_engine._cluster():
        pass
