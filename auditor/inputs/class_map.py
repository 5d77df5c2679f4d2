"""Which output of the model stands for which label of the data set: by name, by order, or by a file, never by luck."""

from __future__ import annotations

import json
import math
import re
import tomllib
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from auditor.errors import InputError
from auditor.inputs.one_spelling import one_form
from auditor.inputs.tables import read_table
from auditor.inputs.words import word_key
from auditor.records import ClassMatch, ImageItem, IntArray
from auditor.regular_files import read_regular_text
from auditor.wording import first_of, nearest, quote, quote_list

#: Digits of the longest number in a label whose value is compared.
_MOST_DIGITS = 20
#: A number, as programs write those of a column: "1", "1.0", "1e0".
_NUMBER = re.compile(r"[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]{1,2})?")
_FORM = 'a label and its output each: lines cat,0 below label,output (.csv), cat = 0 (.toml) or {"cat": 0} (.json)'
_NEXT_STEP = (
    "say which is which with --class-map FILE.csv, whose first line is label,output, and then a line a label, such as "
    "cat,0"
)


def match_classes(
    labels: Sequence[str], n_outputs: int, output_names: Sequence[str] | None, class_map: Path | None
) -> ClassMatch:
    """Match the labels of the data set to the outputs of the model.

    With a class-map file, by that. Else by name: exact, then without regard to case and to ``_``, ``-`` and spaces;
    outputs that no label names are allowed. Else, for outputs without names, the sorted labels in order, with a
    warning, if there are as many and every usual way of sorting gives the same order.

    Args:
        labels: Labels found, in any order.
        n_outputs: Classes of the model; a single logit counts as two, the negative class first.
        output_names: Their names, if the model has any.
        class_map: CSV (columns label, output), TOML or JSON file: label to output index or output name.

    Returns:
        Unique class names, one per output (a name that the model uses twice gets its output's number), and the output
        of every label.

    Raises:
        InputError: a label without an output or with several; shows both lists.
    """
    labels = sorted(set(labels))
    if output_names is not None and len(output_names) != n_outputs:
        raise InputError(
            f"model has {n_outputs} outputs but {len(output_names)} names for them: {quote_list(output_names)}; "
            "expected one name an output"
        )
    if class_map is not None:
        return _by_file(labels, n_outputs, output_names, class_map)
    if output_names is not None:
        return _by_name(labels, output_names)
    return _by_order(labels, n_outputs)


def label_indices(match: ClassMatch, items: Sequence[ImageItem]) -> IntArray:
    """(N,) class of every picture's label, -1 for none."""
    to_class = match.label_to_class
    return np.array([-1 if item.label is None else to_class[item.label] for item in items], dtype=np.int64)


def _by_name(labels: Sequence[str], output_names: Sequence[str]) -> ClassMatch:
    exact: dict[str, list[int]] = defaultdict(list)
    loose: dict[str, list[int]] = defaultdict(list)
    for output, name in enumerate(output_names):
        exact[name].append(output)
        loose[loose_key(name)].append(output)
    lists = f"labels: {quote_list(labels)}; outputs: {quote_list(output_names)}"
    label_to_class: dict[str, int] = {}
    unknown: list[str] = []
    for label in labels:
        outputs = exact.get(label) or loose.get(loose_key(label), [])
        if len(outputs) > 1:
            raise InputError(f"label {quote(label)} names outputs {outputs} of the model alike; {lists}; {_NEXT_STEP}")
        if outputs:
            label_to_class[label] = outputs[0]
        else:
            unknown.append(label)
    if unknown:
        close = nearest(unknown[0], output_names)
        hint = f" (nearest output to {quote(unknown[0])}: {quote(close)})" if close else ""
        raise InputError(
            f"{len(unknown)} of {len(labels)} labels unknown to the model: {quote_list(unknown)}{hint}; "
            f"{lists}; {_NEXT_STEP}"
        )
    shared = [output for output, count in Counter(label_to_class.values()).items() if count > 1]
    if shared:
        alike = [label for label in labels if label_to_class[label] == shared[0]]
        raise InputError(f"labels {quote_list(alike)} all name output {shared[0]}; {lists}; {_NEXT_STEP}")
    return ClassMatch(class_names=_unique(output_names), label_to_class=label_to_class, how="name")


