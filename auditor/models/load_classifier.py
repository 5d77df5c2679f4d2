"""Load the classifier under audit from a spec, and trace it once."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from auditor.config import AuditConfig
from auditor.errors import ModelError
from auditor.models import cam
from auditor.models.batch_mates import check_batch_mates
from auditor.models.classifier import Classifier
from auditor.models.head import Head, find_head
from auditor.models.label_output import kind_of_outputs
from auditor.models.layers import target_layers
from auditor.models.map_proof import is_empty, what_passes
from auditor.models.model_sources import build_model
from auditor.models.outputs import output_tables
from auditor.models.preprocess import OpaqueTransform, Preprocess, probe_picture, read_preprocess
from auditor.models.trace import is_close
from auditor.models.user_code import call_model, users_code
from auditor.models.weights import digest_module
from auditor.records import FloatArray, LinearHead
from auditor.wording import quote_list

_PROBE_IMAGES = 2
#: Layers of which a map is tried, and that are named where none has one.
_MOST_TRIED = 60
_NAMED = 3
_WHY_NOT = {
    "all": "has places that no logit depends on, so its map is 0 everywhere",
    "part": "holds only a part of what the head gets, the rest goes around it",
    "nothing": "does not lead to the head",
}


def load_classifier(
    spec: str,
    *,
    weights: Path | None,
    preprocess: Path | None = None,
    trust_code: bool = False,
    target_layer: str | None = None,
    model_output: str | None = None,
    n_labels: int | None = None,
    multi_label: bool = False,
    device: str = "cpu",
    random_weights: bool = False,
) -> Classifier:
    """Load a classifier and find its channels and places by a probe.

    Args:
        spec: ``torchvision:NAME``, ``timm:NAME``, ``timm:FOLDER``, ``hf:FOLDER``, ``FILE.py:factory`` or
            ``module:factory`` (called without arguments, gives the module or (module, transform)), ``sample:planted``
            or ``sample:balanced``.
        weights: safetensors or state dict. None: published weights are fetched (torchvision, timm, hf), or the
            factory's own are used. The number of classes follows the weights where the builder allows.
        preprocess: TOML file that takes the place of the preprocessing that came with the model.
        trust_code: Whether the code of a factory may run.
        target_layer: Layer whose output is mapped, instead of the one that is found.
        model_output: Name of the output that holds the classes, where the model returns several.
        n_labels: Labels of the data: of several outputs the one of this size is meant, where the outputs have no names.
        multi_label: Whether the outputs are sigmoids, each for itself; then one logit is one output, and
            :func:`auditor.models.label_output.of_label` makes two classes of an output.
        device: A torch device.
        random_weights: Whether weights are drawn at random, to look at an architecture before there are any.

    Raises:
        ModelError: unknown spec, code not trusted, weights absent, holding code or not fitting, no preprocessing, no
            linear head, no layer with places, several outputs that could be meant, code of the user that raises, or a
            model that is not deterministic or whose answer to a picture depends on those beside it.
    """
    source = build_model(spec, weights, trust_code=trust_code, random=random_weights)
    transform = read_preprocess(preprocess) if preprocess else source.transform
    if transform is None:
        raise ModelError(
            f"{spec} says nothing of its preprocessing: return (module, transform), or give --preprocess FILE.toml "
            "(size, crop, interpolation, mean, std)"
        )
    configured = (
        f"the configuration of {spec} says that it is a multi-label classifier: --multi-label audits it label by label"
    )
    return make_classifier(
        source.module,
        transform,
        spec=spec,
        identity=source.identity,
        class_names=source.class_names,
        target_layer=target_layer,
        model_output=model_output,
        n_labels=n_labels,
        multi_label=multi_label,
        device=device,
        notices=(*source.notices, *((configured,) if source.multi_label and not multi_label else ())),
    )


def classifier_of(config: AuditConfig, *, n_labels: int, device: str) -> Classifier | None:
    """The classifier that settings name, None where they name none that is run; errors as `load_classifier`."""
    if not config.examines_model:
        return None
    return load_classifier(
        config.model,
        weights=config.weights,
        preprocess=config.preprocess,
        trust_code=config.trust_code,
        target_layer=config.target_layer,
        model_output=config.model_output,
        n_labels=n_labels,
        multi_label=config.multi_label,
        device=device,
    )


def make_classifier(
    module: nn.Module,
    preprocess: Preprocess | OpaqueTransform,
    *,
    spec: str,
    identity: Sequence[str] = (),
    class_names: tuple[str, ...] | None = None,
    target_layer: str | None = None,
    model_output: str | None = None,
    n_labels: int | None = None,
    multi_label: bool = False,
    device: str = "cpu",
    notices: Sequence[str] = (),
) -> Classifier:
    """Classifier of a module that is in memory; it is put into evaluation mode and moved to ``device``.

    Args:
        module: With its weights.
        preprocess: What its pictures go through.
        spec: Its name in messages.
        identity: What decides the features besides weights and preprocessing, for the digest.
        class_names: One per output.
        target_layer: See :func:`load_classifier`.
        model_output: See :func:`load_classifier`.
        n_labels: See :func:`load_classifier`.
        multi_label: See :func:`load_classifier`.
        device: A torch device.
        notices: What the reader must be told of its weights.

    Raises:
        ModelError: as :func:`load_classifier`.
    """
    try:
        place = torch.device(device)
        torch.zeros(1, device=place)
    except (RuntimeError, AssertionError) as error:
        raise ModelError(
            f"device '{device}' cannot be used: {str(error).splitlines()[0]}; give another --device"
        ) from error
    module = module.module if isinstance(module, nn.DataParallel) else module
    module = getattr(module, "_orig_mod", module)  # of torch.compile: its hooks would be compiled as well
    _check_module(module, spec)
    with users_code(
        f"putting model {spec} into evaluation mode on '{device}'",
        "expected a plain torch module, no result of torch.export: return what that was made of",
    ):
        module = module.float().eval().to(place)
        taken = () if model_output is None else (f"output {model_output}",)
        digest = digest_module(module, (preprocess.describe(), *identity, *taken))
    probe = _probe_batch(preprocess, place)
    n_classes = len(class_names) if class_names is not None else n_labels
    head, head_input = find_head(module, probe, spec, wanted=model_output, n_classes=n_classes)
    weight, bias = head.weight, head.bias
    if not weight.any():
        raise ModelError(
            f"all weights of the head '{head.name}' of {spec} are zero, so it calls every picture the same; give "
            "trained weights"
        )
    told = _check_outputs(module, probe, head, spec, multi_label)
    one_logit = weight.shape[0] == 1 and not multi_label
    if one_logit:
        weight, bias = cam.two_classes(weight.T).T, cam.two_classes(bias[:, None])[0]
        if class_names is not None and len(class_names) == 1:
            class_names = (f"not {class_names[0]}", class_names[0])
    if class_names is not None and len(class_names) != len(weight):
        raise ModelError(
            f"{spec} has {len(weight)} outputs but {len(class_names)} class names "
            f"({quote_list(class_names)}); expected one name an output: mend them in the metadata of the weights"
        )
    with_target = partial(
        Classifier,
        spec=spec,
        digest=digest,
        module=module,
        preprocess=preprocess,
        input_size=preprocess.input_size,
        class_names=class_names,
        head=LinearHead(_as_array(weight), _as_array(bias), multi_label),
        head_layer=head.name,
        head_parts=head.parts,
        channels_last=False,
        device=device,
        unit=head.unit,
        logits=head.logits,
        one_logit=one_logit,
        output=head.output,
        notices=(*notices, *head.notices, *told),
        body=_body_digest(module, head, (preprocess.describe(), *identity, *taken)),
    )
    targets = target_layers(module, probe, head_input, spec, wanted=target_layer, normalised=head.unit)
    classifier = _with_a_map((with_target(target=target) for target in targets), probe, head_input, target_layer)
    check_batch_mates(classifier, probe)
    return _fastest(classifier, probe)


def _body_digest(module: nn.Module, head: Head, parts: Sequence[str]) -> str | None:
    """Of all that decides the channels of a picture; None where more than one plain linear layer comes after them."""
    layers = dict(module.named_modules())
    if head.logits != "layer" or head.unit or type(layers.get(head.name)) is not nn.Linear:
        return None
    own = {f"{head.name}.weight", f"{head.name}.bias"} if head.name else {"weight", "bias"}
    return digest_module(module, (*parts, f"body before {head.name}"), without=own)


def _check_outputs(module: nn.Module, probe: Tensor, head: Head, spec: str, multi_label: bool) -> tuple[str, ...]:
    """Refuse outputs that share one probability where each should have its own; a line where it looks so, unasked."""
    with torch.inference_mode():
        returned = output_tables(call_model(module, probe, spec), len(probe)).get(head.output)
    kind = "other" if returned is None else kind_of_outputs(returned)
    if multi_label and kind == "softmax":
        raise ModelError(
            f"the outputs of {spec} are probabilities that add up to 1, so it calls a picture by one class: leave out "
            "--multi-label"
        )
    if multi_label or kind != "sigmoid":
        return ()
    return (
        f"the outputs of {spec} look like probabilities that do not add up to 1: if pictures may have several labels, "
        "this is a multi-label classifier, and --multi-label audits it label by label",
    )


def _check_module(module: nn.Module, spec: str) -> None:
    """Refuse what was built without weights, with which nothing can be computed, and what has no layers to watch."""
    for name, layer in module.named_modules():
        where = f"layer '{name}' of model {spec}" if name else f"model {spec}"
        if isinstance(layer, torch.jit.ScriptModule):
            raise ModelError(
                f"{where} is a result of torch.jit, whose layers cannot be watched: return the plain module"
            )
        if "quantized" in type(layer).__module__:
            raise ModelError(
                f"{where} is quantised ({type(layer).__name__}), which no gradient passes: return the float32 module "
                "that it was made of"
            )
    empty = [
        name for name, value in [*module.named_parameters(), *module.named_buffers()] if is_lazy(value) or value.is_meta
    ]
    if empty:
        raise ModelError(
            f"model {spec} has {len(empty)} parameters without values (first: '{empty[0]}'): it was built lazily or on "
            "the device 'meta'; build it on 'cpu' and load its weights in the factory, or give --weights"
        )


def _probe_batch(transform: Preprocess | OpaqueTransform, device: torch.device) -> Tensor:
    """(2, 3, H, W) noise at the scale of preprocessed pictures, always the same."""
    shape = transform(probe_picture()).shape
    noise = np.random.Generator(np.random.PCG64(11)).standard_normal((_PROBE_IMAGES, *shape), dtype=np.float32)
    return torch.from_numpy(noise).to(device)


def _with_a_map(tried: Iterable[Classifier], probe: Tensor, head_input: Tensor, wanted: str | None) -> Classifier:
    """The first of a classifier with several target layers whose maps prove themselves."""
    tried = iter(tried)
    first = next(tried)
    _check_steady(first, probe, head_input)
    refused: dict[str, str] = {}
    proven = next(_proven(itertools.chain([first], tried), probe, refused), None)
    if proven is not None:
        return proven
    said = "; ".join(f"layer '{layer}' {why}" for layer, why in list(refused.items())[:_NAMED])
    if wanted is not None:
        raise ModelError(f"no map of {first.spec}: {said}; leave out --target-layer, or name another layer")
    more = f"; and {len(refused) - _NAMED} more" if len(refused) > _NAMED else ""
    raise ModelError(f"no layer of {first.spec} gives a map: {said}{more}; name one with --target-layer NAME")


def _proven(tried: Iterable[Classifier], probe: Tensor, refused: dict[str, str]) -> Iterator[Classifier]:
    """Those whose maps prove themselves; the layers of the others go to ``refused``, with the reason."""
    beside: list[str] = []  # layers that hold a part: so does what is in them
    for classifier in tried:
        layer = classifier.target_layer
        if len(refused) == _MOST_TRIED:
            return
        if any(layer == other or layer.startswith(f"{other}.") for other in beside):
            continue
        passing = what_passes(classifier, probe)
        if passing == "all" and not is_empty(classifier, probe):
            yield classifier
            continue
        refused.setdefault(layer, _WHY_NOT[passing])
        if passing != "all":
            beside.append(layer)


def other_map_layers(classifier: Classifier, most: int) -> tuple[str, ...]:
    """Names of other layers that maps can be drawn of, ``most`` at most, the likeliest first."""
    probe = _probe_batch(classifier.preprocess, torch.device(classifier.device))
    channels = torch.from_numpy(cam.forward(classifier, probe)[0]).to(probe)
    targets = target_layers(classifier.module, probe, channels, classifier.spec, normalised=classifier.unit)
    tried = (replace(classifier, target=target) for target in targets if target.layer != classifier.target_layer)
    return tuple(found.target_layer for found in itertools.islice(_proven(tried, probe, {}), most))


def _check_steady(classifier: Classifier, probe: Tensor, head_input: Tensor) -> None:
    """A model that is not deterministic should fail now, and not after an hour."""
    activations, _ = cam.forward(classifier, probe)
    if not is_close(torch.from_numpy(activations), head_input.cpu()):
        raise ModelError(
            f"{classifier.spec} gives two results for one picture in evaluation mode: take out what is drawn by "
            "chance, such as dropout that is always on"
        )


def _fastest(classifier: Classifier, probe: Tensor) -> Classifier:
    """The classifier with channels last in memory where it is a convolutional one that gives the same so.

    Measured on 2 cores: ResNet-50 5.4 to 12.7 pictures a second. Some networks flatten with ``view``, which fails so.
    """
    convolutions = sum(isinstance(layer, nn.Conv2d) for layer in classifier.module.modules())
    if convolutions < 2 or classifier.layout != "channels_first":
        return classifier
    expected, _ = cam.forward(classifier, probe)
    fast = replace(classifier, channels_last=True)
    try:
        classifier.module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        found, _ = cam.forward(fast, probe)
        if is_close(torch.from_numpy(found), torch.from_numpy(expected)):
            return fast
    except (ModelError, RuntimeError):  # by torch itself for parameters of five axes
        pass
    classifier.module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]
    return classifier


def _as_array(values: Tensor) -> FloatArray:
    return np.ascontiguousarray(values.detach().cpu().numpy(), dtype=np.float32)
