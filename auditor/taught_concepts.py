"""Concepts by example on the audited pictures: features of both, a probe for each concept, or why there is none."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

import numpy as np

from auditor.analysis import Inputs, Pictures
from auditor.concept_records import ExampleConcept
from auditor.config import AuditConfig
from auditor.evidence.presence.example_probe import N_FOLDS, ExampleProbe, fit_probe, varying_within
from auditor.extraction.image_features import encode_features
from auditor.figures import coefficient, counted
from auditor.inputs.examples import Example, ExampleSet, TaughtConcepts
from auditor.records import BoolArray, FloatArray, Progress
from auditor.rules import CHANCE_P, MIN_EXAMPLES, MIN_KAPPA
from auditor.wording import quote

logger = logging.getLogger(__name__)


def teach(
    config: AuditConfig, inputs: Inputs, pictures: Pictures, *, on_progress: Progress | None = None
) -> TaughtConcepts:
    """Learn every concept that the settings give by examples, and tell in which pictures it is.

    Args:
        config: The settings.
        inputs: With the examples.
        pictures: The N that could be read.
        on_progress: Called with ("examples", done, total).

    Raises:
        StoreError: the cache of features cannot be used.
    """
    features, asked = inputs.encoder.features, [one for one in inputs.examples if one.state is None]
    if features is None or not asked:
        reason = f"encoder {quote(inputs.encoder.spec)} shows no features of pictures: give another --encoder"
        sets = [one if one.state else one.refused("no_features", reason) for one in inputs.examples]
        taught = learn(sets, [], np.zeros((len(pictures.items), 0), np.float32), (), seed=config.seed)
    else:
        contents = [inputs.dataset.contents.get(item.path) for item in pictures.items]
        examples = [(picture.path, picture.content) for one in asked for picture in one.examples]
        audited = [(inputs.dataset.root / item.path, at) for item, at in zip(pictures.items, contents, strict=True)]
        rows = encode_features(
            [*examples, *audited],
            inputs.encoder,
            features,
            cache_folder=config.cache_folder,
            batch_size=config.batch_size,
            n_jobs=config.n_jobs,
            on_progress=on_progress,
        )
        ends = np.cumsum([len(one.examples) for one in asked])
        *of_sets, of_pictures = np.split(rows, ends)
        taught = learn(inputs.examples, of_sets, of_pictures, contents, seed=config.seed)
    for notice in taught.notices:
        logger.warning("%s", notice)
    return taught


def learn(
    sets: Sequence[ExampleSet],
    features: Sequence[FloatArray],
    of_pictures: FloatArray,
    contents: Sequence[str | None],
    *,
    seed: int,
) -> TaughtConcepts:
    """A probe for every set of examples that one can be fitted on.

    Args:
        sets: What the settings give.
        features: For each set without a state, (n, F) of its examples; NaN where one could not be decoded.
        of_pictures: (N, F) of the audited pictures; NaN likewise.
        contents: N, the sha256 of the audited pictures: an example among them is in neither arm of its concept.
        seed: Of the folds.
    """
    taught: list[tuple[ExampleSet, FloatArray, float]] = []
    records: list[ExampleConcept] = []
    given = iter(features)
    for one in sets:
        found, probe = _learn(one, next(given), seed) if one.state is None else (one, None)
        shown = {picture.content for picture in found.examples}
        itself = np.array([content in shown for content in contents], dtype=np.bool_)
        if probe is not None and found.state is None:
            presence = np.where(itself, np.float32(np.nan), probe.presence(of_pictures))
            taught.append((found, presence, probe.kappa))
        records.append(_record(found, probe, int(itself.sum())))
    columns = [presence for _, presence, _ in taught]
    return TaughtConcepts(
        concepts=tuple(one.concept for one, _, _ in taught),
        presence=np.stack(columns, axis=1) if columns else np.zeros((len(of_pictures), 0), np.float32),
        kappa=np.array([kappa for _, _, kappa in taught], dtype=np.float32),
        same_as={one.concept.concept_id: one.same_as for one, _, _ in taught if one.same_as is not None},
        records=tuple(records),
        notices=tuple(_notices(records)),
    )


def _learn(found: ExampleSet, rows: FloatArray, seed: int) -> tuple[ExampleSet, ExampleProbe | None]:
    """The examples that count, with their state, and the probe if one was fitted."""
    decoded: BoolArray = np.asarray(np.isfinite(rows).all(axis=1))
    found, rows = found.only(decoded).checked(), rows[decoded]
    if found.state is not None:
        return found, None
    labels = [picture.label or "" for picture in found.examples]  # those of no class stand together
    class_idx = np.unique(labels, return_inverse=True)[1].astype(np.int64)
    varying = varying_within(class_idx, found.yes)
    left = found.only(varying).checked()
    if left.state is not None:
        reason = (
            f"yes and no follow the classes of the examples: {int(left.yes.sum())} with it and "
            f"{int((~left.yes).sum())} without it are of classes with both, {MIN_EXAMPLES} of each are needed"
        )
        return found.refused("follows_class", reason), None
    groups = np.unique([_group(picture) for picture in left.examples], return_inverse=True)[1].astype(np.int64)
    if groups.max() + 1 < N_FOLDS:
        reason = f"the examples are of {counted(int(groups.max()) + 1, 'group')}, at least {N_FOLDS} are needed"
        return left.refused("too_few", reason), None
    probe = fit_probe(rows[varying], left.yes, class_idx[varying], groups, seed=seed)
    told = f"a probe tells unseen examples with AUC {coefficient(probe.auc)}, kappa {coefficient(probe.kappa)}"
    if probe.p >= CHANCE_P:
        return left.refused("at_chance", f"{told}: no better than chance; give clearer examples"), probe
    if probe.kappa < MIN_KAPPA:
        return left.refused("not_measurable", f"{told}, {MIN_KAPPA} is needed; give more examples"), probe
    return left, probe


def _group(picture: Example) -> str:
    """What one picture may tell of another: the group of the list, else the picture alone."""
    return f"group {picture.group}" if picture.group is not None else f"picture {picture.content}"


def _record(found: ExampleSet, probe: ExampleProbe | None, n_in_audit: int) -> ExampleConcept:
    known = {picture.label for picture in found.examples if picture.label is not None}
    return ExampleConcept(
        concept_id=found.concept.concept_id,
        concept=found.concept.term,
        concept_kind=found.concept.kind,
        state=found.state or "learnt",
        reason=found.reason,
        n_yes=int(found.yes.sum()),
        n_no=int((~found.yes).sum()),
        n_left_out=found.n_left_out,
        same_as=found.same_as,
        n_classes=len(known),
        n_in_audit=n_in_audit,
        auc=None if probe is None else probe.auc,
        kappa=None if probe is None else probe.kappa,
    )


def _notices(records: Sequence[ExampleConcept]) -> Iterator[str]:
    """One line for each concept: what it was learnt from and how well, or why it was not."""
    for one in records:
        if one.state != "learnt":
            yield f"{quote(one.concept)} is not examined: {one.reason}"
            continue
        left = f", {one.n_left_out} left out" if one.n_left_out else ""
        classes = (
            f"within {counted(one.n_classes, 'class', 'classes')}"
            if one.n_classes
            else "of unknown classes, so that it may tell a class instead"
        )
        itself = f"; {counted(one.n_in_audit, 'example')} among the audited pictures left out of both arms"
        yield (
            f"{quote(one.concept)} was learnt from {one.n_yes} pictures with it and {one.n_no} without it{left}, "
            f"{classes}: unseen ones are told with AUC {coefficient(one.auc)}, kappa {coefficient(one.kappa)}"
            f"{itself if one.n_in_audit else ''}"
        )
