"""A finished audit's model repaired: from the names of classes and concepts to a file of weights and its proof."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from auditor.audit_folder import FEATURES_NAME
from auditor.config import AuditConfig
from auditor.errors import InputError, ModelError, StoreError
from auditor.evidence.evidence_input import EvidenceInput
from auditor.extraction.new_head import bodies_at
from auditor.figures import counted
from auditor.finished_audit import load_audited, settings_again
from auditor.models.device import find_device
from auditor.models.load_classifier import load_classifier
from auditor.models.map_choice import drawing_with
from auditor.models.repaired_weights import head_keys, preprocess_path, write_repaired
from auditor.pipeline import gather, run_audit
from auditor.records import FloatArray, LinearHead, Progress, Verdict
from auditor.rejudge import held_audit
from auditor.repair.repair import ProvenRepair, repair
from auditor.repair.repair_input import repair_input
from auditor.repair.sampling import sampling_list
from auditor.repair_records import METHODS, Method, RepairCard, RepairMap, RepairTarget
from auditor.repaired_maps import pictures_root, repaired_maps
from auditor.rules import PRESENT
from auditor.store.checksums import FILES
from auditor.store.kept_repairs import keep_repair, kept_repair
from auditor.store.manifest import check_whole, read_audit_json
from auditor.store.one_writer import one_writer
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries
from auditor.store.queries.groups import group_of_channels
from auditor.wording import nearest, quote, quote_list

#: What an audit says of classes that a repair has something to do for.
_FOUND = ("flagged", "harmed", "suspect")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Pairs of class and concept by their names; none: all that is proven of classes that are flagged or harmed."""

    classes: tuple[str, ...] = ()
    concepts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Repaired:
    """What came of a repair: ``written`` is None where nothing was written, ``nothing`` says why nothing was done."""

    card: RepairCard | None = None
    written: Path | None = None
    model: str = ""
    nothing: str | None = None
    listed: str | None = None  # the list of what to draw, where no file was asked for
    notices: tuple[str, ...] = ()
    made: _Made | None = None


def repair_audit(
    folder: Path,
    wanted: Wanted,
    output: Path,
    given: Mapping[str, object],
    *,
    methods: tuple[Method, ...] = METHODS,
    force: bool = False,
    trust_code: bool = False,
    on_progress: Progress | None = None,
) -> Repaired:
    """Repair the audited model's head and write its weights, unless what speaks against it is not overridden.

    Features that are there are read, and of pictures those few whose maps are kept; where features are gone they are
    extracted again.

    Args:
        folder: A finished audit.
        wanted: What is to be taken out.
        output: The file of the repaired weights, which is not there yet.
        given: By setting what the audit names and was given again; see `finished_audit.settings_again`.
        methods: Those to be tried.
        force: Whether classes of which nothing was found are repaired, and worse models written.
        trust_code: Whether a factory's code may run and files that the audit names may be read.
        on_progress: Called with (stage, done, total).

    Raises:
        StoreError: no finished audit there, or one that is damaged.
        InputError: names that the audit does not have, an ``output`` that exists, files that were not given again.
        ModelError: a head that cannot be written by itself, or another model than was audited.
    """
    _check_output(output, ".safetensors")
    source = _Source.open(folder, given, trust_code=trust_code, on_progress=on_progress)
    pairs, left = _pairs(source, wanted, force=force)
    if not pairs:
        return Repaired(nothing=left[0])
    head = source.inputs.head
    ran = source.config.examines_model
    if head is None or head.multi_label or not ran:
        what = "outputs stand each for itself" if ran else "no model was run"
        raise InputError(f"{what} in the audit at {folder}: there is no head of classes to repair; try --data-only")
    config = source.config
    if config.multi_label:
        raise InputError(
            f"the audit at {folder} is of one output of a multi-label classifier, whose head is not repaired by "
            "itself; try --data-only"
        )
    classifier = load_classifier(
        config.model,
        weights=config.weights,
        preprocess=config.preprocess,
        trust_code=trust_code,
        target_layer=config.target_layer,
        model_output=config.model_output,
        n_labels=len(source.inputs.class_names),
        device=find_device(config.device),
    )
    audited = str((read_audit_json(folder).get("digests") or {}).get("model"))
    if classifier.digest != audited:
        raise ModelError(
            f"the model {config.model} is not the one that was audited (digest {classifier.digest[:12]}, the audit's "
            f"{audited[:12]}); give the audited one with --model and --weights"
        )
    keys = head_keys(classifier, config.weights, trust_code=trust_code)
    with open_audit_database(folder) as connection:
        groups = np.array(group_of_channels(connection), dtype=np.int64)
    width = source.activations.shape[1]
    if groups.size != width or head.weight.shape != classifier.head.weight.shape or head.weight.shape[1] != width:
        raise StoreError(
            f"the audit at {folder} does not fit together: {width} features a picture, {groups.size} channels and a "
            f"head of {head.weight.shape}; take it from a whole copy, or make it again with `auditor run`"
        )
    targets = _with_columns(source.inputs, pairs)
    read = repair_input(source.inputs, source.activations, tuple(targets), groups)
    described = _described(source.inputs, targets)
    proven = repair(read, described, source.inputs.class_names, methods, seed=config.seed, on_progress=on_progress)
    repaired, card = proven.head, proven.card
    drawing, root = drawing_with(classifier, config.map_method), pictures_root(config)
    maps, undrawn = repaired_maps(folder, root, drawing, repaired, proven.changed, source.inputs.class_names)
    left = (*left, *undrawn)
    made = _Made(proven, maps, methods, force, audited)
    if card.objections and not force:
        return Repaired(card=card, model=config.model, notices=(*left, *_keep(folder, made)))
    says = {
        "model": audited,
        "method": card.method,
        "taken_out": [[one.class_name, one.concept] for one in described],
        "objections": card.objections,
    }
    loaded, told = write_repaired(
        classifier,
        keys,
        repaired,
        output,
        class_names=source.inputs.class_names,
        says=says,
        preprocess=config.preprocess,
        trust_code=trust_code,
        model_output=config.model_output,
    )
    rounded = _called_otherwise(repaired, loaded.head, read.activations)
    if rounded:
        told = (*told, f"{counted(rounded, 'picture')} are called otherwise by the rounding of what is written")
    card_path(output).write_text(json.dumps(card_as_dict(card), indent=2) + "\n", encoding="utf-8")
    made = replace(made, repaired_digest=loaded.digest, weights=output, body=classifier.body)
    told = (*told, *_keep(folder, made))
    return Repaired(card=card, written=output, model=config.model, notices=(*left, *told), made=made)


