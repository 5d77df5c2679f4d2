"""Every label of a multi-label classifier as an audit of its own, with the pictures brought through the models once."""

from __future__ import annotations

import hashlib
import logging
import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from auditor.audit_folder import FEATURES_NAME, check_out_folder
from auditor.config import AuditConfig
from auditor.errors import InputError
from auditor.extraction.embedding_cache import open_embedding_cache
from auditor.extraction.extract import Beside, extract_features
from auditor.inputs.class_map import loose_key
from auditor.inputs.several_labels import LabelNames, OneSidedLabelError, check_label
from auditor.models.classifier import Classifier
from auditor.models.device import find_device
from auditor.models.encoders.load import load_encoder
from auditor.pipeline import LoadedModels, label_classifier, label_names, load_model, read_data, run_audit, with_data
from auditor.records import Dataset, Progress
from auditor.store.manifest import MANIFEST_NAME
from auditor.store.one_writer import one_writer
from auditor.wording import nearest, quote, quote_list

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class LabelAudits:
    """The audits by label, in the order of the labels, and why other labels have none."""

    folders: dict[str, Path]
    left_out: dict[str, str]


def run_label_audits(config: AuditConfig, *, resume: bool = False, on_progress: Progress | None = None) -> LabelAudits:
    """Audit the labels that ``config`` names, or all, each in a folder of its name below ``config.out``.

    A label that every picture has, or none, is left out with a reason where labels were not named.

    Args:
        config: The settings, with ``multi_label``.
        resume: As `auditor.pipeline.run_audit` takes it, for each of the audits.
        on_progress: Called with (stage, done, total); the stages of an audit begin with its label.

    Raises:
        AuditorError: with one line that says what to mend; audits that were finished stay for ``resume``.
    """
    if (config.out / MANIFEST_NAME).exists():
        raise InputError(f"{config.out} holds an audit; expected a folder for one of each label: give another --out")
    config = with_data(config, on_progress=on_progress)  # once for all labels
    found = label_names(config)
    for label in (*config.label, *config.thresholds):
        check_label(label, found.names, f"data {quote(config.data_name)}")
    device = find_device(config.device)
    classifier = load_model(config, live=None, n_labels=len(found.names), device=device)
    if classifier is None:
        raise InputError(f"multi_label with model {quote(config.model)}: expected one whose outputs are audited")
    loaded = LoadedModels(classifier, load_encoder(config.encoder, device=device))
    labels = config.label or _of_outputs(found, loaded.classifier, named_by_file=config.class_map is not None)
    settings = {label: config.for_label(label, config.out / name) for label, name in folder_names(labels).items()}
    for one in settings.values():
        check_out_folder(one.out, resume=resume)
    classifiers = {label: label_classifier(one, loaded.classifier, found)[0] for label, one in settings.items()}
    datasets, left_out = _datasets(settings, on_progress)
    if config.label and left_out:
        raise InputError("; ".join(left_out.values()))
    if not datasets:
        raise InputError(f"none of {len(labels)} labels can be audited: {next(iter(left_out.values()))}")
    for reason in left_out.values():
        logger.warning("left out: %s", reason)
    if config.max_images_per_class is None:  # else every label has pictures of its own
        _extract(config, {label: settings[label] for label in datasets}, datasets, classifiers, loaded, on_progress)
    folders: dict[str, Path] = {}
    for label in datasets:

        def told(stage: str, done: int, total: int, label: str = label) -> None:
            if on_progress:
                on_progress(f"{label}: {stage}", done, total)

        folders[label] = run_audit(settings[label], loaded=loaded, resume=True, on_progress=told)
    return LabelAudits(folders, left_out)


def folder_names(labels: Sequence[str]) -> dict[str, str]:
    """A folder's name for every label: itself, where it is one that any disk takes."""
    names: dict[str, str] = {}
    taken: set[str] = set()
    for label in labels:
        name = re.sub(r"[^\w .+-]", "_", label).strip(" .")[:80].rstrip(" .")
        if not name or name.casefold() in taken or name.startswith("-"):
            name = f"{name.lstrip('-') or 'label'}-{hashlib.sha256(label.encode()).hexdigest()[:8]}"
        taken.add(name.casefold())
        names[label] = name
    return names


def _of_outputs(found: LabelNames, classifier: Classifier, *, named_by_file: bool) -> tuple[str, ...]:
    """The labels of the data; of columns that say yes and no, those that the model has an output of the name of."""
    names = classifier.class_names
    if found.one_column or names is None or named_by_file:
        return found.names
    keys = {loose_key(name) for name in names}
    known = tuple(label for label in found.names if loose_key(label) in keys)
    if not known:
        close = nearest(found.names[0], names)
        hint = f" (nearest output to {quote(found.names[0])}: {quote(close)})" if close else ""
        raise InputError(
            f"no column of yes and no is called as an output of the model{hint}; columns: {quote_list(found.names)}; "
            f"outputs: {quote_list(names)}; say which is which with --class-map FILE"
        )
    return known


def _datasets(
    settings: dict[str, AuditConfig], on_progress: Progress | None
) -> tuple[dict[str, Dataset], dict[str, str]]:
    """The pictures by label, and why a label has none to compare."""
    datasets: dict[str, Dataset] = {}
    left_out: dict[str, str] = {}
    for label, one in settings.items():
        try:
            datasets[label] = read_data(one, on_progress=on_progress)
        except OneSidedLabelError as error:
            left_out[label] = str(error)
    return datasets, left_out


def _extract(
    config: AuditConfig,
    settings: dict[str, AuditConfig],
    datasets: dict[str, Dataset],
    classifiers: dict[str, Classifier],
    loaded: LoadedModels,
    on_progress: Progress | None,
) -> None:
    """Write the features of all labels in one pass: they differ in what an output makes of the same channels."""
    first, *others = settings
    beside = [
        Beside(classifiers[label], settings[label].out / FEATURES_NAME, tuple(i.label for i in datasets[label].items))
        for label in others
    ]
    with ExitStack() as stack:
        for one in settings.values():
            stack.enter_context(one_writer(one.out))
        cache = stack.enter_context(
            open_embedding_cache(config.cache_folder, loaded.encoder.digest, loaded.encoder.dim)
        )
        extract_features(
            datasets[first],
            classifiers[first],
            loaded.encoder,
            folder=settings[first].out / FEATURES_NAME,
            cache=cache,
            thumbnails=config.thumbnails,
            batch_size=config.batch_size,
            n_jobs=config.n_jobs,
            properties=config.properties,
            beside=beside,
            on_progress=on_progress,
        )