def _by_order(labels: Sequence[str], n_outputs: int) -> ClassMatch:
    if len(labels) != n_outputs:
        raise InputError(
            f"model has {n_outputs} outputs without names, the data has {len(labels)} labels: {quote_list(labels)}; "
            f"{_NEXT_STEP}"
        )
    # Folders are read in the order of their characters, lists are written by value or without regard to case: any may
    # be the model's, so none is taken where they differ.
    for how, key in ({"by value": float} if all(map(_is_number, labels)) else _OTHER_ORDERS).items():
        other = sorted(labels, key=key)
        if other != labels:
            at = next(i for i, (first, second) in enumerate(zip(labels, other, strict=True)) if first != second)
            raise InputError(
                f"order of the labels is not sure: as text output {at} is {quote(labels[at])}, {how} "
                f"{quote(other[at])}; outputs: {n_outputs} without names; labels: {quote_list(labels)}; {_NEXT_STEP}"
            )
    taken = first_of([f"{output} = {quote(label)}" for output, label in enumerate(labels)])
    return ClassMatch(
        class_names=tuple(labels),
        label_to_class={label: output for output, label in enumerate(labels)},
        how="order",
        warning=f"outputs of the model have no names; the sorted labels were taken in order: {taken}; "
        f"if that is wrong, {_NEXT_STEP}",
    )


def _form(name: str) -> str:
    """The form that a column of such labels is read in: "1.0" is the label 1 of a column of numbers."""
    return one_form([name])[0]


def loose_key(name: str) -> str:
    """The form under which names of classes are compared: case, separators and how a number is spelt do not count."""
    return word_key(_form(name))


def _is_number(label: str) -> bool:
    try:
        return math.isfinite(float(label))
    except ValueError:
        return False


def _by_digits(label: str) -> str:
    """Sorts "class_10" after "class_2": runs of digits by value, all else as text."""
    return re.sub("[0-9]+", lambda run: run[0].zfill(_MOST_DIGITS), label)


def _without_case(label: str) -> str:
    """Sorts "ant" before "Zebra", and "École" before "Zoo"."""
    letters = unicodedata.normalize("NFKD", label)
    return "".join(letter for letter in letters if not unicodedata.combining(letter)).casefold()


#: How else labels may have been sorted by whoever trained the model, and the key of that.
_OTHER_ORDERS: Mapping[str, Callable[[str], Any]] = {
    "with numbers by value": _by_digits,
    "without regard to case and accents": _without_case,
    "with numbers by value and without regard to case": lambda label: _by_digits(_without_case(label)),
}


def _by_file(labels: Sequence[str], n_outputs: int, output_names: Sequence[str] | None, path: Path) -> ClassMatch:
    what = f"class map {quote(path.name)}"
    mapping = _read_map(path, what)
    written = Counter(map(_form, mapping))
    spelt = {_form(label): label for label in mapping if written[_form(label)] == 1}  # of two neither is taken
    outputs = f"outputs: {quote_list(output_names) if output_names is not None else f'0 to {n_outputs - 1}'}"
    given = {label: label if label in mapping else spelt.get(_form(label), label) for label in labels}
    missing = [label for label in labels if given[label] not in mapping]
    if missing:
        raise InputError(
            f"{what}: {len(missing)} of {len(labels)} labels missing: {quote_list(missing)}; "
            f"it maps: {quote_list(list(mapping))}; {outputs}; add a line for each"
        )
    # Lines for labels that this data does not have are allowed (another split has them), but not wrong ones.
    resolved = {
        label: _output(label, target, n_outputs, output_names, f"{what}: {outputs}")
        for label, target in mapping.items()
    }
    if output_names is not None:
        names: Sequence[str] = output_names
    else:
        by_output: dict[int, list[str]] = defaultdict(list)
        for label, output in resolved.items():
            by_output[output].append(label)
        names = [" / ".join(by_output[output]) or f"output {output}" for output in range(n_outputs)]
    return ClassMatch(
        class_names=_unique(names), label_to_class={label: resolved[given[label]] for label in labels}, how="class_map"
    )


