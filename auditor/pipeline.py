"""The way of a picture from file to verdict: the only place that knows the order of the stages.

``run_audit`` reads from top to bottom, in eight steps: load the inputs, extract features, add what was measured of the
pictures, line up labels and predictions, put channels and pictures into words, weigh the evidence, draw the maps of the
pictures that show it, write the audit. Below it stands each step, in that order.
"""

from __future__ import annotations

import datetime
import logging
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import sparse

from auditor.analysis import (
    Analysis,
    ChannelMeanings,
    Decisions,
    Gathered,
    Inputs,
    PictureConcepts,
    Pictures,
)
from auditor.atlas import lay_out
from auditor.audit_folder import FEATURES_NAME, check_out_folder, is_up_to_date, write_audit
from auditor.config import AuditConfig
from auditor.errors import InputError
from auditor.evidence.evidence_input import CoreEntry, EvidenceInput, EvidenceResult
from auditor.evidence.presence.families import rows_of_all, shares_of_all
from auditor.evidence.verdicts.exemplars import choose_exemplars, place_rows
from auditor.evidence.verdicts.judge import judge
from auditor.extraction.concept_embeddings import cached_texts, embed_concepts
from auditor.extraction.edit_record import EditRecorder
from auditor.extraction.embedding_cache import open_embedding_cache
from auditor.extraction.extract import decoded_side, extract_features
from auditor.extraction.interventions import Interventions
from auditor.extraction.kept_inputs import EvidenceSource
from auditor.extraction.new_head import REUSED_NOTICE, features_under_new_head
from auditor.extraction.picture_edits import PROCEDURE as EDITS_PROCEDURE
from auditor.extraction.picture_edits import object_places, picture_edits
from auditor.extraction.picture_maps import exemplar_maps
from auditor.extraction.place_looks import LOOK_PROCEDURE, place_looks
from auditor.extraction.place_swaps import PLACE_PROCEDURE, place_swaps
from auditor.extraction.ray_engine import check_ray, extract_on_ray
from auditor.extraction.region_swaps import PROCEDURE, picture_files, region_swaps
from auditor.extraction.shards import FeatureShards
from auditor.extraction.surroundings_swaps import SURROUNDINGS_PROCEDURE, surroundings_looks, surroundings_swaps
from auditor.extraction.swap_record import SwapRecorder
from auditor.figures import decimals_of, percent
from auditor.gate.acceptance import today_utc
from auditor.inputs.attributes import known_attributes
from auditor.inputs.class_map import label_indices, match_classes
from auditor.inputs.contents import MEMORY_NAME, reads_everything
from auditor.inputs.copies import find_copies
from auditor.inputs.core_concepts import CoreConceptOf, core_concepts, unmeasured_core
from auditor.inputs.dataset import in_training, list_pictures, load_dataset, training_notice
from auditor.inputs.decoding_notices import decoding_notices
from auditor.inputs.examples import TaughtConcepts, digest_with_examples, load_examples
from auditor.inputs.exposure import check_exposure
from auditor.inputs.head_features import (
    HeadFeatures,
    check_features,
    read_head_features,
    what_is_missing,
    what_was_given,
)
from auditor.inputs.images import read_image
from auditor.inputs.manifest import Reading
from auditor.inputs.predictions import Predictions, match_predictions, read_predictions
from auditor.inputs.property_columns import joined, property_columns
from auditor.inputs.remote.fetch import fetch_shards
from auditor.inputs.several_labels import LabelNames, absent
from auditor.inputs.vocabulary import add_class_names, concepts_of_classes, load_vocabulary
from auditor.models.classifier import Classifier, LabelOutput
from auditor.models.device import find_device
from auditor.models.encoders.encoder import Encoder
from auditor.models.encoders.load import load_encoder
from auditor.models.label_output import of_label
from auditor.models.live_model import LiveModel
from auditor.models.load_classifier import classifier_of
from auditor.models.map_choice import drawing_with
from auditor.picture_concepts import picture_concepts
from auditor.place_grid import place_of
from auditor.properties.levels import level_edits, property_values
from auditor.records import AtlasSpace, BoolArray, ChannelWords, ClassMatch, Dataset, FloatArray, Progress, SaliencyMap
from auditor.store.manifest import check_whole, read_audit_json
from auditor.store.one_writer import one_writer
from auditor.taught_concepts import teach
from auditor.textcam.attribution import centred_weights, class_balanced_stats
from auditor.textcam.channel_groups import group_channels
from auditor.textcam.channel_semantics import extreme_images, fit_channel_directions
from auditor.textcam.class_groups import class_channel_groups
from auditor.textcam.description import describe_images
from auditor.textcam.phrases import DEFAULT_L1, DEFAULT_L2, concept_matrix, solve_phrases
from auditor.wording import quote, quote_list

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModels:
    """Both models, where several audits share them."""

    classifier: Classifier
    encoder: Encoder


