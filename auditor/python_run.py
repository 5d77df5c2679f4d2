"""``auditor.run_audit``: an audit from Python, with plain arguments and a model in memory where there is one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from auditor.config import AuditConfig, make_config
from auditor.errors import InputError
from auditor.models.live_model import AnyModel, LiveModel, model_given
from auditor.models.preprocess import Transform
from auditor.opened_audit import Audit
from auditor.pipeline import run_audit as run_pipeline
from auditor.progress import progress_bars
from auditor.records import AnyPath, Progress

if TYPE_CHECKING:
    from auditor.config import AttributeSettings, CoreEntry, ExampleSettings


def run_audit(
    config: AuditConfig | AnyPath | None = None,
    *,
    data: AnyPath | None = None,
    model: AnyModel | None = None,
    out: AnyPath | None = None,
    transform: Transform | None = None,
    class_names: Sequence[str] | None = None,
    weights: AnyPath | None = None,
    predictions: AnyPath | None = None,
    features: AnyPath | None = None,
    preprocess: AnyPath | None = None,
    class_map: AnyPath | None = None,
    target_layer: str | None = None,
    map_method: str | None = None,
    model_output: str | None = None,
    multi_label: bool | None = None,
    label: str | None = None,
    threshold: float | None = None,
    thresholds: Mapping[str, float] | None = None,
    trust_code: bool | None = None,
    encoder: str | None = None,
    vocabulary: AnyPath | None = None,
    split: str | None = None,
    data_root: AnyPath | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    max_images_per_class: int | None = None,
    max_failure_share: float | None = None,
    thumbnails: bool | None = None,
    properties: bool | None = None,
    n_extreme: int | None = None,
    seed: int | None = None,
    tolerance: float | None = None,
    cache: AnyPath | None = None,
    jobs: int | None = None,
    batch_size: int | None = None,
    device: str | None = None,
    engine: str | None = None,
    ray_workers: int | None = None,
    ray_cpus: float | None = None,
    ray_gpus: float | None = None,
    core: Mapping[str, Mapping[str, CoreEntry | str | Mapping[str, object]]] | None = None,
    attributes: AttributeSettings | Mapping[str, object] | None = None,
    exposure: Mapping[str, float] | None = None,
    severity_by_exposure: bool | None = None,
    concepts: Mapping[str, ExampleSettings | Mapping[str, object]] | None = None,
    resume: bool = False,
    resume_features: AnyPath | None = None,
    quiet: bool = False,
    on_progress: Progress | None = None,
) -> Audit:
    """Audit a data set and a classifier.

    What is None is left to ``config``, and to the default where that says nothing; `docs/inputs.md` and
    `docs/models.md` say more of each.

    Args:
        config: Settings, or a settings file such as ``auditor.toml``; none is looked for.
        data: Folder class/picture, a manifest (.csv, .tsv, .jsonl, .parquet), or shards (.parquet, .tar),
            also elsewhere (``https://``, ``s3://``, ``gs://``, ``hf:ID``).
        model: A ``torch.nn.Module`` in memory, of which a copy is audited; or a spec: ``torchvision:NAME``,
            ``timm:NAME``, ``FILE.py:factory``; "none" for the data alone.
        out: Folder of the audit; made.
        transform: What pictures go through before a module in memory: from a PIL picture to a float tensor (3, H, W),
            as it is used for evaluation.
        class_names: A name for each output of a module in memory, in their order. Without them outputs meet the
            sorted labels of the data.
        weights: Weights of a spec: safetensors, or a state dict.
        predictions: In place of ``model``: a table of what it called each picture, or of its scores.
        features: With ``predictions``: .npz file of the head's inputs and the head.
        preprocess: TOML file (size, crop, interpolation, mean, std) in place of a transform.
        class_map: File that maps labels to outputs.
        target_layer: Layer whose maps are drawn; found when not given.
        map_method: How maps are drawn: cam, gradient (HiResCAM), centred_gradient, integrated_gradient, grad_cam,
            grad_cam_pp, xgrad_cam, layer_cam, attention_value or score_cam; what fits the model when not given.
        model_output: Which of several outputs holds the classes.
        multi_label: The outputs are sigmoids, each for itself; ``label`` is audited.
        label: With ``multi_label``: the label that is told from its absence.
        threshold: With ``multi_label``: pictures whose probability is over it are called by the label.
        thresholds: With ``multi_label``: by label, thresholds of their own.
        trust_code: Allow the code of ``FILE.py:factory`` to run.
        encoder: ``open_clip:ARCH/PRETRAINED`` or ``@FILE``, ``conse``, ``sample``.
        vocabulary: Own vocabulary.toml.
        split: Audit only this split of the manifest, or folder of a split.
        data_root: Folder that the manifest's paths begin in; its own when not given.
        path_column: Column of the pictures' files; found by its name when not given.
        label_column: Column of the classes; found by its name when not given.
        max_images_per_class: A seeded sample of each class.
        max_failure_share: More unreadable pictures than this fraction end the run.
        thumbnails: Keep small JPEGs of the pictures in the audit.
        properties: Measure pictures and files: brightness, JPEG quality …
        n_extreme: Most and least active pictures that give a channel meaning.
        seed: Of every random choice.
        tolerance: A clean class may have gaps under this, a fraction.
        cache: Folder of the embedding cache.
        jobs: Threads that decode pictures; 0 for one a core.
        batch_size: Pictures per forward pass.
        device: auto, cpu, cuda, cuda:1, mps.
        engine: local, or ray: the pictures go through the models on a Ray cluster (`docs/cluster.md`).
        ray_workers: Workers of engine ray; 0 for as many as there is room for.
        ray_cpus: CPUs of such a worker, also a fraction.
        ray_gpus: GPUs of such a worker, also a fraction.
        core: By class the concepts that it may rest on, each with the reason.
        attributes: Columns of the manifest to ``include`` or ``exclude``.
        exposure: By concept the part of a class's pictures that it is in where the model is used.
        severity_by_exposure: Whether severities are those of what ``exposure`` says would be lost.
        concepts: By name the pictures that show a concept (``yes``) and those that do not (``no``).
        resume: Go on with what ``out`` holds. A finished audit of the same inputs is left as it is; a module in memory
            is the same where its digest is (`docs/python.md`).
        resume_features: A finished audit of the same network with another last layer, whose features are taken.
        quiet: Draw no progress in the terminal.
        on_progress: Called with (stage, done, total) instead.

    Returns:
        The finished audit.

    Raises:
        AuditorError: with one line that says what to mend.
    """
    given = model_given(model, transform=transform, class_names=class_names, weights=weights)
    live = given if isinstance(given, LiveModel) else None
    settings: dict[str, Any] = {
        **_paths(
            data=data,
            out=out,
            weights=weights,
            predictions=predictions,
            features=features,
            preprocess=preprocess,
            class_map=class_map,
            vocabulary=vocabulary,
            data_root=data_root,
            cache=cache,
        ),
        "model": given if live is None else live.spec,
        "target_layer": target_layer,
        "map_method": map_method,
        "model_output": model_output,
        "multi_label": multi_label,
        "label": label,
        "threshold": threshold,
        "thresholds": thresholds,
        "trust_code": trust_code,
        "encoder": encoder,
        "split": split,
        "path_column": path_column,
        "label_column": label_column,
        "max_images_per_class": max_images_per_class,
        "max_failure_share": max_failure_share,
        "thumbnails": thumbnails,
        "properties": properties,
        "n_extreme": n_extreme,
        "seed": seed,
        "tolerance": tolerance,
        "jobs": jobs,
        "batch_size": batch_size,
        "device": device,
        "engine": engine,
        "ray_workers": ray_workers,
        "ray_cpus": ray_cpus,
        "ray_gpus": ray_gpus,
        "core": core,
        "attributes": attributes,
        "exposure": exposure,
        "severity_by_exposure": severity_by_exposure,
        "concepts": concepts,
    }
    file = None
    if isinstance(config, AuditConfig):
        said = {name: getattr(config, name) for name in config.model_fields_set}
        settings = {**said, **{name: value for name, value in settings.items() if value is not None}}
    elif config is not None:
        file = Path(config).expanduser()
    elif missing := [
        name for name in ("data", *(() if predictions is not None else ("model",)), "out") if settings[name] is None
    ]:
        raise InputError(
            f"run_audit without {' and '.join(missing)}; expected run_audit(data='val/', model=module or "
            "'timm:resnet50', out='audits/7'), or the settings that say them first"
        )
    made = make_config(settings, file)
    if live is not None and made.weights is not None:
        raise InputError(f"the settings name weights {str(made.weights)!r}, and {live.spec} has its own: take them out")
    with progress_bars(quiet or on_progress is not None) as bars:
        earlier = None if resume_features is None else Path(resume_features).expanduser()
        return Audit(run_pipeline(made, live=live, resume=resume, features_of=earlier, on_progress=on_progress or bars))


def _paths(**given: AnyPath | None) -> dict[str, Path | None]:
    return {name: None if path is None else Path(path).expanduser() for name, path in given.items()}
