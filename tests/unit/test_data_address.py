"""Addresses of data: told from paths, kept as they are, and stored and shown without secrets."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from auditor.config import AuditConfig, make_config
from auditor.data_address import data_place, without_secrets
from auditor.errors import InputError

GIVEN = {"model": "none", "out": "audit"}


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://host/a/x.tar", "https://host/a/x.tar"),
        ("https://ann:pw@host:8443/a/x.tar?X-Amz-Signature=1/2#y", "https://host:8443/a/x.tar"),
        ("https://ann:p@w@host/x.tar", "https://host/x.tar"),
        ("https://token@host?sig=1", "https://host"),
        ("https://host/@scope/x-{000..009}.tar", "https://host/@scope/x-{000..009}.tar"),
        ("s3://KEY:SECRET@bucket/x-??.tar", "s3://bucket/x-??.tar"),
        ("abfs://box/x.tar?sv=1&sig=2", "abfs://box/x.tar"),
        ("hf://datasets/ann/set@~parquet/*.parquet", "hf://datasets/ann/set@~parquet/*.parquet"),
        ("hf:ann/set", "hf:ann/set"),
    ],
)
def test_what_is_shown_of_an_address(address, shown):
    assert without_secrets(address) == shown


def test_addresses_and_paths(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert data_place("s3://bucket//x.tar") == "s3://bucket//x.tar"
    assert data_place("val/x.tar") == data_place(Path("val/x.tar")) == Path("val/x.tar")
    assert data_place("C:/val") == Path("C:/val")
    assert data_place("hf:ann/set") == "hf:ann/set"
    (tmp_path / "ann" / "set").mkdir(parents=True)
    assert data_place("hf:ann/set") == Path("ann/set")


def test_settings_keep_the_secrets_and_what_is_stored_does_not():
    config = make_config({**GIVEN, "data": "https://ann:pw@host//x.tar?sig=1"})
    assert config.data == "https://ann:pw@host//x.tar?sig=1"
    assert config.data_name == "https://host//x.tar"
    assert config.model_dump(mode="json")["data"] == "https://host//x.tar"
    again = AuditConfig.model_validate(json.loads(config.model_dump_json()))
    assert (again.data, again.needs_fetching) == ("https://host//x.tar", True)
    found = again.with_fetched(Path("/cache/x.tar"))
    assert (found.local_data, found.needs_fetching, again.needs_fetching) == (Path("/cache/x.tar"), False, True)
    assert found.model_dump(mode="json") == again.model_dump(mode="json")


def test_addresses_in_a_settings_file(tmp_path):
    file = tmp_path / "auditor.toml"
    for text, data in (
        ("https://host/x.tar", "https://host/x.tar"),
        ("hf:ann/set", "hf:ann/set"),
        ("hf:here", tmp_path / "here"),
        ("val", tmp_path / "val"),
    ):
        (tmp_path / "here").mkdir(exist_ok=True)
        file.write_text(f'data = "{text}"\nmodel = "none"\nout = "audit"\n')
        assert make_config({}, file).data == data


def test_data_that_are_neither():
    with pytest.raises(InputError, match=r"'data' = '5': value error, input is not a valid path"):
        make_config({**GIVEN, "data": 5})