def run_audit(
    config: AuditConfig,
    *,
    live: LiveModel | None = None,
    loaded: LoadedModels | None = None,
    resume: bool = False,
    features_of: Path | None = None,
    on_progress: Progress | None = None,
) -> Path:
    """Audit a data set and a classifier.

    Args:
        config: The settings.
        live: The model where it is in memory; ``config.model`` is its spec then.
        loaded: The models, where they are loaded already.
        resume: Go on with what ``config.out`` holds; a finished audit of the same inputs with the same settings by
            the same auditor is left as it is, one that differs or is damaged is made anew from what is whole of it.
            The contents of pictures and masks count; in CI all are read, elsewhere those that something touched since
            they were read last.
        features_of: A finished audit of the same pictures and the same network under another last layer, whose features
            are taken over: no picture goes through the model to be looked at by the evidence.
        on_progress: Called with (stage, done, total).

    Returns:
        The folder of the audit, complete.

    Raises:
        AuditorError: with one line that says what to mend; shards that were written stay for ``resume``.
    """
    check_out_folder(config.out, resume=resume)
    if features_of is not None:
        check_whole(features_of)
    with one_writer(config.out):
        inputs = load_inputs(config, live=live, loaded=loaded, on_progress=on_progress)
        if is_up_to_date(config.out, config, inputs):
            return config.out
        inputs, gathered = gather(config, inputs, features_of=features_of, on_progress=on_progress)
        write_audit(config.out, analyse(inputs, gathered, n_jobs=config.n_jobs, on_progress=on_progress), config)
    return config.out


