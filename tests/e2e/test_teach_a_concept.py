"""The walk-through "Teach it a concept", command by command: a stamp is learnt, flagged, and reported."""

from __future__ import annotations

import re
import sys
from pathlib import Path

from demo_runs import Demo
from test_walkthroughs import as_printed, blocks, program, run

from auditor.models.bundled import bundled_path
from auditor.store.open_audit import open_audit_database
from auditor.store.queries import audit as queries


def test_the_walk_through_goes_as_it_says(demo: Demo, tmp_path: Path):
    (tmp_path / "sample_data").mkdir()
    (tmp_path / "sample_data" / "data").symlink_to(bundled_path("planted", "manifest.csv").parents[1])
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache" / "auditor").symlink_to(demo.folder / "cache")
    program(tmp_path / "bin" / "auditor", f'exec {sys.executable} -m auditor.cli "$@"')
    program(tmp_path / "bin" / "python", f'exec {sys.executable} "$@"')
    printed, n_commands = "", 0
    for language, text in blocks("teach-a-concept.md"):
        if language in ("toml", "python"):
            name = re.match(r"# (\S+)\n", text)
            assert name is not None, text
            (tmp_path / name[1]).write_text(text, encoding="utf-8")
        elif language == "bash":
            printed = ""
            for line in text.splitlines():
                done = run(line, tmp_path)
                assert done.returncode == 0, (line, done.stdout, done.stderr)
                printed += done.stdout
                n_commands += 1
        else:
            assert [line for line in text.splitlines() if not as_printed(line, printed)] == [], printed
    assert n_commands == 4
    with open_audit_database(tmp_path / "audits" / "taught") as connection:
        (learnt,) = queries.example_concepts(connection)
    assert (learnt.state, learnt.n_yes, learnt.n_no, learnt.n_classes) == ("learnt", 30, 30, 5)
    assert learnt.kappa > 0.9
