"""Rows of a manifest as pictures, with every path kept inside one folder."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from auditor.inputs.columns import LABEL, PATH, find_column, no_column
from auditor.inputs.one_label import OneOf, labels_of
from auditor.inputs.one_spelling import one_form, spelling_notice, tidy, visible
from auditor.inputs.packed_address import shard_of
from auditor.inputs.picture_bytes import is_packed, is_there
from auditor.inputs.problems import Kind, Problems
from auditor.inputs.several_labels import PictureLabels, is_flag, label_table
from auditor.inputs.tables import SEVERAL, TABLE_SUFFIXES, Table, column_names, read_table
from auditor.records import PROPERTY_PREFIX, ImageItem
from auditor.wording import quote, quote_list, quote_path

#: Columns of a manifest that are no attributes, beside those that name picture and class.
_RESERVED = ("split", "group_id", "mask")
#: How programs write that there is no value (what pandas reads as none, and R and Python write): a class of that name
#: cannot be told from pictures without a label, nor a patient from pictures of nobody.
NO_VALUE = frozenset(
    [
        *("nan", "NaN", "-nan", "-NaN", "NaT", "None", "null", "NULL", "NA", "N/A", "n/a", "<NA>", "#NA", "#N/A"),
        *("#N/A N/A", "1.#IND", "-1.#IND", "1.#QNAN", "-1.#QNAN"),
    ]
)


class Confinement:
    """Tells whether files lie inside a folder once links are followed; remembers the folders it has looked at."""

    def __init__(self, root: Path, *, named: Iterable[str] = ()) -> None:
        """``named`` are files that the user chose himself, wherever a link in their place leads."""
        self.folder = root
        self.root = os.path.realpath(root)
        self.names = (self.root, os.path.abspath(root))  # noqa: PTH100 (links stay, as absolute paths have them)
        self._folders: dict[str, str] = {"": self.root}
        self._shards = dict.fromkeys(named, True)

    def holds(self, relative_path: str) -> bool:
        """Return whether the path (forward slashes, no "..") stays inside; a missing file does."""
        shard = shard_of(relative_path, self.root)
        if shard is None:
            return self._holds_file(relative_path)
        if shard not in self._shards:
            self._shards[shard] = self._holds_file(shard)
        return self._shards[shard]

    def _holds_file(self, relative_path: str) -> bool:
        folder, _, name = relative_path.rpartition("/")
        real_folder = self._folders.get(folder)
        if real_folder is None:
            real_folder = os.path.realpath(f"{self.root}/{folder}")
            self._folders[folder] = real_folder
        if not self._inside(real_folder):
            return False
        file = f"{real_folder}/{name}"
        try:
            is_link = stat.S_ISLNK(os.lstat(file).st_mode)
        except OSError:
            return True  # absent or unreadable: a failure of that picture when it is decoded
        return not is_link or self._inside(os.path.realpath(file))

    def _inside(self, real_path: str) -> bool:
        return real_path == self.root or real_path.startswith(self.root.rstrip("/") + "/")


@dataclass(frozen=True, slots=True, eq=False)
class Manifest:
    """The pictures that a table or a folder lists, in its order (``image_id`` still empty), and what is wrong with it.

    ``what`` is how messages call it, ``root`` the folder that paths are relative to. ``notices`` say how it was read.
    ``label_names`` are the labels that pictures may have several of, where the table is read so; ``one_column`` says
    that they stand in one column.
    """

    what: str
    root: Path
    items: list[ImageItem]
    attribute_names: tuple[str, ...] = ()  # sorted
    has_splits: bool = False
    notices: tuple[str, ...] = ()
    problems: Problems = field(default_factory=Problems)
    label_names: tuple[str, ...] = ()
    one_column: bool = True


@dataclass(frozen=True, slots=True)
class Reading:
    """How a table is read, as the user says.

    Attributes:
        data_root: Folder that paths are relative to, and that absolute ones lie in; None: the table's own.
        path_column: Column that names the pictures; None: found by its name.
        label_column: Column that names the classes; None: found by its name.
        one_of: Labels of which a picture has one; None: every picture has one label at most.
        multi_label: Whether a picture may have several labels, and what counts is whether it has ``label``.
        label: The label that counts; None: which labels there are is all that is wanted.
        address: Where shards were fetched from, which messages call them by; None: by their path.
    """

    data_root: Path | None = None
    path_column: str | None = None
    label_column: str | None = None
    one_of: OneOf | None = None
    multi_label: bool = False
    label: str | None = None
    address: str | None = None


#: Columns by their names, pictures beside or below the table.
AS_FOUND = Reading()

_BLANK = Kind("row has no path", "rows have no path", "name a file in each")
_NUL = Kind("path holds a NUL character", "paths hold a NUL character", "name files")
_OUTSIDE = Kind(
    "path leads out of the folder of the pictures",
    "paths lead out of the folder of the pictures",
    "name files below that folder, without '..' or links out of it, or a folder above them all with --data-root",
)
_REPEATED = Kind(
    "row names a picture again", "rows name a picture again", "expected one row a picture: drop the others"
)
_OF_SEVERAL = (
    "--multi-label audits a classifier of several labels (sigmoid outputs), label by label; `auditor manifest csv FILE "
    "--one-of A,B` keeps the pictures with one of A and B"
)
_SEVERAL_LABELS = Kind(
    "picture has several labels",
    "pictures have several labels",
    f"an audit needs one class a picture: {_OF_SEVERAL}; or name another column with --label-column",
)
_NO_BYTES = Kind(
    "picture of a shard has no bytes there",
    "pictures of shards have no bytes there",
    "write the bytes into the shard, not the paths of files alone",
)


def read_manifest(
    path: Path, reading: Reading = AS_FOUND, *, needs_label: bool = True, labels_of_folders: bool = False
) -> Manifest:
    """Read a manifest: a table that names pictures. Rows with a problem are left out, and counted in its problems.

    Values have one form, see `auditor.inputs.one_spelling`; names of splits are lower case besides.

    Args:
        path: A file that `auditor.inputs.tables.read_table` reads.
        reading: Which columns count, and where the pictures lie.
        needs_label: Whether labels are looked for under all of their names, and must be there.
        labels_of_folders: Where there is none, the first folder of its path is a picture's label.

    Raises:
        InputError: unreadable, or no column that is needed.
    """
    what = f"manifest {quote(path.name)}"
    problems = Problems()
    table = read_table(path, what, problems)
    confinement = Confinement(path.parent if reading.data_root is None else reading.data_root)
    return pictures_of(
        table, what, confinement, reading, problems, needs_label=needs_label, labels_of_folders=labels_of_folders
    )


def pictures_of(
    table: Table,
    what: str,
    confinement: Confinement,
    reading: Reading,
    problems: Problems,
    *,
    needs_label: bool = True,
    labels_of_folders: bool = False,
) -> Manifest:
    """The rows of a table as pictures, as `read_manifest` has them.

    Args:
        table: As it was read.
        what: How messages call it.
        confinement: The folder that the paths begin in, and must stay in.
        reading: Which columns count.
        problems: Those of reading the table, to which those of its rows are added.
        needs_label: As `read_manifest`.
        labels_of_folders: As `read_manifest`.

    Raises:
        InputError: no column that is needed.
    """
    path_column, label_column = _columns(table, reading, what, problems, needs_label, labels_of_folders)
    if not table.places and not problems.n:
        problems.say("no rows; expected one row a picture")
    # What names files is kept letter by letter.
    columns = {n: values if n in (path_column, "mask") else one_form(values) for n, values in table.columns.items()}
    several = flags = None
    candidates = {name: values for name, values in columns.items() if name not in (path_column, *_RESERVED)}
    if reading.multi_label:
        named = reading.label_column is not None
        several = label_table(candidates, label_column, what, named=named, label=reading.label)
        if several is not None and not several.one_column:
            label_column = reading.label if reading.label in several.names else None
    elif reading.one_of is not None and label_column is None:
        flags = label_table(candidates, None, what, named=False, label=None)
    may_have_several = reading.multi_label or reading.one_of is not None
    if may_have_several and not labels_of_folders and (label_column or several or flags) is None:
        problems.say(no_column(tuple(table.columns), LABEL))
        problems.refuse(what)
    where_it_counts = [name for name in (label_column, *_RESERVED) if name in columns]
    _find_no_values({name: columns[name] for name in where_it_counts if name is not None}, table.places, problems)
    blank = [""] * len(table.places)
    splits = {value: split_name(value) for value in set(columns.get("split", blank))}
    chosen_flags = reading.one_of.names if reading.one_of is not None and flags is not None else ()
    attribute_names = tuple(sorted(set(columns) - {path_column, label_column, *_RESERVED, *chosen_flags}))
    taken = [name for name in attribute_names if name.startswith(PROPERTY_PREFIX)]
    if taken:
        problems.say(
            f"column {quote(taken[0])} begins with {quote(PROPERTY_PREFIX)}, as only columns that auditor "
            "measures itself do: give it another name"
        )
    attribute_columns = [(name, columns[name]) for name in attribute_names]
    place_of: dict[str, str] = {}
    items: dict[str, ImageItem] = {}
    labels: dict[str, tuple[str, ...]] = {}
    of_picture: dict[str, PictureLabels] = {}
    absolute: list[tuple[str, str]] = []
    differing: dict[str, set[str]] = {}  # pictures whose rows differ, by column

    def inside(raw: str, place: str) -> str | None:
        """The path from the root; None, and the problem, where there is none."""
        if "\0" in raw:
            problems.add(_NUL, f"{quote(raw)} on {place}")
            return None
        relative_path = path_below(raw, confinement)
        if relative_path is None and is_absolute(raw):
            absolute.append((raw, place))
        elif relative_path is None:
            problems.add(_OUTSIDE, f"{quote(raw)} on {place}")
        return relative_path

    rows = zip(
        table.places,
        columns[path_column],
        blank if label_column is None else columns[label_column],
        columns.get("split", blank),
        columns.get("group_id", blank),
        columns.get("mask", blank),
        strict=True,
    )
    for row, (place, raw_path, label, split, group_id, mask) in enumerate(rows):
        if not raw_path.strip():
            problems.add(_BLANK, place)
            continue
        relative_path = inside(raw_path, place)
        if relative_path is None:
            continue
        of_row = labels_of(label) if flags is None else tuple(sorted(flags.of_row(row).has))
        if label_column is None and labels_of_folders and "/" in relative_path:
            of_row = (tidy(relative_path.partition("/")[0]),)
        if reading.multi_label:
            has = PictureLabels(frozenset(of_row)) if several is None else several.of_row(row)
            of_row = tuple(sorted(has.has))
            of_picture[relative_path] = of_picture[relative_path] | has if relative_path in of_picture else has
        mask_path = inside(mask, place) if mask.strip() else None
        item = ImageItem(
            image_id="",
            path=relative_path,
            label=None,
            split=_or_none(splits[split]),
            group_id=_or_none(group_id),
            mask_path=mask_path,
            attributes={name: values[row] for name, values in attribute_columns if values[row].strip()},
        )
        known = labels.get(relative_path)
        if known is None:
            place_of[relative_path] = place
            labels[relative_path] = of_row
            items[relative_path] = item
        elif set(of_row) <= set(known) or (several is not None and not several.one_column):
            problems.add(_REPEATED, f"{quote(relative_path)} on {place_of[relative_path]} and {place}")
        else:
            labels[relative_path] = tuple(dict.fromkeys((*known, *of_row)))
            for name in _differing(items[relative_path], item):
                differing.setdefault(name, set()).add(relative_path)
    kind = _absolute([raw for raw, _ in absolute])
    for raw_path, place in absolute:
        problems.add(kind, f"{quote(raw_path)} on {place}")
    notices = _how_read(what, path_column, label_column, reading, labels_of_folders, table)
    if flags is not None:
        notices.append(f"{what}: a picture has the labels whose columns say yes: {quote_list(flags.names)}")
    label_names: tuple[str, ...] = ()
    if reading.multi_label:
        notices += several.notices if several is not None else ()
        label_names = several.names if several else tuple(sorted(set().union(*(p.has for p in of_picture.values()))))
        others = label_names if several is None or several.one_column else ()
        kept = with_label(items, of_picture, reading.label, others)
        attribute_names = tuple(sorted({name for item in kept for name in item.attributes} | set(attribute_names)))
    elif reading.one_of is None:
        for relative_path, found in labels.items():
            if len(found) > 1:
                where = f"on {place_of[relative_path]}"
                problems.add(_SEVERAL_LABELS, f"{quote(relative_path)} {where}: {quote(SEVERAL.join(found))}")
        kept = [replace(item, label=labels[name][0] if labels[name] else None) for name, item in items.items()]
    else:
        chosen = reading.one_of.choose(labels, what)
        kept = [replace(items[name], label=label) for name, label in chosen.labels.items()]
        notices += chosen.notices
        for name, pictures in differing.items():
            if n := len(pictures & chosen.labels.keys()):
                what_of = "picture has rows that differ" if n == 1 else "pictures have rows that differ"
                notices.append(f"{what}: {n:,} {what_of} in column {quote(name)}: the first row of each is read")
    return Manifest(
        what,
        confinement.folder,
        kept,
        attribute_names,
        "split" in table.columns,
        tuple(notices),
        problems,
        label_names,
        several is None or several.one_column,
    )


def _columns(
    table: Table, reading: Reading, what: str, problems: Problems, needs_label: bool, labels_of_folders: bool
) -> tuple[str, str | None]:
    """The columns of paths and of labels; what is wrong with either is told at once.

    Raises:
        InputError: no column of paths, or none of labels where there must be one.
    """
    names, unclear = tuple(table.columns), Problems()
    no_label = needs_label and not any(map(LABEL.is_known_as, names))
    flags = [name for name, values in table.columns.items() if no_label and is_flag(values)]
    instead = f"{quote_list(flags)} say yes and no: {_OF_SEVERAL}" if len(flags) > 1 else ""
    path_column = find_column(names, PATH, unclear, named=reading.path_column)
    label_column = LABEL.name if LABEL.name in names else None
    if needs_label:
        may_lack = labels_of_folders or reading.multi_label or reading.one_of is not None
        label_column = find_column(
            names, LABEL, unclear, named=reading.label_column, needed=not may_lack, instead=instead
        )
    if path_column is None or unclear.lines():
        problems.take(unclear)  # beside lines that cannot be read, which may be why a column is not there
        raise problems.error(what)
    return path_column, label_column


def with_label(
    items: Mapping[str, ImageItem], labels: Mapping[str, PictureLabels], label: str | None, others: Sequence[str]
) -> list[ImageItem]:
    """Pictures with one label or without it as their class; the other labels are attributes, as columns of them are."""
    if label is None:
        return list(items.values())
    columns = [name for name in others if name != label and not name.startswith(PROPERTY_PREFIX)]
    found = []
    for path, item in items.items():
        of_picture = labels[path]
        told = {name: "true" if name in of_picture.has else "false" for name in columns}
        found.append(replace(item, label=of_picture.class_of(label), attributes={**told, **item.attributes}))
    return found


def _how_read(
    what: str,
    path_column: str,
    label_column: str | None,
    reading: Reading,
    labels_of_folders: bool,
    table: Table,
) -> list[str]:
    """What the reader must know of columns that were found, and of values that are written otherwise than read."""
    found = ((path_column, PATH, reading.path_column), (label_column, LABEL, reading.label_column))
    notices = [
        f"{what}: column {quote(name)} is read as {role.name}"
        for name, role, named in found
        if name not in (None, named, role.name)
    ]
    if label_column is None and labels_of_folders:
        notices.append(f"{what} has no column of labels: the first folder of a path is its label")
    told = (
        spelling_notice(f"{what}: values of column {quote(name)}", values)
        for name, values in table.columns.items()
        if name not in (path_column, "mask", "split")
    )
    return [*notices, *(notice for notice in told if notice)]


def _find_no_values(columns: Mapping[str, Sequence[str]], places: Sequence[str], problems: Problems) -> None:
    """Find what may be a name, and may be how a program wrote that there is none."""
    for name, values in columns.items():
        kind = Kind(
            f"row has a {name} that is how programs write that there is no value",
            f"rows have a {name} that is how programs write that there is no value",
            "leave the cell empty where there is none, or give it another name",
        )
        for value, place in zip(values, places, strict=False):
            if value in NO_VALUE:
                problems.add(kind, f"{quote(value)} on {place}")


def split_name(value: str) -> str:
    """The name of a split as it is compared: "Val", "val " and "val" are one."""
    return visible(one_form([value])[0]).casefold()


def is_absolute(raw: str) -> bool:
    """Whether a path begins at the root of a disk, of any system."""
    return raw.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", raw) is not None


def path_below(raw: str, confinement: Confinement) -> str | None:
    """Normal form of a path from a folder ("./a//b" is "a/b", backslashes are slashes); None where it leads out of it.

    An absolute path counts from the folder that it lies in.
    """
    slashed = raw.replace("\\", "/")
    if is_absolute(raw):
        own = next((root for root in confinement.names if slashed.startswith(f"{root.rstrip('/')}/")), None)
        if own is None:
            return None
        slashed = slashed[len(own.rstrip("/")) + 1 :]
    parts = [part for part in slashed.split("/") if part not in ("", ".")]
    relative_path = "/".join(parts)
    return relative_path if parts and ".." not in parts and confinement.holds(relative_path) else None


def _absolute(paths: Sequence[str]) -> Kind:
    """The kind of problem of absolute paths, with the folder above them all as the next step."""
    own = [path for path in paths if path.startswith("/")]
    above = os.path.commonpath([os.path.dirname(path) for path in own]) if own and len(own) == len(paths) else "/"  # noqa: PTH120
    step = f"--data-root {quote_path(Path(above))}" if above != "/" else "--data-root FOLDER, the folder above them all"
    return Kind(
        "path is absolute, and not below the folder of the pictures",
        "paths are absolute, and not below the folder of the pictures",
        f"give {step} (data_root in auditor.toml)",
    )


def tables_of_pictures(folder: Path) -> list[str]:
    """Names of the tables in a folder that have a column of pictures."""
    tables = sorted(one for one in folder.iterdir() if one.suffix.lower() in TABLE_SUFFIXES and one.is_file())
    return [one.name for one in tables if any(map(PATH.is_known_as, column_names(one)))]


def missing_files(root: Path, items: Iterable[ImageItem]) -> Problems:
    """The pictures that are named and not on the disk, and where they were looked for."""
    found = Problems()
    where = f"looked for in {quote_path(root.resolve())}; --data-root names another folder that the paths begin in"
    kind = Kind("file is not there", "files are not there", where)
    for item in items:
        path = f"{root}/{item.path}"
        if not is_there(path):
            found.add(_NO_BYTES if is_packed(path) else kind, quote(item.path))
    return found


def _differing(first: ImageItem, later: ImageItem) -> Iterator[str]:
    """Columns in which a later row of a picture says something else than the first."""
    for column, one, other in (
        ("split", first.split, later.split),
        ("group_id", first.group_id, later.group_id),
        ("mask", first.mask_path, later.mask_path),
    ):
        if one != other:
            yield column
    for name in {**first.attributes, **later.attributes}:
        if first.attributes.get(name) != later.attributes.get(name):
            yield name


def _or_none(value: str) -> str | None:
    return value if value.strip() else None