def load_inputs(
    config: AuditConfig,
    *,
    live: LiveModel | None = None,
    loaded: LoadedModels | None = None,
    on_progress: Progress | None = None,
) -> Inputs:
    """Load data set, models and vocabulary, and check that they fit each other, before anything is written.

    ``live`` is the model where it is in memory, ``loaded`` both models where they are loaded already.

    Raises:
        AuditorError: the first thing that does not fit.
    """
    if config.engine == "ray":
        check_ray()
        if live is not None:
            raise InputError(
                f"engine 'ray' loads the model on every node, and {live.spec} is in the memory of this process alone: "
                "give a spec (FILE.py:factory with trust_code=True) in place of the module, or leave engine out"
            )
        if config.multi_label:
            raise InputError("engine 'ray' does not audit label by label: leave --engine out, or --multi-label")
    if config.multi_label and config.one_label is None:
        raise InputError(
            f"multi_label with {len(config.label) or 'no'} labels, and an audit is of one: name it with --label (label "
            "in auditor.toml)"
        )
    config = with_data(config, on_progress=on_progress)
    memory = _memory(config)
    dataset = read_data(config, on_progress=on_progress)
    match = ClassMatch(dataset.labels, {label: idx for idx, label in enumerate(dataset.labels)}, "labels")
    predictions: Predictions | None = None
    features: HeadFeatures | None = None
    if config.predictions is not None:
        features = None if config.features is None else read_head_features(config.features)
        dataset, match, predictions = match_predictions(
            read_predictions(config.predictions, dataset.labels),
            dataset,
            output_names=features.class_names if features else None,
            class_map=config.class_map,
            part_of_data=config.split is not None or config.max_images_per_class is not None,
            max_missing_share=config.max_failure_share,
        )
        if features is not None:
            check_features(features, dataset, predictions)
    if config.reads_channels and len(dataset.items) < 2 * config.n_extreme:
        raise InputError(
            f"{len(dataset.items)} pictures in {config.data_name}: at least {2 * config.n_extreme} are needed, the "
            f"{config.n_extreme} most and least active ones of each channel; add pictures or lower --n-extreme"
        )
    device = find_device(config.device)
    classifier = None
    names = label_names(config) if config.one_label is not None else None
    if loaded is not None:
        classifier = loaded.classifier
    else:
        n_labels = len(names.names if names else dataset.labels)
        classifier = load_model(config, live=live, n_labels=n_labels, device=device)
    if classifier is not None:
        drawing_with(classifier, config.map_method)  # to refuse now what it cannot draw
        if names is not None:
            classifier, match = label_classifier(config, classifier, names)
        else:
            match = match_classes(dataset.labels, classifier.n_classes, classifier.class_names, config.class_map)
    encoder = loaded.encoder if loaded is not None else load_encoder(config.encoder, device=device)
    given = load_vocabulary(config.vocabulary or encoder.vocabulary_path)
    vocabulary = add_class_names(given, match.class_names)
    attributes = known_attributes(
        dataset.items,
        dataset.attribute_names,
        vocabulary.concepts,
        label_indices(match, dataset.items),
        class_names=match.class_names,
        include=config.attributes.include,
        exclude=config.attributes.exclude,
    )
    examples = load_examples(
        config.concepts,
        vocabulary=vocabulary.concepts,
        labels=dataset.labels,
        attributes=attributes.concepts,
        attribute_same_as=attributes.same_as,
        memory=memory,
    )
    today = today_utc()
    entries = {
        name: {term: entry for term, entry in terms.items() if not entry.expired(today)}
        for name, terms in config.core.items()
    }
    same_as = {**attributes.same_as, **{e.concept.concept_id: e.same_as for e in examples if e.same_as is not None}}
    named = (*attributes.concepts, *(one.concept for one in examples))
    check_exposure(config.exposure, (*vocabulary.concepts, *vocabulary.families, *named))
    core = core_concepts(entries, match.class_names, given, named, same_as)
    with open_embedding_cache(config.cache_folder, encoder.digest, encoder.dim) as cache:
        concepts = embed_concepts(vocabulary, match.class_names, cached_texts(encoder, cache))
    no_model = classifier is None and predictions is None
    trained_on = None if no_model else training_notice(dataset)
    of_model = classifier.notices if classifier is not None else ()
    told = (*of_model, match.warning, encoder.notice, trained_on)
    notices = [*dataset.notices, *(notice for notice in told if notice)]
    notices += [*expired_core(config, today), *([] if config.properties else unmeasured_core(core))]
    if concepts.dropped_words:
        shown = ", ".join(concepts.dropped_words[:5])
        notices.append(f"{len(concepts.dropped_words)} words that the encoder was never taught are left out: {shown}")
    for notice in notices:
        logger.warning("%s", notice)
    if predictions is not None:
        notices.insert(0, f"no model was run: {what_was_given(predictions, features)}; {what_is_missing(features)}")
    if no_model:
        notices.insert(0, "no model was examined: this is what the data offer to a model, not what one has learnt")
    return Inputs(
        dataset,
        classifier,
        encoder,
        match,
        concepts,
        digest_with_examples(vocabulary.digest, examples),
        attributes,
        core,
        tuple(notices),
        examples,
        predictions,
        features,
        config.map_method,
    )


def _memory(config: AuditConfig) -> Path | None:
    """File that remembers the contents of files; None where all are read."""
    return None if reads_everything(os.environ) else config.cache_folder / MEMORY_NAME


def with_data(config: AuditConfig, *, on_progress: Progress | None = None) -> AuditConfig:
    """The settings with their data on this machine, which are fetched where they lie elsewhere.

    Raises:
        AuditorError: as `auditor.inputs.remote.fetch.fetch_shards`.
    """
    if not config.needs_fetching:
        return config
    found = fetch_shards(str(config.data), config.cache_folder, on_progress=on_progress)
    logger.info("%s", found.line())
    return config.with_fetched(found.path)


