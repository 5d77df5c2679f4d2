"""The classifier under audit, ready for :mod:`auditor.models.cam`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from torch import nn

from auditor.models.head import HeadPart
from auditor.models.layers import Layout, TargetLayer
from auditor.models.preprocess import OpaqueTransform, Preprocess
from auditor.records import LinearHead


@dataclass(frozen=True, slots=True)
class LabelOutput:
    """Which output of a multi-label module is told from its absence, by what name, and over which probability."""

    output: int
    label: str
    threshold: float


@dataclass(frozen=True, slots=True, eq=False)
class Classifier:
    """A classifier whose channels (inputs of the last linear layer) and places are known.

    Attributes:
        spec: As given.
        digest: sha256 over weights, preprocessing and architecture; another digest means other features.
        module: In evaluation mode, on ``device``.
        preprocess: From PIL image to (3, H, W) float32 tensor.
        input_size: Short side that a decoder must not go below.
        class_names: One per output, or None where the weights do not say.
        head: Weights of what is linear at its end, ``logits = activations @ weight.T + bias``.
        head_layer: Name of its last linear layer, or of those that were folded into the head.
        head_parts: Layers, and which of their calls, whose inputs (or outputs) side by side are the channels.
        target: Where maps are drawn.
        channels_last: Whether batches are laid out with the channels last, which is faster for convolutions.
        device: Where the module lives.
        unit: Whether the channels are brought to length 1.
        logits: Where logits are read, see :class:`auditor.models.head.Head`.
        one_logit: Whether the module gives the logit z of one class against none. It stands for two classes, the
            positive one last, with logits -z/2 and z/2: their softmax is the sigmoid of z.
        output: Name of the output that holds the classes, empty where the module returns one tensor.
        notices: What the reader of an audit must be told of the module.
        body: As ``digest``, without the head's own weight and bias: models of one body have the same channels. None
            where the head is not one plain linear layer.
        label_output: Which output of a multi-label module stands for the two classes, see
            :mod:`auditor.models.label_output`; None: all outputs are classes.
    """

    spec: str
    digest: str
    module: nn.Module
    preprocess: Preprocess | OpaqueTransform
    input_size: int
    class_names: tuple[str, ...] | None
    head: LinearHead
    head_layer: str
    head_parts: tuple[HeadPart, ...]
    target: TargetLayer
    channels_last: bool
    device: str
    unit: bool = False
    logits: Literal["layer", "fold", "model"] = "layer"
    one_logit: bool = False
    output: str = ""
    notices: tuple[str, ...] = ()
    body: str | None = None
    label_output: LabelOutput | None = None

    @property
    def exact(self) -> bool:
        """Whether the channels' contributions and the bias add up to the logits."""
        return self.logits != "model"

    @property
    def target_layer(self) -> str:
        """Name of the layer that maps are drawn of."""
        return self.target.layer

    @property
    def layout(self) -> Layout:
        """Order of the axes of the target's values."""
        return self.target.layout

    @property
    def map_method(self) -> str:
        """How maps are drawn: "cam" (closed form), "gradient" or "centred_gradient"."""
        return self.target.method

    @property
    def n_classes(self) -> int:
        """Number of classes: of outputs, and two where there is one logit."""
        return int(self.head.weight.shape[0])
