"""``auditor dashboard``: what is refused before anything starts, and what Streamlit is told."""

import importlib.util
import signal
import socket
import sys
from pathlib import Path

import pytest
from small_audit import write_small_audit
from streamlit import config
from typer.testing import CliRunner

from auditor import cli
from reports.dashboard import audits, session
from reports.dashboard.guard import Guard
from reports.dashboard.launch import PAGE, address, is_local, own_names, settings, warm_up
from reports.dashboard.options import Options, read_options


@pytest.fixture
def started(monkeypatch):
    """Servers that do not start: each one's app, its settings, and the arguments of its page."""
    calls = []
    monkeypatch.setattr("streamlit.App.run", lambda app, config: calls.append((app, config, sys.argv)))
    monkeypatch.setattr("auditor.cli.dashboard._leave", lambda code: None)
    monkeypatch.setattr(sys, "argv", sys.argv)
    handler = signal.getsignal(signal.SIGTERM)
    yield calls
    signal.signal(signal.SIGTERM, handler)


def dashboard(*arguments):
    return CliRunner().invoke(cli.app, ["dashboard", *map(str, arguments)])


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def refused(result, *expected):
    assert result.exit_code == 2
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    for words in expected:
        assert words in line


def test_it_says_where_it_is_and_starts_streamlit(tmp_path, started):
    write_small_audit(tmp_path / "a")
    port = free_port()
    result = dashboard(
        tmp_path, "--port", port, "--read-only", "--baseline", "b.toml", "--allow-host", "Audits.example"
    )
    assert result.exit_code == 0
    assert result.stdout == f"dashboard of 1 audit: http://127.0.0.1:{port}   (Ctrl-C ends it)\n"
    assert result.stderr == ""
    ((app, config, argv),) = started
    assert (app.script_path, argv[0]) == (PAGE, str(PAGE))
    assert PAGE.is_file()
    assert (config["server.address"], config["server.port"]) == ("127.0.0.1", port)
    assert read_options(argv[1:]) == Options((tmp_path,), read_only=True, baseline=Path("b.toml"))
    (guard,) = app._user_middleware
    assert guard.cls is Guard
    assert guard.kwargs == {"names": {"localhost", "127.0.0.1"}, "shown_as": ["audits.example"]}


def test_the_newest_audit_is_open_before_anybody_looks(tmp_path, monkeypatch):
    write_small_audit(tmp_path / "a")
    session._open_audits.clear()
    warm_up((tmp_path,))
    monkeypatch.setattr(audits, "open_audit_database", lambda *_, **__: pytest.fail("it was opened once more"))
    (found,) = audits.find_audits((tmp_path,))
    with session.open_audit(found) as connection:
        assert connection.execute("SELECT count(*) FROM runs").fetchone() == (1,)


def test_what_cannot_be_opened_is_left_for_the_page_to_tell(tmp_path):
    write_small_audit(tmp_path / "a")
    (tmp_path / "a" / "audit.duckdb").write_bytes(b"no database")
    warm_up((tmp_path,))
    warm_up((tmp_path / "nothing",))


def test_a_folder_that_looks_like_a_flag_is_a_folder():
    options = Options((Path("--read-only"), Path("-x")))
    assert read_options(options.arguments()) == options
    trusting = Options((Path("a"),), trust_code=True)
    assert read_options(trusting.arguments()) == trusting


def test_without_folders_it_looks_into_audits():
    assert read_options([]) == Options((Path("audits"),))


def test_no_telemetry_no_watcher_no_traceback_and_nothing_that_opens_it():
    found = settings("127.0.0.1", 8501)
    expected = {
        "browser.gatherUsageStats": False,
        "server.fileWatcherType": "none",
        "client.showErrorDetails": "none",
        "server.address": "127.0.0.1",
        "server.enableCORS": True,
        "server.corsAllowedOrigins": [],
        "server.enableXsrfProtection": True,
        "server.enableAgentApi": False,
        "server.enableStaticServing": False,
        "global.developmentMode": False,
    }
    assert found.items() >= expected.items()


def test_streamlit_knows_every_setting():
    known = config._config_options_template
    assert [name for name in settings("127.0.0.1", 8501) if name not in known] == []


def test_the_machine_s_own_name_counts_only_where_others_are_asked_in(monkeypatch):
    monkeypatch.setattr(socket, "gethostname", lambda: "Box")
    assert own_names("127.0.0.1") == {"localhost", "127.0.0.1"}
    assert own_names("0.0.0.0") == {"localhost", "0.0.0.0", "box"}


@pytest.mark.parametrize("name", ["https://a.example", "a.example:80", "*.example", "", "a b", "-a"])
def test_a_name_that_is_none_is_refused(tmp_path, started, name):
    write_small_audit(tmp_path / "a")
    refused(dashboard(tmp_path, f"--allow-host={name}"), f"--allow-host {name!r}", "audits.example.org")
    assert started == []


@pytest.mark.parametrize(
    ("host", "local"),
    [("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("localhost", True), ("0.0.0.0", False), ("::", False),
     ("example.org", False)],
)  # fmt: skip
def test_which_addresses_are_this_machine_alone(host, local):
    assert is_local(host) is local


def test_addresses_read_as_urls():
    assert address("127.0.0.1", 80) == "http://127.0.0.1:80"
    assert address("::1", 8501) == "http://[::1]:8501"


def test_folders_that_hold_no_audit_are_refused(tmp_path, started):
    refused(dashboard(tmp_path), f"no audit in {tmp_path}", "auditor run")
    refused(dashboard(tmp_path / "none"), "does not exist")
    (tmp_path / "file").write_text("x")
    refused(dashboard(tmp_path / "file"), "is a file")
    assert started == []


def test_a_port_in_use_is_refused(tmp_path, started):
    write_small_audit(tmp_path / "a")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused(dashboard(tmp_path, "--port", taken.getsockname()[1]), "cannot be had", "--port")
    assert started == []


def test_an_address_of_another_machine_is_refused(tmp_path, started):
    write_small_audit(tmp_path / "a")
    refused(dashboard(tmp_path, "--host", "192.0.2.1"), "of 192.0.2.1 cannot be had")
    refused(dashboard(tmp_path, "--host", "no such host"), "--host no such host")


def test_without_streamlit_it_says_how_to_get_it(tmp_path, monkeypatch):
    write_small_audit(tmp_path / "a")
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "streamlit" else found(name))
    refused(dashboard(tmp_path), "Streamlit is not installed")


def test_open_to_others_it_says_so_loudly(tmp_path, started):
    write_small_audit(tmp_path / "a")
    result = dashboard(tmp_path, "--host", "0.0.0.0", "--port", free_port())
    assert result.stderr.startswith("warning: OPEN TO OTHERS: there are no passwords and no encryption")
    assert "whoever reaches 0.0.0.0 can look and accept findings; --read-only" in result.stderr
    result = dashboard(tmp_path, "--host", "0.0.0.0", "--port", free_port(), "--read-only")
    assert result.stderr.endswith("whoever reaches 0.0.0.0 can look\n")
