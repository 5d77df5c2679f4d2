"""The settings of one audit: default < ``auditor.toml`` or ``[tool.auditor]`` < flag."""

from __future__ import annotations

import datetime
import hashlib
import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    PlainValidator,
    PrivateAttr,
    Strict,
    ValidationError,
    field_validator,
    model_validator,
)

from auditor.data_address import HUGGING_FACE, data_place, is_address, shown_place
from auditor.errors import InputError
from auditor.records import VOCABULARY_KINDS
from auditor.regular_files import read_regular, read_regular_text
from auditor.rules import TOLERANCE
from auditor.wording import nearest, plain, quote, quote_list, quote_path, shown

DEFAULT_ENCODER = "open_clip:ViT-B-32/laion2b_s34b_b79k"
#: Of all settings the one that a file may not hold: whoever changes the file would decide whose code runs.
_FLAG_ONLY = "trust_code"
#: Settings that are tables of a file, and switches whose flag takes them away.
_TABLES = ("core", "attributes", "concepts", "exposure", "thresholds")
_SWITCHES = ("thumbnails", "properties")
#: Settings that say which labels of a multi-label classifier are audited, and how it calls them.
_OF_LABELS = ("label", "threshold", "thresholds")
#: First words of messages that are on a setting of another name.
_SUBJECTS = {"folder": "data", "manifest": "data", "preprocessing": "preprocess", "open_clip": "encoder"}
CONFIG_NAMES = ("auditor.toml", "pyproject.toml")
#: ``--model none`` audits the data alone.
NO_MODEL = "none"
#: What stands for the model where ``--predictions`` says what it called the pictures.
GIVEN_PREDICTIONS = "predictions"
#: Settings that say how a model is loaded.
_OF_LOADING = ("weights", "preprocess", "target_layer", "model_output")

#: Settings that change nothing in an audit's contents, only where and how fast it is made.
_WITHOUT_EFFECT = {
    *("out", "cache", "jobs", "batch_size", "device", "trust_code"),
    *("engine", "ray_workers", "ray_cpus", "ray_gpus"),
}
#: Settings that say where something lies; what lies there has digests of its own.
_PLACES = {
    *("data", "data_root", "path_column", "label_column"),
    *("weights", "predictions", "features", "preprocess", "class_map", "vocabulary", "concepts"),
}


class AttributeSettings(BaseModel):
    """The table ``[attributes]``: which columns of a manifest are examined like concepts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    include: tuple[str, ...] | None = Field(default=None, description="only these columns; all when not given")
    exclude: tuple[str, ...] = Field(default=(), description="all columns but these")


def _day(value: object) -> object:
    """An ISO date in quotes counts as one; everything else is left to the check of the type."""
    if isinstance(value, str):
        with suppress(ValueError):
            return datetime.date.fromisoformat(value)
    return value


def _visible(value: str) -> str:
    """Characters of no width say nothing."""
    if not plain(value):
        raise ValueError("it holds no visible character")
    return value


#: A path, or the address of data elsewhere, which is stored without its secrets.
DataPlace = Annotated[Path | str, PlainValidator(data_place), PlainSerializer(shown_place, when_used="json")]

#: A text that a reader can see.
Words = Annotated[str, AfterValidator(_visible)]

#: The last day on which something counts, as a TOML date or as an ISO date in quotes.
Day = Annotated[datetime.date, Strict(), BeforeValidator(_day)]


class CoreEntry(BaseModel):
    """Why a class may rest on a concept, who says so, and until when; a string alone is the reason."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    reason: Words = Field(description="why the class may rest on it, in words")
    who: Words | None = Field(default=None, description="who says so")
    expires: Day | None = Field(default=None, description="a date like 2030-01-31, the last day that it counts")

    @model_validator(mode="before")
    @classmethod
    def _from_reason(cls, value: Any) -> Any:
        return {"reason": value} if isinstance(value, str) else value

    def expired(self, today: datetime.date) -> bool:
        """Whether its day is over."""
        return self.expires is not None and today > self.expires


