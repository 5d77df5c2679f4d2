"""Every whole command of the documentation runs: here, in a test of its page, or it stands below with why it cannot."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner
from written_commands import PAGES, ROOT, Written, written_commands

from auditor.cli import app
from auditor.store.checksums import DIGEST
from auditor.store.manifest import read_audit_json

#: Pages whose commands a test of their own runs, in their order and with what the page says is printed.
WALKED = {
    "docs/audit-before-deployment.md": "e2e/test_walkthroughs.py",
    "docs/gate-a-release.md": "e2e/test_walkthroughs.py",
    "docs/cookbook.md": "integration/test_cookbook.py",
    "docs/tutorial.md": "integration/test_tutorial.py",
    "docs/teach-a-concept.md": "e2e/test_teach_a_concept.py",
    "docs/repair.md": "integration/test_repaired_audit.py",
}
#: Commands that are not run as they are written: how they begin, why, and what runs them in small.
ELSEWHERE = {
    "demo": ("minutes", "e2e/test_demo.py"),
    "dashboard ": ("serves until it is ended", "integration/test_dashboard_start.py"),
    "calibrate ": ("minutes", "integration/test_calibrated_audit.py"),
    "run --data val/ --model timm:resnet50": ("published weights", "integration/test_ci.py"),
    "run --data val/manifest.csv --model timm:resnet50": ("published weights", "integration/test_ci.py"),
    "run --data val/ --model SPEC": ("the reader's model", "integration/test_resumed_features.py"),
    "run --data https://HOST": ("a server", "integration/test_remote_audit.py"),
    "run --data s3://BUCKET": ("a server", "unit/test_remote_shards.py"),
    "run --data hf:OWNER": ("a server", "unit/test_remote_shards.py"),
    "run --engine ray": ("a cluster", "integration/test_ray_cluster.py"),
    "run --data faces.csv": ("a model of several labels", "integration/test_label_audits.py"),
    "run --data val.csv --predictions": ("a service's answers", "integration/test_predictions_audit.py"),
    "manifest waterbirds": ("the public set", "unit/test_public_sets.py"),
    "run --data data/waterbird_complete95": ("the public set", "integration/test_public_benchmark.py"),
    "repair audits/release-7 --all-flagged": ("a finding that can be repaired", "integration/test_repaired_audit.py"),
    "python -m benchmarks": ("hours", "integration/test_benchmarks.py"),
}
#: What stands for an encoder that knows photographs: these pictures are rendered.
ENCODER = {"conse": "sample"}


def begins(one: Written) -> str:
    return f"{'' if one.program == 'auditor' else f'python -m {one.program} '}{' '.join(one.words)}"


def whole_commands(page: Path) -> list[Written]:
    return [one for one in written_commands(page) if one.whole]


#: Each once, in the order of the pages.
HERE = list(
    dict.fromkeys(
        one.words
        for page in PAGES
        if page.relative_to(ROOT).as_posix() not in WALKED
        for one in whole_commands(page)
        if not begins(one).startswith(tuple(ELSEWHERE))
    )
)


@pytest.fixture(scope="module")
def workplace(small_audit: Path, sample_manifest: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the audits and the data that the pages name, for the commands one after the other."""
    place = tmp_path_factory.mktemp("docs")
    for name in ("audits/release-7", "audits/demo/planted", "audit", "DIR"):
        shutil.copytree(small_audit, place / name)
    before = ["rejudge", str(small_audit), "--out", str(place / "audits" / "release-6")]  # another audit, of that model
    assert CliRunner().invoke(app, before).exit_code == 0
    (place / "sample_data" / "data").mkdir(parents=True)
    for name in ("val", "sample_data/data/planted"):
        (place / name).symlink_to(sample_manifest.parent)
    (place / "baseline.toml").touch()
    (place / "policy.toml").write_text('fail_on = ["flagged"]\n')
    return place


@pytest.mark.parametrize("words", HERE, ids=" ".join)
def test_a_command_of_the_documentation_runs(words, workplace, monkeypatch):
    monkeypatch.chdir(workplace)
    digest = str(read_audit_json(workplace / "audit")[DIGEST])
    given = [digest if word == "$digest" else ENCODER.get(word, word) for word in words]
    for name in ("--output", "--out"):
        if name in given:  # another page may have it too
            _clear(Path(given[given.index(name) + 1]))
    done = CliRunner().invoke(app, given)
    stopped = given[0] == "gate" and done.exit_code == 1  # says what it found
    assert done.exit_code == 0 or stopped, done.output


def _clear(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def test_the_tables_name_commands_that_are_written_and_tests_that_are_there():
    written = [begins(one) for page in PAGES for one in whole_commands(page)]
    assert [start for start in ELSEWHERE if not any(text.startswith(start) for text in written)] == []
    tests = [*WALKED.values(), *(test for _, test in ELSEWHERE.values())]
    assert [test for test in tests if not (ROOT / "tests" / test).is_file()] == []
    assert [page for page in WALKED if not (ROOT / page).is_file()] == []
