"""Starting the dashboard: what is checked before, how Streamlit's server is set up and guarded, and running it."""

from __future__ import annotations

import importlib
import importlib.util
import ipaddress
import pkgutil
import re
import shlex
import signal
import socket
import sys
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from auditor.errors import AuditorError, InputError
from auditor.wording import quote
from reports.dashboard.audits import find_audits
from reports.dashboard.guard import Guard
from reports.dashboard.options import Options

PAGE = Path(__file__).with_name("app.py")
_HOST_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?")

#: No telemetry, no watching of files, no traceback and no developer's menu in the page. What guards the server is set
#: here whatever Streamlit's default is, so that a `.streamlit/config.toml` of a stranger's folder cannot open it.
_SETTINGS: dict[str, object] = {
    "global.developmentMode": False,
    "server.headless": True,
    "server.enableCORS": True,
    "server.corsAllowedOrigins": [],
    "server.enableXsrfProtection": True,
    "server.enableStaticServing": False,
    "server.enableAgentApi": False,
    "server.fileWatcherType": "none",
    "server.runOnSave": False,
    "browser.gatherUsageStats": False,
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "client.toolbarMode": "minimal",
    "logger.hideWelcomeMessage": True,
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


def serve(options: Options, host: str, port: int, allow_host: Sequence[str] = ()) -> None:
    """Serve the dashboard until Ctrl-C or SIGTERM.

    Args:
        options: what is shown.
        host: address to bind, such as 127.0.0.1.
        port: port to bind.
        allow_host: names under which a proxy, or a name server of one's own, shows it.
    """
    from starlette.middleware import Middleware
    from streamlit import App

    sys.argv = [str(PAGE), *options.arguments()]  # what the page reads
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    guard = Middleware(Guard, names=own_names(host), shown_as=[name.lower() for name in allow_host])

    @asynccontextmanager
    async def while_the_page_loads(_: object) -> AsyncIterator[None]:
        threading.Thread(target=warm_up, args=(options.folders,), daemon=True).start()
        yield

    with suppress(KeyboardInterrupt):  # uvicorn raises the signal again that ended it
        App(PAGE, middleware=[guard], lifespan=while_the_page_loads).run(config=settings(host, port))


def warm_up(folders: Sequence[Path]) -> None:
    """Load what draws the views and open the newest audit: while a browser loads the page, or its reader would wait.

    Streamlit's server must have begun, or its caches warn that there is none.
    """
    import duckdb

    from reports.dashboard import views
    from reports.dashboard.session import open_audit
    from reports.page.templates import environment

    for module in pkgutil.iter_modules(views.__path__):
        importlib.import_module(f"{views.__name__}.{module.name}")
    for template in environment().list_templates(extensions=["j2"]):
        environment().get_template(template)
    newest = next((audit for audit in find_audits(folders) if audit.state == "complete"), None)
    if newest is not None:
        with suppress(AuditorError, duckdb.Error):  # the page says what is wrong with it
            open_audit(newest).close()


def settings(host: str, port: int) -> dict[str, object]:
    """Streamlit's settings; :class:`~reports.dashboard.guard.Guard` decides before them."""
    return {**_SETTINGS, "server.address": host, "server.port": port}


def own_names(host: str) -> set[str]:
    """Names that the dashboard has at this address; the machine's own too, where others reach it."""
    return {"localhost", host.lower()} | (set() if is_local(host) else {socket.gethostname().lower()})


def check_start(options: Options, host: str, port: int, allow_host: Sequence[str] = ()) -> int:
    """Number of audits that will be listed.

    Raises:
        InputError: a folder that is not there, no audit in any of them, an address or port that cannot be had, a name
            that is no host name, or no Streamlit.
    """
    if importlib.util.find_spec("streamlit") is None:
        raise InputError("Streamlit is not installed, which the dashboard needs: pip install 'auditor[run]'")
    for name in allow_host:
        if not _HOST_NAME.fullmatch(name):
            raise InputError(
                f"--allow-host {quote(name)} is no host name; expected one like audits.example.org, "
                "without http:// and without a port"
            )
    for folder in options.folders:
        if not folder.is_dir():
            what = "is a file" if folder.exists() else "does not exist"
            raise InputError(f"{folder} {what}; expected the folder of an audit, or one that holds audits")
    found = find_audits(options.folders)
    if not found:
        where = ", ".join(map(str, options.folders))
        out = shlex.quote(str(options.folders[0] / "1"))
        raise InputError(f"no audit in {where} or directly below; make one with `auditor run --out {out}`")
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
