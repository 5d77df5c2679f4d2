"""``auditor run`` in a process of its own that has everything imported, so that hundreds of runs are affordable."""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from auditor.cli.app import app
from auditor.config import AuditConfig
from auditor.store.checksums import FILES
from auditor.store.digest import contents_digest
from auditor.store.manifest import read_audit_json
from auditor.store.open_audit import open_audit_database
from auditor.store.verify import verify_audit


def arguments_of(config: AuditConfig, *flags: str) -> list[str]:
    """The command line of an audit with the settings of :func:`benchmarks.faults.sample_audit.sample_settings`."""
    given = {
        "data": config.data,
        "model": config.model,
        "encoder": config.encoder,
        "out": config.out,
        "cache": config.cache_folder,
        "n-extreme": config.n_extreme,
    }
    return ["run", *(part for name, value in given.items() for part in (f"--{name}", str(value))), "--quiet", *flags]


def run_here(arguments: list[str]) -> int:
    """Run the command in this process; its exit code."""
    try:
        app(arguments)
    except SystemExit as ended:
        return int(ended.code or 0)
    except Exception:
        traceback.print_exc()
        return 70
    return 0


def forked(act: Callable[[], int], said: Path) -> int:
    """Start ``act`` in a child whose output goes to a file; the child's number.

    The parent must not have run an audit itself, for threads do not survive.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child:
        return child
    handle = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    code = 71
    try:
        code = act()
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def import_all(config: AuditConfig, work: Path) -> None:
    """Import what an audit imports: a child makes one and says what that was."""
    names = work / "modules.json"

    def act() -> int:
        code = run_here(arguments_of(config, "--resume"))
        names.write_text(json.dumps(sorted(sys.modules)))
        return code

    if ended(forked(act, work / "said.txt")):
        raise RuntimeError(f"the undisturbed audit ended with an error: {(work / 'said.txt').read_text()}")
    for name in json.loads(names.read_text()):
        with contextlib.suppress(Exception):  # some can only be imported by what they belong to
            importlib.import_module(name)


def ended(child: int) -> int:
    """Wait for a child; its exit code, or the signal that ended it, below zero."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def contents_of(audit: Path) -> str:
    """What an audit says, as JSON to compare: tables, features, index, and whether ``auditor verify`` finds it whole.

    What is kept to judge again names when it was kept, so it is not compared byte by byte.
    """
    verified = verify_audit(audit)
    with open_audit_database(audit) as connection:
        tables = contents_digest(connection)
    files = {
        name: digest for name, digest in read_audit_json(audit)[FILES].items() if name.endswith((".faiss", ".parquet"))
    }
    left = sorted(path.name for path in audit.rglob("*") if "tmp" in path.name or "unfinished" in path.name)
    return json.dumps([tables, files, verified.damage, left], sort_keys=True)
