"""The inputs of a model's head and the head itself, from a file: words and erasure without the model.

The features of every picture, a matrix and a bias are all that contributions, words and erasure (E1, E3) read.
"""

from __future__ import annotations

import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from auditor.errors import InputError
from auditor.figures import counted
from auditor.inputs.predictions import Predictions, Scores, are_probabilities, probabilities
from auditor.records import Dataset, FloatArray, LinearHead
from auditor.regular_files import file_sha256, require_regular
from auditor.wording import quote, quote_list

_ARRAYS = ("paths", "features", "weight", "bias", "class_names")
#: By how much head and features may miss the scores, of these at least 1: rounding, and nothing else.
_EXACT = 1e-4
_NAMED = 3


@dataclass(frozen=True, slots=True, eq=False)
class HeadFeatures:
    """A head and its input for R pictures: ``logits = features @ head.weight.T + head.bias``."""

    what: str  # how messages call it
    file_name: str
    digest: str
    head: LinearHead
    class_names: tuple[str, ...]  # C
    features: FloatArray  # (R, K) float32
    row_of: dict[str, int]  # path -> row

    def of(self, paths: Sequence[str]) -> tuple[FloatArray, FloatArray]:
        """Features (n, K) and logits (n, C) of pictures, float32."""
        features = self.features[[self.row_of[path] for path in paths]]
        exact = features.astype(np.float64) @ self.head.weight.T.astype(np.float64) + self.head.bias
        return features, np.asarray(exact, np.float32)


def read_head_features(path: Path) -> HeadFeatures:
    """Read the .npz file that ``np.savez(path, paths=, features=, weight=, bias=, class_names=)`` writes.

    Raises:
        InputError: what is missing, has another shape or is not finite.
    """
    what = f"features {quote(path.name)}"
    expected = f"expected an .npz file of {', '.join(_ARRAYS)}, as np.savez writes them"
    try:
        require_regular(path)
        loaded = np.load(path, allow_pickle=False)
        if not isinstance(loaded, np.lib.npyio.NpzFile):
            raise InputError(f"{what}: is one array; {expected}")
        with loaded as file:
            missing = [name for name in _ARRAYS if name not in file.files]
            if missing:
                raise InputError(f"{what}: {', '.join(missing)} missing, {quote_list(file.files)} found; {expected}")
            paths, features, weight, bias, names = (file[name] for name in _ARRAYS)
    except OSError as error:
        raise InputError(f"{what}: cannot be read: {error.strerror or error}; {expected}") from error
    except (ValueError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        raise InputError(f"{what}: cannot be read ({str(error).splitlines()[0]}); {expected}") from error
    if features.ndim != 2 or paths.shape != features.shape[:1]:
        raise InputError(f"{what}: features {features.shape} for paths {paths.shape}; expected (N, K) and (N,)")
    fits = weight.ndim == 2 and len(weight) > 1 and weight.shape[1] == features.shape[1]
    if not fits or bias.shape != weight.shape[:1] or names.shape != weight.shape[:1]:
        raise InputError(
            f"{what}: weight {weight.shape}, bias {bias.shape} and class_names {names.shape} for features "
            f"{features.shape}; expected (C, {features.shape[1]}), (C,) and (C,), C at least 2 (one logit is two rows, "
            "-w/2 and w/2)"
        )
    for name, array in (("features", features), ("weight", weight), ("bias", bias)):
        if array.dtype.kind not in "fiu" or not np.isfinite(array).all():
            raise InputError(
                f"{what}: {name} holds values that are no finite numbers; mend them, or leave pictures out"
            )
    rows = {str(path): row for row, path in enumerate(paths.tolist())}
    if len(rows) < len(paths):
        raise InputError(
            f"{what}: {counted(len(paths) - len(rows), 'path')} given more than once; expected one row each"
        )
    head = LinearHead(np.asarray(weight, np.float32), np.asarray(bias, np.float32))
    class_names = tuple(str(name) for name in names.tolist())
    return HeadFeatures(what, path.name, file_sha256(path), head, class_names, np.asarray(features, np.float32), rows)


def check_features(given: HeadFeatures, dataset: Dataset, predictions: Predictions) -> None:
    """Refuse features that lack a picture, or that the head does not turn into what was predicted.

    Raises:
        InputError: how many pictures, and the first of them.
    """
    missing = [item.path for item in dataset.items if item.path not in given.row_of]
    if missing:
        shown = ", ".join(map(quote, missing[:_NAMED]))
        raise InputError(
            f"{given.what}: {len(missing):,} of {counted(len(dataset.items), 'picture')} have no features ({shown}), "
            f"{counted(len(given.row_of), 'row')} given; expected one for every picture that is predicted, by the same "
            "path"
        )
    _, logits = given.of([item.path for item in dataset.items])
    exact: Scores = logits.astype(np.float64)
    scores = predictions.scores
    own = exact[np.arange(len(exact)), predictions.class_idx]
    missed, size = exact.max(axis=1) - own, np.maximum(1, np.abs(exact).max(axis=1))
    if scores is not None:
        if are_probabilities(scores):
            exact, size = probabilities(exact), np.ones(len(exact))
        missed = np.maximum(np.abs(exact - scores).max(axis=1), missed)
    wrong = np.flatnonzero(missed > _EXACT * size)
    if wrong.size:
        first = dataset.items[int(wrong[0])].path
        raise InputError(
            f"{given.what}: features @ weight.T + bias does not give what was predicted for {wrong.size:,} of "
            f"{counted(len(exact), 'picture')} (first {quote(first)}, off by {missed[wrong[0]]:.3g}); expected the "
            "input of the last linear layer, and that layer"
        )


def what_was_given(predictions: Predictions, features: HeadFeatures | None) -> str:
    """The files that stand for a model, as a clause."""
    head = f", head and its inputs from {quote(features.file_name)}" if features else ""
    return f"predictions from {quote(predictions.file_name)}{head}"


def what_is_missing(features: HeadFeatures | None) -> str:
    """What files cannot be asked, as a clause."""
    if features is not None:
        return "there are no maps, and no picture was changed and shown to a model"
    return (
        "there are no words of its channels and no maps, and without an intervention a class is suspect at most, "
        "never flagged"
    )