def read_data(config: AuditConfig, *, on_progress: Progress | None = None) -> Dataset:
    """The pictures and what is said of them, where the data are on this machine.

    Raises:
        InputError: as `auditor.inputs.dataset.load_dataset`.
    """
    return load_dataset(
        config.local_data,
        reading=_reading(config),
        split=config.split,
        max_images_per_class=config.max_images_per_class,
        max_missing_share=config.max_failure_share,
        seed=config.seed,
        memory=_memory(config),
        n_jobs=config.n_jobs,
        on_progress=on_progress,
    )


def _reading(config: AuditConfig) -> Reading:
    return Reading(
        config.data_root,
        config.path_column,
        config.label_column,
        multi_label=config.multi_label,
        label=config.one_label,
        address=config.data_name if isinstance(config.data, str) else None,
    )


def label_names(config: AuditConfig) -> LabelNames:
    """The labels that pictures may have several of.

    Raises:
        InputError: as `auditor.inputs.dataset.list_pictures`.
    """
    listed = list_pictures(config.local_data, replace(_reading(config), label=None))
    return LabelNames(listed.label_names, listed.one_column)


def load_model(config: AuditConfig, *, live: LiveModel | None, n_labels: int, device: str) -> Classifier | None:
    """The classifier with all of its outputs; None where none is run.

    Raises:
        ModelError: as `auditor.models.load_classifier.load_classifier`.
    """
    if live is None:
        return classifier_of(config, n_labels=n_labels, device=device)
    return live.classifier(
        preprocess=config.preprocess,
        target_layer=config.target_layer,
        model_output=config.model_output,
        n_labels=n_labels,
        multi_label=config.multi_label,
        device=device,
    )


def label_classifier(config: AuditConfig, classifier: Classifier, names: LabelNames) -> tuple[Classifier, ClassMatch]:
    """The classifier that tells pictures with ``config.one_label`` from those without it, and its two classes.

    Args:
        config: The settings of one label.
        classifier: With all outputs.
        names: Labels of the data, for outputs without names.

    Raises:
        InputError: no output for the label, or nothing that says which it is.
        ModelError: as `auditor.models.label_output.of_label`.
    """
    label, labels = config.label[0], names.names
    if classifier.class_names is not None or config.class_map is not None:
        labels = (label,)
    elif list(labels) != sorted(labels):  # of columns: those of the outputs may be in this order, or sorted
        raise InputError(
            f"outputs of {config.model} have no names, and the columns of the labels are not in the order of the "
            f"alphabet: {quote_list(labels)}; say which is which with --class-map FILE.csv, whose first line is "
            "label,output"
        )
    found = match_classes(labels, classifier.n_classes, classifier.class_names, config.class_map)
    wanted = LabelOutput(found.label_to_class[label], label, config.threshold)
    classes = (absent(label), label)
    match = ClassMatch(classes, {name: idx for idx, name in enumerate(classes)}, found.how, found.warning)
    return of_label(classifier, wanted, without=classes[0]), match


def expired_core(config: AuditConfig, today: datetime.date) -> list[str]:
    """A line for each entry of [core] whose day is over."""
    return [
        f"[core] no longer allows {quote(name)} to rest on {quote(term)}: that ended on {entry.expires}"
        for name, terms in config.core.items()
        for term, entry in terms.items()
        if entry.expired(today)
    ]


def gather(
    config: AuditConfig, inputs: Inputs, *, features_of: Path | None = None, on_progress: Progress | None = None
) -> tuple[Inputs, Gathered]:
    """All that the evidence weighs, and the inputs with what was measured of the pictures beside what they say.

    Whatever judges pictures by a model comes this way, so that all judge the same concepts.

    Raises:
        InputError: too many pictures cannot be read.
    """
    if features_of is None:
        shards = extract(config, inputs, on_progress=on_progress)
    else:
        shards = take_over(config, inputs, features_of, on_progress=on_progress)
    inputs = with_properties(inputs, shards)
    told = (
        *([] if features_of is None else [REUSED_NOTICE]),
        *decoding_notices(shards.wide_peaks(), shards.n_see_through(), shards.n),
    )
    for notice in told:
        logger.warning("%s", notice)
    inputs = replace(inputs, notices=(*inputs.notices, *told))
    pictures = line_up(inputs, shards)
    return inputs, put_into_words(config, inputs, pictures, shards, on_progress=on_progress)


