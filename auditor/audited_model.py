"""The model of a finished audit, loaded again and checked to be the one that was audited."""

from __future__ import annotations

from pathlib import Path

from auditor.audit_folder import FEATURES_NAME
from auditor.config import GIVEN_PREDICTIONS, NO_MODEL
from auditor.errors import ModelError
from auditor.extraction.kept_inputs import read_kept_head
from auditor.models.classifier import Classifier
from auditor.models.label_output import with_two_classes
from auditor.models.live_model import LiveModel
from auditor.models.load_classifier import load_classifier
from auditor.named_files import check_named_files, model_folder
from auditor.records import AnyPath
from auditor.store.model_words import RunSettings


def check_model_was_run(settings: RunSettings) -> None:
    """Refuse an audit that has no model to ask.

    Raises:
        ModelError: it was made of predictions, or of the data alone.
    """
    if settings.model_spec == GIVEN_PREDICTIONS:
        raise ModelError(
            "no model was run for this audit (--predictions), so there is none to explain pictures with: audit the "
            "model itself with --model"
        )
    if settings.model_spec == NO_MODEL:
        raise ModelError(
            f"this audit examined no model (--model {NO_MODEL}), so there is no decision to explain: audit one"
        )


def load_audited_model(
    folder: Path,
    settings: RunSettings,
    *,
    model: str | LiveModel | None = None,
    weights: AnyPath | None = None,
    preprocess: AnyPath | None = None,
    trust_code: bool = False,
) -> Classifier:
    """Load it.

    Args:
        folder: The audit.
        settings: What the audit says of its model.
        model: Model spec, where it is no longer the audit's, or the model in memory that was audited.
        weights: File of the weights, where it has moved.
        preprocess: File of the preprocessing, where it has moved.
        trust_code: Whether a factory's code may run and the files that the audit names may be read; without it each
            of them must be given again.

    Raises:
        InputError: the audit names files that were not given again.
        ModelError: it cannot be loaded, or is another one.
    """
    named = {
        "weights": settings.weights if weights is None else None,
        "preprocess": settings.preprocess if preprocess is None else None,
        "model": model_folder(settings.model_spec) if model is None else None,
    }
    check_named_files(folder, named, trust_code=trust_code)
    weights, preprocess = (
        named if given is None else Path(given)
        for given, named in ((weights, settings.weights), (preprocess, settings.preprocess))
    )
    of_label = settings.label is not None
    n_labels = None if of_label else len(settings.class_names)
    if isinstance(model, LiveModel):
        classifier = model.classifier(
            preprocess=preprocess,
            target_layer=settings.target_layer,
            model_output=settings.model_output,
            n_labels=n_labels,
            multi_label=of_label,
        )
    else:
        classifier = load_classifier(
            model or settings.model_spec,
            weights=weights,
            preprocess=preprocess,
            trust_code=trust_code,
            target_layer=settings.target_layer,
            model_output=settings.model_output,
            n_labels=n_labels,
            multi_label=of_label,
        )
    if classifier.digest != settings.model_digest:
        raise ModelError(
            f"the model '{classifier.spec}' with these weights is not the one that was audited (digest "
            f"{classifier.digest[:12]}, the audit's {settings.model_digest[:12]}); give the audited --weights"
        )
    if of_label:
        head = read_kept_head(folder / FEATURES_NAME)
        classifier = with_two_classes(classifier, head, settings.class_names)
    return classifier
