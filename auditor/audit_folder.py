"""The folder of an audit on disk: may it be used, is it complete, and writing it so that it is never half done."""

from __future__ import annotations

import datetime
import hashlib
import importlib.metadata
import json
import logging
import platform
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import astuple
from pathlib import Path

import numpy as np

from auditor.analysis import Analysis, Decisions, Inputs, PictureConcepts, Pictures
from auditor.config import AuditConfig
from auditor.deployment import with_severity_of_deployment
from auditor.errors import InputError, StoreError
from auditor.evidence.evidence_input import EvidenceResult
from auditor.evidence.verdicts.fit_sentences import fit_notices
from auditor.extraction.edit_record import EditRecord, unread_notice
from auditor.extraction.kept_inputs import KEPT_NAME, write_kept_inputs
from auditor.inputs.copies import copy_notices, copy_records
from auditor.records import VERDICTS, FloatArray, Phrases
from auditor.rules import PRESENT
from auditor.rules_in_force import rules_digest, thresholds
from auditor.store.checksums import damage_of, is_bound
from auditor.store.database import AuditDatabase
from auditor.store.embedding_index import INDEX_NAME, write_embedding_index
from auditor.store.manifest import (
    DATABASE_NAME,
    MANIFEST_NAME,
    NewerSchemaError,
    is_complete,
    read_audit_json,
    write_manifest,
)
from auditor.store.one_writer import LOCK_NAME
from auditor.store.run_record import RejudgedFrom, Run
from auditor.version import auditor_version

logger = logging.getLogger(__name__)

FEATURES_NAME = "features"
#: Rows that are made dense at a time on their way into the database.
_BATCH_ROWS = 4096
#: Concepts that name a channel or a group.
_NAME_CONCEPTS = 3
#: What the rules decide, all else being what it was.
JUDGED_TABLES = (
    "runs",
    "copies",
    "concepts",
    "concept_families",
    "attribute_concepts",
    "concept_presence",
    "concepts_seen",
    "class_concepts",
    "subgroups",
    "findings",
    "verdicts",
    "core_concepts",
    "counterexamples",
    "fixed_places",
    "unnamed_leads",
    "dose_responses",
    "unbounded_gaps",
    "encoder_fit",
)
_VERSIONED = ("torch", "torchvision", "open_clip_torch", "timm", "numpy", "scipy", "faiss-cpu", "duckdb")