def extract(config: AuditConfig, inputs: Inputs, *, on_progress: Progress | None = None) -> FeatureShards:
    """Bring the pictures through both models.

    Raises:
        InputError: too many pictures cannot be read.
    """
    folder = config.out / FEATURES_NAME
    if config.engine == "ray":
        shards = extract_on_ray(
            config,
            inputs.dataset,
            inputs.classifier,
            inputs.encoder,
            folder=folder,
            features=inputs.features,
            on_progress=on_progress,
        )
    else:
        with open_embedding_cache(config.cache_folder, inputs.encoder.digest, inputs.encoder.dim) as cache:
            shards = extract_features(
                inputs.dataset,
                inputs.classifier,
                inputs.encoder,
                folder=folder,
                cache=cache,
                thumbnails=config.thumbnails,
                batch_size=config.batch_size,
                n_jobs=config.n_jobs,
                properties=config.properties,
                features=inputs.features,
                on_progress=on_progress,
            )
            asked = cache.n_found + cache.n_added
            if asked:
                known = percent(cache.n_found / asked)
                logger.info("embedding cache: %d of %d were known (%s)", cache.n_found, asked, known)
    _check_failures(shards, len(inputs.dataset.items), config)
    return shards


def take_over(
    config: AuditConfig, inputs: Inputs, features_of: Path, *, on_progress: Progress | None = None
) -> FeatureShards:
    """The features of a finished audit, under the last layer of this model.

    Raises:
        InputError: they are of another network, other pictures or other settings.
    """
    digests = read_audit_json(features_of).get("digests")
    shards = features_under_new_head(
        inputs.dataset,
        inputs.classifier,
        inputs.encoder,
        source=features_of / FEATURES_NAME,
        digests=digests if isinstance(digests, dict) else {},
        folder=config.out / FEATURES_NAME,
        thumbnails=config.thumbnails,
        batch_size=config.batch_size,
        properties=config.properties,
        on_progress=on_progress,
    )
    _check_failures(shards, len(inputs.dataset.items), config)
    return shards


def _check_failures(shards: FeatureShards, n_images: int, config: AuditConfig) -> None:
    """Too many unreadable pictures end the run; a few are recorded."""
    failures = shards.failures
    if failures:
        logger.warning("%d of %d pictures could not be read", len(failures), n_images)
    least = 2 * config.n_extreme if config.reads_channels else 1
    if len(failures) > config.max_failure_share * n_images or shards.n < least:
        first = "; ".join(f"{failure.path}: {failure.reason}" for failure in failures[:3])
        most = percent(config.max_failure_share, decimals=decimals_of(config.max_failure_share))
        raise InputError(
            f"{len(failures)} of {n_images} pictures could not be read ({first}): at most "
            f"{most} are allowed; mend them or raise --max-failure-share"
        )


def with_properties(inputs: Inputs, shards: FeatureShards) -> Inputs:
    """The inputs with what was measured of the pictures as columns beside the manifest's; as they are without any.

    Of pictures with the same bytes and label one alone counts, and so for the levels.
    """
    label = {item.image_id: item.label for item in inputs.dataset.items}
    first: dict[tuple[str, str | None], str] = {}
    values = {
        image_id: found
        for image_id, content, found in zip(
            shards.image_ids(), shards.content_digests(), shards.properties(), strict=True
        )
        if first.setdefault((content, label[image_id]), image_id) == image_id
    }
    if not any(values.values()):
        return inputs
    found = property_columns(inputs.dataset.items, values, label_indices(inputs.match, inputs.dataset.items))
    names = (*inputs.dataset.attribute_names, *found.names)
    return replace(
        inputs,
        dataset=replace(inputs.dataset, items=found.items, attribute_names=names),
        attributes=joined(inputs.attributes, found.attributes),
        notices=(*inputs.notices, *found.notices),
    )


