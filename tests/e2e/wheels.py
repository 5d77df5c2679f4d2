"""The wheels of this checkout, and a new environment with them alone."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path


def run(*command: object, cwd: Path) -> str:
    """Run a program without anything of this process's Python settings; gives its stdout."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        capture_output=True,
        encoding="utf-8",
        timeout=900,
        check=False,
        env={**environment, "PYTHONUTF8": "1", "COLUMNS": "100"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def build(source: Path, folder: Path) -> None:
    """Build the wheel of a folder into another one, which is made."""
    folder.mkdir()
    run(sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", folder, source, cwd=folder)


def install(folder: Path, *wheels: Path) -> None:
    """Make ``folder/venv`` with wheels; dependencies are looked up where they are installed, the checkout is not."""
    folder.mkdir()
    run(sys.executable, "-m", "venv", "--without-pip", folder / "venv", cwd=folder)
    python = folder / "venv" / "bin" / "python"
    install = ("install", "--no-deps", "--no-index", "--no-cache-dir", "--quiet", "--disable-pip-version-check")
    run(sys.executable, "-m", "pip", "--python", python, *install, *wheels, cwd=folder)
    packages = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).strip())
    # Folders that a .pth file names come last, and .pth files within them (the checkout's) are not read.
    parents = dict.fromkeys([sysconfig.get_path("purelib"), sysconfig.get_path("platlib")])
    (packages / "dependencies.pth").write_text("\n".join(parents) + "\n", encoding="utf-8")
