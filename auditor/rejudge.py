"""A finished audit judged again by today's rules, from what its folder holds: ``auditor rejudge``.

Features, words and interventions stay what they were, so what comes out differently comes from the rules. The new audit
is made beside its place and takes it when it is whole.
"""

from __future__ import annotations

import datetime
import glob
import os
import platform
import shutil
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path

from auditor.analysis import PictureConcepts, Pictures
from auditor.audit_folder import (
    FEATURES_NAME,
    JUDGED_TABLES,
    add_evidence,
    bound_files,
    notices_in_order,
    rejudged_from,
    rejudged_notice,
    write_audit,
)
from auditor.config import AuditConfig
from auditor.errors import InputError, StoreError
from auditor.evidence.evidence_input import EvidenceInput, EvidenceResult
from auditor.evidence.presence.families import shares_of_all
from auditor.evidence.verdicts.exemplars import choose_exemplars, place_rows
from auditor.evidence.verdicts.judge import judge
from auditor.extraction.edit_record import replayed_edits
from auditor.extraction.kept_inputs import KEPT_NAME, KeptInputs, read_kept_inputs
from auditor.extraction.picture_edits import PROCEDURE as EDITS_PROCEDURE
from auditor.extraction.place_looks import LOOK_PROCEDURE
from auditor.extraction.place_swaps import PLACE_PROCEDURE
from auditor.extraction.region_swaps import PROCEDURE
from auditor.extraction.shards import FeatureShards, checksum_path
from auditor.extraction.surroundings_swaps import SURROUNDINGS_PROCEDURE
from auditor.extraction.swap_record import replayed
from auditor.figures import counted
from auditor.finished_audit import audit_settings, load_audited, settings_again
from auditor.gate.acceptance import today_utc
from auditor.picture_concepts import picture_concepts
from auditor.pipeline import (
    analyse,
    evidence_input,
    expired_core,
    gather,
    line_up,
)
from auditor.records import VERDICTS, FloatArray, ImageItem, Progress
from auditor.rules_in_force import rules_digest, thresholds
from auditor.store.checksums import damage_of, is_bound
from auditor.store.database import AuditDatabase
from auditor.store.embedding_index import INDEX_NAME, write_embedding_index
from auditor.store.manifest import (
    DATABASE_NAME,
    MANIFEST_NAME,
    check_whole,
    is_complete,
    read_audit_json,
    sync_folder,
    write_manifest,
)
from auditor.store.one_writer import one_writer
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from auditor.store.queries.audited_words import audited_items, mapped_pictures, words_of_predictions
from auditor.store.run_record import Run
from auditor.textcam.phrases import concept_matrix
from auditor.version import auditor_version

#: The schema from which on an audit keeps what it takes to judge it again.
_KEPT_SINCE = 11
#: Libraries that judge; the others stand for those that made the features.
_JUDGING = ("numpy", "scipy", "duckdb")


@dataclass(frozen=True, slots=True, eq=False)
class HeldAudit:
    """What the folder of an audit holds, ready to be judged."""

    run: Run
    config: AuditConfig
    kept: KeptInputs
    pictures: Pictures
    concept_rows: FloatArray  # (V, D)
    context: PictureConcepts
    evidence_input: EvidenceInput
    mapped: set[tuple[str, int]]  # pictures and classes with a map
    n_calibrations: int


