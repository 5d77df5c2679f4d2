"""Bring the shards of an address into the cache, where they are read as files are; nothing is unpacked."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditor.data_address import without_secrets
from auditor.errors import InputError
from auditor.figures import counted
from auditor.inputs.remote.kept import SHARDS_NAME, fetching, make_set, unfinished
from auditor.inputs.remote.listing import Listing, RemoteFile, current, list_shards
from auditor.inputs.remote.told import is_lasting, is_of_disk, reason
from auditor.inputs.shards import shards_in
from auditor.records import Progress
from auditor.wording import quote, quote_list

logger = logging.getLogger(__name__)

_MIB = 2**20


@dataclass(frozen=True, slots=True)
class Fetched:
    """Where the shards of an address lie now, as a folder or one file, and how many were not there before."""

    path: Path
    n_fetched: int
    n_there: int

    def line(self) -> str:
        """One line for the reader."""
        n = self.n_fetched + self.n_there
        return f"{self.n_fetched:,} of {counted(n, 'shard')} fetched, {self.n_there:,} {_were(self.n_there)} there"


def fetch_shards(address: str, cache: Path, *, on_progress: Progress | None = None) -> Fetched:
    """Fetch what is not in the cache yet; what was fetched before an error stays there.

    Args:
        address: See `auditor.inputs.remote.listing.list_shards`.
        cache: Folder of the cache.
        on_progress: Called with the stage, what is done and the total, in MiB.

    Raises:
        InputError: the server, the network or the disk refuses; a file is not whole, or changes meanwhile.
        StoreError: the cache cannot hold the shards under their names.
    """
    listing = list_shards(address)
    store = cache / SHARDS_NAME
    try:
        store.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cache {quote(cache)} cannot be made: {error.strerror}; give another --cache") from error
    with fetching(store):
        missing = [one for one in listing.shards if not _is_there(store, one)]
        beside = [one for one in listing.beside if not _is_there(store, one)]
        _fetch_all(listing, [*missing, *beside], store, on_progress)
        names = {one.name: one.key for one in (*listing.shards, *listing.beside)}
        path = make_set(store, address, listing.folder_name, names)
    if missing and not all(one.is_telling for one in listing.shards):
        logger.warning(
            "%s: the server says neither version nor time of its files, so that one that changes at the same size is "
            "not seen: `auditor cache prune` has all of them fetched again",
            without_secrets(address),
        )
    if path.is_dir():
        _refuse_unread(address, path, listing)
    return Fetched(path, len(missing), len(listing.shards) - len(missing))


def _refuse_unread(address: str, folder: Path, listing: Listing) -> None:
    """All shards must be what a folder of them is read as, or pictures would be missing from the audit."""
    names = [one.name for one in listing.shards]
    if sorted(shards_in(folder)) != names:
        folders = sorted({name.rpartition("/")[0] or "." for name in names})
        raise InputError(
            f"data {quote(without_secrets(address))} means shards in the folders {quote_list(folders)}; "
            "expected them in one folder, or in folders of splits: narrow the address"
        )


def _is_there(store: Path, file: RemoteFile) -> bool:
    path = store / file.key
    return path.is_file() and file.size in (None, path.stat().st_size)


def _fetch_all(listing: Listing, files: Sequence[RemoteFile], store: Path, on_progress: Progress | None) -> None:
    total = sum(one.size or 0 for one in files)
    free = shutil.disk_usage(store).free
    if total > free:
        raise InputError(
            f"the shards to fetch are {total / _MIB:,.0f} MiB, and {free / _MIB:,.0f} MiB are free in {store}: make "
            "room, or give --cache a folder on another disk"
        )
    done = 0
    for one in files:

        def tell(size: int | None, value: int, before: int = done, **_: object) -> None:
            del size
            if on_progress and total:
                on_progress("MiB fetched", min(before + value, total) // _MIB, -(-total // _MIB))

        _fetch(listing.files, one, store, tell)
        done += one.size or 0


def _fetch(files: Any, file: RemoteFile, store: Path, tell: Callable[..., None]) -> None:
    """Fetch one file under another name, and give it its own once it is whole; a connection that breaks, twice."""
    from fsspec.callbacks import Callback

    for is_last in (False, True):
        part = unfinished(store)
        try:
            files.get_file(file.path, str(part), callback=Callback(hooks={"tell": tell}))
            size = part.stat().st_size
            if file.size is not None and size < file.size:
                raise TruncatedError(f"it ends after {size:,} of {file.size:,} bytes")
            if current(files, file) != (file.size, file.version) or file.size not in (None, size):
                raise InputError(f"shard {quote(file.shown)} changed while it was fetched; run again")
            part.replace(store / file.key)
            return
        except InputError:
            raise
        except Exception as error:  # of whatever library fetches
            if is_last or is_lasting(error):
                raise InputError(_refused(file, store, error)) from error
            logger.warning("%s: %s; fetched once more", file.shown, _why(error))
        finally:
            part.unlink(missing_ok=True)


class TruncatedError(Exception):
    """Fewer bytes came than the server had said."""


def _why(error: Exception) -> str:
    return str(error) if isinstance(error, TruncatedError) else reason(error)


def _refused(file: RemoteFile, store: Path, error: Exception) -> str:
    if is_of_disk(error) or str(getattr(error, "filename", None) or "").startswith(str(store)):
        return (
            f"shard {quote(file.shown)} cannot be written to {store}: {reason(error)}; make room, or give --cache a "
            "folder on another disk; shards that were fetched stay"
        )
    return (
        f"shard {quote(file.shown)} cannot be fetched: {_why(error)}; look at the network and the server, then run "
        "again: shards that were fetched stay"
    )


def _were(n: int) -> str:
    return "was" if n == 1 else "were"
