"""Whether the maps, groups and phrases of a finished audit show what its model uses: tried, and kept in the audit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from auditor.analysis import Decisions, Gathered, Inputs
from auditor.errors import InputError, ModelError
from auditor.extraction.map_trials import BY_PLACES, Subject, try_class_maps, try_phrase_maps
from auditor.faithfulness.group_deletion import group_areas
from auditor.faithfulness.simulation import N_FOLDS, foretold, foretold_by_chance
from auditor.faithfulness.summary import mean_row
from auditor.faithfulness.text_direction import (
    leading_words,
    raised,
    slopes_along_words,
    slopes_as_pictures_differ,
)
from auditor.faithfulness.trials import Trial, trial_rows
from auditor.faithfulness_records import FaithfulnessRow
from auditor.figures import counted
from auditor.finished_audit import audit_settings, load_audited, settings_again
from auditor.inputs.images import read_image
from auditor.models.classifier import Classifier
from auditor.models.map_choice import check_method, drawing_with
from auditor.models.map_method_names import MAP_METHOD_NAMES
from auditor.models.shuffled_weights import with_shuffled_weights
from auditor.pipeline import gather
from auditor.records import FloatArray, IntArray, Progress
from auditor.store.amend import amended, check_amendable, replace_rows
from auditor.store.one_writer import one_writer
from auditor.store.open_audit import open_audit_database
from auditor.store.queries.audited_words import mapped_pictures
from auditor.textcam.attribution import centred_weights

#: Pictures whose maps are tried, however many classes there are.
MOST_PICTURES = 100
#: Pictures whose groups are taken out, and orders by chance for each.
_GROUPED, _ORDERS = 1000, 10
#: Pictures that calls are foretold of, and embeddings moved of.
_TOLD = 4000
#: Score-CAM asks the model once a channel and picture: only where it is named.
_LEFT_OUT = ("score_cam",)
_SEED = 0
#: Two ways to move embeddings by a word.
MOVES = {
    "straight along the word": slopes_along_words,
    "as pictures with more of the word differ": slopes_as_pictures_differ,
}


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """What was measured, of how many pictures' maps, and what was left out."""

    rows: tuple[FaithfulnessRow, ...]
    n_pictures: int
    notices: tuple[str, ...]


def measure_faithfulness(
    folder: Path,
    *,
    per_class: int = 5,
    map_methods: Sequence[str] = (),
    model: str | None = None,
    weights: Path | None = None,
    data: Path | str | None = None,
    preprocess: Path | None = None,
    class_map: Path | None = None,
    encoder: str | None = None,
    vocabulary: Path | None = None,
    trust_code: bool = False,
    on_progress: Progress | None = None,
) -> Faithfulness:
    """Try what the audit shows of its model, and keep the figures in the audit's table ``faithfulness``.

    Maps are tried on pictures that run through the model again; groups, phrases and calls by features on disk.

    Args:
        folder: A finished audit of a model.
        per_class: Pictures of each class whose maps are tried, :data:`MOST_PICTURES` in all at the most.
        map_methods: Ways to draw maps that are compared with the audit's own; none: all that the model has, but for
            Score-CAM, which takes a pass of the model for every channel.
        model: Model spec, where it is no longer the audit's.
        weights: File of the weights.
        data: Folder or manifest of the pictures, where it has moved.
        preprocess: File of the preprocessing.
        class_map: File that maps labels to outputs.
        encoder: Encoder spec, where it is no longer the audit's or names a file.
        vocabulary: File of the vocabulary.
        trust_code: Whether a factory's code may run and the files that the audit names may be read.
        on_progress: Called with (stage, done, total).

    Returns:
        What was measured.

    Raises:
        StoreError: no finished audit there, or nothing can be added to it.
        InputError: no model was run for the audit, a method is not known, the audit names files that were not given
            again, or something is not what was audited.
        ModelError: a method that was named needs what the model has not.
    """
    named = [check_method(method) for method in map_methods]
    check_amendable(folder)
    given = {
        "model": model,
        "weights": weights,
        "data": data,
        "preprocess": preprocess,
        "class_map": class_map,
        "encoder": encoder,
        "vocabulary": vocabulary,
    }
    no_model = (
        f"no model was run for the audit at {folder}: there are no maps to try; audit one with `auditor run --model`"
    )
    if not audit_settings(folder).examines_model:
        raise InputError(no_model)
    config = settings_again(folder, given, out=folder, trust_code=trust_code)
    with one_writer(folder):
        inputs = load_audited(folder, config, on_progress=on_progress)
        if inputs.classifier is None:
            raise InputError(no_model)
        drawings, notices = _drawings(drawing_with(inputs.classifier, inputs.map_method), named)
        inputs, gathered = gather(config, inputs, on_progress=on_progress)
        if gathered.decisions is None:
            raise ValueError("no model was examined")
        trials, n_pictures, unread = _try_maps(
            folder, inputs, gathered, gathered.decisions, drawings, per_class=per_class, on_progress=on_progress
        )
        own = MAP_METHOD_NAMES[next(iter(drawings))]
        activations, rows = _kept_activations(gathered)
        found = [
            *trial_rows(trials, {"class_map": own, "phrase_map": BY_PLACES}),
            *_group_rows(gathered, gathered.decisions, activations, rows),
            *_direction_rows(gathered, gathered.decisions, activations, rows),
            *_simulation_rows(gathered, gathered.decisions, rows),
        ]
        if unread:
            notices.append(f"{counted(unread, 'picture')} could not be read any more")
        with amended(folder) as connection:
            replace_rows(connection, "faithfulness", found, FaithfulnessRow)
    return Faithfulness(tuple(found), n_pictures, tuple(notices))


