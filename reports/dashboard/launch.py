"""Starting the dashboard: what is checked before, and how Streamlit is called; it is not imported here itself."""

from __future__ import annotations

import importlib.util
import ipaddress
import socket
from pathlib import Path

from auditor.errors import InputError
from reports.dashboard.audits import find_audits
from reports.dashboard.options import Options

_PAGE = Path(__file__).with_name("app.py")

#: No telemetry, no watching of files, no traceback and no developer's menu in the page.
_SETTINGS = {
    "server.headless": "true",
    "server.fileWatcherType": "none",
    "server.runOnSave": "false",
    "browser.gatherUsageStats": "false",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": "false",
    "client.toolbarMode": "minimal",
    "logger.hideWelcomeMessage": "true",
    "logger.level": "warning",
    "theme.font": "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, sans-serif",
    # Colours of reports/templates/report.css: what Streamlit draws itself has those of the HTML report as well.
    "theme.light.backgroundColor": "#ffffff",
    "theme.light.secondaryBackgroundColor": "#f4f5f7",
    "theme.light.textColor": "#16191d",
    "theme.light.primaryColor": "#2a5a8c",
    "theme.light.linkColor": "#16191d",
    "theme.light.borderColor": "#8a939d",
    "theme.dark.backgroundColor": "#14171a",
    "theme.dark.secondaryBackgroundColor": "#1d2125",
    "theme.dark.textColor": "#e9ebee",
    "theme.dark.primaryColor": "#8fbdf2",
    "theme.dark.linkColor": "#e9ebee",
    "theme.dark.borderColor": "#6b7580",
}


def streamlit_arguments(options: Options, host: str, port: int) -> list[str]:
    """The arguments of the ``streamlit`` command that serve the dashboard.

    On an address of this machine alone, only its own names are answered: no other site may reach the audits through the
    reader's browser by renaming itself.
    """
    settings = {**_SETTINGS, "server.address": host, "server.port": str(port)}
    flags = [f"--{name}={value}" for name, value in settings.items()]
    if is_local(host):
        flags += [f"--server.allowedHosts={name}" for name in dict.fromkeys(["localhost", "127.0.0.1", host])]
    return ["run", str(_PAGE), *flags, "--", *options.arguments()]


def check_start(options: Options, host: str, port: int) -> int:
    """Number of audits that will be listed.

    Raises:
        InputError: a folder that is not there, no audit in any of them, an address or port that cannot be had, or no
            Streamlit.
    """
    if importlib.util.find_spec("streamlit") is None:
        raise InputError("Streamlit is not installed, which the dashboard needs: pip install streamlit")
    for folder in options.folders:
        if not folder.is_dir():
            what = "is a file" if folder.exists() else "does not exist"
            raise InputError(f"{folder} {what}; expected the folder of an audit, or one that holds audits")
    found = find_audits(options.folders)
    if not found:
        where = ", ".join(map(str, options.folders))
        raise InputError(f"no audit in {where} or directly below; make one with `auditor run --out DIR`")
    _check_port(host, port)
    return len(found)


def is_local(host: str) -> bool:
    """Whether only this machine reaches the address."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def address(host: str, port: int) -> str:
    """The URL to open."""
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"


def _check_port(host: str, port: int) -> None:
    try:
        family, kind, protocol, _, where = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except (OSError, UnicodeError) as error:
        raise InputError(f"--host {host} is no address of this machine ({error}); the default is 127.0.0.1") from error
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(where)
        except OSError as error:
            raise InputError(
                f"port {port} of {host} cannot be had ({error.strerror or error}); give another with --port"
            ) from error
