"""Pictures of the audited split that lie in another split of the same data as well, byte for byte."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from auditor.inputs.contents import read_contents
from auditor.inputs.picture_bytes import is_packed
from auditor.records import ImageItem, Progress
from auditor.wording import quote

#: Pictures that the notice names.
_NAMED = 3


def leaks(
    root: Path,
    audited: Sequence[ImageItem],
    contents: Mapping[str, str | None],
    others: Sequence[ImageItem],
    *,
    memory: Path | None,
    n_jobs: int = 1,
    on_progress: Progress | None = None,
) -> list[tuple[ImageItem, ImageItem]]:
    """The pictures that stand in another split too, each with the first such place, in the order given.

    Equal files have equal sizes, so of the other splits only files as large as an audited one are read. Of shards all
    pictures are.

    Args:
        root: Folder of the data set.
        audited: The pictures of the split, by path.
        contents: sha256 of theirs by path, None where they cannot be used.
        others: The manifest's pictures in other splits.
        memory: As :func:`auditor.inputs.contents.read_contents` has it.
        n_jobs: The same.
        on_progress: The same.
    """
    sizes = {_size(root, item.path) for item in audited} - {None}
    # The size of a picture in a shard is known by reading it, as its digest is.
    in_shards = any(is_packed(f"{root}/{item.path}") for item in audited)
    alike = [i for i in others if in_shards or is_packed(f"{root}/{i.path}") or _size(root, i.path) in sizes]
    read = read_contents(root, [item.path for item in alike], memory=memory, n_jobs=n_jobs, on_progress=on_progress)
    elsewhere: dict[str, list[ImageItem]] = defaultdict(list)
    for item in sorted(alike, key=lambda item: item.path):
        digest = read[item.path]
        if digest is not None:
            elsewhere[digest].append(item)
    return [(item, elsewhere[digest][0]) for item in audited if (digest := contents[item.path]) in elsewhere]


def leak_notice(found: Sequence[tuple[ImageItem, ImageItem]], n_audited: int) -> str:
    """A line on the pictures that stand in another split too, by :func:`leaks`."""
    named = "; ".join(
        f"{quote(one.path)} is {quote(other.path)} in {quote(str(other.split))}" for one, other in found[:_NAMED]
    )
    return (
        f"{len(found):,} of {n_audited:,} pictures {'lies' if len(found) == 1 else 'lie'} in another split "
        f"too, byte for byte: {named}{'; …' if len(found) > _NAMED else ''}; what was trained on it is no "
        "test (near copies in other splits are found where all splits are audited at once)"
    )


def _size(root: Path, path: str) -> int | None:
    try:
        return os.stat(f"{root}/{path}").st_size  # noqa: PTH116 (a million times)
    except OSError:
        return None
