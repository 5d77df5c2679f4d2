"""The audit as a user has it: pictures are files, and everything is done to them that `auditor run` does.

Measured properties (E6) and fixed places (E5-place) need the pictures themselves; regions (E5) are exchanged as well.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

from auditor import pipeline
from auditor.config import AuditConfig
from auditor.extraction.concept_embeddings import cached_texts
from auditor.extraction.embedding_cache import open_embedding_cache
from auditor.extraction.interventions import Interventions
from auditor.inputs.examples import TaughtConcepts
from auditor.models.encoders.encoder import Encoder
from benchmarks.photographs.bank import Bank
from benchmarks.photographs.models import Made
from benchmarks.planted.audit import Audited, Examined, inputs_of, pictures_of


def audit_files(
    made: Made,
    bank: Bank,
    examined: Examined,
    encoder: Encoder,
    folder: Path,
    *,
    cache: Path,
    seed: int,
    taught: TaughtConcepts | None = None,
) -> tuple[Audited, Interventions]:
    """Write the pictures of a model's audit, and audit them with all interventions.

    Args:
        made: The model and its pictures.
        bank: Where these come from.
        examined: The same pictures with the columns that the audit is given.
        encoder: Of the audit.
        folder: For pictures and features; empty.
        cache: For what the encoder says of texts and pictures, which audits share.
        seed: Of the audit.
        taught: Concepts that were learnt from examples.

    Returns:
        What was found, and how many pictures were changed for it.
    """
    with open_embedding_cache(cache, encoder.digest, encoder.dim) as kept:
        known = inputs_of(examined, cached_texts(encoder, kept), pictures_of(examined))
        items, contents = known.dataset.items, {}
        for row, item in enumerate(items):
            path = folder / item.path
            path.parent.mkdir(parents=True, exist_ok=True)
            made.picture(bank, row).save(path)
            contents[item.path] = hashlib.sha256(path.read_bytes()).hexdigest()
        # the encoder shares its network with the model, and the bank has its answers
        kept.put({contents[item.path]: made.embeddings[row] for row, item in enumerate(items)})
    config = AuditConfig(data=folder, model="photographs", out=folder / "audit", encoder=encoder.spec, seed=seed)
    config = config.model_copy(update={"n_extreme": min(config.n_extreme, len(items) // 2), "cache": cache})
    dataset = replace(known.dataset, root=folder, contents=contents)
    inputs = replace(known, dataset=dataset, classifier=made.classifier(bank), encoder=encoder)
    shards = pipeline.extract(config, inputs)
    inputs = pipeline.with_properties(inputs, shards)
    pictures = pipeline.line_up(inputs, shards)
    if pictures.rows.tolist() != list(range(len(items))):
        raise ValueError("pictures were lost or came in another order")
    gathered = pipeline.put_into_words(config, inputs, pictures, shards, taught=taught)
    evidence, interventions = pipeline.weigh_evidence(inputs, gathered)
    given = gathered.evidence_input
    audited = Audited(
        examined,
        inputs.concepts,
        given.concepts,
        pictures.predicted_idx,
        given.shares,
        gathered.picture_concepts.presence,
        evidence,
        given,
        None,
    )
    return audited, interventions
