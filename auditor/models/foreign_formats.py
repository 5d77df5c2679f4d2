"""Model files that no channel can be read of: what they are, and what to give instead."""

from __future__ import annotations

import zipfile
from pathlib import Path

_BY_SUFFIX = {
    ".onnx": "an ONNX model",
    ".pt2": "a result of torch.export",
    ".torchscript": "a TorchScript archive",
    ".tflite": "a TensorFlow Lite model",
    ".h5": "a Keras model",
    ".hdf5": "a Keras model",
    ".keras": "a Keras model",
    ".pb": "a TensorFlow graph",
    ".mlmodel": "a Core ML model",
    ".mlpackage": "a Core ML model",
    ".engine": "a TensorRT engine",
    ".plan": "a TensorRT engine",
    ".gguf": "a GGUF file",
}
INSTEAD = (
    "give the PyTorch model that it was made of as FILE.py:factory, or its state dict as --weights of timm:NAME or "
    "torchvision:NAME"
)


def foreign_format(path: Path) -> str | None:
    """What a file is where its name or its members say that it is a compiled or a foreign model; None elsewhere."""
    named = _BY_SUFFIX.get(path.suffix.lower())
    if named or not path.is_file() or not zipfile.is_zipfile(path):
        return named
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
    except (OSError, zipfile.BadZipFile):
        return None
    # Every archive of torch has its folder's name before.
    inner = [member.partition("/")[2] for member in members]
    if any(member.startswith("code/") for member in inner) and "constants.pkl" in inner:
        return "a TorchScript archive"
    return "a result of torch.export" if "archive_format" in inner or "models/model.json" in inner else None
