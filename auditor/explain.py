"""One picture explained by a finished audit: where the model looks, and the words for it."""

from __future__ import annotations

import difflib
import io
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image
from scipy.special import softmax

from auditor.audited_model import check_model_was_run, load_audited_model
from auditor.concept_records import ClassFit
from auditor.data_address import is_address, shown_place
from auditor.errors import EncoderError, InputError
from auditor.evidence.verdicts.fit_sentences import SEES_CLASS, sees_class
from auditor.extraction.picture_maps import PictureMaps, map_picture, picture_as_seen
from auditor.figures import percent
from auditor.inputs.images import read_image
from auditor.inputs.picture_bytes import is_packed
from auditor.inputs.remote.again import picture_root
from auditor.models.encoders.encoder import Encoder
from auditor.models.encoders.load import load_encoder
from auditor.models.live_model import LiveModel
from auditor.models.map_choice import drawing_with
from auditor.models.map_method_names import MAP_METHOD_NAMES
from auditor.named_files import encoder_file
from auditor.records import AnyPath, Concept
from auditor.rules import LITTLE_EVIDENCE
from auditor.store.model_words import (
    RunSettings,
    find_picture,
    read_channel_words,
    read_concepts,
    read_concepts_seen,
    read_run_settings,
)
from auditor.store.open_audit import open_audit_database
from auditor.store.queries.encoder_fit import unfit_classes
from auditor.wording import quote


@dataclass(frozen=True, slots=True)
class SaidWord:
    """A word for or against a class, and whether the picture shows it; None where that is not known."""

    concept: Concept
    share: float
    seen: bool | None

    def __str__(self) -> str:
        """Such as "water (scene) 43 %"."""
        return f"{self.concept.term} ({self.concept.kind}) {percent(self.share)}"


@dataclass(frozen=True, slots=True, eq=False)
class Explanation:
    """A picture with its maps and words for one class: words that the picture shows come before those that it lacks."""

    image: Image.Image  # the part that the maps cover
    path: str
    label: str | None
    class_name: str
    predicted_name: str
    probability: float  # of ``class_name``
    words: tuple[SaidWord, ...]  # one per phrase of ``maps``
    against: tuple[SaidWord, ...]
    maps: PictureMaps
    exact: bool = True  # whether the channels' contributions add up to the logits
    map_method: str = ""  # what the variant of the class activation map is called
    without_places: str = ""  # why words are mapped by their channels, and not by their places
    unfit: ClassFit | None = None  # where the encoder cannot tell context from this class in the audited pictures
    words_kept: bool = True  # whether words are said all the same

    @property
    def notes(self) -> list[str]:
        """What to doubt: the encoder, inexact words, little that speaks for the class; and what speaks against it."""
        told = []
        if self.unfit is not None and self.words_kept:
            told.append(f"{SEES_CLASS}: a word here, and whether it is seen, may be wrong")
        elif self.unfit is not None:
            told.append(f"no words: {sees_class(self.unfit)}; --doubtful-words gives them")
        if not self.exact:
            told.append("words and maps are not exact: something that is not linear follows the last linear layer")
        if self.words and self.without_places:
            told.append(f"maps of words show the channels that serve them, not their places: {self.without_places}")
        lost = [
            word.concept.term
            for word, map_ in zip(self.words, self.maps.phrase_maps, strict=True)
            if word.seen is not False and not map_.any()
        ]
        if lost:
            told.append(f"no place of its own here: {', '.join(lost)}")
        if self.maps.strength < LITTLE_EVIDENCE:
            part = percent(self.maps.strength)
            told.append(f"little speaks for {self.class_name} here: {part} of what pictures have of it on average")
        if self.against:
            told.append(f"words against {self.class_name}: {listed(self.against)}")
        return told

    def summary(self) -> str:
        """A line each: what was predicted, the words for the class, and the notes."""
        label = f", labelled {self.label}" if self.label is not None else ""
        lines = [f"{self.path}: predicted {self.predicted_name}{label}; {self.class_name} {percent(self.probability)}"]
        if self.words_kept:
            rest = f"unexplained {percent(self.maps.residual)}"
            lines.append(f"words for {self.class_name}: {listed(self.words)}; {rest}")
        return "\n".join([*lines, *self.notes])

    def _repr_png_(self) -> bytes:
        """What a notebook shows of it: the figure of ``auditor explain``."""
        from reports.explain_figure import draw_explanation

        stream = io.BytesIO()
        draw_explanation(self).save(stream, format="PNG")
        return stream.getvalue()


def listed(words: Sequence[SaidWord]) -> str:
    """Words in a line: those that the picture shows, then those that it does not."""
    lacking = ", ".join(str(word) for word in words if word.seen is False)
    shown = ", ".join(str(word) for word in words if word.seen is not False)
    if not lacking:
        return shown or "none"
    return f"{shown or 'none that the picture shows'}; not seen in it: {lacking}"


def _said(
    concepts: Sequence[Concept], idx: Sequence[int], shares: Sequence[float], seen: Mapping[int, bool] | None
) -> tuple[SaidWord, ...]:
    known = seen or {}
    return tuple(SaidWord(concepts[i], share, known.get(i)) for i, share in zip(idx, shares, strict=True))