def _output(
    label: str, target: str | int | float, n_outputs: int, output_names: Sequence[str] | None, where: str
) -> int:
    """Position of an output given by name or number; a name that looks like a number is a name first."""
    names = output_names or ()
    named = [i for i, name in enumerate(names) if name == target]
    if not named and isinstance(target, str):
        named = [i for i, name in enumerate(names) if _form(name) == _form(target)]
    if len(named) == 1:
        return named[0]
    if len(named) > 1:
        raise InputError(
            f"{where}; {quote(target)} names outputs {named} alike; give the number for label {quote(label)}"
        )
    number = _whole(target)
    if number is None or not 0 <= number < n_outputs:
        raise InputError(
            f"{where}; label {quote(label)} is mapped to {quote(target)}; "
            f"expected an output's name or 0 to {n_outputs - 1}"
        )
    return number


def _whole(target: str | int | float) -> int | None:
    """The whole number that a target is, however it is spelt: "1", "1.0" and "1e0" are 1; None for all others."""
    if isinstance(target, int):
        return target
    if isinstance(target, str) and (not _NUMBER.fullmatch(target) or len(target) > _MOST_DIGITS):
        return None
    return int(float(target)) if float(target).is_integer() else None


def _read_map(path: Path, what: str) -> Mapping[str, str | int | float]:
    suffix = path.suffix.lower()
    if suffix == ".csv":
        table = read_table(path, what)
        table.require(("label", "output"), what)
        pairs = list(zip(table.columns["label"], table.columns["output"], strict=True))
        return _without_repeats([(label, output.strip()) for label, output in pairs], what)
    if suffix not in (".toml", ".json"):
        raise InputError(f"{what}: ends in {quote(path.suffix)}; expected .csv, .toml or .json")
    try:
        text = read_regular_text(path)
        document: Any
        if suffix == ".toml":
            document = tomllib.loads(text)
        else:
            document = json.loads(text, object_pairs_hook=lambda pairs: _without_repeats(pairs, what))
    except OSError as error:
        raise InputError(f"{what}: cannot be read: {error.strerror}; expected {_FORM}") from error
    except (ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise InputError(f"{what}: not readable as {suffix[1:].upper()}: {quote(reason)}; expected {_FORM}") from error
    if not isinstance(document, dict):
        raise InputError(f"{what}: holds {quote(document)}; expected {_FORM}")
    for label, target in document.items():
        if isinstance(target, bool) or not isinstance(target, str | int | float):
            raise InputError(f"{what}: label {quote(label)} is mapped to {quote(target)}; expected a number or a name")
    return document


def _without_repeats(pairs: Sequence[tuple[str, Any]], what: str) -> dict[str, Any]:
    repeated = sorted(label for label, count in Counter(label for label, _ in pairs).items() if count > 1)
    if repeated:
        raise InputError(f"{what}: labels given more than once: {quote_list(repeated)}; expected one output a label")
    return dict(pairs)


def _unique(names: Sequence[str]) -> tuple[str, ...]:
    """Names with the output's number where the model uses one twice: fingerprints of findings hang on them."""
    counts = Counter(names)
    taken = {name for name, count in counts.items() if count == 1}
    unique: list[str] = []
    for output, name in enumerate(names):
        while counts[name] != 1 and name in taken | set(counts):
            name = f"{name} (output {output})"
        taken.add(name)
        unique.append(name)
    return tuple(unique)
