"""``auditor dashboard``: what is refused before anything starts, and what Streamlit is told."""

import importlib.util
import socket
from pathlib import Path

import pytest
from small_audit import write_small_audit
from typer.testing import CliRunner

from auditor import cli
from reports.dashboard.launch import address, is_local, streamlit_arguments
from reports.dashboard.options import Options, read_options


@pytest.fixture
def started(monkeypatch):
    """Calls of Streamlit, which does not start."""
    calls = []
    monkeypatch.setattr("streamlit.web.cli.main", lambda args, prog_name: calls.append(args))
    monkeypatch.setattr("auditor.cli.dashboard._leave", lambda code: None)
    return calls


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
    result = dashboard(tmp_path, "--port", port, "--read-only", "--baseline", "b.toml")
    assert result.exit_code == 0
    assert result.stdout == f"dashboard of 1 audit: http://127.0.0.1:{port}   (Ctrl-C ends it)\n"
    (arguments,) = started
    page = Path(arguments[1])
    assert arguments[0] == "run"
    assert page.name == "app.py"
    assert page.is_file()
    assert f"--server.port={port}" in arguments
    after = arguments[arguments.index("--") + 1 :]
    assert read_options(after) == Options((tmp_path,), read_only=True, baseline=Path("b.toml"))


def test_a_folder_that_looks_like_a_flag_is_a_folder():
    options = Options((Path("--read-only"), Path("-x")))
    assert read_options(options.arguments()) == options
    trusting = Options((Path("a"),), trust_code=True)
    assert read_options(trusting.arguments()) == trusting


def test_without_folders_it_looks_into_audits():
    assert read_options([]) == Options((Path("audits"),))


def test_no_telemetry_no_watcher_no_traceback():
    arguments = streamlit_arguments(Options((Path("a"),)), "127.0.0.1", 8501)
    for flag in (
        "--browser.gatherUsageStats=false",
        "--server.fileWatcherType=none",
        "--client.showErrorDetails=none",
        "--server.address=127.0.0.1",
        "--server.allowedHosts=localhost",
    ):
        assert flag in arguments


def test_any_name_is_answered_only_where_others_are_asked_in():
    arguments = streamlit_arguments(Options((Path("a"),)), "0.0.0.0", 8501)
    assert not [argument for argument in arguments if "allowedHosts" in argument]


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


def test_open_to_others_it_warns_that_they_can_accept(tmp_path, started):
    write_small_audit(tmp_path / "a")
    result = dashboard(tmp_path, "--host", "0.0.0.0", "--port", free_port())
    assert "--read-only" in result.stderr
    result = dashboard(tmp_path, "--host", "0.0.0.0", "--port", free_port(), "--read-only")
    assert result.stderr == ""
