"""Pictures, weights and files of an audit that strangers give: valid ones to be changed, and what reads them."""

from __future__ import annotations

import io
import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import numpy as np
import torch
from PIL import Image
from safetensors.torch import save

from auditor.extraction.embedding_cache import EmbeddingCache
from auditor.inputs.images import read_image
from auditor.models.weights import read_weights
from auditor.regular_files import file_sha256
from auditor.release.check import check_release
from auditor.store.checksums import DIGEST, FILES, audit_digest
from auditor.store.embedding_index import read_embedding_index, write_embedding_index
from auditor.store.manifest import DATABASE_NAME, MANIFEST_NAME, read_audit_json

#: Name of the file, a valid one, and what loads it.
Untrusted = tuple[str, bytes, Callable[[Path], object]]
_FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF")
_DIM = 8


def pictures() -> dict[str, Untrusted]:
    """One of each format."""
    pixels = np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)
    found: dict[str, Untrusted] = {}
    for name in _FORMATS:
        content = io.BytesIO()
        Image.fromarray(pixels).save(content, format=name)
        found[f"picture, {name}"] = (f"a.{name.lower()}", content.getvalue(), read_image)
    return found


class _Code:
    """What a pickle would run."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("true",)


def weights() -> dict[str, Untrusted]:
    """safetensors, pickles of tensors, and pickles with code."""
    state = {"layer.weight": torch.arange(6.0).reshape(2, 3), "layer.bias": torch.zeros(2)}
    pickled, bare = io.BytesIO(), io.BytesIO()
    torch.save(state, pickled)
    torch.save(state, bare, _use_new_zipfile_serialization=False)
    with_code = io.BytesIO()
    torch.save({**state, "code": _Code()}, with_code)
    return {
        "weights, pickle with code": ("code.pt", with_code.getvalue(), read_weights),
        "weights, bare pickle with code": ("code.pth", pickle.dumps(_Code()), read_weights),
        "weights, safetensors": ("a.safetensors", save(state), read_weights),
        "weights, pickle in a zip": ("a.pt", pickled.getvalue(), read_weights),
        "weights, bare pickle": ("a.pth", bare.getvalue(), read_weights),
    }


def audit_files(audit: Path, work: Path) -> dict[str, Untrusted]:
    """Files of an audit whose digests were written again, so that what reads them meets what was changed."""
    copy = Path(shutil.copytree(audit, work / "signed"))
    shutil.rmtree(copy / "features")
    said = read_audit_json(copy)

    def of_tables(path: Path) -> None:
        path.replace(copy / DATABASE_NAME)
        files = {DATABASE_NAME: file_sha256(copy / DATABASE_NAME)}
        _write(copy / MANIFEST_NAME, {**said, FILES: files})
        _decided(copy)

    def of_manifest(path: Path) -> None:
        text = path.read_text(errors="surrogateescape")
        try:
            changed = json.loads(text)
        except (ValueError, RecursionError):
            changed = None
        if isinstance(changed, dict):
            _write(copy / MANIFEST_NAME, changed)
        else:
            path.replace(copy / MANIFEST_NAME)
        _decided(copy)

    lines = json.dumps(said, indent=0).replace('": ', '"= ')  # a name and a value a line, as settings have
    return {
        "audit.json, its digest as well": (
            "changed.json", lines.encode(), lambda path: of_manifest(_with_colons(path)),
        ),
        "audit.duckdb, its digest as well": ("changed.duckdb", (audit / DATABASE_NAME).read_bytes(), of_tables),
    }  # fmt: skip


def _with_colons(path: Path) -> Path:
    path.write_bytes(path.read_bytes().replace(b'"= ', b'": '))
    return path


def _decided(audit: Path) -> None:
    """The gate; the command line tells DuckDB's own errors in one line, and so they are no tracebacks."""
    try:
        check_release(audit)
    except duckdb.Error as error:
        if not str(error):
            raise


def _write(path: Path, said: dict[str, object]) -> None:
    path.write_text(json.dumps({**said, DIGEST: audit_digest(said)}))


def small_stores(work: Path) -> dict[str, Untrusted]:
    """A search index, and a cache of embeddings, of a few rows."""
    rows = np.eye(_DIM, dtype=np.float32)
    write_embedding_index(work, rows)
    index = work / "embeddings.faiss"
    keys = [f"{number:064x}" for number in range(_DIM)]
    cache = EmbeddingCache(work / "cache.sqlite3", _DIM)
    cache.put(dict(zip(keys, rows, strict=True)))
    cache.close()

    def of_index(path: Path) -> None:
        path.replace(index)
        found = read_embedding_index(work, _DIM)
        found.search(rows, 3)

    def of_cache(path: Path) -> None:
        opened = EmbeddingCache(path, _DIM)
        try:
            known = {key: row for key in keys if (row := opened.get(key)) is not None}
            opened.put({key: rows[0] for key in keys if key not in known})
        finally:
            opened.close()
        if any(not np.array_equal(row, rows[keys.index(key)]) for key, row in known.items()):
            raise ValueError("a wrong row is read as right")

    return {
        "search index": ("changed.faiss", index.read_bytes(), of_index),
        "embedding cache": ("changed.sqlite3", (work / "cache.sqlite3").read_bytes(), of_cache),
    }
