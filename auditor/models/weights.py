"""Read weights without running code, put them into a module, and say which keys do not fit."""

from __future__ import annotations

import argparse
import hashlib
import mmap
import pickletools
from collections import OrderedDict
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, cast

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from auditor.errors import ModelError
from auditor.figures import counted
from auditor.models.foreign_formats import INSTEAD, foreign_format
from auditor.wording import first_of, quote

StateDict = dict[str, Tensor]
#: Where training scripts keep the tensors of the model among other things, the likeliest first.
_WRAPPERS = ("state_dict", "model_state_dict", "model", "net", "network", "module", "weights", "params")
#: Parts of a key that may stand before what the model calls it: "module.model.net.".
_DEEPEST_PREFIX = 5
_NAMED = 3
#: What training scripts keep beside tensors and holds no code: their arguments, and scores as NumPy's numbers.
_PLAIN: list[Any] = [
    argparse.Namespace,
    np.dtype,
    *((np.float64(0).__reduce__()[0], f"{place}.multiarray.scalar") for place in ("numpy._core", "numpy.core")),
    *{type(np.dtype(kind)) for kind in np.typecodes["AllInteger"] + np.typecodes["AllFloat"] + "?"},
]


def read_weights(path: Path) -> tuple[StateDict, dict[str, str]]:
    """Read a safetensors file or a PyTorch state dict.

    Args:
        path: The file; its content and not its suffix decides how it is read.

    Returns:
        The tensors by key, and the metadata of a safetensors file.

    Raises:
        ModelError: no such file, a pickle that holds code, a TorchScript archive, or no tensors by name.
    """
    if not path.is_file():
        raise ModelError(f"weights {path}: no such file; give a safetensors file or a state dict")
    foreign = foreign_format(path)
    if foreign:
        raise ModelError(f"weights {path} are {foreign}, of which neither channels nor gradients can be had; {INSTEAD}")
    try:
        with safe_open(path, framework="pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata() or {})  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        if path.suffix == ".safetensors":
            raise ModelError(
                f"weights {path} are no readable safetensors file: {error}; save or copy it again"
            ) from error
    return _read_pickle(path), {}


def _read_pickle(path: Path) -> StateDict:
    advice = "save the tensors alone: torch.save(model.state_dict(), FILE), or safetensors"
    try:
        with torch.serialization.safe_globals(_PLAIN):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises five kinds here; all mean the same to the user
        code = _code_in(path)
        if code:
            raise ModelError(f"weights {path} hold a pickle with code ({code}), which is not run; {advice}") from error
        reason = f"{type(error).__name__} {error}".strip().splitlines()[0]
        if "weights_only" in str(error):  # torch's own advice is to run what the file holds
            reason = f"{type(error).__name__}: what it holds is neither a tensor nor a plain value"
        raise ModelError(f"weights {path} are neither safetensors nor a state dict ({reason}); {advice}") from error
    kind = type(content).__name__
    while isinstance(content, Mapping):
        named = [key for key in _WRAPPERS if _holds_tensors(content.get(key))]
        state = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
        others = [key for key, value in content.items() if _holds_tensors(value)]
        if not named and state:
            quantised = next((key for key, value in state.items() if value.is_quantized), None)
            if quantised or any("_packed_params" in str(key) for key in content):
                raise ModelError(
                    f"weights {path} are quantised to whole numbers, which no gradient passes; give the float32 "
                    "weights that they were made of"
                )
            return state
        if not named and len(others) > 1:
            raise ModelError(
                f"weights {path} hold tensors under {len(others)} names ({', '.join(map(quote, others[:_NAMED]))}), "
                f"and which are the model's cannot be told; {advice}"
            )
        content = content[named[0]] if named else content[others[0]] if others else None
    raise ModelError(f"weights {path} hold no tensors by name (found {kind}); {advice}")


def _holds_tensors(value: Any) -> bool:
    """Whether there are tensors by name in it; those of an optimiser stand under numbers."""
    return isinstance(value, Mapping) and any(
        isinstance(key, str) and (isinstance(part, Tensor) or _holds_tensors(part)) for key, part in value.items()
    )


def _code_in(path: Path) -> str:
    """Names that a pickle would import, shortened; empty where it is none."""
    try:
        with torch.serialization.safe_globals(_PLAIN):
            names = list(torch.serialization.get_unsafe_globals_in_checkpoint(str(path)))
    except Exception:  # not written by torch.save of today: look at the bare pickle
        names = _imports_of_pickle(path)
    names.sort(key=lambda name: (name.startswith("torch."), name))  # the telling ones first
    return first_of(names, _NAMED)


def _imports_of_pickle(path: Path) -> list[str]:
    """Names that the pickles of a file ask for, read off their opcodes: loading takes memory by numbers in the file."""
    found: set[str] = set()
    with suppress(Exception), path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        for _ in range(5):  # torch.save of old wrote five, one behind the other
            for name in _imported(content):
                found.add(name)
    return sorted(name for name in found if name.split(".")[0] not in ("torch", "collections"))


def _imported(content: mmap.mmap) -> Iterator[str]:
    """``module.name`` of each global that one pickle asks for."""
    texts: list[str] = []
    memo: dict[int, object] = {}
    last: object = None
    for opcode, argument, _ in pickletools.genops(cast(IO[bytes], content)):
        if opcode.name in ("GLOBAL", "INST"):
            yield str(argument).replace(" ", ".", 1)
        elif opcode.name == "STACK_GLOBAL":
            yield ".".join(texts[-2:])
        elif opcode.name == "MEMOIZE":
            memo[len(memo)] = last
        elif opcode.name.endswith("PUT"):
            memo[int(argument or 0)] = last
        else:
            last = memo.get(int(argument or 0)) if opcode.name.endswith("GET") else argument
            texts += [last] if isinstance(last, str) else []


def fit_keys(state: StateDict, module: nn.Module, weights: Path) -> StateDict:
    """The part of a state whose keys fit ``module`` once what stands before all of them is taken off.

    Raises:
        ModelError: two parts fit alike, as a student and a teacher do.
    """
    expected = module.state_dict().keys()
    fitting: dict[str, int] = {"": 0}
    for key in state:
        parts = key.split(".")
        for depth in range(min(len(parts), _DEEPEST_PREFIX + 1)):
            if ".".join(parts[depth:]) in expected:
                prefix = "".join(f"{part}." for part in parts[:depth])
                fitting[prefix] = fitting.get(prefix, 0) + 1
    most = max(fitting.values())
    best = [prefix for prefix, count in fitting.items() if count == most]
    if "" in best or 2 * most < len(expected):
        return state
    if len(best) > 1:
        raise ModelError(
            f"weights {weights} hold {len(best)} sets of tensors that fit, under {' and '.join(map(quote, best))}; "
            "save one of them alone"
        )
    return {key.removeprefix(best[0]): value for key, value in state.items() if key.startswith(best[0])}


def rows_of_head(state: StateDict, module: nn.Module) -> int | None:
    """Number of classes that a state dict was trained for, where it differs from ``module`` in the heads alone.

    Args:
        state: Weights with the keys of ``module``.
        module: Built with another number of classes (on the meta device, if wished).

    Returns:
        The rows that all tensors of another shape agree on (or those of a head that ``module`` was built without);
        None where the shapes agree, or differ elsewhere.
    """
    own = module.state_dict()
    more = {key: state[key] for key in state.keys() - own.keys()}
    if more and {key.rpartition(".")[2] for key in more} <= {"weight", "bias"} and own.keys() <= state.keys():
        extra_rows = {value.shape[0] if value.ndim else 0 for value in more.values()}
        return extra_rows.pop() if len(extra_rows) == 1 else None
    different = [(state[key], own[key]) for key in own.keys() & state.keys() if state[key].shape != own[key].shape]
    rows = {theirs.shape[0] if theirs.ndim else 0 for theirs, _ in different}
    heads_only = all(theirs.ndim and theirs.shape[1:] == ours.shape[1:] for theirs, ours in different)
    return rows.pop() if len(rows) == 1 and heads_only else None


def load_into(module: nn.Module, state: StateDict, *, weights: Path, model: str) -> tuple[str, ...]:
    """Copy the tensors into ``module``.

    Returns:
        What the reader must be told: tensors beside those of the model that were left out.

    Raises:
        ModelError: keys are missing, unexpected or of another shape; the first of each are named.
    """
    given, state = state, fit_keys(state, module, weights)
    own = module.state_dict()
    shapes = [
        f"{key} is {tuple(state[key].shape)}, expected {tuple(value.shape)}"
        for key, value in own.items()
        if key in state and state[key].shape != value.shape
    ]
    # Counters of batch normalisation are absent in old files and unused in evaluation.
    missing = [key for key in own if key not in state and not key.endswith("num_batches_tracked")]
    unexpected = [key for key in state if key not in own]
    problems = [
        f"{what} {first_of(keys, _NAMED)}"
        for what, keys in (("shape of", shapes), ("missing", missing), ("unexpected", unexpected))
        if keys
    ]
    if problems:
        raise ModelError(
            f"weights {weights} do not fit {model}: {'; '.join(problems)}; give those of this model, or another --model"
        )
    broken = next(
        (key for key, value in state.items() if value.is_floating_point() and not value.isfinite().all()), None
    )
    if broken is not None:
        raise ModelError(
            f"weights {weights}: '{broken}' holds values that are not finite; give weights that were saved whole"
        )
    # Versions of the layers' formats are lost in safetensors; the shapes were found to be those of today.
    versioned = OrderedDict(state)
    versioned._metadata = own._metadata  # type: ignore[attr-defined]
    module.load_state_dict(versioned, strict=False)
    kept = {id(value) for value in state.values()}
    beside = [key for key, value in given.items() if id(value) not in kept]
    if not beside:
        return ()
    named = first_of(beside, _NAMED)
    return (f"{counted(len(beside), 'tensor')} of {weights} that the model has not are left out: {named}",)


def digest_module(module: nn.Module, parts: Iterable[str], *, without: Collection[str] = ()) -> str:
    """sha256 over every parameter and buffer of ``module`` and over ``parts``; the file format does not matter.

    Tensors whose keys are in ``without`` do not count.
    """
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\x00")
    for key, value in sorted(module.state_dict().items()):
        if not isinstance(value, Tensor) or key in without:
            continue
        tensor = value.detach().cpu().contiguous()
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}\x00".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()
