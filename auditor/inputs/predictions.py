"""What a model called every picture, from a file in place of the model: for models behind an API, ensembles, crops.

A table has a column of paths and says what each picture was called (``prediction``), how each class scored (a column a
class, or one column of lists), or both.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import special

from auditor.errors import InputError
from auditor.figures import counted, decimals_of, percent
from auditor.inputs.class_map import loose_key, match_classes
from auditor.inputs.columns import PATH, Role
from auditor.inputs.problems import Kind, Problems
from auditor.inputs.tables import Table, read_table
from auditor.records import ClassMatch, Dataset, FloatArray, IntArray
from auditor.regular_files import file_sha256
from auditor.wording import nearest, quote, quote_list

PREDICTION = Role(
    "prediction",
    "says what the picture is called",
    frozenset(
        [
            *("prediction", "predictions", "predicted", "pred", "yhat", "ypred", "called"),
            *("predictedclass", "predictedlabel", "predclass", "predlabel", "predictionlabel"),
        ]
    ),
)
Scores = NDArray[np.float64]

#: "logit_cat", "p:cat", "probability cat": what the score is, and of which class.
_OF_CLASS = re.compile(r"(logits?|scores?|prob(?:s|ability|abilities)?|p)[_:. -]+(.+)", re.IGNORECASE)
_LIST = re.compile(r"(logits|scores|prob(?:s|abilities))", re.IGNORECASE)
_SEPARATORS = re.compile(r"[|,;\s]+")
#: Probabilities are rounded when they are written.
_ROUNDED = 0.01
#: A called class may score so much less than the highest: scores are rounded too.
_TIE = 1e-4
_NAMED = 3

_NO_NUMBER = Kind("score is no finite number", "scores are no finite numbers", "mend them, or leave the rows out")
_OTHER_LENGTH = Kind(
    "row has another number of scores than the first",
    "rows have another number of scores than the first",
    "expected one score a class",
)
_NOT_CALLED = Kind("row has no prediction", "rows have no prediction", "fill it in, or leave the row out")
_TWICE = Kind("picture has several rows", "pictures have several rows", "expected one row a picture")
_NOT_HIGHEST = Kind(
    "prediction is not the class with the highest score",
    "predictions are not the class with the highest score",
    "leave the scores out, or the predictions",
)
_NO_CLASS = Kind("prediction is no class", "predictions are no classes")


@dataclass(frozen=True, slots=True, eq=False)
class PredictionTable:
    """The R rows of the file. ``called`` or ``scores`` may be missing, not both; ``names`` are of the scores."""

    what: str  # how messages call it
    file_name: str
    digest: str
    paths: tuple[str, ...]
    places: tuple[str, ...]
    called: tuple[str, ...] | None
    scores: Scores | None  # (R, C) logits or probabilities
    names: tuple[str, ...] | None  # C


@dataclass(frozen=True, slots=True, eq=False)
class Predictions:
    """What the N pictures of a data set were called by a model that was not run."""

    file_name: str
    digest: str
    class_idx: IntArray  # (N,)
    confidence: FloatArray  # (N,) probability of the class that is called, NaN where no scores were given
    scores: Scores | None = None  # (N, C) as given; not kept in the audit


def read_predictions(path: Path, labels: Sequence[str]) -> PredictionTable:
    """Read a .csv, .tsv, .jsonl or .parquet file of predictions.

    Args:
        path: The file.
        labels: Of the data: columns that bear these names are scores of the classes, where all of them are there.

    Raises:
        InputError: everything that is wrong with its rows, in one line.
    """
    what = f"predictions {quote(path.name)}"
    table = read_table(path, what)
    columns = list(table.columns)
    path_column = _column(columns, PATH, what)
    if path_column is None:
        raise InputError(
            f"{what}: no column of the pictures' paths; expected one called path; columns found: {quote_list(columns)}"
        )
    if not table.places:
        raise InputError(f"{what}: holds no rows; expected one a picture")
    problems = Problems()
    called_column = _column(columns, PREDICTION, what)
    others = [name for name in columns if name not in (path_column, called_column)]
    scores, names = _scores(table, others, labels, problems)
    problems.refuse(what)
    if called_column is None and scores is None:
        raise InputError(
            f"{what}: neither a column prediction nor scores of the classes (columns logit_CLASS or probability_CLASS, "
            f"or lists in logits or probabilities); columns found: {quote_list(columns)}"
        )
    called = None if called_column is None else tuple(table.columns[called_column])
    for place, name in zip(table.places, called or (), strict=False):
        if not name.strip():
            problems.add(_NOT_CALLED, place)
    problems.refuse(what)
    return PredictionTable(
        what=what,
        file_name=path.name,
        digest=file_sha256(path),
        paths=tuple(table.columns[path_column]),
        places=tuple(table.places),
        called=called,
        scores=scores,
        names=names,
    )


def _column(columns: Sequence[str], role: Role, what: str) -> str | None:
    """The column of a role; None without any. No flag names it, so of several none is taken."""
    found = [role.name] if role.name in columns else [name for name in columns if role.is_known_as(name)]
    if len(found) > 1:
        raise InputError(
            f"{what}: {len(found)} columns could be the one that {role.meaning}: {quote_list(found)}; call one "
            f"{role.name!r}"
        )
    return found[0] if found else None


def _scores(
    table: Table, columns: Sequence[str], labels: Sequence[str], problems: Problems
) -> tuple[Scores | None, tuple[str, ...] | None]:
    """Scores (R, C) and the names of their classes; None without any, no names where they are lists."""
    lists = [name for name in columns if _LIST.fullmatch(name)]
    if lists:
        return _numbers(map(_entries, table.columns[lists[0]]), table.places, problems), None
    of_class = {name: found[2].strip() for name in columns if (found := _OF_CLASS.fullmatch(name))}
    if len(of_class) < 2:
        by_key = {loose_key(name): name for name in columns}
        asked = {by_key[key]: label for label in labels if (key := loose_key(label)) in by_key}
        of_class = asked if len(asked) == len(labels) else {}
    if not of_class:
        return None, None
    rows = zip(*(table.columns[name] for name in of_class), strict=True)
    return _numbers(map(list, rows), table.places, problems), tuple(of_class.values())


def _entries(text: str) -> list[str]:
    return [entry for entry in _SEPARATORS.split(text.strip(" []()")) if entry]


def _numbers(rows: object, places: Sequence[str], problems: Problems) -> Scores | None:
    """(R, C) float64; None where a row is wrong, which ``problems`` then say."""
    found: list[list[float]] = []
    for place, entries in zip(places, rows, strict=True):  # type: ignore[call-overload]
        try:
            numbers = [float(entry) for entry in entries]
        except ValueError:
            numbers = [np.nan]
        if not np.isfinite(numbers).all():
            problems.add(_NO_NUMBER, place)
        elif found and len(numbers) != len(found[0]):
            problems.add(_OTHER_LENGTH, f"{place}: {len(numbers)} for {len(found[0])}")
        else:
            found.append(numbers)
    if problems.n or not found[0]:
        if not problems.n:
            problems.add(_NO_NUMBER, places[0])
        return None
    return np.array(found)


def match_predictions(
    table: PredictionTable,
    dataset: Dataset,
    *,
    output_names: Sequence[str] | None,
    class_map: Path | None,
    part_of_data: bool,
    max_missing_share: float,
) -> tuple[Dataset, ClassMatch, Predictions]:
    """The pictures that were called something, the classes, and what each picture was called.

    Args:
        table: The rows of the file.
        dataset: The pictures.
        output_names: Of the head's outputs, where these are known from elsewhere; None: those of the scores, else the
            labels of the data.
        class_map: As `auditor.inputs.class_map.match_classes` takes it.
        part_of_data: Whether only a part of the data is audited, so that rows for other pictures are expected.
        max_missing_share: Larger parts of pictures without a row, and of rows without a picture, are refused.

    Returns:
        The data set without the pictures that have no row, which a notice counts; the match; the predictions in the
        order of that data set.

    Raises:
        InputError: rows that do not fit, counted and with examples.
    """
    row_of = _rows_of_pictures(table, dataset)
    items = tuple(item for item in dataset.items if item.path in row_of)
    notices = _left_out(table, dataset, row_of, part_of_data=part_of_data, max_missing_share=max_missing_share)
    labels = tuple(sorted({item.label for item in items if item.label is not None}))
    rows = np.array([row_of[item.path] for item in items], dtype=np.int64)
    match = _match(table, labels, output_names, class_map)
    scores = None if table.scores is None else _in_order(table, output_names)[rows]
    class_idx = _called(table, match, output_names)[rows] if table.called is not None else None
    if class_idx is None:
        if scores is None:
            raise ValueError("a table has predictions or scores")
        class_idx = scores.argmax(axis=1).astype(np.int64)
    elif scores is not None:
        problems = Problems()
        behind = scores.max(axis=1) - scores[np.arange(rows.size), class_idx]
        for at in np.flatnonzero(behind > _TIE * np.maximum(1, np.abs(scores).max(axis=1))):
            problems.add(_NOT_HIGHEST, table.places[rows[at]])
        problems.refuse(table.what)
    kept = replace(dataset, items=items, labels=labels, notices=(*dataset.notices, *notices))
    return kept, match, Predictions(table.file_name, table.digest, class_idx, _confidence(scores, class_idx), scores)


def _rows_of_pictures(table: PredictionTable, dataset: Dataset) -> dict[str, int]:
    """By the path of a picture as the data set has it, the row of the file; other paths as they are written."""
    problems, row_of = Problems(), dict[str, int]()
    root = dataset.root.as_posix()
    for row, text in enumerate(table.paths):
        path = posixpath.normpath(text.strip().replace("\\", "/"))
        path = path.removeprefix(f"{root}/")
        if path in row_of:
            problems.add(_TWICE, f"{quote(path)} in {table.places[row_of[path]]} and {table.places[row]}")
        row_of.setdefault(path, row)
    problems.refuse(table.what)
    return row_of


def _left_out(
    table: PredictionTable,
    dataset: Dataset,
    row_of: Mapping[str, int],
    *,
    part_of_data: bool,
    max_missing_share: float,
) -> list[str]:
    """Notices on rows without a picture and pictures without a row; refused where they are many."""
    pictures = {item.path for item in dataset.items}
    strange = [path for path in row_of if path not in pictures]
    without = [item.path for item in dataset.items if item.path not in row_of]
    most = percent(max_missing_share, decimals=decimals_of(max_missing_share))
    if len(strange) == len(row_of):
        raise InputError(
            f"{table.what}: none of its {counted(len(row_of), 'row')} is for a picture of the data ({_some(strange)}); "
            f"expected paths as the data have them, such as {_some(without[:1])}"
        )
    if len(strange) > max_missing_share * len(row_of) and not part_of_data:
        raise InputError(
            f"{table.what}: {len(strange):,} of {counted(len(row_of), 'row')} are for pictures that are not in the "
            f"data ({_some(strange)}); at most {most} may be: take them out, or give the data that they are of"
        )
    if len(without) > max_missing_share * len(pictures):
        raise InputError(
            f"{table.what}: {len(without):,} of {counted(len(pictures), 'picture')} have no row ({_some(without)}); at "
            f"most {most} are left out: add rows, or raise --max-failure-share"
        )
    notices = []
    if without:
        notices.append(
            f"{len(without):,} of {counted(len(pictures), 'picture')} have no row in {table.what} and are left out "
            f"({_some(without)})"
        )
    if strange:
        notices.append(
            f"{len(strange):,} of {counted(len(row_of), 'row')} of {table.what} are for no picture that is audited "
            f"({_some(strange)})"
        )
    return notices


def _some(paths: Sequence[str]) -> str:
    return ", ".join(map(quote, paths[:_NAMED])) + (", …" if len(paths) > _NAMED else "")


def _match(
    table: PredictionTable, labels: Sequence[str], output_names: Sequence[str] | None, class_map: Path | None
) -> ClassMatch:
    """Labels and the classes that pictures may be called."""
    names = output_names if output_names is not None else table.names
    if names is not None:
        return match_classes(labels, len(names), names, class_map)
    if table.scores is not None:
        return match_classes(labels, table.scores.shape[1], None, class_map)
    numbers = [int(name) for name in table.called or () if re.fullmatch(r"\s*[0-9]{1,6}\s*", name)]
    if class_map is not None and len(numbers) == len(table.called or ()):
        return match_classes(labels, max(max(numbers) + 1, len(labels)), None, class_map)
    if class_map is not None:
        return match_classes(labels, len(set(table.called or ())), sorted(set(table.called or ())), class_map)
    return ClassMatch(tuple(labels), {label: idx for idx, label in enumerate(labels)}, "labels")


def _in_order(table: PredictionTable, output_names: Sequence[str] | None) -> Scores:
    """Scores (R, C) in the order of the head's outputs."""
    if table.scores is None:
        raise ValueError("no scores")
    if output_names is None or table.names is None:
        if output_names is not None and table.scores.shape[1] != len(output_names):
            raise InputError(
                f"{table.what}: {table.scores.shape[1]} scores a picture, and the head has {len(output_names)} "
                "outputs; expected a score for each, in its order"
            )
        return table.scores
    position = {loose_key(name): at for at, name in enumerate(table.names)}
    order = [position.get(loose_key(name)) for name in output_names]
    missing = [name for name, at in zip(output_names, order, strict=True) if at is None]
    if missing or len(table.names) != len(output_names):
        raise InputError(
            f"{table.what}: scores of {quote_list(table.names)}, and the head's classes are "
            f"{quote_list(output_names)}; expected the same names"
        )
    return table.scores[:, [at for at in order if at is not None]]