def _drawings(own: Classifier, named: Sequence[str]) -> tuple[dict[str, Classifier], list[str]]:
    """The model by the methods that maps are tried of, the audit's own first, and which it has not."""
    drawings, lacking = {own.map_method: own}, []
    for method in named or [name for name in MAP_METHOD_NAMES if name not in _LEFT_OUT]:
        try:
            drawings.setdefault(method, drawing_with(own, method))
        except ModelError:
            if named:
                raise
            lacking.append(MAP_METHOD_NAMES[method])
    return drawings, [f"this model has no maps by {', '.join(lacking)}"] if lacking else []


def _try_maps(
    folder: Path,
    inputs: Inputs,
    gathered: Gathered,
    decisions: Decisions,
    drawings: dict[str, Classifier],
    *,
    per_class: int,
    on_progress: Progress | None,
) -> tuple[list[Trial], int, int]:
    """Trials of the chosen pictures, of how many, and how many could not be read."""
    with open_audit_database(folder) as connection:
        mapped = {image_id for image_id, _ in mapped_pictures(connection)}
    pictures = gathered.pictures
    called = pictures.counted(pictures.predicted_idx)
    chosen = chosen_rows(called, pictures.image_ids, mapped, per_class)
    own = next(iter(drawings.values()))
    shuffled = with_shuffled_weights(own, _SEED)
    trials: list[Trial] = []
    unread = 0
    for done, row in enumerate(chosen, start=1):
        item = pictures.items[row]
        seed = int(item.image_id[:8], 16)  # of the picture, whatever else is tried
        try:
            image = read_image(inputs.dataset.root / item.path, min_side=own.input_size).image
            mask = read_image(inputs.dataset.root / item.mask_path).image if item.mask_path else None
        except InputError:
            unread += 1
            continue
        subject = Subject(item.image_id, image, int(called[row]), mask)
        trials += try_class_maps(subject, drawings, shuffled, seed)
        trials += try_phrase_maps(subject, own, decisions.channels.words, inputs.encoder, seed)
        if on_progress:
            on_progress("faithfulness of maps", done, len(chosen))
    return trials, len(chosen) - unread, unread


def chosen_rows(called: IntArray, image_ids: Sequence[str], mapped: set[str], per_class: int) -> list[int]:
    """Rows of pictures whose maps are tried: those that the audit shows first, then by their ids, class by class.

    Args:
        called: (N,) class that each picture is called, -1 for copies.
        image_ids: N ids; they come from the pictures' paths, so their order says nothing of the picture.
        mapped: Ids of pictures that the audit shows a map of.
        per_class: Of each class, at most.

    Returns:
        At most :data:`MOST_PICTURES`, one of each class before a second of any.
    """
    of_class = [
        sorted(np.flatnonzero(called == c).tolist(), key=lambda row: (image_ids[row] not in mapped, image_ids[row]))
        for c in np.unique(called[called >= 0])
    ]
    turns = [rows[turn] for turn in range(per_class) for rows in of_class if turn < len(rows)]
    return turns[:MOST_PICTURES]


