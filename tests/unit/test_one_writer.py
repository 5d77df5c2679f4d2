"""Two runs into one folder would destroy each other: the second is told, and what a killed one left is taken over."""

import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from auditor.errors import StoreError
from auditor.store.one_writer import LOCK_NAME, one_writer

_HOLD = """
import sys, time
from pathlib import Path
from auditor.store.one_writer import one_writer
with one_writer(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", _HOLD, tmp_path / "out"], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_the_second_is_told_who_is_the_first(tmp_path):
    with (
        one_writer(tmp_path),
        pytest.raises(StoreError, match=rf"is being written by process {os.getpid()} on .*{socket.gethostname()}"),
        one_writer(tmp_path),
    ):
        pass


def test_another_process_is_refused_and_after_kill_9_the_lock_is_taken_over(tmp_path, holder):
    out = tmp_path / "out"
    with pytest.raises(StoreError, match=f"is being written by process {holder.pid} on"), one_writer(out):
        pass
    assert json.loads((out / LOCK_NAME).read_text())["pid"] == holder.pid  # as it was
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert (out / LOCK_NAME).exists()
    with one_writer(out):
        assert json.loads((out / LOCK_NAME).read_text())["pid"] == os.getpid()
    assert list(out.iterdir()) == []


def test_nothing_is_left_of_a_folder_in_which_nothing_was_written(tmp_path):
    with one_writer(tmp_path / "a" / "out"):
        pass
    assert not (tmp_path / "a" / "out").exists()
    with one_writer(tmp_path / "kept"):
        (tmp_path / "kept" / "audit.json").write_text("{}")
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["audit.json"]


def test_what_the_lock_says_is_only_told(tmp_path):
    """A lock file that says nothing, or that somebody made up, is no lock."""
    for content in (b"", b"\xff", b"[]", b'{"pid": "x"}'):
        (tmp_path / LOCK_NAME).write_bytes(content)
        with one_writer(tmp_path):
            pass
    (tmp_path / "link").mkdir()
    (tmp_path / "secret").write_text("kept")
    (tmp_path / "link" / LOCK_NAME).symlink_to(tmp_path / "secret")
    with pytest.raises(StoreError, match="cannot be written"), one_writer(tmp_path / "link"):
        pass
    assert (tmp_path / "secret").read_text() == "kept"


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="give another --out, or mend that"), one_writer(tmp_path / "file" / "out"):
        pass