def check_out_folder(folder: Path, *, resume: bool) -> None:
    """Refuse a folder that holds something else, or a finished audit that nobody asked to go on with.

    Raises:
        InputError: says which, and what to do.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; expected a folder for the audit: give another --out")
    if not folder.exists():
        return
    if is_complete(folder) and not resume:
        raise InputError(f"{folder} holds a finished audit: add --resume to bring it up to date, or give another --out")
    names = {path.name for path in folder.iterdir()}
    if names and not names & {MANIFEST_NAME, DATABASE_NAME, FEATURES_NAME, LOCK_NAME}:
        raise InputError(f"{folder} holds other files ({sorted(names)[0]}, ...) and no audit: give another --out")


def is_up_to_date(folder: Path, config: AuditConfig, inputs: Inputs) -> bool:
    """Whether ``folder`` holds a finished, whole audit of the same inputs with the same settings by this auditor.

    Raises:
        StoreError: an audit of a newer schema, or an ``audit.json`` that is none and stands alone.
    """
    if not is_complete(folder):
        return False
    try:
        made = read_audit_json(folder)
    except NewerSchemaError:
        raise
    except StoreError as error:
        if not any((folder / name).exists() for name in (DATABASE_NAME, FEATURES_NAME)):
            raise  # somebody else's file of this name
        logger.warning("%s; it is made again", error)
        return False
    damage = damage_of(folder, made) if is_bound(made) else ["an older auditor made it, without digests of its files"]
    if damage:
        logger.warning("the audit at %s is made again from what is whole of it: %s", folder, "; ".join(damage))
        return False
    by = made.get("versions") or {}
    return bool(made.get("digests") == audit_digests(config, inputs) and by.get("auditor") == auditor_version())


def audit_digests(config: AuditConfig, inputs: Inputs) -> dict[str, str]:
    """All digests of an audit by the names that ``audit.json`` gives them.

    That of the settings covers what the class map (or names, or order) made of labels and outputs: the setting is only
    a path, and names of outputs are no part of a model's digest.
    """
    match = inputs.match
    # an entry of [core] that has run out since makes another audit of the same settings
    core = sorted(inputs.core.items())
    settings = [
        config.digest(),
        match.class_names,
        sorted(match.label_to_class.items()),
        match.how,
        match.warning,
        core,
    ]
    output = inputs.classifier.label_output if inputs.classifier else None
    if output is not None:  # the class map is only a path as well
        settings.append(astuple(output))
    return {**inputs.digests(), "config": hashlib.sha256(json.dumps(settings).encode()).hexdigest()}


def write_audit(folder: Path, analysis: Analysis, config: AuditConfig, *, origin: RejudgedFrom | None = None) -> None:
    """Write database, what is kept to judge again, search index and, last, ``audit.json``.

    ``origin`` is the audit whose settings and features these are, where it is one that was made before.

    Raises:
        StoreError: the folder cannot be written; nothing half-written is left.
    """
    inputs, gathered, evidence = analysis.inputs, analysis.gathered, analysis.evidence
    class_names, pictures, context = inputs.match.class_names, gathered.pictures, gathered.picture_concepts
    run = _run_record(analysis, config, origin)
    with AuditDatabase(folder) as database:
        database.add_run(run)
        for rows, table in gathered.shards.picture_tables():
            database.add_images(
                pictures.items[rows],
                list(zip(table["width"].to_pylist(), table["height"].to_pylist(), strict=True)),
                table["content_digest"].to_pylist(),
                table["thumbnail"].to_pylist(),
            )
        database.add_predictions(
            pictures.image_ids, pictures.predicted_idx, pictures.label_idx, pictures.confidence, class_names
        )
        database.add_failures((*gathered.shards.failures, *gathered.shards.mask_failures))
        database.add_attributes(inputs.attributes.columns, ())
        database.add_example_concepts(context.taught.records)
        if gathered.decisions is not None:
            _add_decisions(database, inputs, pictures, gathered.decisions)
        add_evidence(database, pictures, gathered.concept_rows, context, evidence, class_names, config)
        database.add_saliency(analysis.maps, class_names)
        for space, places in analysis.atlas.items():
            database.add_atlas(pictures.image_ids, space, places)
        # From here on the old audit, if there was one, is no longer complete.
        (folder / MANIFEST_NAME).unlink(missing_ok=True)
    write_kept_inputs(
        folder / FEATURES_NAME,
        inputs,
        taught=context.taught,
        digests=audit_digests(config, inputs),
        notices=(*inputs.notices, *context.taught.notices),
        shards=gathered.shards,
        interventions=analysis.interventions,
        level_edits={
            gathered.evidence_input.concepts[v].concept_id: edits for v, edits in gathered.evidence_input.edits.items()
        },
    )
    write_embedding_index(folder, pictures.embeddings)
    write_manifest(folder, run, bound_files(gathered.shards.names))


def bound_files(shards: Iterable[str]) -> list[str]:
    """The files of an audit besides database and ``audit.json``; ``shards`` are the names of those of its features."""
    return [INDEX_NAME, *(f"{FEATURES_NAME}/{name}" for name in (KEPT_NAME, *shards))]


def add_evidence(
    database: AuditDatabase,
    pictures: Pictures,
    concept_rows: FloatArray,
    context: PictureConcepts,
    evidence: EvidenceResult,
    class_names: Sequence[str],
    config: AuditConfig,
) -> None:
    """Write all that comes of judging: what `JUDGED_TABLES` names, but for the run.

    Args:
        database: Where to.
        pictures: The N pictures.
        concept_rows: (V, D) rows of the vocabulary.
        context: The V concepts of the vocabulary, and those of the manifest.
        evidence: What was found.
        class_names: Of the C outputs.
        config: Says whether severities are those of deployment.
    """
    n_words = len(concept_rows)
    if pictures.copies is not None:
        database.add_copies(copy_records(pictures.items, pictures.copies))
    database.add_concepts(context.concepts[:n_words], concept_rows, context.kappa[:n_words])
    database.add_concept_families(context.families)
    database.add_attributes((), context.attribute_concepts)
    used = sorted({finding.concept_id for finding in evidence.findings})
    columns = [idx for idx, concept in enumerate(context.concepts) if concept.concept_id in used]
    database.add_concept_presence(
        pictures.image_ids, [context.concepts[idx].concept_id for idx in columns], context.presence[:, columns]
    )
    for start in range(0, len(pictures.image_ids), _BATCH_ROWS):
        rows = slice(start, start + _BATCH_ROWS)
        database.add_concepts_seen(pictures.image_ids[rows], context.presence[rows, :n_words] > PRESENT)
    for place_id, presence in evidence.place_presence.items():
        database.add_concept_presence(pictures.image_ids, [place_id], presence[:, None])
    database.add_fixed_places(evidence.fixed_places)
    database.add_unnamed_leads(evidence.unnamed_leads)
    database.add_class_concepts(evidence.class_concepts)
    database.add_subgroups(evidence.subgroups)
    database.add_findings(evidence.findings)
    database.add_verdicts(
        with_severity_of_deployment(evidence.verdicts, evidence.subgroups, config.exposure)
        if config.severity_by_exposure
        else evidence.verdicts
    )
    database.add_core_concepts(evidence.core_concepts)
    database.add_counterexamples(evidence.counterexamples)
    database.add_dose_responses(evidence.dose_responses)
    database.add_unbounded_gaps(evidence.unbounded_gaps)
    if evidence.fit is not None and evidence.fit.n_words:
        database.add_encoder_fit([evidence.fit.of_class(c, name) for c, name in enumerate(class_names)])


def rejudged_from(run: Run) -> RejudgedFrom:
    """What an audit says of ``run`` when that is judged again."""
    version = run.versions.get("auditor", "unknown")
    first = run.rejudged_from
    return RejudgedFrom(
        run_id=run.run_id,
        created_at=run.created_at,
        auditor=version,
        rules_digest=run.rules_digest,
        extracted_run_id=first.extracted_run_id if first else run.run_id,
        extracted_by=first.extracted_by if first else version,
    )


def notices_in_order(
    of_rejudging: Iterable[str],
    of_inputs: Iterable[str],
    pictures: Pictures,
    context: PictureConcepts,
    evidence: EvidenceResult,
    class_names: Sequence[str],
    edits: EditRecord,
) -> tuple[str, ...]:
    """What the reader of an audit is told, what nothing else can be read without first."""
    unread = unread_notice(edits, pictures.items)
    return (
        *of_rejudging,
        *evidence.first_notices,
        *(fit_notices(evidence.fit, class_names) if evidence.fit else ()),
        *of_inputs,
        *(copy_notices(pictures.items, pictures.copies) if pictures.copies else ()),
        *context.notices,
        *evidence.notices,
        *([unread] if unread else []),
    )


def rejudged_notice(origin: RejudgedFrom) -> str:
    """One line for the reader."""
    extracted = "" if origin.extracted_by == origin.auditor else f"; features by auditor {origin.extracted_by}"
    return (
        f"rejudged from the audit of {origin.created_at[:10]} (run {origin.run_id[:8]}, auditor {origin.auditor}"
        f"{extracted}) under the rules of auditor {auditor_version()}, digest {rules_digest()[:12]}"
    )


def _run_record(analysis: Analysis, config: AuditConfig, origin: RejudgedFrom | None) -> Run:
    inputs, pictures = analysis.inputs, analysis.gathered.pictures
    digests = audit_digests(config, inputs)
    verdicts = [verdict.verdict for verdict in analysis.evidence.verdicts]
    return Run(
        run_id=uuid.uuid4().hex,
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        data_path=config.data_name
        if isinstance(config.data, str)
        else str((config.data_root or config.data).resolve()),
        data_digest=digests["data"],
        model_spec=config.model,
        model_digest=digests["model"],
        encoder_spec=config.encoder,
        encoder_digest=digests["encoder"],
        vocabulary_digest=digests["vocabulary"],
        config=config.model_dump(mode="json"),
        config_digest=digests["config"],
        versions={
            "auditor": auditor_version(),
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in _VERSIONED},
        },
        counts={
            "images": len(analysis.gathered.pictures.items),
            "failures": len(analysis.gathered.shards.failures),
            "classes": len(inputs.match.class_names),
            "concepts": len(inputs.concepts.concepts),
            "dropped_words": len(inputs.concepts.dropped_words),
            **{name: verdicts.count(name) for name in VERDICTS},
        },
        seed=config.seed,
        class_names=inputs.match.class_names,
        notices=notices_in_order(
            () if origin is None else (rejudged_notice(origin),),
            (*inputs.notices, *analysis.gathered.picture_concepts.taught.notices),
            pictures,
            analysis.gathered.picture_concepts,
            analysis.evidence,
            inputs.match.class_names,
            analysis.interventions.edits,
        ),
        rules_digest=rules_digest(),
        thresholds=thresholds(),
        rejudged_from=origin,
    )


def _names(strengths: FloatArray, terms: list[str]) -> list[str]:
    """The leading concepts of each row, the strongest first; "" where none is above zero."""
    order = np.argsort(-strengths, axis=1, kind="stable")[:, :_NAME_CONCEPTS]
    return [
        ", ".join(terms[idx] for idx in leading if row[idx] > 0) for row, leading in zip(strengths, order, strict=True)
    ]


def _add_decisions(database: AuditDatabase, inputs: Inputs, pictures: Pictures, decisions: Decisions) -> None:
    """Channels, and every picture's phrases in batches."""
    channels, descriptions = decisions.channels, decisions.descriptions
    terms = [concept.term for concept in inputs.concepts.concepts]
    database.add_channels(
        channels.use,
        _names(channels.likeness, terms),
        channels.groups,
        _names(channels.group_phrases.weights, terms),
        directions=channels.words.directions,
        stats=channels.words.stats,
    )
    database.add_class_channel_groups(decisions.class_groups)
    image_ids = pictures.image_ids
    for start in range(0, len(descriptions.image_idx), _BATCH_ROWS):
        rows = slice(start, start + _BATCH_ROWS)
        database.add_attributions(
            [image_ids[idx] for idx in descriptions.image_idx[rows]],
            descriptions.class_idx[rows],
            Phrases(
                descriptions.weights[rows].toarray(), descriptions.shares[rows].toarray(), descriptions.residuals[rows]
            ),
            class_names=inputs.match.class_names,
            concepts=inputs.concepts.concepts,
        )