class ExampleSettings(BaseModel):
    """A table ``[concepts.NAME]``: pictures that show a concept, and pictures that do not."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    yes: Path = Field(description="folder of pictures that show it, or a CSV/Parquet list with the column path")
    no: Path = Field(description="folder or list of pictures that do not show it")
    kind: str | None = Field(default=None, description="its kind; that of the word of its name when not given")
    term: str | None = Field(default=None, pattern=r"\S", description="what it is called; NAME when not given")

    @field_validator("kind")
    @classmethod
    def _known_kind(cls, kind: str | None) -> str | None:
        if kind is not None and kind not in VOCABULARY_KINDS:
            raise ValueError(f"expected one of {', '.join(VOCABULARY_KINDS)}")
        return kind


class AuditConfig(BaseModel):
    """Everything that decides what an audit contains; frozen, so that its digest means something."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: DataPlace = Field(
        description="folder class/picture, a manifest (.csv, .tsv, .jsonl, .parquet), or shards (.parquet, .tar), also "
        "elsewhere (https://, s3://, gs://, hf:ID)"
    )
    model: str = Field(
        description="torchvision:NAME, timm:NAME, hf:FOLDER, FILE.py:factory, module:factory, sample:planted, none"
    )
    out: Path = Field(description="folder of the audit")
    weights: Path | None = Field(default=None, description="safetensors file or state dict of the classifier")
    predictions: Path | None = Field(default=None, description="what a model called the pictures, in place of it")
    features: Path | None = Field(default=None, description="with predictions: inputs of the head, and the head (.npz)")
    preprocess: Path | None = Field(default=None, description="TOML file: size, crop, interpolation, mean, std")
    class_map: Path | None = Field(default=None, description="file that maps labels to outputs of the model")
    target_layer: str | None = Field(default=None, description="layer whose maps are drawn; found when not given")
    map_method: str | None = Field(default=None, description="how maps are drawn; what fits the model when not given")
    model_output: str | None = Field(
        default=None, description="which of several outputs of the model holds the classes"
    )
    multi_label: bool = Field(default=False, description="outputs are sigmoids: each label is audited by itself")
    label: tuple[str, ...] = Field(default=(), description="with multi_label: only these labels; all when not given")
    threshold: float = Field(default=0.5, gt=0, lt=1, description="with multi_label: called where p is over this")
    thresholds: dict[str, Annotated[float, Field(gt=0, lt=1)]] = Field(
        default={}, description="with multi_label: label: its own threshold"
    )
    trust_code: bool = Field(default=False, description="allow code of FILE.py:factory to run; no setting of a file")
    encoder: str = Field(default=DEFAULT_ENCODER, description="open_clip:ARCH/PRETRAINED or @FILE, sample, conse")
    vocabulary: Path | None = Field(default=None, description="own vocabulary.toml")
    split: str | None = Field(default=None, description="audit only this split of the manifest, or folder of a split")
    data_root: Path | None = Field(default=None, description="folder that a manifest's paths begin in; default its own")
    path_column: str | None = Field(default=None, description="column of the pictures' files; found by its name")
    label_column: str | None = Field(default=None, description="column of the classes; found by its name")
    max_images_per_class: int | None = Field(default=None, ge=1, description="a seeded sample of each class")
    max_failure_share: float = Field(default=0.05, ge=0, le=1, description="more unreadable pictures end the run")
    thumbnails: bool = Field(default=True, description="keep small JPEGs of the pictures in the audit")
    properties: bool = Field(default=True, description="measure pictures and files: brightness, JPEG quality …")
    n_extreme: int = Field(default=60, ge=2, description="most and least active pictures that give a channel meaning")
    seed: int = Field(default=0, ge=0, description="seed of every random choice")
    tolerance: float = Field(default=TOLERANCE, gt=0, lt=1, description="a clean class may have gaps under this")
    cache: Path | None = Field(default=None, description="folder of the embedding cache; default the user's")
    jobs: int = Field(default=0, ge=0, description="threads that decode pictures; 0: one per core")
    batch_size: int = Field(default=32, ge=1, description="pictures per forward pass")
    device: str = Field(default="auto", description="auto, cpu, cuda, cuda:1, mps")
    engine: Literal["local", "ray"] = Field(default="local", description="local, or ray: pictures on a Ray cluster")
    ray_workers: int = Field(default=0, ge=0, description="workers of engine ray; 0: as many as there is room for")
    ray_cpus: float = Field(default=1.0, gt=0, description="CPUs of a worker of engine ray, also a fraction")
    ray_gpus: float = Field(default=0.0, ge=0, description="GPUs of a worker of engine ray, also a fraction")
    core: dict[str, dict[str, CoreEntry]] = Field(default={}, description="class: concepts it may rest on, and why")
    attributes: AttributeSettings = Field(default=AttributeSettings(), description="columns that are examined")
    exposure: dict[str, Annotated[float, Field(ge=0, le=1)]] = Field(
        default={}, description="concept: in which part of a class's pictures it is in deployment"
    )
    severity_by_exposure: bool = Field(
        default=False, description="severities are those of what [exposure] says would be lost in deployment"
    )
    concepts: dict[str, ExampleSettings] = Field(default={}, description="concepts that are learnt from examples")
    _fetched: Path | None = PrivateAttr(default=None)

    @field_validator("label", mode="before")
    @classmethod
    def _one_or_several(cls, label: object) -> object:
        return (label,) if isinstance(label, str) else label

    def for_label(self, label: str, out: Path) -> AuditConfig:
        """The settings of the audit of one label in a folder of its own."""
        threshold = self.thresholds.get(label, self.threshold)
        return self.model_copy(update={"label": (label,), "threshold": threshold, "thresholds": {}, "out": out})

    @property
    def one_label(self) -> str | None:
        """The label that an audit tells from its absence; None where all outputs are classes."""
        return self.label[0] if self.multi_label and len(self.label) == 1 else None

    @property
    def local_data(self) -> Path:
        """Where the data lie on this machine: of an address, where they were fetched to.

        Raises:
            RuntimeError: they were not (`with_fetched`).
        """
        found = self._fetched if isinstance(self.data, str) else self.data
        if found is None:
            raise RuntimeError("local_data before with_fetched()")
        return found

    @property
    def needs_fetching(self) -> bool:
        """Whether the data lie elsewhere, and it is not said yet where they were fetched to."""
        return isinstance(self.data, str) and self._fetched is None

    @property
    def data_name(self) -> str:
        """The data as they are stored and shown: an address without its secrets."""
        return shown_place(self.data)

    def with_fetched(self, path: Path) -> AuditConfig:
        """The same settings, which know where the data of their address lie now; nothing of it is stored."""
        found = self.model_copy()
        found._fetched = path
        return found

    def digest(self) -> str:
        """sha256 over the settings that decide what the audit contains, but not over what lies at a path.

        Defaults are left out, so that a setting more in a later auditor changes no digest.
        """
        given = self.model_dump(mode="json", exclude=_WITHOUT_EFFECT | _PLACES, exclude_defaults=True)
        return hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()

    @property
    def examines_model(self) -> bool:
        """Whether a model is run, and not the data alone examined, or what a file says of a model."""
        return self.model not in (NO_MODEL, GIVEN_PREDICTIONS)

    @property
    def reads_channels(self) -> bool:
        """Whether there are inputs of a head, whose channels are put into words."""
        return self.examines_model or self.features is not None

    @property
    def n_jobs(self) -> int:
        """Decoding threads, resolved."""
        return self.jobs or os.cpu_count() or 1

    @property
    def cache_folder(self) -> Path:
        """Folder of the embedding cache, resolved."""
        return cache_folder(self.cache)


