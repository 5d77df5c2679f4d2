"""The real command: it answers its own names and pages alone, many at once, and Ctrl-C ends it."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import pytest

from benchmarks.dashboard_load import draw_at_once, is_opened, load_page
from reports.dashboard.guard import headers

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals")

#: What a folder of a stranger might hold; Streamlit reads it from where it is started.
OPENED_WIDE = """
[server]
enableCORS = false
enableXsrfProtection = false
enableAgentApi = true
corsAllowedOrigins = ["http://evil.example"]
[global]
developmentMode = true
"""


@pytest.fixture(scope="module")
def started(small_audit, tmp_path_factory):
    """The command in a folder with settings for Streamlit, its port, and its first line; ended by its own id."""
    folder = tmp_path_factory.mktemp("strangers")
    (folder / ".streamlit").mkdir()
    (folder / ".streamlit" / "config.toml").write_text(OPENED_WIDE, encoding="utf-8")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [sys.executable, "-m", "auditor.cli", "dashboard", str(small_audit), "--port", str(port)],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
    )  # fmt: skip
    try:
        line = server.stdout.readline()
        assert health(port) == "ok"
        yield server, port, line
    finally:
        server.kill()
        server.wait()


def health(port):
    for _ in range(240):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health") as answer:
                return answer.read().decode()
        except urllib.error.URLError:
            time.sleep(0.25)
    return "no answer"


def raw(port, request):
    """The answer's head to a request that no client would send."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall(request.replace("\n", "\r\n").encode())
        return connection.recv(65536).decode("latin-1")


def test_it_says_where_it_is_and_listens_there_alone(started):
    _, port, line = started
    assert f"http://127.0.0.1:{port} " in line
    with socket.socket() as probe:  # another address of this machine is free: it was not taken as well
        probe.bind(("127.0.0.2", port))


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "http://localhost:1", "http://127.0.0.1:1", "http://0.0.0.0", "null", None]
)
def test_only_its_own_page_opens_the_websocket(started, origin):
    address = f"http://127.0.0.1:{started[1]}"
    assert not asyncio.run(is_opened(address, origin))
    assert asyncio.run(is_opened(address, address))


@pytest.mark.parametrize("path", ["/", "/_stcore/stream", "/_stcore/host-config", "/media/x.png", "/nothing"])
def test_a_foreign_name_is_not_answered(started, path):
    """DNS rebinding: the page of a stranger whose name now means this machine."""
    _, port, _ = started
    key = "Sec-WebSocket-Version: 13\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\n"
    more = f"Connection: Upgrade\nUpgrade: websocket\n{key}" if path.endswith("stream") else ""
    name = f"evil.example:{port}"
    head = raw(port, f"GET {path} HTTP/1.1\nHost: {name}\nOrigin: http://{name}\n{more}\n")
    assert head.startswith("HTTP/1.1 403 ")


@pytest.mark.parametrize("path", ["/", "/_stcore/health", "/_stcore/agent/openapi.json", "/nothing"])
def test_every_answer_has_the_policies(started, path):
    with urllib.request.urlopen(f"http://127.0.0.1:{started[1]}{path}") as answer:
        for name, value in headers():
            assert answer.headers.get_all(name.decode()) == [value.decode()]
        assert answer.headers["Access-Control-Allow-Origin"] is None


def test_the_agent_api_stays_off(started):
    address = f"http://127.0.0.1:{started[1]}/_stcore/agent/interact"
    request = urllib.request.Request(address, b"{}", {"Content-Type": "application/json"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(request)
    assert refused.value.code == 403


def test_many_sessions_at_once_are_all_drawn(started):
    """Fifty: ``benchmarks.dashboard_load``."""
    address = f"http://127.0.0.1:{started[1]}/"
    views = ("overview", "class", "concept", "groups", "search", "review")
    load_page(address, "view=overview")
    seconds = asyncio.run(draw_at_once(address, [f"view={view}" for view in views]))
    assert len(seconds) == len(views)


def test_ctrl_c_ends_it_while_somebody_looks(started):
    server, port, _ = started

    async def look_and_end():
        from websockets.asyncio.client import connect

        own = f"http://127.0.0.1:{port}"
        async with connect(f"ws://127.0.0.1:{port}/_stcore/stream", origin=own, subprotocols=["streamlit"]):
            server.send_signal(signal.SIGINT)
            return await asyncio.to_thread(server.communicate, timeout=30)

    _, stderr = asyncio.run(look_and_end())
    assert server.returncode == 0
    assert "Traceback" not in stderr
