"""Which shards an address means: their names, their sizes, and what tells one version of a file from the next."""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from auditor.data_address import HUGGING_FACE, SCHEMES, is_web, scheme_of, without_secrets
from auditor.errors import InputError
from auditor.inputs.packed_address import PARQUET_SUFFIXES, TAR_SUFFIXES
from auditor.inputs.remote.told import is_absent, reason
from auditor.inputs.tar_tables import CLASS_NAMES
from auditor.wording import nearest, quote, quote_list

#: The package that fsspec asks at each scheme. No others: some of fsspec's run code or unpack files.
_PACKAGES = {
    **dict.fromkeys(SCHEMES, "fsspec"),
    **{"http": "aiohttp", "https": "aiohttp", "s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs"},
    **{"az": "adlfs", "abfs": "adlfs", "hf": "huggingface_hub"},
}
#: What servers say of a file that differs from version to version; the first one that is said counts.
_MARKS = ("ETag", "etag", "md5Hash", "Content-MD5", "Digest", "generation", "blob_id")
#: Likewise; some lists of files lack them, or have other digits than what is said of one file.
_TIMES = ("LastModified", "Last-Modified", "last_modified", "updated", "mtime", "created")
_SUFFIXES = PARQUET_SUFFIXES | TAR_SUFFIXES
_MOST_SHARDS = 100_000
_RANGE = re.compile(r"(\d+)\.\.(\d+)")
_BRACES = re.compile(r"\{([^{}]*)\}")
_DATA_SET = re.compile(r"[\w.-]+(?:/[\w.-]+)?")
#: Of the names of a path, what any disk takes.
_MOST_NAME_BYTES = 200
_EXPECTED = (
    "expected an address that ends in .tar or .parquet, a pattern of such (* or {000..009}), or a folder of them"
)


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file elsewhere.

    Attributes:
        name: Path from the folder of the data set, safe on any disk.
        path: What its file system calls it; it may hold secrets.
        shown: Its address without secrets.
        size: Bytes; None where the server does not say.
        version: What differs where the file does.
        is_telling: Whether another file of the same size has another version.
    """

    name: str
    path: str
    shown: str
    size: int | None
    version: str
    is_telling: bool

    @property
    def key(self) -> str:
        """Name of its copy in the cache, which another version does not have."""
        suffix = PurePosixPath(self.name).suffix.lower()
        return hashlib.sha256(f"{self.shown}\0{self.version}\0{self.size}".encode()).hexdigest()[:40] + suffix


@dataclass(frozen=True, slots=True)
class Listing:
    """What an address means.

    Attributes:
        files: An fsspec file system.
        folder_name: Last name of the folder that the shards lie in.
        shards: By their names.
        beside: Names of classes that lie beside the shards.
    """

    files: Any
    folder_name: str
    shards: tuple[RemoteFile, ...]
    beside: tuple[RemoteFile, ...]


def names_one_shard(address: str) -> bool:
    """Whether an address is of one shard, and no pattern or folder of shards."""
    return is_shard(address) and not _has_pattern(address)


def list_shards(address: str) -> Listing:
    """Ask where the shards of an address are.

    Raises:
        InputError: no such scheme, its package is not installed, nothing there, access refused, or names that no disk
            takes.
    """
    _refuse_malformed(address)
    files = _file_system(address)
    whole = _data_set(address)
    found: dict[str, Mapping[str, Any]] = {}
    for one in _expanded(whole, address):
        found.update(_infos(files, one, address))
    if len({_host(path) for path in found}) > 1:
        raise _refusal(address, "leads to several servers; give one")
    shards = _named(found, address)
    kinds = {PurePosixPath(one.name).suffix.lower() in TAR_SUFFIXES for one in shards}
    if len(kinds) > 1:
        raise _refusal(address, "holds Parquet files and tars; expected shards of one sort: narrow the pattern")
    folder = _folder_of(found)
    beside = _class_names(files, folder, shards, address) if kinds == {True} else ()
    name = posixpath.basename(folder)
    return Listing(files, name if _is_plain(name) else "data", shards, beside)


def version_of(info: Mapping[str, Any]) -> str:
    """What a server says of a file that differs where the file does; "" where it says nothing of the kind."""
    told = ((key, str(info[key]).strip('"')) for key in (*_MARKS, *_TIMES) if info.get(key) is not None)
    return next((f"{key}={value}" for key, value in told if value), "")


def current(files: Any, file: RemoteFile) -> tuple[int | None, str]:
    """Size and version of a file as they are now; errors are the file system's."""
    files.invalidate_cache()
    info = files.info(file.path)
    return _size(info), version_of(info) or file.version