def line_up(inputs: EvidenceSource, shards: FeatureShards) -> Pictures:
    """Labels, predictions and copies beside the readable pictures, in the order of the shards."""
    row_of = {item.image_id: row for row, item in enumerate(inputs.dataset.items)}
    rows = np.array([row_of[image_id] for image_id in shards.image_ids()], dtype=np.int64)
    items = tuple(inputs.dataset.items[row] for row in rows)
    predicted_idx, confidence = np.full(rows.size, -1), np.full(rows.size, np.nan, np.float32)
    if inputs.predictions is not None:
        predicted_idx, confidence = inputs.predictions.class_idx[rows], inputs.predictions.confidence[rows]
    elif inputs.head is not None:
        logits = shards.logits().astype(np.float64)
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        predicted_idx = logits.argmax(axis=1)
        confidence = (exponentials.max(axis=1) / exponentials.sum(axis=1)).astype(np.float32)
    embeddings = shards.embeddings()
    return Pictures(
        items=items,
        rows=rows,
        embeddings=embeddings,
        surroundings=shards.surroundings(),
        mask_failures=shards.mask_failures,
        label_idx=label_indices(inputs.match, items),
        predicted_idx=predicted_idx.astype(np.int64),
        confidence=confidence,
        copies=find_copies(items, shards.content_digests(), shards.fingerprints(), embeddings),
    )


def put_into_words(
    config: AuditConfig,
    inputs: Inputs,
    pictures: Pictures,
    shards: FeatureShards,
    *,
    taught: TaughtConcepts | None = None,
    on_progress: Progress | None = None,
) -> Gathered:
    """What is in every picture, what channels mean, what decided every picture, and all that the evidence weighs.

    ``taught`` are the concepts by example, where they were learnt before; None: they are learnt here.
    """
    taught = teach(config, inputs, pictures, on_progress=on_progress) if taught is None else taught
    rows = concept_matrix(inputs.concepts.word_rows, [concept.term for concept in inputs.concepts.concepts])
    context = picture_concepts(inputs, pictures, taught)
    decisions = _decisions(config, inputs, pictures, shards, rows, on_progress)
    weighed = evidence_input(config, inputs, pictures, shards, context, decisions)
    return Gathered(pictures, shards, rows, decisions, context, weighed)


def analyse(inputs: Inputs, gathered: Gathered, *, n_jobs: int = 1, on_progress: Progress | None = None) -> Analysis:
    """Verdicts, the maps of the pictures that show their evidence, and where all pictures lie in the atlas."""
    evidence, interventions = weigh_evidence(inputs, gathered, n_jobs=n_jobs, on_progress=on_progress)
    maps = draw_maps(inputs, gathered, evidence, on_progress=on_progress)
    return Analysis(inputs, gathered, evidence, maps, interventions, atlas(gathered.pictures, gathered.shards))


