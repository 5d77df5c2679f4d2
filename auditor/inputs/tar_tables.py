"""WebDataset's tars as a table: ``17.jpg``, ``17.cls`` and ``17.json`` are a picture, its class, and what is known."""

from __future__ import annotations

import json
import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from auditor.errors import InputError
from auditor.figures import counted
from auditor.inputs.columns import LABEL, PATH
from auditor.inputs.picture_formats import PICTURE_SUFFIXES
from auditor.inputs.problems import Kind, Problems
from auditor.inputs.tables import Table, json_text
from auditor.inputs.tar_pictures import TarIndex, index_of, small_members
from auditor.regular_files import read_regular_text
from auditor.wording import SHOWN_ENTRIES, quote, quote_list

#: Members that are read whole beside a picture: no class or description is as large.
_MOST_BYTES = 2**20
#: Beside the shards or above them, a class a line: how CLIP's benchmark sets name what ``.cls`` numbers.
CLASS_NAMES = "classnames.txt"
_PICTURES = frozenset([*PICTURE_SUFFIXES, ".jfif", ".ppm", ".pgm", ".avif", ".heic"])
_CLASS, _FACTS, _MASK = "cls", "json", "mask."

_UNSAFE = Kind(
    "member has a name that leads out, or that cannot be written",
    "members have names that lead out, or that cannot be written",
    "name them by plain relative paths",
)
_REPEATED = Kind(
    "member has the name of an earlier one", "members have the name of an earlier one", "one key a picture"
)
_SEVERAL = Kind(
    "key has several pictures",
    "keys have several pictures",
    "one picture a key is audited, and key.mask.png is its mask: write the tar with one of them",
)
_NO_TEXT = Kind("class is no UTF-8 text", "classes are no UTF-8 text", "a .cls holds a number or a name")
_NO_JSON = Kind("description is no JSON object", "descriptions are no JSON objects", "expected one object a .json")
_LARGE = Kind("member beside a picture is over 1 MiB", "members beside pictures are over 1 MiB", "leave them out")
_NO_NAME = Kind(
    "class has no line in classnames.txt", "classes have no line in classnames.txt", "numbers count its lines from 0"
)


@dataclass(slots=True)
class _Sample:
    """The members of one key, by what stands behind its first dot, in small letters."""

    shard: str
    key: str
    members: dict[str, str] = field(default_factory=dict)

    @property
    def place(self) -> str:
        return f"key {quote(self.key)} of {quote(self.shard)}"

    @property
    def pictures(self) -> list[str]:
        """Names of its pictures, but for the mask."""
        return [name for end, name in self.members.items() if _is_picture(end) and not end.startswith(_MASK)]

    @property
    def mask(self) -> str:
        """Address of its mask; empty where there is none."""
        masks = [name for end, name in self.members.items() if _is_picture(end) and end.startswith(_MASK)]
        return f"{self.shard}#{masks[0]}" if masks else ""


@dataclass(slots=True)
class _LeftOut:
    """What is in the tars and is not read."""

    links: list[str] = field(default_factory=list)
    without_picture: list[str] = field(default_factory=list)
    ends: Counter[str] = field(default_factory=Counter)
    objects: Counter[str] = field(default_factory=Counter)

    def notices(self, what: str) -> list[str]:
        found = []
        if self.links:
            n = counted(len(self.links), "member is a link or no file", "members are links or no files")
            found.append(f"{what}: {n}, left out: {quote_list(self.links)}")
        if self.without_picture:
            n = counted(len(self.without_picture), "key has no picture", "keys have no picture")
            found.append(f"{what}: {n}, left out: {quote_list(self.without_picture)}")
        if self.ends:
            ends = ", ".join(f"{quote('.' + end)} ({n:,})" for end, n in sorted(self.ends.items())[:SHOWN_ENTRIES])
            found.append(f"{what}: {counted(self.ends.total(), 'member')} beside the pictures left out: {ends}")
        if self.objects:
            named = quote_list(sorted(self.objects))
            found.append(f"{what}: entries of the descriptions that hold objects are left out: {named}")
        return found


def tar_table(shards: Sequence[str], root: Path, what: str, problems: Problems) -> tuple[Table, list[str]]:
    """The pictures of shards, one after another, and notices on what was left out.

    The class is what ``.cls`` says, by the lines of ``classnames.txt`` beside the shards or above them; else an entry
    of the ``.json`` that is called like one; else the first folder of the member.

    Args:
        shards: Paths from ``root``.
        root: Folder of the data set.
        what: How messages call the data.
        problems: Takes hostile and repeated members, and what cannot be read.

    Raises:
        InputError: a shard is no tar, or cut short.
    """
    samples: list[_Sample] = []
    facts: list[dict[str, str]] = []
    classes: list[str | None] = []
    left_out = _LeftOut()
    for shard in shards:
        try:
            index = index_of(str(root / shard))
            _take_hostile(index, shard, problems)
            left_out.links += index.links
            found = _samples_with_a_picture(shard, index, problems, left_out)
            classes += [_class(data, one, problems) for one, data in _beside(found, _CLASS, root, problems)]
            facts += [_facts(data, one, problems, left_out) for one, data in _beside(found, _FACTS, root, problems)]
            samples += found
        except (InputError, OSError) as error:
            raise InputError(f"{what}: shard {quote(shard)}: {error}") from error
    notices = left_out.notices(what)
    names = dict.fromkeys(name for of_sample in facts for name in of_sample)
    columns = {name: [of_sample.get(name, "") for of_sample in facts] for name in names if name}
    columns |= _labels(samples, classes, columns, _names_beside(shards, root, what), what, problems, notices)
    if any(one.mask for one in samples):
        columns["mask"] = [one.mask for one in samples]
    if columns.pop(PATH.name, None) is not None:
        notices.append(f"{what}: entry 'path' of the descriptions is left out: a picture's path is its tar and member")
    columns[PATH.name] = [f"{one.shard}#{one.pictures[0]}" for one in samples]
    return Table(columns, [one.place for one in samples]), notices