@dataclass(frozen=True, slots=True, eq=False)
class _Made:
    """What is kept of a repair in the audits of both models."""

    proven: ProvenRepair
    maps: tuple[RepairMap, ...]
    methods: tuple[Method, ...]
    forced: bool
    model_digest: str
    repaired_digest: str | None = None
    weights: Path | None = None
    body: str | None = None  # of the network before the last layer, which is the same after


def _keep(folder: Path, made: _Made) -> tuple[str, ...]:
    """Keep it in an audit; where that cannot be, why: the weights and the card beside them are whole without."""
    kept = kept_repair(
        folder,
        made.proven.card,
        methods=made.methods,
        forced=made.forced,
        model_digest=made.model_digest,
        repaired_digest=made.repaired_digest,
        weights=made.weights,
    )
    try:
        keep_repair(folder, kept, made.proven.card.figures, made.proven.changed, made.maps)
    except StoreError as error:
        return (f"the repair is not kept in the audit: {error}",)
    return ()


def write_sampling_list(
    folder: Path,
    wanted: Wanted,
    output: Path | None,
    given: Mapping[str, object],
    *,
    force: bool = False,
    trust_code: bool = False,
    on_progress: Progress | None = None,
) -> Repaired:
    """Write what to draw how often in a training of one's own (``--data-only``); no model is needed.

    Arguments and errors as of :func:`repair_audit`; where ``output`` is None the list is given back, as ``listed``.
    """
    if output is not None:
        _check_output(output, ".csv")
    source = _Source.open(folder, given, trust_code=trust_code, on_progress=on_progress)
    pairs, left = _pairs(source, wanted, force=force)
    if not pairs:
        return Repaired(nothing=left[0])
    inputs = source.inputs
    columns = {v: name for (_, v), name in _with_columns(inputs, pairs).items()}
    presence = inputs.presence[:, list(columns)]
    known = np.isfinite(presence)
    present = np.where(known, presence, 0) > PRESENT
    text = sampling_list(source.paths, inputs.label_idx, inputs.class_names, list(columns.values()), present, known)
    if output is None:
        return Repaired(listed=text, notices=left)
    with output.open("x", encoding="utf-8", newline="") as file:
        file.write(text)
    return Repaired(written=output, notices=left)