def _refuse_malformed(address: str) -> None:
    if is_web(address):
        try:
            parts = urlsplit(address)
            is_whole = bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            is_whole = False
        if not is_whole:  # not shown: what stands in the wrong place may be a password
            raise InputError("data: the web address has no host, or no number as its port; expected https://HOST/PATH")
    if not address.isprintable():
        raise _refusal(address, "holds characters that cannot be printed; give it without")


def _file_system(address: str) -> Any:
    """The file system of a scheme, which asks anew for everything."""
    scheme = scheme_of(address)
    package = _PACKAGES.get(scheme)
    if package is None:
        close = nearest(scheme, _PACKAGES)
        hint = f"; did you mean {close}://?" if close else ""
        raise _refusal(address, f"begins with {quote(scheme)}; expected one of {', '.join(_PACKAGES)}{hint}")
    for needed in ("fsspec", package):
        if importlib.util.find_spec(needed) is None:
            extra = "'auditor[remote]'" if needed in ("fsspec", "aiohttp") else needed
            raise _refusal(address, f"needs the package {needed}, which is not installed: pip install {extra}")
    import fsspec

    options: dict[str, Any] = {}
    if package == "aiohttp":
        import aiohttp

        # A shard may take hours; what may not is silence. Proxies are those of the environment.
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=30, sock_read=60)
        headers = {"Accept-Encoding": "identity"}  # else a server may send other bytes than it counts
        options = {"client_kwargs": {"timeout": timeout, "trust_env": True, "headers": headers}}
        options["encoded"] = "%" in address or "?" in address  # signatures hold for what is written
    try:
        return fsspec.filesystem(scheme, skip_instance_cache=True, use_listings_cache=False, **options)
    except Exception as error:  # of whatever library is asked
        raise _refusal(address, f"cannot be asked: {reason(error)}") from error


def _data_set(address: str) -> str:
    """``hf:ID`` as the address of the Parquet files that the hub makes of every data set."""
    if not address.startswith(HUGGING_FACE) or address.startswith("hf://"):
        return address
    name = address.removeprefix(HUGGING_FACE)
    if not _DATA_SET.fullmatch(name):
        raise _refusal(address, "is no data set; expected hf:OWNER/NAME, or hf:FOLDER with a folder that is there")
    return f"hf://datasets/{name}@~parquet"


def _path_part(address: str) -> str:
    return urlsplit(address).path if is_web(address) else address


def is_shard(path: str) -> bool:
    """Whether the end of an address or path is that of a shard."""
    return PurePosixPath(_path_part(path)).suffix.lower() in _SUFFIXES


def _has_pattern(address: str) -> bool:
    part = _path_part(address)
    return any(letter in part for letter in "*[{") or (not is_web(address) and "?" in part)


def _expanded(whole: str, address: str) -> Iterator[str]:
    """An address for each choice of its braces, ``{000..009}`` or ``{train,val}``, as shells have them."""
    braces = _BRACES.search(whole.partition("?")[0] if is_web(whole) else whole)
    if braces is None:
        yield whole
        return
    numbers = _RANGE.fullmatch(braces[1])
    if numbers:
        first, last = int(numbers[1]), int(numbers[2])
        width = len(numbers[1]) if numbers[1].startswith("0") else 0
        if not 0 <= last - first < _MOST_SHARDS:
            raise _refusal(address, f"has {{{braces[1]}}}; expected numbers that go up, {_MOST_SHARDS:,} at most")
        choices = [f"{number:0{width}}" for number in range(first, last + 1)]
    else:
        choices = braces[1].split(",")
    made = (
        one
        for choice in choices
        for one in _expanded(f"{whole[: braces.start()]}{choice}{whole[braces.end() :]}", address)
    )
    for number, one in enumerate(made):
        if number >= _MOST_SHARDS:
            raise _refusal(address, f"means over {_MOST_SHARDS:,} shards; narrow it")
        yield one


