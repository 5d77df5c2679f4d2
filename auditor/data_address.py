"""Addresses of data elsewhere (``s3://…``, ``https://…``, ``hf:…``): told from paths, and shown without secrets.

An address is a `str` and what lies on this machine a `Path`, wherever data are named.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

#: Before the name of a data set of Hugging Face, or a folder of its Parquet files.
HUGGING_FACE = "hf:"
#: How addresses begin that are asked for data.
SCHEMES = ("http", "https", "s3", "gs", "gcs", "az", "abfs", "hf", "memory", "file")
_WITH_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+)://(.*)", re.DOTALL)


def is_address(text: str) -> bool:
    """Whether a text is the address of data elsewhere, and no path."""
    return text.startswith(HUGGING_FACE) or _WITH_SCHEME.match(text) is not None


def is_known_address(text: str) -> bool:
    """Whether a text, which may come from anybody, is an address of a scheme that is known."""
    return is_address(text) and scheme_of(text) in SCHEMES


def data_place(given: object) -> Path | str:
    """Where data lie: an address as it is given, anything else as a path; ``hf:FOLDER`` is a folder that is there.

    Raises:
        ValueError: neither.
    """
    if not isinstance(given, str | os.PathLike):
        raise ValueError("input is not a valid path")
    text = os.fspath(given)
    if not isinstance(text, str):
        raise ValueError("input is not a valid path")
    if not isinstance(given, str) or not is_address(text):
        return Path(text)
    folder = Path(text.removeprefix(HUGGING_FACE))
    return folder if text.startswith(HUGGING_FACE) and "://" not in text and folder.is_dir() else text


def pictures_in(place: Path) -> Path:
    """The folder that the paths of pictures begin in: data that are a folder, or where their manifest or shard lies."""
    return place if place.is_dir() else place.parent


def scheme_of(address: str) -> str:
    """What stands before ``://``, in lower case; "hf" for ``hf:…``."""
    found = _WITH_SCHEME.match(address)
    return found[1].lower() if found else HUGGING_FACE.rstrip(":")


def is_web(address: str) -> bool:
    """Whether a web server is asked, whose addresses have a query behind ``?``, where others have a pattern."""
    return scheme_of(address) in ("http", "https")


def without_secrets(address: str) -> str:
    """The address as it is stored and shown: without user, password and query, where keys and signatures stand."""
    found = _WITH_SCHEME.match(address)
    if found is None:
        return address
    authority, slash, path = found[2].partition("/")
    cut = re.compile(r"[?#].*" if is_web(address) else r"\?[^/]*=.*", re.DOTALL)
    if not slash:
        authority = cut.sub("", authority)
    return f"{found[1]}://{authority.rpartition('@')[2]}{slash}{cut.sub('', path)}"


def shown_place(place: Path | str) -> str:
    """A place of data as it is stored and shown."""
    return without_secrets(place) if isinstance(place, str) else str(place)