def _take_hostile(index: TarIndex, shard: str, problems: Problems) -> None:
    for name in index.unsafe:
        problems.add(_UNSAFE, f"{quote(name)} in {quote(shard)}")
    for name in index.repeated:
        problems.add(_REPEATED, f"{quote(name)} in {quote(shard)}")


def _samples_with_a_picture(shard: str, index: TarIndex, problems: Problems, left_out: _LeftOut) -> list[_Sample]:
    samples: dict[str, _Sample] = {}
    # A dot may stand in the name of a picture where nothing beside it shares its key.
    alone = not any(name.lower().endswith((f".{_CLASS}", f".{_FACTS}")) for name in index.members)
    for name in index.members:
        folder, base = posixpath.split(name)
        if base.startswith("."):  # what macOS and editors leave
            continue
        stem, _, end = base.rpartition(".") if alone else base.partition(".")
        key = posixpath.join(folder, stem)
        sample = samples.setdefault(key, _Sample(shard, key))
        if end.lower() in sample.members:
            problems.add(_REPEATED, f"{quote(name)} and {quote(sample.members[end.lower()])} in {quote(shard)}")
        sample.members[end.lower()] = name
    kept = []
    for sample in samples.values():
        if not sample.pictures:
            left_out.without_picture.append(sample.key)
            continue
        if len(sample.pictures) > 1:
            problems.add(_SEVERAL, f"{quote_list(sample.pictures)} in {quote(shard)}")
        left_out.ends.update(end for end in sample.members if not _is_picture(end) and end not in (_CLASS, _FACTS))
        kept.append(sample)
    return kept


def _is_picture(end: str) -> bool:
    return f".{end.rpartition('.')[2]}" in _PICTURES


def _beside(
    samples: Sequence[_Sample], end: str, root: Path, problems: Problems
) -> Iterator[tuple[_Sample, bytes | None]]:
    """Each picture of one shard with what stands in its member of that ending; None where it has none."""
    names = [one.members[end] for one in samples if end in one.members]
    contents = iter(small_members(str(root / samples[0].shard), names, _MOST_BYTES)) if names else iter(())
    for one in samples:
        data = next(contents) if end in one.members else None
        if data is None and end in one.members:
            problems.add(_LARGE, f"{quote(one.members[end])} in {quote(one.shard)}")
        yield one, data


def _class(data: bytes | None, sample: _Sample, problems: Problems) -> str | None:
    try:
        return None if data is None else data.decode("utf-8-sig").strip()
    except UnicodeDecodeError:
        problems.add(_NO_TEXT, sample.place)
        return None


def _facts(data: bytes | None, sample: _Sample, problems: Problems, left_out: _LeftOut) -> dict[str, str]:
    """The plain values of a description."""
    if data is None:
        return {}
    try:
        given = json.loads(data)
        if not isinstance(given, dict):
            raise ValueError("no object")
    except (ValueError, RecursionError):  # text in no UTF-8 too
        problems.add(_NO_JSON, sample.place)
        return {}
    found = {}
    for name, value in given.items():
        try:
            found[name.strip()] = json_text(name, value)
        except ValueError:
            left_out.objects[name] += 1
    return found


def _labels(
    samples: Sequence[_Sample],
    classes: Sequence[str | None],
    columns: Mapping[str, Sequence[str]],
    names: Mapping[str, str] | None,
    what: str,
    problems: Problems,
    notices: list[str],
) -> dict[str, list[str]]:
    """The column of labels, where no entry of the descriptions is one."""
    if any(text is not None for text in classes):
        if LABEL.name in columns:
            notices.append(f"{what}: entry 'label' of the descriptions is left out: .cls says the class")
        found = []
        for text, sample in zip(classes, samples, strict=True):
            if names is not None and text and text not in names:
                problems.add(_NO_NAME, f"{quote(text)}, {sample.place}")
            found.append("" if text is None else text if names is None else names.get(text, ""))
        return {LABEL.name: found}
    if any(map(LABEL.is_known_as, columns)) or not all("/" in one.key for one in samples) or not samples:
        return {}
    notices.append(f"{what} has no classes beside its pictures: the first folder of a member is its label")
    return {LABEL.name: [one.key.partition("/")[0] for one in samples]}


def _names_beside(shards: Sequence[str], root: Path, what: str) -> dict[str, str] | None:
    """Names of classes by number, from the file of them beside the shards or in the folder above."""
    beside = [(root / shard).absolute().parent for shard in shards]
    folders = dict.fromkeys([*beside, *(folder.parent for folder in beside)])
    path = next((folder / CLASS_NAMES for folder in folders if (folder / CLASS_NAMES).is_file()), None)
    if path is None:
        return None
    try:
        lines = read_regular_text(path).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{what}: {CLASS_NAMES} cannot be read: {error}; expected a class a line, in UTF-8") from error
    return {str(number): line.strip() for number, line in enumerate(lines)}