def _called(table: PredictionTable, match: ClassMatch, output_names: Sequence[str] | None) -> IntArray:
    """(R,) class of each row's prediction, given by its name or the name of a label, or by number under a class map."""
    names = output_names or table.names or match.class_names
    exact = {**match.label_to_class, **{name: idx for idx, name in enumerate(names)}}
    loose = {loose_key(name): idx for name, idx in exact.items()}
    by_number = match.how in ("class_map", "order")
    problems, found = Problems(), []
    unknown: str | None = None
    for place, text in zip(table.places, table.called or (), strict=True):
        name = text.strip()
        idx = exact.get(name, loose.get(loose_key(name)))
        if by_number and re.fullmatch(r"[0-9]{1,6}", name) and int(name) < len(names):
            idx = int(name)
        if idx is None:
            problems.add(_NO_CLASS, f"{quote(name)} in {place}")
            unknown = unknown or name
        found.append(-1 if idx is None else idx)
    if unknown is not None:
        close = nearest(unknown, names)
        hint = f"nearest to {quote(unknown)}: {quote(close)}" if close else "none is near"
        problems.say(
            f"classes: {quote_list(names)} ({hint}); correct the names, or give a column logit_CLASS or "
            "probability_CLASS for every class of the model"
        )
    problems.refuse(table.what)
    return np.array(found, dtype=np.int64)


def _confidence(scores: Scores | None, class_idx: IntArray) -> FloatArray:
    """(N,) probability of the class that is called; NaN without scores."""
    if scores is None:
        return np.full(class_idx.size, np.nan, np.float32)
    shares = probabilities(scores)
    return shares[np.arange(class_idx.size), class_idx].astype(np.float32)


def are_probabilities(scores: Scores) -> bool:
    """Whether scores (N, C) lie in [0, 1] and sum to 1 in every row, as far as they may be rounded."""
    in_range = bool(scores.min(initial=0) >= 0 and scores.max(initial=0) <= 1)
    return in_range and bool((np.abs(scores.sum(axis=1) - 1) < _ROUNDED).all())


def probabilities(scores: Scores) -> Scores:
    """(N, C) scores as they are where they are probabilities, else their softmax."""
    if are_probabilities(scores):
        return scores
    return np.asarray(special.softmax(scores, axis=1))