def rejudge_audit(folder: Path, out: Path, *, replace_out: bool = False, on_progress: Progress | None = None) -> Path:
    """Judge an audit again from what its folder holds: no model, no encoder and no picture is read.

    Interventions on pictures (E5) that were carried out for the audit count as they came out; where today's rules ask
    for others, they are not tried, and findings and a notice say so.

    Args:
        folder: A finished audit whose features are there.
        out: Folder of the new audit.
        replace_out: Whether the new audit may take the place of a finished one at ``out``, ``folder`` included.
        on_progress: Called with (stage, done, total).

    Returns:
        ``out``, complete; as it was where this raises.

    Raises:
        StoreError: no finished audit there, features that are gone or damaged, an audit of before they were enough, or
            one of a newer schema; or the new one cannot be written.
        InputError: ``out`` holds something that is not to be replaced.
    """
    _check_out(out, replace_out=replace_out)
    held = held_audit(folder)
    kept = held.kept
    done = kept.interventions
    if kept.examined_model:
        evidence = judge(
            held.evidence_input,
            intervene=replayed(done.swaps, PROCEDURE),
            exchange=replayed(done.exchanges, PLACE_PROCEDURE),
            look=replayed(done.looks, LOOK_PROCEDURE),
            surround=replayed(done.surroundings, SURROUNDINGS_PROCEDURE),
            look_around=replayed(done.looks_around, SURROUNDINGS_PROCEDURE),
            edit=replayed_edits(done.edits, EDITS_PROCEDURE),
            on_progress=on_progress,
        )
    else:
        evidence = judge(held.evidence_input, on_progress=on_progress)
    run = _run(held, evidence, out)
    with _made_beside(out) as made:
        _link_features(folder / FEATURES_NAME, made / FEATURES_NAME, (*_with_checksums(kept.shards), KEPT_NAME))
        without = JUDGED_TABLES if run.rules_digest == held.run.rules_digest else (*JUDGED_TABLES, "calibrations")
        with AuditDatabase(made, copy_of=folder / DATABASE_NAME, without=without) as database:
            database.add_run(run)
            add_evidence(
                database,
                held.pictures,
                held.concept_rows,
                held.context,
                evidence,
                held.kept.match.class_names,
                held.config,
            )
        write_embedding_index(made, held.pictures.embeddings)
        write_manifest(made, run, bound_files(kept.shards))
    return out


def rejudge_with_model(
    folder: Path,
    out: Path,
    given: Mapping[str, object],
    *,
    trust_code: bool = False,
    replace_out: bool = False,
    on_progress: Progress | None = None,
) -> Path:
    """Judge an audit again with its model, its encoder and its pictures, which are loaded as they were audited.

    For audits whose features are gone or were made before these were enough, and to try interventions again. Features
    that this version of auditor made are taken over, others are extracted anew.

    Args:
        folder: A finished audit.
        out: Folder of the new audit.
        given: By setting what the audit names and was given again; see `finished_audit.settings_again`.
        trust_code: Whether a factory's code may run and files that the audit names may be read.
        replace_out: Whether the new audit may take the place of a finished one at ``out``.
        on_progress: Called with (stage, done, total).

    Returns:
        ``out``, complete; as it was where this raises.

    Raises:
        AuditorError: with one line that says what to mend.
    """
    _check_out(out, replace_out=replace_out)
    check_whole(folder)
    config = settings_again(folder, given, out=out, trust_code=trust_code)
    with open_audit_database(folder) as connection:
        run = queries.run(connection)
    inputs = load_audited(folder, config, on_progress=on_progress)
    features = folder / FEATURES_NAME
    shards = [path.name for path in features.glob("*.parquet")] if features.is_dir() else []
    with _made_beside(out) as made:
        _link_features(features, made / FEATURES_NAME, _with_checksums(shards))
        here = config.model_copy(update={"out": made})
        inputs, gathered = gather(here, inputs, on_progress=on_progress)
        analysis = analyse(inputs, gathered, n_jobs=config.n_jobs, on_progress=on_progress)
        write_audit(made, analysis, config, origin=rejudged_from(run))
    return out


