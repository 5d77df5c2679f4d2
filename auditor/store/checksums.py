"""Digests that bind the files of an audit to its ``audit.json``, so that damage is told from what was written.

They are against damage, not against forgery: whoever changes a file can write its digest as well. Against that stands
the digest of ``audit.json`` itself, where somebody else keeps it: the job that made the audit prints it.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from auditor.regular_files import file_sha256
from auditor.wording import quote

#: Key of ``audit.json``: sha256 by file, relative to the folder.
FILES = "files"
#: Key while a file is replaced: the digests that count as well, until the new file is in its place.
FILES_BEFORE = "files_before"
#: Key: the digest of all the rest.
DIGEST = "digest"
_BOUND_NAME = re.compile(r"(features/)?[A-Za-z0-9_]+\.[a-z0-9]+")


def digests_of_files(folder: Path, names: Iterable[str]) -> dict[str, str]:
    """The sha256 of each of the files that is there, by its name relative to ``folder``."""
    return {name: file_sha256(folder / name) for name in names if (folder / name).is_file()}


def audit_digest(manifest: Mapping[str, Any]) -> str:
    """Digest over all that an ``audit.json`` says but its own digest; layout and order of its keys do not count."""
    rest = {key: value for key, value in manifest.items() if key != DIGEST}
    return hashlib.sha256(json.dumps(rest, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def is_bound(manifest: Mapping[str, Any]) -> bool:
    """Whether it binds files; the ``audit.json`` of an older auditor does not."""
    return FILES in manifest or DIGEST in manifest


def damage_of(folder: Path, manifest: Mapping[str, Any], names: Iterable[str] | None = None) -> list[str]:
    """What is wrong with the bound files, a line each: missing, unreadable, or others than were written.

    Features may be deleted, all together: nothing is said of them then.

    Args:
        folder: Of the audit.
        manifest: Its ``audit.json``.
        names: Only these files; all without it.
    """
    bound, before = manifest.get(FILES), manifest.get(FILES_BEFORE, {})
    if not isinstance(bound, dict) or not isinstance(before, dict):
        return ["audit.json: its list of files is no table of names and digests"]
    wanted = bound if names is None else {name: bound.get(name) for name in names}
    if features_deleted(folder, manifest):
        wanted = {name: digest for name, digest in wanted.items() if not is_feature(name)}
    found = ((name, _damage(folder, name, (digest, before.get(name)))) for name, digest in wanted.items())
    return [f"{name if _BOUND_NAME.fullmatch(name) else quote(name)}: {what}" for name, what in found if what]


def features_deleted(folder: Path, manifest: Mapping[str, Any]) -> bool:
    """Whether the audit had features and all of them are gone, which is its owner's right."""
    files = manifest.get(FILES)
    bound = [name for name in files if is_feature(name)] if isinstance(files, dict) else []
    return bool(bound) and not any((folder / name).exists() for name in bound)


def is_feature(name: str) -> bool:
    """Whether a bound name is that of a file of features."""
    return name.startswith("features/") and _BOUND_NAME.fullmatch(name) is not None


def _damage(folder: Path, name: str, digests: Sequence[Any]) -> str | None:
    if not _BOUND_NAME.fullmatch(name):
        return "no name of a file of an audit"
    path = folder / name
    try:
        if not path.is_file():
            return "no regular file" if path.exists() else "missing"
        found = file_sha256(path)
    except OSError as error:
        return f"cannot be read: {error.strerror or error}"
    if found in digests:
        return None
    return f"damaged, or changed since: its sha256 is {found[:12]}…, audit.json says {_short(digests)}"


def _short(digests: Sequence[Any]) -> str:
    known = [quote(digest)[1:-1] for digest in digests if digest is not None]
    return " or ".join(f"{digest[:12]}…" for digest in known) or "nothing of it"