def weigh_evidence(
    inputs: Inputs, gathered: Gathered, *, n_jobs: int = 1, on_progress: Progress | None = None
) -> tuple[EvidenceResult, Interventions]:
    """Findings and a verdict for every class, and the interventions on pictures that were tried for them.

    Pictures are read again where interventions on them may decide, and edited by ``n_jobs`` threads.
    """
    classifier = inputs.classifier
    if classifier is not None and gathered.decisions is not None:
        root, items = inputs.dataset.root, gathered.pictures.items
        read = picture_files(root, items, min_side=classifier.input_size)
        names = concepts_of_classes(inputs.concepts.concepts, inputs.match.class_names)
        words = gathered.decisions.channels.words
        rows = rows_of_all(words.concept_rows, gathered.picture_concepts.concepts)
        swap = region_swaps(classifier, read, replace(words, concept_rows=rows), names)
        intervene = SwapRecorder(swap, PROCEDURE)
        exchange = SwapRecorder(place_swaps(classifier, read), PLACE_PROCEDURE)
        asked = classifier, inputs.encoder, inputs.concepts.class_rows, read
        look = SwapRecorder(place_looks(*asked), LOOK_PROCEDURE)
        surround = SwapRecorder(surroundings_swaps(classifier, read), SURROUNDINGS_PROCEDURE)
        look_around = SwapRecorder(surroundings_looks(*asked), SURROUNDINGS_PROCEDURE)
        masks = [item.mask_path for item in items]
        places = object_places(classifier, root, masks, words, names, gathered.evidence_input.label_idx)
        seeds = [int(image_id, 16) for image_id in gathered.pictures.image_ids]
        by_hand = picture_edits(
            classifier,
            lambda row, side: read_image(root / items[row].path, min_side=side).image,
            property_values(items),
            seeds,
            places,
            gathered.evidence_input.label_idx,
            min_side=decoded_side(classifier, inputs.encoder),
            n_jobs=n_jobs,
        )
        edit = EditRecorder(by_hand, EDITS_PROCEDURE)
        evidence = judge(
            gathered.evidence_input,
            intervene=intervene,
            exchange=exchange,
            look=look,
            surround=surround,
            look_around=look_around,
            edit=edit,
            on_progress=on_progress,
        )
        return evidence, Interventions(
            swaps=intervene.record(),
            exchanges=exchange.record(),
            looks=look.record(),
            surroundings=surround.record(),
            looks_around=look_around.record(),
            edits=edit.record(),
        )
    return judge(gathered.evidence_input, on_progress=on_progress), Interventions()


def draw_maps(
    inputs: Inputs, gathered: Gathered, evidence: EvidenceResult, *, on_progress: Progress | None = None
) -> tuple[SaliencyMap, ...]:
    """Maps of the pictures that show the evidence; none without a model."""
    decisions, pictures, context = gathered.decisions, gathered.pictures, gathered.picture_concepts
    if decisions is None or inputs.classifier is None:
        return ()
    exemplars = choose_exemplars(
        evidence.verdicts,
        context.concepts,
        gathered.evidence_input.label_idx,  # of copies one alone is shown
        gathered.evidence_input.predicted_idx,
        gathered.evidence_input.shares,
        context.presence,
        place_rows(gathered.evidence_input.image_ids, evidence.fixed_places),
    )
    return exemplar_maps(
        exemplars,
        inputs.dataset.root,
        pictures.items,
        drawing_with(inputs.classifier, inputs.map_method),
        context.concepts,
        decisions.channels.words,
        on_progress=on_progress,
    )


def atlas(pictures: Pictures, shards: FeatureShards) -> dict[AtlasSpace, FloatArray]:
    """Where the pictures lie by the encoder and, with a model, by the inputs of its last layer: (N, 2) each."""
    places: dict[AtlasSpace, FloatArray] = {"encoder": lay_out(pictures.image_ids, lambda: [pictures.embeddings])}
    if (pictures.predicted_idx >= 0).any():
        places["model"] = lay_out(pictures.image_ids, shards.activation_chunks)
    return places


def _decisions(
    config: AuditConfig,
    inputs: Inputs,
    pictures: Pictures,
    shards: FeatureShards,
    concept_rows: FloatArray,
    on_progress: Progress | None,
) -> Decisions | None:
    """Every picture's decision in words; None where there is no head whose inputs are known."""
    head = inputs.head
    if head is None:
        return None
    weights = centred_weights(head)
    channels = _channel_meanings(config, weights, pictures, shards, concept_rows)
    descriptions = describe_images(
        shards.head_chunks(),
        pictures.label_idx,
        pictures.predicted_idx,
        weights,
        channels.words.stats,
        channels.words.directions,
        concept_rows,
        on_progress=on_progress,
    )
    class_groups = class_channel_groups(
        shards.head_chunks(),
        pictures.image_ids,
        pictures.predicted_idx,
        inputs.match.class_names,
        weights,
        channels.words.stats,
        channels.groups,
    )
    return Decisions(head, channels, descriptions, class_groups)