def explain_image(
    folder: AnyPath,
    image: AnyPath,
    *,
    class_name: str | None = None,
    model: str | LiveModel | None = None,
    weights: AnyPath | None = None,
    data: AnyPath | None = None,
    preprocess: AnyPath | None = None,
    map_method: str | None = None,
    doubtful_words: bool = False,
    trust_code: bool = False,
) -> Explanation:
    """Explain one picture with the model and the channel meanings of a finished audit.

    Args:
        folder: The audit.
        image: A path of the audited data set, an image id, or the path of any picture.
        class_name: Class to explain; None for the predicted one.
        model: Model spec, where it is no longer the audit's, or the model in memory that was audited.
        weights: File of the weights.
        data: Root of the pictures, where it has moved.
        preprocess: File of the preprocessing.
        map_method: How maps are drawn; None for how the audit drew them.
        doubtful_words: Whether words are said of a class that the encoder sees in every word, where they are often
            not true of the picture.
        trust_code: Whether a factory's code may run and the files that the audit names may be read; without it each
            of them must be given again.

    Raises:
        StoreError: no finished audit there.
        ModelError: the model is not the audited one, or the data were audited alone.
        InputError: no such picture, one that changed since it was audited, no such class or map method, or the audit
            names files that were not given again.
    """
    folder, image = Path(folder), os.fspath(image)
    with open_audit_database(folder) as connection:
        settings = read_run_settings(connection)
        check_model_was_run(settings)
        words = read_channel_words(connection)
        concepts = read_concepts(connection)
        picture = find_picture(connection, image)
        seen = read_concepts_seen(connection, image) if picture else None
        unfit = unfit_classes(connection)
    class_idx = _class_idx(class_name, settings.class_names)
    place = settings.data_path if data is None else os.fspath(data)
    if picture is None and is_address(place):  # a file of one's own, or a mistake: nothing need be fetched
        root = Path(shown_place(place))
    else:
        root = picture_root(settings.data_path, None if data is None else place, cache=settings.cache)
    path = root / picture.path if picture else Path(image)
    if not (is_packed(path.as_posix()) or path.is_file()):
        raise InputError(
            f"picture '{image}' is neither a path or image id of the audited data ({root}) nor a file; "
            "give one of these, or --data where the pictures have moved"
        )
    classifier = load_audited_model(
        folder, settings, model=model, weights=weights, preprocess=preprocess, trust_code=trust_code
    )
    read = read_image(path, min_side=classifier.input_size)
    if picture and read.content_digest != picture.content_digest:
        raise InputError(
            f"{quote(picture.path)} is not the picture that was audited: the file holds another now; give the audited "
            "ones with --data, or the whole path of the file to explain what it holds"
        )
    decoded = read.image
    drawing = drawing_with(classifier, map_method or settings.map_method)
    encoder, without_places = _encoder_again(settings, trust_code=trust_code)
    lacks = [v for v, shown in (seen or {}).items() if not shown]
    silent = () if doubtful_words else unfit
    maps = _shown_first(map_picture(drawing, decoded, class_idx, words, encoder, lacks, silent), seen)
    predicted = int(maps.logits.argmax())
    target = predicted if class_idx is None else class_idx
    return Explanation(
        image=picture_as_seen(classifier, decoded),
        path=picture.path if picture else image,
        label=picture.label if picture else None,
        class_name=settings.class_names[target],
        predicted_name=settings.class_names[predicted],
        probability=float(softmax(maps.logits)[target]),
        words=_said(concepts, maps.phrase_idx, maps.phrase_shares, seen),
        against=_said(concepts, maps.against_idx, maps.against_shares, seen),
        maps=maps,
        exact=classifier.exact,
        map_method=MAP_METHOD_NAMES[drawing.map_method],
        without_places=without_places,
        unfit=unfit.get(target),
        words_kept=target not in silent,
    )


def _encoder_again(settings: RunSettings, *, trust_code: bool) -> tuple[Encoder | None, str]:
    """The audit's encoder, or why it is not there: a picture is explained without it too."""
    if encoder_file(settings.encoder) and not trust_code:
        return None, "the audit names the encoder's file, which is read with --trust-code alone"
    try:
        encoder = load_encoder(settings.encoder)
    except EncoderError as error:
        return None, str(error)
    if encoder.digest != settings.encoder_digest:
        return None, f"encoder '{settings.encoder}' is not the one of the audit any more"
    return encoder, ""


def _shown_first(maps: PictureMaps, seen: Mapping[int, bool] | None) -> PictureMaps:
    """The phrases whose word the picture shows before those that it lacks, each in their order."""
    known = seen or {}
    order = sorted(range(len(maps.phrase_idx)), key=lambda p: known.get(maps.phrase_idx[p]) is False)
    return replace(
        maps,
        phrase_idx=tuple(maps.phrase_idx[p] for p in order),
        phrase_shares=tuple(maps.phrase_shares[p] for p in order),
        phrase_maps=maps.phrase_maps[order],
    )


def _class_idx(class_name: str | None, class_names: tuple[str, ...]) -> int | None:
    if class_name is None:
        return None
    if class_name not in class_names:
        near = difflib.get_close_matches(class_name, class_names, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"classes: {', '.join(class_names[:10])}"
        raise InputError(f"class '{class_name}' is not one of the audit's {len(class_names)} classes; {hint}")
    return class_names.index(class_name)