def card_path(weights: Path) -> Path:
    """Where the proof of a file of weights lies."""
    return weights.with_suffix(".repair.json")


def card_as_dict(card: RepairCard) -> dict[str, object]:
    """For JSON: the fields of the records, of figures and trials what they have."""
    return asdict(card)


@dataclass(frozen=True, slots=True, eq=False)
class _Source:
    """What a repair reads of an audit."""

    folder: Path
    config: AuditConfig
    inputs: EvidenceInput
    activations: FloatArray  # (N, K); of no columns without a model
    paths: tuple[str, ...]  # N
    verdicts: dict[str, Verdict]
    proven: tuple[tuple[str, str], ...]  # class name and concept_id

    @classmethod
    def open(
        cls, folder: Path, given: Mapping[str, object], *, trust_code: bool, on_progress: Progress | None
    ) -> _Source:
        """Read the folder; its features are extracted again where they are gone."""
        check_whole(folder)
        with open_audit_database(folder) as connection:
            verdicts = {one.class_name: one for one in queries.verdicts(connection)}
            proven = {
                (one.class_name, one.concept_id): None
                for one in queries.counterexamples(connection)
                if one.state == "proven"
            }
        config = settings_again(folder, given, out=folder, trust_code=trust_code)
        if _features_are_there(folder):
            held = held_audit(folder)
            inputs, pictures, chunks = held.evidence_input, held.pictures, held.evidence_input.head_chunks
        else:
            with one_writer(folder):
                loaded = load_audited(folder, config, on_progress=on_progress)
                _, gathered = gather(config, loaded, on_progress=on_progress)
            inputs, pictures, chunks = gathered.evidence_input, gathered.pictures, gathered.evidence_input.head_chunks
        activations = np.zeros((len(pictures.items), 0), np.float32)
        if chunks is not None:
            activations = np.concatenate([part for _, part, _ in chunks()])
        paths = tuple(item.path for item in pictures.items)
        return cls(folder, config, inputs, activations, paths, verdicts, tuple(proven))


def _features_are_there(folder: Path) -> bool:
    """Whether every file that the audit binds is in its place."""
    bound = read_audit_json(folder).get(FILES) or {}
    return bool(bound) and all((folder / name).is_file() for name in bound if name.startswith(f"{FEATURES_NAME}/"))


def _check_output(output: Path, suffix: str) -> None:
    """Find out before long work."""
    if output.suffix != suffix:
        raise InputError(f"--output {output}: expected a name that ends with {suffix}")
    for path in (output, card_path(output), preprocess_path(output)) if suffix == ".safetensors" else (output,):
        if path.exists():
            raise InputError(f"{path} exists already: give another --output, or delete it")
    if not output.parent.is_dir():
        raise InputError(f"--output {output}: there is no folder {output.parent}; make it first")


def _pairs(source: _Source, wanted: Wanted, *, force: bool) -> tuple[list[tuple[int, int]], tuple[str, ...]]:
    """(class, concept) by position, with what is left as it is; where there are none, with why."""
    inputs = source.inputs
    position = {concept.concept_id: v for v, concept in enumerate(inputs.concepts)}
    class_idx = {name: c for c, name in enumerate(inputs.class_names)}
    if not wanted.classes:
        named = [
            (name, concept_id)
            for name, one in source.verdicts.items()
            if one.verdict in ("flagged", "harmed")
            for concept_id in dict.fromkeys(
                [one.concept_id, *(concept_id for of, concept_id in source.proven if of == name)]
            )
        ]
        found = [(class_idx[name], position[key]) for name, key in named if key in position]
        places = quote_list(list(dict.fromkeys(name for name, key in named if key not in position)))
        if found:
            left = f"the place that {places} rest on is left as it is: no repair of the last layer takes it out"
            return found, (left,) if len(found) < len(named) else ()
        if named:  # a place: which pictures show it is not what the features were taken of
            why = (
                f"what is flagged ({places}) is a place of the pictures, which no repair of the last layer takes out: "
                "train again with pictures in which that place is covered"
            )
            return [], (why,)
        return [], ("no class is flagged or harmed: there is nothing to repair",)
    if len(wanted.classes) not in (1, len(wanted.concepts)) or not wanted.concepts:
        raise InputError(
            f"{len(wanted.classes)} --class and {len(wanted.concepts)} --concept were given: expected a --concept for "
            "each --class, or several for one"
        )
    classes = wanted.classes if len(wanted.classes) == len(wanted.concepts) else wanted.classes * len(wanted.concepts)
    pairs = list(
        dict.fromkeys(
            (_class_of(name, class_idx), _concept_of(concept, inputs))
            for name, concept in zip(classes, wanted.concepts, strict=True)
        )
    )
    todo = [pair for pair in pairs if force or source.verdicts[inputs.class_names[pair[0]]].verdict in _FOUND]
    clean = dict.fromkeys(inputs.class_names[c] for c, v in pairs if (c, v) not in todo)
    if todo:
        left = f"nothing was found of {quote_list(list(clean))}, which is left as it is (--force repairs it)"
        return todo, (left,) if clean else ()
    states = {name: source.verdicts[name].verdict.replace("_", " ") for name in dict.fromkeys(wanted.classes)}
    told = ", ".join(f"{quote(name)} is {state}" for name, state in states.items())
    return [], (f"{told}: there is nothing to repair (--force repairs it anyway)",)