def cache_folder(given: Path | None) -> Path:
    """The folder given, else the user's cache folder; either need not exist yet.

    Raises:
        InputError: what was given is a file.
    """
    if given is not None:
        if given.exists() and not given.is_dir():
            raise InputError(f"cache {quote_path(given)} is a file; expected a folder, one that need not exist yet")
        return given
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "auditor"


def read_settings_file(path: Path) -> dict[str, Any]:
    """Read ``auditor.toml`` (or the ``[tool.auditor]`` table of a pyproject.toml).

    Relative paths in the file are relative to the file.

    Raises:
        InputError: the file cannot be read or parsed, or says that code may run.
    """
    try:
        table: dict[str, Any] = tomllib.loads(read_regular_text(path))
    except OSError as error:
        raise InputError(f"settings file {path} cannot be read: {error.strerror}; check --config") from error
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError too
        raise InputError(
            f"settings file {path} is not valid TOML: {' '.join(str(error).split())}; mend that place, or compare "
            "it with what `auditor init -o -` prints"
        ) from error
    if path.name == "pyproject.toml":
        for name in ("tool", "auditor"):
            table = table.get(name, {})
            if not isinstance(table, dict):
                raise InputError(f"settings file {path}: {name} = {shown(table)}; expected a table [tool.auditor]")
    if _FLAG_ONLY in table:
        raise InputError(
            f"{path} sets {_FLAG_ONLY}, which no file may: whoever changes the file would decide whose code runs; take "
            "it out, and give the flag --trust-code (or AUDITOR_TRUST_CODE=1) where you trust the code"
        )
    of_model = ("weights", "predictions", "features", "preprocess", "class_map")
    for key in ("data", "data_root", "out", *of_model, "vocabulary", "cache"):
        value = table.get(key)
        if key == "data" and isinstance(value, str) and is_address(value):
            table[key] = _address_in(value, path)
        elif isinstance(value, str):
            table[key] = str(path.parent / _expanded(value, key, path))
    concepts = table.get("concepts")
    for name, entry in concepts.items() if isinstance(concepts, dict) else ():
        for side in ("yes", "no"):
            if isinstance(entry, dict) and isinstance(entry.get(side), str):
                entry[side] = str(path.parent / _expanded(entry[side], f"concepts.{name}.{side}", path))
    return table


