"""A TOML file as a pydantic model; what is wrong in it becomes one line that says where and what was expected."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from auditor.errors import InputError
from auditor.regular_files import read_regular_text
from auditor.toml_lines import LineIndex
from auditor.wording import nearest, quote, quote_path

Model = TypeVar("Model", bound=BaseModel)


def read_text(path: Path, *, what: str) -> str:
    """The text of a settings file, with its own line ends.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    try:
        return read_regular_text(path)
    except OSError as error:
        raise InputError(
            f"{what} {quote_path(path)} cannot be read: {error.strerror or error}; expected a TOML file"
        ) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise InputError(f"{what} {quote_path(path)}, line {line}: not UTF-8; save it as UTF-8") from error


def parse_model(text: str, model: type[Model], *, name: str, entries: str) -> Model:
    """Make the model of a TOML text.

    Args:
        text: the TOML.
        model: keys are its fields; none of its fields is a table, but ``entries`` an array of tables.
        name: how messages call the file.
        entries: name of that array.

    Raises:
        InputError: no TOML, an unknown key (the nearest valid one is named), a missing or a wrong value; with the
            line where it can be told.
    """
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # dates that do not exist, numbers of 5,000 digits
        raise InputError(f"{name} is not valid TOML: {' '.join(str(error).split())}; mend that place") from error
    try:
        return model.model_validate(table)
    except ValidationError as error:
        mistakes = error.errors(include_url=False)
        # A misspelt key is also a missing one: the spelling is what the user wants to hear of.
        first = min(mistakes, key=lambda mistake: mistake["type"] != "extra_forbidden")
        where = _where(first["loc"], LineIndex(text, entries), table, entries)
        raise InputError(f"{name}{where}: {_wrong(first, model, entries)}") from error


def _where(loc: Sequence[int | str], lines: LineIndex, table: Mapping[str, Any], entries: str) -> str:
    """The line, as a message continues with it, or the entry by its number where the line is not to be told."""
    in_entry = len(loc) > 1 and loc[0] == entries and isinstance(loc[1], int)
    if not in_entry:
        line = lines.top_level(str(loc[0])) if loc else None
        return f", line {line}" if line else ""
    key = str(loc[2]) if len(loc) > 2 else None
    position, written = int(loc[1]), table[entries]
    line = lines.entry(position, len(written), key) if isinstance(written, list) else None
    return f", line {line}" if line else f", [[{entries}]] {position + 1}"


def _wrong(mistake: Any, model: type[BaseModel], entries: str) -> str:
    loc = [part for part in mistake["loc"] if isinstance(part, str)]
    inside = loc[0] == entries and len(mistake["loc"]) > 1
    fields = (_entry_model(model, entries) if inside else model).model_fields
    known = {field.alias or name: field for name, field in fields.items()}
    key = loc[-1]
    if mistake["type"] == "extra_forbidden":
        near = nearest(key, known)
        hint = f"did you mean '{near}'?" if near else f"known keys: {', '.join(known)}"
        return f"unknown key {quote(key)}; {hint}"
    if mistake["type"] == "missing":
        return f"key '{key}' is missing: {known[key].description}"
    if key not in known:  # an entry that is no table
        return f"expected a table [[{entries}]], found {quote(mistake['input'])}"
    hint = ""
    choices = re.findall(r"'([^']+)'", str(mistake.get("ctx", {}).get("expected", "")))
    if choices and isinstance(mistake["input"], str):
        near = nearest(mistake["input"], choices)
        hint = f"; did you mean '{near}'?" if near else ""
    return f"{key} = {_shown(mistake['input'])}; expected {known[key].description}{hint}"


def _shown(value: object) -> str:
    """A string in quotes, everything else nearly as it was written."""
    if isinstance(value, str):
        return quote(value)
    return str(value).lower() if isinstance(value, bool) else quote(value)[1:-1]


def _entry_model(model: type[BaseModel], entries: str) -> type[BaseModel]:
    """The model of the entries, from the annotation ``tuple[Entry, ...]``."""
    return next(
        kind
        for field_name, field in model.model_fields.items()
        if (field.alias or field_name) == entries
        for kind in get_args(field.annotation)
        if isinstance(kind, type) and issubclass(kind, BaseModel)
    )
