"""What a command that loads an audit's model once more is given again, so that it runs as it was printed.

The files that an audit names are read only where the user gives them, and code of its model runs only where the user
trusts it (:mod:`auditor.named_files`). A command that is printed therefore says both, in full: whoever copies it sees
what it reads and what it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from auditor.named_files import encoder_file, is_factory, model_folder
from auditor.store.run_record import Run

#: By the command, the flags that it takes for files that an audit names, in the order in which they are written.
_TAKES = {
    "explain": ("model", "weights", "preprocess"),
    "calibrate": ("model", "weights", "preprocess", "class-map", "encoder", "vocabulary"),
}
_TAKES["faithfulness"] = _TAKES["calibrate"]
_TAKES["repair"] = (*_TAKES["calibrate"], "predictions", "features")


def given_again(run: Run, command: str) -> tuple[str, ...] | None:
    """The words after ``auditor explain DIR …``, or another command that loads the model, without which it is refused.

    None where no command line can load the model: none was run, or it was a module in memory.
    """
    if not run.model_was_run or run.model_spec.startswith("live:"):
        return None
    named, takes = _named(run), _TAKES[command]
    # an encoder that is not given leaves pictures with fewer words, and does not stop `explain`
    trusted = is_factory(run.model_spec) or (command != "explain" and _is_left(run, named, takes))
    words = [word for flag in takes if flag in named for word in (f"--{flag}", named[flag])]
    return (*words, "--trust-code") if trusted else tuple(words)


def _named(run: Run) -> dict[str, str]:
    """By its flag, each file or folder that the audit names, and the code that makes its model."""
    files: Mapping[str, object] = {
        "model": run.model_spec if is_factory(run.model_spec) else model_folder(run.model_spec),
        "encoder": encoder_file(run.encoder_spec),
        **{
            name.replace("_", "-"): run.config.get(name)
            for name in ("weights", "preprocess", "class_map", "vocabulary", "predictions", "features")
        },
    }
    return {flag: _from_here(str(file)) if flag in _PATHS else str(file) for flag, file in files.items() if file}


#: Flags whose value is a path and nothing else.
_PATHS = ("weights", "preprocess", "class-map", "vocabulary", "predictions", "features")


def _from_here(path: str) -> str:
    """A path that lies below the folder that we are in as commands are given it here."""
    here = Path.cwd()
    return Path(path).relative_to(here).as_posix() if here in Path(path).parents else path


def _is_left(run: Run, named: Mapping[str, str], takes: tuple[str, ...]) -> bool:
    """Whether the audit names a file that no flag of the command gives again."""
    return bool(run.config.get("concepts")) or any(flag not in takes for flag in named)
