"""Files that an audit names: whoever made it chose them, so they are read only where the user says so."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from auditor.errors import InputError
from auditor.wording import SHOWN_PATH_CHARS, quote

#: Where a model comes from that is nobody's code: libraries, the bundled ones, and a module that was in memory.
_NO_FACTORY = ("torchvision", "timm", "hf", "sample", "live")


def encoder_file(spec: str) -> str | None:
    """The spec where it names a file (``open_clip:ARCH@FILE``); None for encoders that are known by name."""
    return spec if spec.startswith("open_clip:") and "@" in spec else None


def model_folder(spec: str) -> str | None:
    """The spec where it names a folder, or a repository of the hub; None for models that a library knows by name.

    A folder of timm has a slash in it (``timm:./mine``), so that no folder here can stand for a model of that name.
    """
    source, _, name = spec.partition(":")
    is_path = "/" in name or "\\" in name or name in (".", "..")
    return spec if source == "hf" or (source == "timm" and is_path) else None


def is_factory(spec: str) -> bool:
    """Whether a model is made by code of its owner (``FILE.py:factory``, ``module:factory``), which runs if trusted."""
    source, _, name = spec.partition(":")
    return bool(name) and source not in _NO_FACTORY


def check_named_examples(audit: Path, named: Mapping[str, Sequence[Path]], *, trust_code: bool) -> None:
    """Refuse folders of examples that an audit names: no flag gives them again.

    Args:
        audit: Folder of the audit.
        named: By concept, where its examples lie.
        trust_code: Whether the user trusts whoever made the audit.

    Raises:
        InputError: an example, and no trust.
    """
    if named and not trust_code:
        concept, (first, *_) = next(iter(named.items()))
        raise InputError(
            f"the audit at {audit} names examples of {quote(concept)} in {quote(str(first), SHOWN_PATH_CHARS)}, which "
            "whoever made it chose, so they are not read unasked: give --trust-code"
        )


def check_named_files(audit: Path, named: Mapping[str, Path | str | None], *, trust_code: bool) -> None:
    """Refuse the files that an audit names and that nobody gave again.

    Args:
        audit: Folder of the audit.
        named: By the flag that gives it again, what the audit names; None where it names no file.
        trust_code: Whether the user trusts whoever made the audit.

    Raises:
        InputError: a file, and no trust.
    """
    files = {flag: str(file) for flag, file in named.items() if file is not None}
    if not files or trust_code:
        return
    again = " ".join(f"--{flag} {quote(file, SHOWN_PATH_CHARS)}" for flag, file in files.items())
    raise InputError(
        f"the audit at {audit} names files, which whoever made it chose, so they are not read unasked: give {again} "
        "again, or --trust-code"
    )
