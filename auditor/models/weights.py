"""Read weights without running code, put them into a module, and say which keys do not fit."""

from __future__ import annotations

import hashlib
import mmap
import pickletools
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import IO, cast

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from auditor.errors import ModelError

StateDict = dict[str, Tensor]
_WRAPPERS = ("state_dict", "model_state_dict", "model")
#: What DistributedDataParallel, torch.compile and Lightning put before every key.
_PREFIXES = ("module.", "_orig_mod.", "model.")
_NAMED = 3


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
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises five kinds here; all mean the same to the user
        code = _code_in(path)
        if code:
            raise ModelError(f"weights {path} hold a pickle with code ({code}), which is not run; {advice}") from error
        reason = f"{type(error).__name__} {error}".strip().splitlines()[0]
        raise ModelError(f"weights {path} are neither safetensors nor a state dict ({reason}); {advice}") from error
    for key in _WRAPPERS:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    if isinstance(content, Mapping):
        state = {str(key): value for key, value in content.items() if isinstance(value, Tensor)}
        if state:
            return state
    raise ModelError(f"weights {path} hold no tensors by name (found {type(content).__name__}); {advice}")


def _code_in(path: Path) -> str:
    """Names that a pickle would import, shortened; empty where it is none."""
    try:
        names = list(torch.serialization.get_unsafe_globals_in_checkpoint(str(path)))
    except Exception:  # not written by torch.save of today: look at the bare pickle
        names = _imports_of_pickle(path)
    names.sort(key=lambda name: (name.startswith("torch."), name))  # the telling ones first
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


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


def fit_keys(state: StateDict, module: nn.Module) -> StateDict:
    """The state with the prefix of a wrapper taken off every key, where that fits ``module`` better."""
    expected = module.state_dict().keys()
    candidates = [state]
    for candidate in candidates:
        for prefix in _PREFIXES:
            if candidate and all(key.startswith(prefix) for key in candidate):
                candidates.append({key.removeprefix(prefix): value for key, value in candidate.items()})
    return max(candidates, key=lambda candidate: len(expected & candidate.keys()))


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


def load_into(module: nn.Module, state: StateDict, *, weights: Path, model: str) -> None:
    """Copy the tensors into ``module``.

    Raises:
        ModelError: keys are missing, unexpected or of another shape; the first of each are named.
    """
    state = fit_keys(state, module)
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
        f"{what} {_first(keys)}"
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


def _first(keys: list[str]) -> str:
    return ", ".join(keys[:_NAMED]) + (f" (and {len(keys) - _NAMED} more)" if len(keys) > _NAMED else "")


def digest_module(module: nn.Module, parts: Iterable[str]) -> str:
    """sha256 over every parameter and buffer of ``module`` and over ``parts``; the file format does not matter."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part.encode() + b"\x00")
    for key, value in sorted(module.state_dict().items()):
        if not isinstance(value, Tensor):
            continue
        tensor = value.detach().cpu().contiguous()
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}\x00".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return digest.hexdigest()


def file_sha256(path: Path) -> str:
    """sha256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
