"""Damage is told from what was written, byte by byte; digests are against damage, an expected one against forgery."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from small_audit import make_run, unbound, write_small_audit
from typer.testing import CliRunner

from auditor.cli.app import app
from auditor.errors import StoreError
from auditor.extraction.shards import checksum_path, is_whole
from auditor.regular_files import file_sha256
from auditor.store.checksums import audit_digest, damage_of
from auditor.store.embedding_index import read_embedding_index, write_embedding_index
from auditor.store.manifest import check_whole, read_audit_json, write_manifest
from auditor.store.verify import verify_audit

SHARD = "features/" + "0" * 32 + ".parquet"


@pytest.fixture(scope="module")
def audit(tmp_path_factory):
    """With an index and a file of features."""
    folder = write_small_audit(tmp_path_factory.mktemp("audit") / "release-7")
    (folder / "features").mkdir()
    (folder / SHARD).write_bytes(b"PAR1 features PAR1")
    write_embedding_index(folder, np.eye(6, 8, dtype=np.float32))
    write_manifest(folder, make_run(), ["embeddings.faiss", SHARD])
    return folder


@pytest.fixture
def copy(audit, tmp_path):
    return shutil.copytree(audit, tmp_path / "copy")


def flip(path, at):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def test_a_whole_audit(audit):
    found = verify_audit(audit)
    assert (found.is_whole, found.n_files, found.damage, found.notes) == (True, 4, (), ())
    assert found.digest == json.loads((audit / "audit.json").read_text())["digest"]
    assert verify_audit(audit, expected_digest=found.digest).is_whole


@pytest.mark.parametrize("name", ["audit.duckdb", "embeddings.faiss", SHARD])
def test_every_file_is_compared(copy, name):
    flip(copy / name, 5)
    (line,) = verify_audit(copy).damage
    assert line.startswith(f"{name}: damaged, or changed since: its sha256 is {file_sha256(copy / name)[:12]}")
    (copy / name).unlink()
    expected = () if name == SHARD else (f"{name}: missing",)  # the only file of features: they were deleted
    assert verify_audit(copy).damage == expected


@pytest.mark.parametrize("name", ["audit.duckdb", "embeddings.faiss", SHARD])
def test_a_named_pipe_in_an_audit_waits_for_nobody(copy, name):
    (copy / name).unlink()
    os.mkfifo(copy / name)
    os.mkfifo(checksum_path(copy / SHARD))
    assert name == SHARD or verify_audit(copy).damage == (f"{name}: no regular file",)
    with pytest.raises(OSError, match="it is no regular file"):
        file_sha256(copy / name)
    if name == "embeddings.faiss":
        with pytest.raises(StoreError, match="it is no regular file"):
            read_embedding_index(copy, 6)
    assert not is_whole(copy / SHARD)


def test_features_may_be_deleted_all_together(copy):
    shutil.rmtree(copy / "features")
    found = verify_audit(copy)
    assert (found.is_whole, found.n_files) == (True, 3)
    assert found.notes == ("its features were deleted: it cannot be judged again without its model",)


def test_no_flipped_bit_of_audit_json_is_read_as_what_was_written(copy):
    path, said = copy / "audit.json", read_audit_json(copy)
    whole = path.read_bytes()
    n_found = 0
    for at in range(0, len(whole), 5):
        damaged = bytearray(whole)
        damaged[at] ^= 1 << at % 7
        path.write_bytes(damaged)
        try:
            assert read_audit_json(copy) == said  # white space
        except StoreError:
            n_found += 1
    assert n_found > len(whole) // 5 // 2


def test_a_rewritten_audit_is_told_by_the_digest_that_was_printed(copy):
    digest = read_audit_json(copy)["digest"]
    check_whole(copy, expected_digest=digest)
    write_small_audit(copy, make_run(notices=("all is well",)))  # by somebody who can write the folder
    check_whole(copy)
    with pytest.raises(StoreError, match=f"is not the one that is expected: its digest is [0-9a-f]{{64}}, .*{digest}"):
        check_whole(copy, expected_digest=digest)
    assert "the digest of the audit is" in verify_audit(copy, expected_digest=digest).damage[0]


def test_an_audit_of_an_older_auditor_opens_and_cannot_be_verified(copy):
    unbound(copy)
    check_whole(copy)
    assert verify_audit(copy).damage == (
        "audit.json holds no digests, for an older auditor made it: nothing can be verified",
    )
    with pytest.raises(StoreError, match="its digest is none, for an older auditor made it"):
        check_whole(copy, expected_digest="0" * 64)


def test_names_of_files_lead_nowhere_else(copy):
    manifest = read_audit_json(copy)
    for name in ("../secret.txt", "/etc/passwd", "features/../audit.duckdb", "a\nb.c"):
        (line,) = damage_of(copy, {**manifest, "files": {name: "0" * 64}})
        assert line.endswith(": no name of a file of an audit")
        assert "\n" not in line
    for files in (None, [], "x", 7):
        assert damage_of(copy, {**manifest, "files": files}) == [
            "audit.json: its list of files is no table of names and digests"
        ]


@pytest.mark.parametrize("files", [None, [], {"audit.duckdb": None}, {"audit.duckdb": []}, {"x" * 10: {}}, {}])
def test_an_audit_json_that_somebody_made_up(copy, files):
    manifest = {**read_audit_json(copy), "files": files}
    (copy / "audit.json").write_text(json.dumps({**manifest, "digest": audit_digest(manifest)}))
    assert not verify_audit(copy).is_whole
    with pytest.raises(StoreError, match="is damaged"):
        check_whole(copy)


def test_the_search_reads_no_damaged_index(copy):
    assert read_embedding_index(copy, 6).ntotal == 6
    flip(copy / "embeddings.faiss", -1)
    with pytest.raises(StoreError, match=r"is not what was written .*--resume"):
        read_embedding_index(copy, 6)


def run(*arguments):
    result = CliRunner().invoke(app, ["verify", *map(str, arguments)])
    return result.exit_code, result.stdout, result.stderr


def test_the_command(copy):
    digest = read_audit_json(copy)["digest"]
    assert run(copy, "--expect-digest", digest) == (
        0, f"{copy}: 4 files are what was written; digest {digest}\n", ""
    )  # fmt: skip
    flip(copy / "audit.duckdb", 9000)
    code, out, err = run(copy)
    assert (code, out.startswith("damaged: audit.duckdb: ")) == (2, True)
    assert "--resume makes again what is damaged" in err
    code, out, _ = run(copy, "--format", "json")
    found = json.loads(out)
    assert (code, found["whole"], len(found["damage"]), found["digest"]) == (2, False, 1, digest)
    code, out, err = run(copy / "none")
    assert (code, out) == (2, "")
    assert err.startswith("error: no audit at ")


def test_the_gate_decides_on_no_damaged_audit(copy):
    digest = read_audit_json(copy)["digest"]

    def gate(*arguments):
        result = CliRunner().invoke(app, ["gate", str(copy), *arguments])
        return result.exit_code, result.stderr

    assert gate("--expect-digest", digest) == gate()
    assert "error" not in gate()[1]
    code, err = gate("--expect-digest", "0" * 64)
    assert (code, "is not the one that is expected" in err) == (2, True)
    flip(copy / "audit.duckdb", 9000)
    code, err = gate()
    assert (code, err.startswith(f"error: the audit at {copy} is damaged: audit.duckdb: ")) == (2, True)


@pytest.mark.slow
@pytest.mark.parametrize("damaged", [False, True])
def test_the_recipe_that_hands_an_audit_from_job_to_job(audit, tmp_path, damaged):
    """The block of docs/ci.md, from the audit's digest on."""
    page = (Path(__file__).parents[2] / "docs" / "ci.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```bash\n(# the job that audits\n.*?)```", page, re.DOTALL)
    shutil.copytree(audit, tmp_path / "audit")
    (tmp_path / "policy.toml").write_text('fail_on = []\nmay_skip = ["*"]\n')
    lines = [line for line in block.splitlines() if not line.startswith("auditor run")]
    at = lines.index("# the job that gates")
    if damaged:
        lines.insert(at, "echo x >> audit/embeddings.faiss")
    script = "\n".join(['auditor() { "$PYTHON" -m auditor.cli "$@"; }', 'python() { "$PYTHON" "$@"; }', *lines])
    done = subprocess.run(
        ["bash", "-ec", script],
        check=False,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHON": sys.executable},
    )
    assert done.returncode == (2 if damaged else 0), done.stderr
    assert ("damaged: embeddings.faiss" in done.stdout) == damaged
    assert ("4 files are what was written" in done.stdout) != damaged
