"""How far to trust an audit's verdicts: reliances of known size are planted in its model's head, and judged."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from auditor.analysis import Gathered
from auditor.calibration_records import CalibrationRow
from auditor.errors import InputError
from auditor.evidence.calibration.planting import logits_of
from auditor.evidence.calibration.trials import JudgeHead, calibrate
from auditor.evidence.evidence_input import EvidenceResult
from auditor.evidence.presence.families import shares_of_all
from auditor.evidence.verdicts.judge import judge
from auditor.finished_audit import audit_settings, load_audited, settings_again
from auditor.pipeline import gather
from auditor.records import FloatArray, IntArray, LinearHead, Progress
from auditor.store.amend import amended, check_amendable, replace_rows
from auditor.store.one_writer import one_writer
from auditor.textcam.attribution import centred_weights
from auditor.textcam.description import describe_images

#: Pictures described at a time.
_ROWS = 4096


def calibrate_audit(
    folder: Path,
    *,
    n_heads: int,
    model: str | None = None,
    weights: Path | None = None,
    data: Path | str | None = None,
    preprocess: Path | None = None,
    class_map: Path | None = None,
    encoder: str | None = None,
    vocabulary: Path | None = None,
    trust_code: bool = False,
    on_progress: Progress | None = None,
) -> list[CalibrationRow]:
    """Plant, judge, count, and keep the counts in the audit's table ``calibrations``.

    Pictures and a model known by name are taken from where the audit says they are; features that are there are not
    extracted again. The model is loaded since the words of a planted head need the head's own weights: the features of
    a few pictures do not determine them.

    Args:
        folder: A finished audit.
        n_heads: Heads of each kind and size.
        model: Model spec, where it is no longer the audit's.
        weights: File of the weights.
        data: Folder or manifest of the pictures, where it has moved.
        preprocess: File of the preprocessing.
        class_map: File that maps labels to outputs.
        encoder: Encoder spec, where it is no longer the audit's or names a file.
        vocabulary: File of the vocabulary.
        trust_code: Whether a factory's code may run and the files that the audit names may be read; without it each
            of them must be given again. What the audit says of it does not count.
        on_progress: Called with (stage, done, total).

    Returns:
        What was counted.

    Raises:
        StoreError: no finished audit there, or nothing can be added to it.
        InputError: the audit names files that were not given again; pictures, masks, model, encoder, vocabulary or
            class map are not those that were audited, or no model was.
    """
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
    if not audit_settings(folder).examines_model:
        raise InputError(
            f"no model was examined in the audit at {folder}: there are no verdicts on a head to calibrate; "
            "audit one with `auditor run --model`"
        )
    config = settings_again(folder, given, out=folder, trust_code=trust_code)
    with one_writer(folder):
        inputs = load_audited(folder, config, on_progress=on_progress)
        _, gathered = gather(config, inputs, on_progress=on_progress)
        activations = np.concatenate([chunk for _, chunk, _ in gathered.shards.head_chunks()])
        found = calibrate(
            gathered.evidence_input,
            activations,
            _judge_head(gathered, activations),
            n_heads=n_heads,
            on_progress=on_progress,
        )
        with amended(folder) as connection:
            replace_rows(connection, "calibrations", found, CalibrationRow)
    return found


def _judge_head(gathered: Gathered, activations: FloatArray) -> JudgeHead:
    """Describe pictures by a head and judge it as the audit did."""
    if gathered.decisions is None:
        raise ValueError("no model was examined")
    words, inputs = gathered.decisions.channels.words, gathered.evidence_input
    n_words = len(gathered.concept_rows)

    def judge_head(head: LinearHead, rows: IntArray, decoys: IntArray | None) -> EvidenceResult:
        x = activations[rows]
        logits = logits_of(head, x)
        predicted = logits.argmax(axis=1).astype(np.int64)
        counted = np.where(inputs.predicted_idx[rows] >= 0, predicted, -1)  # of copies one alone counts

        def chunks() -> Iterator[tuple[slice, FloatArray, FloatArray]]:
            for start in range(0, len(x), _ROWS):
                part = slice(start, min(start + _ROWS, len(x)))
                yield part, x[part], logits[part]

        descriptions = describe_images(
            chunks(),
            np.full(rows.size, -1, dtype=np.int64),  # the words for labels are not read by the evidence
            predicted,
            centred_weights(head),
            words.stats,
            words.directions,
            gathered.concept_rows if decoys is None else gathered.concept_rows[decoys[:n_words]],
        )
        shares, residuals = descriptions.of_classes(predicted)
        return judge(
            replace(
                inputs,
                image_ids=tuple(inputs.image_ids[row] for row in rows),
                label_idx=inputs.label_idx[rows],
                predicted_idx=counted,
                shares=shares_of_all(shares, inputs.concepts),
                residuals=residuals,
                presence=inputs.presence[rows],
                embeddings=inputs.embeddings[rows],
                class_prompt_score=inputs.class_prompt_score[rows],
                groups=None if inputs.groups is None else inputs.groups[rows],
                copies=None if inputs.copies is None else inputs.copies[rows],
                head=head,
                head_chunks=chunks,
                places=None,  # the maps are of another head
            )
        )

    return judge_head