def _kept_activations(gathered: Gathered) -> tuple[FloatArray, IntArray]:
    """Channels (n, K) of at most so many pictures that count, and their rows, in the order of their ids."""
    pictures = gathered.pictures
    counts = np.flatnonzero(pictures.counted(pictures.predicted_idx) >= 0)
    rows = np.array(sorted(counts, key=lambda row: pictures.image_ids[row])[:_TOLD], np.int64)
    in_order = np.sort(rows)
    parts = [
        chunk[in_order[(in_order >= at.start) & (in_order < at.stop)] - at.start]
        for at, chunk, _ in gathered.shards.head_chunks()
    ]
    return np.concatenate(parts)[np.searchsorted(in_order, rows)], rows


def _group_rows(
    gathered: Gathered, decisions: Decisions, activations: FloatArray, rows: IntArray
) -> list[FaithfulnessRow]:
    """Groups of channels taken out by contribution, and by chance."""
    found, drawn = group_areas(
        activations[:_GROUPED],
        gathered.pictures.predicted_idx[rows[:_GROUPED]],
        decisions.head,
        decisions.channels.words.stats.mean,
        decisions.channels.groups.group_idx,
        n_random=_ORDERS,
        rng=np.random.default_rng(_SEED),
    )
    told = []
    for name in ("deletion", "insertion", "relevance_gain"):
        values, controls = ([getattr(one, name) for one in areas] for areas in (found, drawn))
        told.append(mean_row("channel_groups", "groups by contribution", name, values))
        told.append(mean_row("channel_groups", "groups by contribution", name, values, controls, "groups by chance"))
    return [row for row in told if row is not None]


def _direction_rows(
    gathered: Gathered, decisions: Decisions, activations: FloatArray, rows: IntArray
) -> list[FaithfulnessRow]:
    """Whether classes rise along the words that lead their pictures: fitted on one half, words of the other."""
    half = len(rows) // 2
    if not half:
        return []
    called = gathered.pictures.predicted_idx[rows]
    shares = decisions.descriptions.of_classes(gathered.pictures.predicted_idx)[0]
    pairs = leading_words(shares[rows[half:]].toarray(), called[half:])
    if not pairs:
        return []
    told = []
    weights, embeddings = centred_weights(decisions.head), gathered.pictures.embeddings[rows[:half]]
    for method, slopes_of in MOVES.items():
        found = raised(slopes_of(embeddings, activations[:half], weights, gathered.concept_rows), pairs)
        raises, by_all = list(found.raises), list(found.raised_by_all)
        told += [
            mean_row("text_direction", method, "raises", raises),
            mean_row("text_direction", method, "raises", raises, by_all, "all words"),
            mean_row("text_direction", method, "rank", list(found.rank)),
        ]
    return [row for row in told if row is not None]


def _simulation_rows(gathered: Gathered, decisions: Decisions, rows: IntArray) -> list[FaithfulnessRow]:
    """How well phrases, maps and both tell what unseen pictures are called."""
    pictures = gathered.pictures
    called = pictures.predicted_idx[rows]
    often = np.bincount(called) >= N_FOLDS
    rows = rows[often[called]]
    places = gathered.shards.places()
    if places is not None:
        rows = rows[np.isfinite(places[rows]).all(axis=1)]
    called = pictures.predicted_idx[rows]
    if not len(rows) or np.bincount(called).max() < N_FOLDS:
        return []
    units = pictures.units()
    codes = np.arange(len(rows)) if units is None else units[rows]
    phrases = decisions.descriptions.of_classes(pictures.predicted_idx)[0][rows].toarray()
    explanations = {"phrases": phrases}
    if places is not None:
        explanations |= {"maps": places[rows], "phrases with places": np.concatenate([phrases, places[rows]], axis=1)}
    chance = foretold_by_chance(called, codes)
    right = {name: foretold(features, called, codes) for name, features in explanations.items()}
    told = [mean_row("simulation", "chance", "accuracy", list(chance))]
    for name, values in right.items():
        told.append(mean_row("simulation", name, "accuracy", list(values)))
        told.append(mean_row("simulation", name, "accuracy", list(values), list(chance), "chance"))
        if name != "maps" and "maps" in right:
            told.append(mean_row("simulation", name, "accuracy", list(values), list(right["maps"]), "maps"))
    return [row for row in told if row is not None]