def _address_in(value: str, path: Path) -> str:
    """An address as it stands in a settings file, where the folder of ``hf:FOLDER`` is relative to the file."""
    folder = path.parent / value.removeprefix(HUGGING_FACE)
    return str(folder) if value.startswith(HUGGING_FACE) and "://" not in value and folder.is_dir() else value


def _expanded(value: str, key: str, path: Path) -> Path:
    try:
        return Path(value).expanduser()
    except (RuntimeError, ValueError) as error:  # a user that is not known; a NUL character
        raise InputError(
            f"{path}: {key} = {shown(value)} is no path: {error}; expected that of a file or folder"
        ) from error


def find_settings_file(folder: Path) -> Path | None:
    """``auditor.toml``, or a pyproject.toml with a ``[tool.auditor]`` table, in ``folder``."""
    for name in CONFIG_NAMES:
        path = folder / name
        # An auditor.toml that cannot be read is no reason to go on without it: reading it says what is wrong.
        if name == "auditor.toml":
            if os.path.lexists(path):
                return path
        elif path.is_file() and b"[tool.auditor" in read_regular(path):
            return path
    return None


def make_config(flags: Mapping[str, Any], settings_file: Path | None = None) -> AuditConfig:
    """Settings of the file, overruled by the flags that were given (those that are not None).

    Raises:
        InputError: unknown keys (the nearest valid ones are named), or all values that are missing or wrong.
    """
    file_settings = read_settings_file(settings_file) if settings_file else {}
    known = [name for name in AuditConfig.model_fields if name != _FLAG_ONLY]
    unknown = [key for key in file_settings if key not in known]
    if unknown:
        near = [nearest(key, known) for key in unknown]
        hints = [f"did you mean {quote(name)}?" for name in near if name] or [f"known settings: {', '.join(known)}"]
        named = f"setting {quote(unknown[0])}" if len(unknown) == 1 else f"settings {quote_list(unknown)}"
        raise InputError(f"unknown {named} in {settings_file}; {' '.join(hints)}")
    given = {key: value for key, value in flags.items() if value is not None}
    settings: dict[str, Any] = {**file_settings, **given}
    for key, value in settings.items():
        if isinstance(value, str | Path) and "\0" in str(value):
            raise InputError(
                f"setting '{key}' = {quote(value)}: holds a NUL character, which no path or name has; give another"
            )
    _stand_for_model(settings)
    _check_labels(settings)
    if settings.get("severity_by_exposure") and not settings.get("exposure"):
        raise InputError(
            "--severity-by-exposure without [exposure], which says how frequent concepts are in deployment; add that "
            "table to auditor.toml, or leave it out"
        )
    try:
        return AuditConfig.model_validate(settings)
    except ValidationError as error:
        raise InputError("; besides, ".join(_all_wrong(error, given, settings_file))) from error


