"""One picture explained by a finished audit: where the model looks, and the words for it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from auditor.config import NO_MODEL
from auditor.errors import InputError, ModelError
from auditor.extraction.picture_maps import PictureMaps, map_picture, picture_as_seen
from auditor.figures import percent
from auditor.inputs.images import read_image
from auditor.models.load_classifier import load_classifier
from auditor.named_files import check_named_files
from auditor.records import Concept
from auditor.store.database import open_audit_database
from auditor.store.model_words import find_picture, read_channel_words, read_concepts, read_run_settings
from auditor.wording import quote


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """A picture with its maps and words for one class."""

    image: Image.Image  # the part that the maps cover
    path: str
    label: str | None
    class_name: str
    predicted_name: str
    probability: float  # of ``class_name``
    concepts: tuple[Concept, ...]  # one per phrase of ``maps``
    maps: PictureMaps

    def summary(self) -> str:
        """Two lines: what was predicted, and the words with their shares."""
        words = ", ".join(
            f"{concept.term} ({concept.kind}) {percent(share)}"
            for concept, share in zip(self.concepts, self.maps.phrase_shares, strict=True)
        )
        label = f", labelled {self.label}" if self.label is not None else ""
        return (
            f"{self.path}: predicted {self.predicted_name}{label}; {self.class_name} {percent(self.probability)}\n"
            f"words for {self.class_name}: {words or 'none'}; unexplained {percent(self.maps.residual)}"
        )


def explain_image(
    folder: Path,
    image: str,
    *,
    class_name: str | None = None,
    model: str | None = None,
    weights: Path | None = None,
    data: Path | None = None,
    preprocess: Path | None = None,
    trust_code: bool = False,
) -> Explanation:
    """Explain one picture with the model and the channel meanings of a finished audit.

    Args:
        folder: The audit.
        image: A path of the audited data set, an image id, or the path of any picture.
        class_name: Class to explain; None for the predicted one.
        model: Model spec, where it is no longer the audit's.
        weights: File of the weights.
        data: Root of the pictures, where it has moved.
        preprocess: File of the preprocessing.
        trust_code: Whether a factory's code may run and the files that the audit names may be read; without it each
            of them must be given again.

    Raises:
        StoreError: no finished audit there.
        ModelError: the model is not the audited one, or the data were audited alone.
        InputError: no such picture, one that changed since it was audited, no such class, or the audit names files
            that were not given again.
    """
    with open_audit_database(folder) as connection:
        settings = read_run_settings(connection)
        if settings.model_spec == NO_MODEL:
            raise ModelError(
                f"this audit examined no model (--model {NO_MODEL}), so there is no decision to explain: audit one"
            )
        words = read_channel_words(connection)
        concepts = read_concepts(connection)
        picture = find_picture(connection, image)
    class_idx = _class_idx(class_name, settings.class_names)
    root = data or Path(settings.data_path)
    root = root if root.is_dir() else root.parent
    path = root / picture.path if picture else Path(image)
    if not path.is_file():
        raise InputError(
            f"picture '{image}' is neither a path or image id of the audited data ({root}) nor a file; "
            "give one of these, or --data where the pictures have moved"
        )
    named = {
        "weights": settings.weights if weights is None else None,
        "preprocess": settings.preprocess if preprocess is None else None,
    }
    check_named_files(folder, named, trust_code=trust_code)
    classifier = load_classifier(
        model or settings.model_spec,
        weights=weights or settings.weights,
        preprocess=preprocess or settings.preprocess,
        trust_code=trust_code,
        target_layer=settings.target_layer,
    )
    if classifier.digest != settings.model_digest:
        raise ModelError(
            f"the model '{classifier.spec}' with these weights is not the one that was audited (digest "
            f"{classifier.digest[:12]}, the audit's {settings.model_digest[:12]}); give the audited --weights"
        )
    read = read_image(path, min_side=classifier.input_size)
    if picture and read.content_digest != picture.content_digest:
        raise InputError(
            f"{quote(picture.path)} is not the picture that was audited: the file holds another now; give the audited "
            "ones with --data, or the whole path of the file to explain what it holds"
        )
    decoded = read.image
    maps = map_picture(classifier, decoded, class_idx, words)
    predicted = int(maps.logits.argmax())
    target = predicted if class_idx is None else class_idx
    exponentials = np.exp(maps.logits - maps.logits.max())
    return Explanation(
        image=picture_as_seen(classifier, decoded),
        path=picture.path if picture else image,
        label=picture.label if picture else None,
        class_name=settings.class_names[target],
        predicted_name=settings.class_names[predicted],
        probability=float(exponentials[target] / exponentials.sum()),
        concepts=tuple(concepts[idx] for idx in maps.phrase_idx),
        maps=maps,
    )


def _class_idx(class_name: str | None, class_names: tuple[str, ...]) -> int | None:
    if class_name is None:
        return None
    if class_name not in class_names:
        near = difflib.get_close_matches(class_name, class_names, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"classes: {', '.join(class_names[:10])}"
        raise InputError(f"class '{class_name}' is not one of the audit's {len(class_names)} classes; {hint}")
    return class_names.index(class_name)
