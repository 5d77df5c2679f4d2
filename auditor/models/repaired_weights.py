"""Weights with another head, for the same model: the same keys, shapes and dtypes as what came in."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from auditor.errors import ModelError
from auditor.models.classifier import Classifier
from auditor.models.load_classifier import load_classifier
from auditor.models.model_sources import build_model
from auditor.models.preprocess import Preprocess
from auditor.models.weights import StateDict, fit_keys, read_weights
from auditor.records import LinearHead

#: Under which the file says what was taken out of it.
REPAIR_KEY = "auditor_repair"
#: Part of the head's largest weight by which a written one may differ, by the dtype it is written in.
_ROUNDING = {torch.float64: 1e-6, torch.float32: 1e-6, torch.bfloat16: 1e-2, torch.float16: 2e-3}


@dataclass(frozen=True, slots=True, eq=False)
class HeadKeys:
    """A model's tensors as they are to be written, and where its head lies among them."""

    state: StateDict
    metadata: dict[str, str]
    weight: str
    bias: str


def head_keys(classifier: Classifier, weights: Path | None, *, trust_code: bool) -> HeadKeys:
    """Find the head among the tensors of the file that was given, or of the model as it comes.

    Raises:
        ModelError: the head cannot be replaced by itself; says why not.
    """
    spec, layer = classifier.spec, classifier.head_layer
    if classifier.logits != "layer":
        raise ModelError(
            f"the logits of {spec} are not those of one linear layer (its head is '{layer}'), and a repair writes one: "
            "give a factory whose model ends in a linear layer"
        )
    if weights is not None:
        state, metadata = read_weights(weights)
    else:  # built once more: the classifier's own tensors are float32, whatever they came as
        state = {
            key: value
            for key, value in build_model(spec, None, trust_code=trust_code).module.state_dict().items()
            if isinstance(value, Tensor)
        }
        metadata = {}
    fitted = fit_keys(state, classifier.module, weights or Path(spec))
    own = classifier.module.state_dict()
    if f"{layer}.weight" not in own or f"{layer}.weight" not in fitted:
        raise ModelError(
            f"the head '{layer}' of {spec} keeps its weights in another form (a parametrization, or quantised): a "
            "repair writes plain weights; turn it into a plain linear layer first"
        )
    if f"{layer}.bias" not in fitted:
        raise ModelError(
            f"the head '{layer}' of {spec} has no bias, and a repair needs one; give a factory whose head has "
            "bias=True and zeros in it"
        )
    _check_alone(classifier, own)
    stored = {}
    for name in ("weight", "bias"):
        tensor = fitted[f"{layer}.{name}"]
        if not tensor.is_floating_point() or tensor.dtype not in _ROUNDING:
            raise ModelError(
                f"the head '{layer}' of {spec} is stored as {tensor.dtype}: expected float32, float64, float16 or "
                "bfloat16; repair the weights from before they were quantised"
            )
        stored[name] = next(key for key, value in state.items() if value is tensor)
    return HeadKeys(state, metadata, stored["weight"], stored["bias"])


def _check_alone(classifier: Classifier, own: Mapping[str, Tensor]) -> None:
    """Whoever else reads these weights would change with them."""
    layer = classifier.head_layer
    place = own[f"{layer}.weight"].untyped_storage().data_ptr()
    others = [
        key
        for key, value in own.items()
        if key.rpartition(".")[0] != layer and value.numel() and value.untyped_storage().data_ptr() == place
    ]
    if others or classifier.head_parts[0].call > 0:
        what = f"shares its weights with '{others[0]}'" if others else "is called more than once for a picture"
        raise ModelError(
            f"the head '{layer}' of {classifier.spec} {what}, so a repair would change more than the head: give a "
            "factory whose head has weights of its own"
        )


def write_repaired(
    classifier: Classifier,
    keys: HeadKeys,
    head: LinearHead,
    output: Path,
    *,
    class_names: Sequence[str],
    says: Mapping[str, object],
    preprocess: Path | None,
    trust_code: bool,
    model_output: str | None = None,
) -> tuple[Classifier, tuple[str, ...]]:
    """Write the model with another head, and load what was written: it is there whole and right, or not at all.

    Args:
        classifier: The model as it is.
        keys: Where its head lies.
        head: The other head; of two classes where the model gives one logit.
        output: A safetensors file that is not there yet.
        class_names: One per output, for the file's metadata.
        says: What the file says of the repair.
        preprocess: As the model was loaded.
        trust_code: As the model was loaded.
        model_output: As the model was loaded.

    Returns:
        The model as it loads, and what its user must know.

    Raises:
        ModelError: the file cannot be written, or does not load as what was meant.
    """
    weight, bias = head.weight, head.bias
    if classifier.one_logit:
        weight, bias = weight[1:] - weight[:1], bias[1:] - bias[:1]
    changed = dict(keys.state)
    for key, values in ((keys.weight, weight), (keys.bias, bias)):
        old = keys.state[key]
        changed[key] = torch.from_numpy(np.ascontiguousarray(values)).reshape(old.shape).to(old.dtype)
    names = {"class_names": json.dumps(list(class_names)), REPAIR_KEY: json.dumps(dict(says))}
    unfinished = output.with_name(f".{output.name}.{os.getpid()}.unfinished")
    try:
        try:  # tied tensors are written each for itself
            tensors = {key: value.detach().cpu().contiguous().clone() for key, value in changed.items()}
            save_file(tensors, unfinished, metadata={**keys.metadata, **names})
            unfinished.chmod(0o644)  # safetensors makes it readable for its owner alone
        except OSError as error:
            raise ModelError(
                f"weights {output} cannot be written: {error.strerror or error}; give another --output"
            ) from error
        loaded = load_classifier(
            classifier.spec,
            weights=unfinished,
            preprocess=preprocess,
            trust_code=trust_code,
            target_layer=classifier.target_layer,
            model_output=model_output,
            n_labels=len(class_names),
            device=classifier.device,
        )
        off = float(np.abs(loaded.head.weight - head.weight).max()) if not classifier.one_logit else 0.0
        most = _ROUNDING[keys.state[keys.weight].dtype] * float(np.abs(head.weight).max())
        if loaded.head_layer != classifier.head_layer or off > most:
            raise ModelError(
                f"the weights do not load into {classifier.spec} as they were written: does it change them while "
                "loading? nothing was written"
            )
        os.link(unfinished, output)  # unlike a rename it never takes the place of a file
    except FileExistsError as error:
        raise ModelError(f"{output} exists already; give another --output") from error
    except OSError:  # a file system without links
        if output.exists():
            raise ModelError(f"{output} exists already; give another --output") from None
        unfinished.rename(output)
    finally:
        unfinished.unlink(missing_ok=True)
    notices = []
    if loaded.preprocess.describe() != classifier.preprocess.describe():
        told = f"{classifier.spec} knew its preprocessing by the published weights, and these are others"
        if isinstance(classifier.preprocess, Preprocess):
            beside = preprocess_path(output)
            beside.write_text(classifier.preprocess.as_toml(), encoding="utf-8")
            notices.append(f"{told}: give --preprocess {beside}, which was written beside them")
        else:
            notices.append(f"{told}: give --preprocess FILE.toml with what {classifier.preprocess.describe()} does")
    return loaded, tuple(notices)


def preprocess_path(weights: Path) -> Path:
    """Where the preprocessing of repaired weights lies, where they alone do not tell it."""
    return weights.with_suffix(".preprocess.toml")