def held_audit(folder: Path) -> HeldAudit:
    """Read what the folder holds; it may come from anybody.

    Raises:
        StoreError: no finished audit there, features that are gone or damaged, or things that do not fit together.
    """
    manifest = read_audit_json(folder)
    damage = damage_of(folder, manifest) if is_bound(manifest) else []
    if damage:
        raise StoreError(
            f"the audit at {folder} is damaged ({damage[0]}): make it again with the same `auditor run` and --resume, "
            "take it from a whole copy, or, where its features alone are, add --with-model"
        )
    config = audit_settings(folder)
    with open_audit_database(folder) as connection:
        run, items = queries.run(connection), audited_items(connection)
        mapped, n_calibrations = mapped_pictures(connection), len(queries.calibrations(connection))
        try:
            kept = _kept(folder, manifest, items, config)
            shards = _shards(folder, kept.shards)
            if shards.image_ids() != tuple(item.image_id for item in items):
                raise ValueError("the features are of other pictures")
            pictures = line_up(kept, shards)
            context = picture_concepts(kept, pictures, kept.taught)
            weighed = evidence_input(config, kept, pictures, shards, context, None)
            position = {concept.concept_id: v for v, concept in enumerate(context.concepts)}
            edits = {position[concept_id]: one for concept_id, one in kept.level_edits.items()}
            weighed = replace(weighed, edits=edits)
            if kept.head is not None:
                n, n_words = len(items), len(kept.concepts.concepts)
                shares, residuals = words_of_predictions(connection, n_images=n, n_concepts=n_words)
                weighed = replace(
                    weighed,
                    shares=shares_of_all(shares, context.concepts),
                    residuals=residuals,
                    head=kept.head,
                    head_chunks=shards.head_chunks,
                )
            rows = concept_matrix(kept.concepts.word_rows, [concept.term for concept in kept.concepts.concepts])
        except (ValueError, TypeError, LookupError, AttributeError) as error:
            raise StoreError(
                f"what the audit at {folder} holds does not fit together ({str(error).splitlines()[0]}); take it from "
                "a whole copy, or make it again with `auditor run`"
            ) from error
    return HeldAudit(run, config, kept, pictures, rows, context, weighed, mapped, n_calibrations)


def _kept(folder: Path, manifest: Mapping[str, object], items: Sequence[ImageItem], config: AuditConfig) -> KeptInputs:
    """What was kept beside the features, less what the settings allow no more today."""
    schema, features = manifest["schema_version"], folder / FEATURES_NAME
    if not (features / KEPT_NAME).is_file():
        if isinstance(schema, int) and schema < _KEPT_SINCE:
            raise StoreError(
                f"the audit at {folder} has schema {schema}, and from schema {_KEPT_SINCE} on audits keep the head and "
                "the words that verdicts rest on: add --with-model, which loads its model, encoder and pictures again"
            )
        raise _gone(features, KEPT_NAME)
    digests = manifest.get("digests")
    kept = read_kept_inputs(features, items, digests if isinstance(digests, dict) else {})
    today = today_utc()
    allowed = {
        pair: one
        for pair, one in kept.core.items()
        if one.term is None or not config.core[pair[0]][one.term].expired(today)
    }
    return replace(kept, core=allowed, notices=tuple(dict.fromkeys([*kept.notices, *expired_core(config, today)])))


def _gone(features: Path, name: str) -> StoreError:
    return StoreError(
        f"{features / name} is missing, and without its features an audit cannot be judged again: make it again with "
        "`auditor run`, or add --with-model, which takes its pictures through its model once more"
    )


def _shards(folder: Path, names: Sequence[str]) -> FeatureShards:
    features = folder / FEATURES_NAME
    missing = [name for name in names if not (features / name).is_file()]
    if missing:
        raise _gone(features, missing[0])
    try:
        return FeatureShards([features / name for name in names])
    except (OSError, ValueError) as error:  # pyarrow's errors are ValueErrors
        raise StoreError(
            f"the features of the audit at {folder} are damaged ({str(error).splitlines()[0]}); take them from a whole "
            "copy, or add --with-model"
        ) from error


def _run(held: HeldAudit, evidence: EvidenceResult, out: Path) -> Run:
    """The run of the new audit: what was loaded is the old one's, what was judged is today's."""
    old, verdicts = held.run, [verdict.verdict for verdict in evidence.verdicts]
    origin = rejudged_from(old)
    return replace(
        old,
        run_id=uuid.uuid4().hex,
        created_at=datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        config={**old.config, "out": str(out)},
        versions={
            **old.versions,
            "auditor": auditor_version(),
            "python": platform.python_version(),
            **{name: version(name) for name in _JUDGING},
        },
        counts={
            **old.counts,
            **{name: verdicts.count(name) for name in VERDICTS},
        },
        notices=notices_in_order(
            (rejudged_notice(origin), *_not_done(held, evidence)),
            held.kept.notices,
            held.pictures,
            held.context,
            evidence,
            held.kept.match.class_names,
            held.kept.interventions.edits,
        ),
        rules_digest=rules_digest(),
        thresholds=thresholds(),
        rejudged_from=origin,
    )


