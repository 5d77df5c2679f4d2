"""Let torchvision be imported beside a build of torch that its compiled operators do not fit.

torchvision's wheel of the package index is linked against CUDA. With the CPU build of torch its extension cannot be
loaded, so ``torchvision::nms`` is never defined and ``import torchvision`` ends in a RuntimeError; open_clip, timm,
torchcam and sentence-transformers fall with it. Nothing here needs those operators (they serve detection), so
declaring their schemas is enough: the import passes, and calling one of them still fails as it should.
"""

from __future__ import annotations

import importlib.util
import sys
import threading
from pathlib import Path
from typing import Any

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
#: Schemas last as long as the library object that defined them.
_declared: list[object] = []
_lock = threading.Lock()


def import_torchvision_safely() -> None:
    """Declare the missing operators where a plain ``import torchvision`` would fail; otherwise change nothing.

    Call it before the first import of torchvision, timm, open_clip, torchcam or sentence_transformers. It does not
    import torchvision itself, may be called often and from several threads, and leaves a missing torchvision to the
    ImportError of whoever needs it.
    """
    if "torchvision" in sys.modules:
        return
    with _lock:
        if _declared or _has_nms() or _extension_loads():
            return
        make_library: Any = torch.library.Library  # torch gives it no types
        library = make_library("torchvision", "DEF")
        for schema in _SCHEMAS:
            library.define(schema)
        _declared.append(library)


def _has_nms() -> bool:
    return hasattr(torch.ops.torchvision, "nms")


def _extension_loads() -> bool:
    """Whether torchvision's compiled operators fit this torch (True too where torchvision is not installed)."""
    spec = importlib.util.find_spec("torchvision")
    if spec is None or not spec.submodule_search_locations:
        return True
    operators: Any = torch.ops
    folder = Path(spec.submodule_search_locations[0])
    for path in sorted([*folder.glob("_C*.so"), *folder.glob("_C*.pyd")]):
        try:
            # The call that torchvision makes; when it works, the operators are registered and its own call is a no-op.
            operators.load_library(str(path))
        except (ImportError, OSError):
            continue
        if _has_nms():
            return True
    return False
