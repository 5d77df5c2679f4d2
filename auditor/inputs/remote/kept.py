"""Shards that were fetched, in the cache: each once and whole, and the sets that addresses mean as links to them.

``shards/DIGEST.tar`` is a file, whose name holds its address and its version; ``shards/SET/FOLDER/NAME.tar`` is the
same file once more, under the names that the data have. So a set never changes while somebody reads it, and two sets
share what they have in common. A set whose folder is locked is in use.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from auditor.data_address import without_secrets
from auditor.errors import StoreError
from auditor.inputs.remote.listing import is_shard, names_one_shard

try:
    import fcntl
except ImportError:  # not on this system: sets in use are not told from others there
    fcntl = None  # type: ignore[assignment]

#: Folder below the cache.
SHARDS_NAME = "shards"
#: Begins the name of what is being written.
_UNFINISHED = ".unfinished-"
#: What nobody wrote to for so long was left by a run that was killed.
_ABANDONED_SECONDS = 3600
#: Handles of the sets that this process uses, which it keeps to its end.
_used: dict[Path, int] = {}


class KeptShards(NamedTuple):
    """Shards in the cache: how many, and their bytes."""

    n: int
    n_bytes: int


@contextlib.contextmanager
def fetching(store: Path) -> Iterator[None]:
    """While shards are fetched into the store, `prune_shards` leaves those that are in no set yet."""
    handle = _locked(store)
    try:
        yield
    finally:
        if handle is not None:
            os.close(handle)


def unfinished(store: Path) -> Path:
    """A name for a file or folder that is being made; what killed runs left goes."""
    for left in store.glob(f"{_UNFINISHED}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.stat().st_mtime > _ABANDONED_SECONDS:
                _delete(left)
    return store / f"{_UNFINISHED}{uuid.uuid4().hex}"


def make_set(store: Path, address: str, folder_name: str, names: dict[str, str]) -> Path:
    """Put the files of an address together under their own names; gives what lies there as an audit reads it.

    Args:
        store: Folder ``shards`` of the cache.
        address: As it was given.
        folder_name: Of the folder that the shards lie in.
        names: By its path in that folder the name of each file in the store.

    Raises:
        StoreError: the disk has no hard links, or another process took a file away.
    """
    version = hashlib.sha256(repr(sorted(names.items())).encode()).hexdigest()[:20]
    folder = store / f"{_of_address(address)}-{version}"
    inner = folder / folder_name
    if not all((inner / name).is_file() for name in names):
        making = unfinished(store)
        try:
            for name, key in names.items():
                linked = making / folder_name / name
                linked.parent.mkdir(parents=True, exist_ok=True)
                os.link(store / key, linked)
            if folder.is_dir():  # somebody took files out of it
                folder.rename(unfinished(store))
            with contextlib.suppress(FileExistsError):
                making.rename(folder)
        except OSError as error:
            if not folder.is_dir():  # else another process was faster
                raise StoreError(
                    f"the cache folder {store} cannot hold the shards under their names: {error.strerror}; give "
                    "--cache a folder on a disk with hard links"
                ) from error
        finally:
            _delete(making)
    os.utime(folder)
    _use(folder)
    return _as_read(inner, address, names)


def kept_set(address: str, caches: Iterable[Path]) -> Path | None:
    """What was fetched of an address last, without asking its server; None where that is not in the caches any more."""
    folders = [one for cache in caches for one in (cache / SHARDS_NAME).glob(f"{_of_address(address)}-*")]
    for folder in sorted(folders, key=_last_use, reverse=True):
        inner = next((one for one in folder.iterdir() if one.is_dir()), None)
        if inner is not None:
            _use(folder)
            return _as_read(inner, address, [one.name for one in inner.iterdir()])
    return None


def kept_shards(cache: Path) -> KeptShards:
    """What the cache holds of shards."""
    sizes = [found.st_size for found in _files(cache / SHARDS_NAME).values()]
    return KeptShards(len(sizes), sum(sizes))


def prune_shards(cache: Path, *, max_bytes: int = 0) -> int:
    """Delete shards until they are no larger, those first that were not used for longest; gives the bytes freed.

    Sets that a process uses stay, and what another one is fetching.
    """
    store = cache / SHARDS_NAME
    before = kept_shards(cache).n_bytes
    if before <= max_bytes:
        return 0
    folders = sorted((one for one in store.iterdir() if one.is_dir()), key=_last_use, reverse=True)
    kept: set[tuple[int, int]] = set()
    n_bytes = 0
    for folder in folders:
        files = _files(folder)
        size = sum(found.st_size for key, found in files.items() if key not in kept)
        if not folder.name.startswith("."):
            if n_bytes + size <= max_bytes or _is_used(folder):
                n_bytes += size
                kept |= set(files)
                continue
            _delete(folder)
    for path in () if _is_used(store) else list(store.iterdir()):
        found = path.stat()
        if path.name.startswith(_UNFINISHED) or (path.is_file() and (found.st_dev, found.st_ino) not in kept):
            _delete(path)
    return before - kept_shards(cache).n_bytes


def _of_address(address: str) -> str:
    return hashlib.sha256(without_secrets(address).encode()).hexdigest()[:20]


def _as_read(inner: Path, address: str, names: Sequence[str] | dict[str, str]) -> Path:
    """One shard is read as a file, and several are as a folder."""
    shards = [name for name in names if is_shard(name)]
    return inner / shards[0] if names_one_shard(address) and shards else inner


def _last_use(folder: Path) -> float:
    with contextlib.suppress(OSError):
        return folder.stat().st_mtime
    return 0.0


def _files(folder: Path) -> dict[tuple[int, int], os.stat_result]:
    """The files below a folder, each once however often it is linked."""
    found = {}
    for top, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                status = os.stat(os.path.join(top, name))  # noqa: PTH116, PTH118
                found[(status.st_dev, status.st_ino)] = status
    return found


def _use(folder: Path) -> None:
    """Hold a set until this process ends, so that `prune_shards` of another one leaves it."""
    if folder not in _used:
        handle = _locked(folder)
        if handle is not None:
            _used[folder] = handle


def _locked(folder: Path) -> int | None:
    """A handle that holds a lock which others may hold too; None where the system or the disk has none."""
    if fcntl is None:
        return None
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        return None
    return handle


def _is_used(folder: Path) -> bool:
    if fcntl is None:
        return False
    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(handle)
    return False


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
