"""Where in the repository a finding is pointed at: a line of the policy, of the baseline or of the manifest.

CI shows annotations beside files of the checkout. An audit names its data, but it may come from anybody: a manifest is
read only where it lies inside the checkout, and only for the number of a line.
"""

from __future__ import annotations

import csv
import os
import urllib.parse
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from auditor.data_address import is_known_address
from auditor.gate.decision import GateDecision, GateItem
from auditor.store.run_record import Run
from auditor.toml_lines import LineIndex

#: Lines of a manifest that are looked through; further classes are pointed at its first line.
_MOST_LINES = 2_000_000
#: Keys of the policy that let an item fail or pass.
_POLICY_KEYS = {
    "not_analysed": "may_skip",
    "skipped": "may_skip",
    "grown": "max_growth",
    "core": "allow_core",
    "core_refused": "allow_core",
    "too_weak": "max_detectable_effect",
}
#: Keys that a reason names.
_LIMITS = ("max_gap", "max_share", "min_severity")


@dataclass(frozen=True, slots=True)
class Anchor:
    """A file, with forward slashes and relative to the checkout where it lies in it, and a line of it.

    ``line`` is None for data that are no file of the checkout.
    """

    path: str
    line: int | None

    @property
    def is_relative(self) -> bool:
        """Whether it lies in the checkout."""
        return not self.path.startswith("/") and not is_known_address(self.path)

    @property
    def uri(self) -> str:
        """Relative reference, an address of data elsewhere, or a file URI for what lies outside the checkout."""
        if is_known_address(self.path):
            return urllib.parse.quote(self.path, safe=":/@~%")
        quoted = urllib.parse.quote(os.fsencode(self.path), safe="/")
        return quoted if self.is_relative else f"file://{quoted}"


class Anchors:
    """Anchors of one report.

    Args:
        run: of the audit.
        decision: of the gate, None without one.
        class_names: the classes that will be asked for.
    """

    def __init__(self, run: Run, decision: GateDecision | None, class_names: Iterable[str]) -> None:
        # Annotations are relative to the repository, also where a step works in a folder of it.
        self._root = Path(os.environ.get("GITHUB_WORKSPACE") or Path.cwd())
        self._policy = decision.policy_path if decision else None
        self._baseline = decision.baseline_path if decision else None
        self._policy_text = _text(self._policy)
        self._baseline_lines = _text(self._baseline).splitlines()
        self._data = run.data_path
        self._manifest = _file_inside(self._root, self._data)
        self._class_lines = {} if self._policy else _lines_of(self._manifest, set(class_names))

    def of_item(self, item: GateItem) -> Anchor:
        """Its entry of the baseline, else what the policy says of it, else its class in the manifest."""
        if self._baseline is not None and item.state in ("accepted", "expired", "stale"):
            lines = enumerate(self._baseline_lines, start=1)
            key = item.fingerprint
            return self._anchor(self._baseline, next((n for n, line in lines if key is not None and key in line), 1))
        if self._policy is not None:
            return self._anchor(self._policy, self._policy_line(item))
        return self.of_class(item.class_name)

    def of_class(self, class_name: str) -> Anchor:
        """The first line of the manifest with the class; of a folder, or outside the checkout, no line."""
        return self._anchor(self._data, self._class_lines.get(class_name, 1) if self._manifest else None)

    def _policy_line(self, item: GateItem) -> int:
        index = LineIndex(self._policy_text, "rule")
        keys = [_POLICY_KEYS.get(item.state), *(key for key in _LIMITS if key in item.reason), "fail_on"]
        return next((line for key in keys if key and (line := index.top_level(key))), 1)

    def _anchor(self, path: str, line: int | None) -> Anchor:
        if is_known_address(path):
            return Anchor(path, None)
        inside = _inside(self._root, path)
        shown = Path(os.path.relpath(inside, self._root.resolve())) if inside else Path(path).absolute()
        return Anchor(shown.as_posix(), line)


def _inside(root: Path, path: str) -> Path | None:
    """The path with its links followed, None where that leaves the checkout or is no path at all."""
    try:
        resolved = Path(path).resolve()
        return resolved if resolved.is_relative_to(root.resolve()) else None
    except (OSError, ValueError, RuntimeError):
        return None


def _file_inside(root: Path, path: str) -> Path | None:
    """The same for a regular file: a pipe would be waited for."""
    inside = _inside(root, path)
    try:
        return inside if inside is not None and inside.is_file() else None
    except OSError:
        return None


def _lines_of(manifest: Path | None, names: set[str]) -> dict[str, int]:
    """First line of every class in a CSV manifest."""
    found: dict[str, int] = {}
    if manifest is None or manifest.suffix.lower() != ".csv":
        return found
    try:
        with manifest.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            rows = csv.reader(file)
            column = next(rows, []).index("label")
            for row in rows:
                if len(row) > column and row[column] in names:
                    found.setdefault(row[column], rows.line_num)
                if len(found) == len(names) or rows.line_num > _MOST_LINES:
                    break
    except (OSError, ValueError, csv.Error):  # a manifest that changed since: the first line will do
        return found
    return found


def _text(path: str | None) -> str:
    """Text of a file that the user named; it was read before, so what is missing now only costs the line."""
    if path is None:
        return ""
    try:
        return Path(path).read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return ""