def _stand_for_model(settings: dict[str, Any]) -> None:
    """Let predictions stand for the model, and refuse what does not go with them."""
    if settings.get("predictions") is None:
        lone = "features" if settings.get("features") is not None else None
        if settings.get("model") == GIVEN_PREDICTIONS:
            lone = f"model {GIVEN_PREDICTIONS!r}"
        if lone:
            raise InputError(
                f"{lone} without predictions; give the file that says what pictures were called: --predictions"
            )
        return
    model = settings.setdefault("model", GIVEN_PREDICTIONS)
    if model != GIVEN_PREDICTIONS:
        raise InputError(
            f"both --predictions and --model {quote(model)}: a model is run, or a file says what it called the "
            "pictures; give one of them"
        )
    idle = [flag_of(name) for name in _OF_LOADING if settings.get(name) is not None]
    if idle:
        raise InputError(f"{' and '.join(map(str, idle))} with --predictions, where no model is loaded; leave it out")


def _check_labels(settings: Mapping[str, Any]) -> None:
    """Refuse what belongs to a multi-label classifier where there is none."""
    if not settings.get("multi_label"):
        idle = [name for name in _OF_LABELS if settings.get(name)]
        if idle:
            named = " and ".join(str(flag_of(name) or f"[{name}]") for name in idle)
            raise InputError(f"{named} without --multi-label, to which it belongs; add that, or leave it out")
    elif settings.get("model") == NO_MODEL:
        raise InputError(f"--multi-label with --model {NO_MODEL}, which has no outputs; give a model, or leave it out")
    elif settings.get("model") == GIVEN_PREDICTIONS:
        raise InputError(
            "--multi-label with --predictions, which are of classes; give what one label was called as a class of its "
            "own (smiling, not smiling), in the predictions and in the data, and leave it out"
        )


def flag_of(setting: str) -> str | None:
    """The flag of ``auditor run`` for a setting; None for the tables, which a file alone holds."""
    if setting in _TABLES:
        return None
    return f"--{'no-' if setting in _SWITCHES else ''}{setting.replace('_', '-')}"


def settings_named(message: str) -> list[str]:
    """The settings that a message names, by their flags or by its first word, and which a file may hold."""
    first = re.match(r"\w*", message)[0]  # type: ignore[index]  # it matches always
    subject = "class_map" if message.startswith("class map ") else _SUBJECTS.get(first, first)
    flags = {key: flag_of(key) for key in AuditConfig.model_fields if key != _FLAG_ONLY}
    return [
        key
        for key, flag in flags.items()
        if flag and (key == subject or re.search(rf"(?<![\w-]){flag}(?![\w-])", message))
    ]


