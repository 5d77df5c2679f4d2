"""The real command: it answers at its port, on this machine's own names alone, and Ctrl-C ends it."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_it_serves_and_ctrl_c_ends_it(small_audit):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "auditor.cli", "dashboard", str(small_audit), "--port", str(port)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    try:
        assert f"http://127.0.0.1:{port} " in server.stdout.readline()
        assert _health(port) == "ok"
        server.send_signal(signal.SIGINT)
        _, stderr = server.communicate(timeout=30)
    finally:
        server.kill()
    assert server.returncode == 0
    assert "Traceback" not in stderr


def _health(port):
    for _ in range(120):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health") as answer:
                return answer.read().decode()
        except urllib.error.URLError:
            time.sleep(0.5)
    return "no answer"