def _not_done(held: HeldAudit, evidence: EvidenceResult) -> Iterator[str]:
    """What today's rules ask for and no folder holds."""
    asked = {(one.class_idx, one.concept_id) for one in evidence.findings if one.status == "not_tried_again"}
    if asked:
        yield (
            f"interventions on pictures were not tried again for {counted(len(asked), 'pair')} of class and concept: "
            "these rules ask for others than were carried out; `auditor rejudge --with-model` tries them"
        )
    if "properties" not in held.run.config:
        yield (
            "properties of the pictures, as sharpness and JPEG quality, were not measured: the audit is of before; "
            "`auditor rejudge --with-model` measures them"
        )
    if held.kept.examined_model and held.evidence_input.places is None:
        yield (
            "leads that no word names, such as fixed places, were not looked for: the features are of before; "
            "`auditor rejudge --with-model` extracts them anew"
        )
    if held.kept.examined_model:
        exemplars = choose_exemplars(
            evidence.verdicts,
            held.context.concepts,
            held.evidence_input.label_idx,
            held.evidence_input.predicted_idx,
            held.evidence_input.shares,
            held.context.presence,
            place_rows(held.evidence_input.image_ids, evidence.fixed_places),
        )
        wanted = {(held.pictures.image_ids[one.row], one.class_idx) for one in exemplars}
        undrawn = len(wanted - held.mapped)
        if undrawn:
            yield (
                f"no map was drawn of {counted(undrawn, 'picture')} that show today's evidence, as the model was not "
                "loaded; `auditor rejudge --with-model` draws them"
            )
    if held.n_calibrations and held.run.rules_digest != rules_digest():
        yield "what `auditor calibrate` counted under other rules is left out: calibrate again"


def _check_out(out: Path, *, replace_out: bool) -> None:
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file; expected a folder for the new audit: give another --out")
    if not out.exists() or not any(out.iterdir()):
        return
    if not is_complete(out):
        raise InputError(f"{out} holds other files and no finished audit: give another --out")
    if not replace_out:
        raise InputError(
            f"{out} holds a finished audit, which is left as it is: give another --out, or --replace to put the new "
            "one in its place"
        )


@contextmanager
def _made_beside(out: Path) -> Iterator[Path]:
    """A folder beside ``out`` that takes its place at the end, and goes where this raises."""
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        for left in out.parent.glob(f".{glob.escape(out.name)}.rejudging-*"):
            with one_writer(left):  # refuses what another process is making; what is left is of one that was killed
                shutil.rmtree(left, ignore_errors=True)
        made = out.parent / f".{out.name}.rejudging-{uuid.uuid4().hex[:12]}"
        made.mkdir()
        try:
            with one_writer(made):
                yield made
            _take_place(made, out)
        finally:
            shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise StoreError(
            f"the new audit cannot be written to {out}: {error.strerror or error}; free some space or choose another "
            "--out"
        ) from error


def _take_place(made: Path, out: Path) -> None:
    """Move a whole audit to its place: in one step where nothing lies there, else file by file, ``audit.json`` last."""
    if not out.exists() or not any(out.iterdir()):
        if out.exists():
            out.rmdir()
        made.replace(out)
        sync_folder(out.parent)
        return
    with one_writer(out):
        (out / FEATURES_NAME).mkdir(exist_ok=True)
        for path in (made / FEATURES_NAME).iterdir():
            path.replace(out / FEATURES_NAME / path.name)
        (out / MANIFEST_NAME).unlink()  # from here on the old audit is no longer complete
        for name in (DATABASE_NAME, INDEX_NAME, MANIFEST_NAME):
            (made / name).replace(out / name)
        sync_folder(out)


def _with_checksums(shards: Sequence[str]) -> list[str]:
    return [name for shard in shards for name in (shard, checksum_path(Path(shard)).name)]


def _link_features(source: Path, target: Path, names: Sequence[str]) -> None:
    """Have files of features in another folder as well: as links to the same bytes where the disk can, else as copies.

    Files of features are never changed, only renamed into place and deleted, so that neither audit can harm the other.
    """
    target.mkdir()
    for name in names:
        if not (source / name).exists():  # checksums, which an older auditor did not write
            continue
        try:
            os.link(source / name, target / name)
        except OSError:
            shutil.copyfile(source / name, target / name)