def _class_of(name: str, class_idx: Mapping[str, int]) -> int:
    if name not in class_idx:
        raise InputError(f"no class {quote(name)} in the audit; {_near(name, list(class_idx))}")
    return class_idx[name]


def _concept_of(name: str, inputs: EvidenceInput) -> int:
    """By its name, "column = value", its id, or a synonym; a column before the word of the same name."""
    wanted = name.casefold()
    for v, concept in reversed(list(enumerate(inputs.concepts))):  # columns come last
        if wanted in (concept.term.casefold(), concept.concept_id):
            return v
    for v, concept in enumerate(inputs.concepts):
        if wanted in (synonym.casefold() for synonym in concept.synonyms):
            return v
    terms = [concept.term for concept in inputs.concepts]
    raise InputError(f"no concept {quote(name)} in the audit; {_near(name, terms)}")


def _near(name: str, choices: Sequence[str]) -> str:
    close = nearest(name, choices)
    return f"did you mean {quote(close)}?" if close else f"expected one of {quote_list(list(choices))}"


def _with_columns(inputs: EvidenceInput, pairs: Sequence[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Each pair once with its concept's name, and the manifest's column in the place of a word that it names."""
    column_of = {word: column for column, word in inputs.same_as.items()}
    targets: dict[tuple[int, int], str] = {}
    for c, v in pairs:
        targets.setdefault((c, column_of.get(v, v)), inputs.concepts[v].term)
    return targets


def _described(inputs: EvidenceInput, targets: Mapping[tuple[int, int], str]) -> tuple[RepairTarget, ...]:
    found = []
    for (c, v), concept in targets.items():
        presence = inputs.presence[inputs.label_idx == c, v]
        known = np.isfinite(presence)
        there = known & (np.where(known, presence, 0) > PRESENT)
        sizes = int(there.sum()), int((known & ~there).sum()), int((~known).sum())
        found.append(RepairTarget(inputs.class_names[c], inputs.concepts[v].concept_id, concept, *sizes))
    return tuple(found)


def _called_otherwise(head: LinearHead, written: LinearHead, activations: FloatArray) -> int:
    """Pictures that the head as it was written calls something else."""
    one, other = ((activations @ h.weight.T + h.bias).argmax(axis=1) for h in (head, written))
    return int((one != other).sum())


def audit_repaired(
    folder: Path,
    repaired: Repaired,
    out: Path,
    given: Mapping[str, object],
    *,
    trust_code: bool = False,
    on_progress: Progress | None = None,
) -> tuple[str, ...]:
    """Audit a repaired model that was written as the audit at ``folder`` was made, and keep its repair there as well.

    Returns:
        What its reader must know.

    Raises:
        AuditorError: with one line that says what to mend.
    """
    if repaired.written is None or repaired.made is None:
        raise ValueError("no repaired model was written")
    asked: dict[str, object] = {**given, "weights": repaired.written}
    beside = preprocess_path(repaired.written)
    if asked.get("preprocess") is None and beside.is_file():
        asked["preprocess"] = beside  # else the pictures would be prepared in another way than they were audited
    config = settings_again(folder, asked, out=out, trust_code=trust_code)
    body = repaired.made.body
    same = body is not None and _features_are_there(folder) and bodies_at(folder / FEATURES_NAME) == {body}
    run_audit(config, features_of=folder if same else None, on_progress=on_progress)
    return _keep(out, repaired.made)