def evidence_input(
    config: AuditConfig,
    inputs: EvidenceSource,
    pictures: Pictures,
    shards: FeatureShards,
    context: PictureConcepts,
    decisions: Decisions | None,
) -> EvidenceInput:
    """All that the evidence reads; without a model no words and no head."""
    n = len(pictures.items)
    shares = sparse.csr_array((n, len(inputs.concepts.concepts)), dtype=np.float32)
    residuals: FloatArray = np.full(n, np.nan, np.float32)
    if decisions is not None:
        shares, residuals = decisions.descriptions.of_classes(pictures.predicted_idx)
    position = {concept.concept_id: v for v, concept in enumerate(context.concepts)}
    class_idx = {name: c for c, name in enumerate(inputs.match.class_names)}
    core: dict[tuple[int, int], CoreConceptOf] = {}
    core_places: dict[tuple[int, str], CoreEntry] = {}
    for (name, key), allowed in inputs.core.items():
        # a property stands for its levels
        levels = [v for v, concept in enumerate(context.concepts) if concept.is_property and concept.column == key]
        core |= {(class_idx[name], v): allowed for v in ([position[key]] if key in position else levels)}
        if place_of(key) is not None and allowed.term is not None:
            core_places[class_idx[name], key] = _entry(config, name, allowed.term)
    return EvidenceInput(
        image_ids=pictures.image_ids,
        label_idx=pictures.counted(pictures.label_idx),
        predicted_idx=pictures.counted(pictures.predicted_idx),
        class_names=inputs.match.class_names,
        concepts=context.concepts,
        shares=shares_of_all(shares, context.concepts),
        residuals=residuals,
        presence=context.presence,
        embeddings=pictures.embeddings,
        class_prompt_score=pictures.embeddings @ inputs.concepts.class_rows.T,
        groups=pictures.groups(),
        copies=pictures.units(),
        head=decisions.head if decisions else None,
        head_chunks=shards.head_chunks if decisions else None,
        seed=config.seed,
        core={pair: allowed.reason for pair, allowed in core.items()},
        core_entries={
            (c, v): _entry(config, inputs.match.class_names[c], allowed.term)
            for (c, v), allowed in core.items()
            if allowed.term is not None
        },
        core_places=core_places,
        same_as=context.same_as,
        kappa=context.kappa,
        kappa_elsewhere=context.kappa_elsewhere,
        in_training=in_training(inputs.dataset),
        tolerance=config.tolerance,
        places=shards.places() if inputs.head is not None else None,
        edits=level_edits(context.concepts, context.presence, property_values(pictures.items)),
    )


def _entry(config: AuditConfig, class_name: str, term: str) -> CoreEntry:
    """What the settings say of what they allow a class."""
    entry = config.core[class_name][term]
    return entry.reason, entry.who, entry.expires.isoformat() if entry.expires else None


def _channel_meanings(
    config: AuditConfig, weights: FloatArray, pictures: Pictures, shards: FeatureShards, concept_rows: FloatArray
) -> ChannelMeanings:
    """Give each channel a direction in the encoder's space, and words to channels and to groups of them."""
    kept = np.ones(len(pictures.items), dtype=np.bool_) if pictures.copies is None else pictures.copies.counted
    extremes = extreme_images(_rows_of(shards.activation_chunks(), kept), config.n_extreme, pictures.tie_keys()[kept])
    directions = fit_channel_directions(extremes, pictures.embeddings[kept])
    balance_by = pictures.counted(np.where(pictures.label_idx >= 0, pictures.label_idx, pictures.predicted_idx))
    stats = class_balanced_stats(shards.activation_chunks, balance_by)
    use: FloatArray = np.abs(weights).mean(axis=0) * stats.mean_abs_deviation
    groups = group_channels(directions, use, seed=config.seed)
    return ChannelMeanings(
        words=ChannelWords(directions, stats, concept_rows),
        use=use,
        likeness=directions @ concept_rows.T,
        groups=groups,
        group_phrases=solve_phrases(groups.directions, concept_rows, l1=DEFAULT_L1, l2=DEFAULT_L2),
    )


def _rows_of(chunks: Iterable[FloatArray], kept: BoolArray) -> Iterator[FloatArray]:
    """Of chunks of all N rows, those that are kept (N,)."""
    start = 0
    for chunk in chunks:
        yield chunk[kept[start : start + len(chunk)]]
        start += len(chunk)