def _all_wrong(error: ValidationError, flags: Mapping[str, Any], settings_file: Path | None) -> list[str]:
    """Each thing that is wrong with the settings, what is missing first."""
    found = error.errors()
    missing = [str(one["loc"][0]) for one in found if one["type"] == "missing" and len(one["loc"]) == 1]
    told = [_missing(missing)] if missing else []
    for table, wrong, depth in (("core", _wrong_core, 3), ("concepts", _wrong_example, 2)):
        of_table = [one for one in found if one["loc"][0] == table]
        if of_table:
            # a misspelt key is also a missing one: the spelling is what the user wants to hear of
            first = min(
                of_table,
                key=lambda one: (one["loc"][:depth] != of_table[0]["loc"][:depth], one["type"] != "extra_forbidden"),
            )
            told.append(wrong(first["loc"], first["type"], first["input"]))
    for one in found:
        name = ".".join(str(part) for part in one["loc"])
        if name in missing or one["loc"][0] in ("core", "concepts"):
            continue
        if one["type"] == "extra_forbidden":
            keys = AttributeSettings.model_fields
            close = nearest(str(one["loc"][-1]), keys)
            hint = f"did you mean {quote(close)}?" if close else f"known settings: {', '.join(keys)}"
            told.append(f"unknown setting {quote(name)}; {hint}")
            continue
        key = str(one["loc"][0])
        where = f"by {flag_of(key)}" if key in flags else f"in {settings_file or 'the settings'}"
        told.append(f"setting '{name}' = {quote(one['input'], 80)}: {one['msg'].lower()} (set {where})")
    return told


def _missing(names: Sequence[str]) -> str:
    """What has no value, all of it at once, and both places to give it."""
    wanted = ", ".join(f"{flag_of(name)} ({AuditConfig.model_fields[name].description})" for name in names)
    verb = "setting is" if len(names) == 1 else "settings are"
    return (
        f"{len(names)} {verb} missing: {wanted}; give {'it as a flag' if len(names) == 1 else 'them as flags'}, or as "
        f"{', '.join(names)} in auditor.toml, which `auditor init` writes"
    )


def _wrong_core(loc: Sequence[int | str], kind: str, found: object) -> str:
    """What is wrong in ``[core]``, and how it is written."""
    class_name, concept, *key = (*(str(part) for part in loc[1:]), *("CLASS", "CONCEPT")[len(loc) - 1 :])
    if len(loc) == 2:
        listed = found if isinstance(found, list | tuple) else [found]
        concept = str(listed[0]) if listed else concept
    table, name = f"[core.{_toml_key(class_name)}]", _toml_key(concept)
    form = (
        f'write under {table} a line for each concept: {name} = "why the class may rest on it", or '
        f'{name} = {{reason = "…", who = "…", expires = 2030-01-31}}'
    )
    if len(loc) < 3:
        return f"{quote('.'.join(map(str, loc)))} = {shown(found)} gives no reason; {form}"
    if not key:
        return f"{table} {name} = {shown(found)} is no reason; {form}"
    fields = CoreEntry.model_fields
    if kind == "extra_forbidden":
        close = nearest(key[0], fields)
        hint = f"did you mean {quote(close)}?" if close else f"known keys: {', '.join(fields)}"
        return f"{table} {name}: unknown key {quote(key[0])}; {hint}"
    if kind == "missing":
        return f"{table} {name} gives no reason; {form}"
    return f"{table} {name}: {key[0]} = {shown(found)}; expected {fields[key[0]].description}"


def _wrong_example(loc: Sequence[int | str], kind: str, found: object) -> str:
    """What is wrong in ``[concepts.NAME]``, and how it is written."""
    table, fields = "[concepts.NAME]", ExampleSettings.model_fields
    if len(loc) > 1:
        table = f"[concepts.{_toml_key(str(loc[1]))}]"
    if len(loc) < 3:
        return f'{table} = {shown(found)}; expected a table with yes = "folder" and no = "folder"'
    key = str(loc[2])
    if kind == "extra_forbidden":
        close = nearest(key, fields)
        hint = f"did you mean {quote(close)}?" if close else f"known keys: {', '.join(fields)}"
        return f"{table}: unknown key {quote(key)}; {hint}"
    if kind == "missing":
        return f"{table}: {key} is missing; expected {fields[key].description}"
    if key == "kind" and isinstance(found, str):
        close = nearest(found, VOCABULARY_KINDS)
        hint = f"; nearest is {quote(close)}" if close else ""
        return f"{table}: unknown kind {quote(found)}{hint}; expected one of {', '.join(VOCABULARY_KINDS)}"
    return f"{table}: {key} = {shown(found)}; expected {fields[key].description}"


def _toml_key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else quote(name)