def _infos(files: Any, one: str, address: str) -> dict[str, Mapping[str, Any]]:
    """What the server says of the shards that one address without braces means, by their paths."""
    path = files._strip_protocol(one)
    try:
        if _has_pattern(one):
            found = files.glob(path, detail=True)
            # Web pages are read for their links, and whoever wrote them may name anything.
            start = re.split(r"[*?[]", path, maxsplit=1)[0]
            listed = {name: info for name, info in found.items() if name.startswith(start)}
        else:
            info = files.info(path)
            if info.get("type") == "directory":
                listed = files.find(path, detail=True)
            elif is_shard(path):
                listed = {path: info}
            else:
                raise _refusal(address, f"is no shard; {_EXPECTED}")
        shards = {
            name: info
            for name, info in listed.items()
            if info.get("type") == "file" and is_shard(name) and not _is_hidden(name)
        }
        whole = {name: info if _is_marked(info) else files.info(name) for name, info in shards.items()}
    except InputError:
        raise
    except Exception as error:  # of whatever library is asked
        of_one = "" if one == address or one == _data_set(address) else f" ({quote(without_secrets(one))})"
        raise _refusal(address, f"cannot be listed{of_one}: {reason(error)}; {_what_to_do(error)}") from error
    if not whole:
        raise _refusal(address, f"matches no shard; {_EXPECTED}")
    return whole


def _what_to_do(error: BaseException) -> str:
    if is_absent(error) or "Credentials" in type(error).__name__:
        return "look at its spelling, and at whether it may be read with the credentials of this machine"
    return "look at the network and the server, then run again"


def _is_marked(info: Mapping[str, Any]) -> bool:
    return info.get("size") is not None and any(info.get(key) for key in _MARKS)


def _is_hidden(path: str) -> bool:
    return posixpath.basename(path).startswith(".")


def _size(info: Mapping[str, Any]) -> int | None:
    size = info.get("size")
    return int(size) if isinstance(size, int | float) else None


def _host(path: str) -> tuple[str, str]:
    parts = urlsplit(path) if is_web(path) else None
    return (parts.scheme, parts.netloc) if parts else ("", "")


def _folder_of(paths: Iterable[str]) -> str:
    """The folder that holds all of some paths."""
    return posixpath.commonpath([posixpath.dirname(_path_part(path)) or "/" for path in paths])


def _named(found: Mapping[str, Mapping[str, Any]], address: str) -> tuple[RemoteFile, ...]:
    """The shards by names that cannot lead out of a folder."""
    folder = _folder_of(found)
    shards = [
        _remote_file(path, posixpath.relpath(_path_part(path), folder), info, address) for path, info in found.items()
    ]
    unsafe = [one.name for one in shards if not all(map(_is_plain, one.name.split("/")))]
    if unsafe:
        raise _refusal(address, f"names {quote_list(unsafe)}, which no disk takes; expected plain names")
    shards.sort(key=lambda one: one.name)
    for one, after in itertools.pairwise(shards):
        if one.name.casefold() == after.name.casefold():  # one file on disks that do not tell letters' cases apart
            raise _refusal(address, f"names {quote(one.name)} twice; narrow the pattern")
    return tuple(shards)


def _remote_file(path: str, name: str, info: Mapping[str, Any], address: str) -> RemoteFile:
    shown = without_secrets(path if "://" in path else f"{scheme_of(address)}://{path.lstrip('/')}")
    version = version_of(info)
    # Where nothing tells versions apart the query may.
    return RemoteFile(name, path, shown, _size(info), version or path, bool(version))


def _is_plain(name: str) -> bool:
    """Whether a name of a path stays where it is put, and is no end of an address of a picture."""
    try:
        n_bytes = len(name.encode())
    except UnicodeEncodeError:
        return False
    is_safe = name.isprintable() and not any(letter in name for letter in "/\\#")
    return is_safe and not name.startswith(".") and 0 < n_bytes <= _MOST_NAME_BYTES


def _class_names(files: Any, folder: str, shards: tuple[RemoteFile, ...], address: str) -> tuple[RemoteFile, ...]:
    """The names of classes beside the shards or in the folder above, where `auditor.inputs.tar_tables` looks."""
    beside = dict.fromkeys(posixpath.dirname(one.name) for one in shards)
    folders = dict.fromkeys([*beside, *(posixpath.dirname(name) if name else ".." for name in beside)])
    first = shards[0].path
    before = first[: first.index(_path_part(first))] if is_web(address) else ""
    for inner in folders:
        path = before + posixpath.normpath(posixpath.join(folder, inner, CLASS_NAMES))
        try:
            info = files.info(path)
        except Exception as error:  # of whatever library is asked
            if is_absent(error):
                continue
            raise _refusal(address, f"{CLASS_NAMES} beside it cannot be asked for: {reason(error)}") from error
        if info.get("type") == "file":
            name = posixpath.join("" if inner == ".." else inner, CLASS_NAMES)
            return (_remote_file(path, name, info, address),)
    return ()


def _refusal(address: str, what: str) -> InputError:
    return InputError(f"data {quote(without_secrets(address), 300)} {what}")
