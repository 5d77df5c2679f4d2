"""What the dashboard's server answers: its own names and pages alone, with policies for the browser.

Streamlit's own checks let any page of this machine open the dashboard's WebSocket (other ports of ``localhost``), look
at ``Host`` there alone, and ask a server on the internet for this machine's address where an origin is foreign. So
these checks come first (decision 0040).
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
from collections.abc import Awaitable, Callable, Collection, MutableMapping
from functools import cache
from importlib.resources import files
from typing import Any, TypeAlias
from urllib.parse import SplitResult, urlsplit

# As ASGI has them (the specification's own words).
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Server: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

_OTHER_NAME = "this dashboard is not served under that name; start it with --allow-host NAME to add one"
_OTHER_PAGE = "this dashboard answers to its own pages alone"


class Guard:
    """ASGI middleware: refuses foreign names and origins, and adds the headers of :func:`headers` to every answer.

    Args:
        app: What is guarded.
        names: Host names that it answers to, in lower case; addresses in figures are always answered, since no name
            server can make one mean another machine (DNS rebinding needs a name).
        shown_as: Names under which a proxy shows it; they are answered too.
    """

    def __init__(self, app: Server, *, names: Collection[str], shown_as: Collection[str] = ()) -> None:
        self._app, self._names, self._shown_as = app, frozenset([*names, *shown_as]), frozenset(shown_as)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or one WebSocket from its handshake on."""
        if scope["type"] not in ("http", "websocket"):  # start and end of the server
            await self._app(scope, receive, send)
            return
        refused = refusal(scope, self._names, self._shown_as)
        if refused is None:
            # Judged already, and Streamlit would ask the internet about a proxy's name.
            rest = [(name, value) for name, value in scope["headers"] if name != b"origin"]
            await self._app({**scope, "headers": rest}, receive, _with_headers(send))
        elif scope["type"] == "websocket":  # closed before it is accepted: the server answers 403
            await send({"type": "websocket.close", "code": 1008, "reason": refused})
        else:
            kind = (b"content-type", b"text/plain; charset=utf-8")
            await _with_headers(send)({"type": "http.response.start", "status": 403, "headers": [kind]})
            await send({"type": "http.response.body", "body": f"{refused}\n".encode()})


def refusal(scope: Scope, names: Collection[str], shown_as: Collection[str] = ()) -> str | None:
    """Why a request is not answered, None where it is; the line repeats nothing that the request says.

    A WebSocket must say which page opens it, as every browser does; files are also asked for by nobody's page.
    """
    hosts, origins = _values(scope, b"host"), _values(scope, b"origin")
    host = _split(f"//{hosts[0]}") if len(hosts) == 1 else None
    if host is None or not _is_named(host.hostname, names):
        return _OTHER_NAME
    if not origins and scope["type"] == "http":
        return None
    page = _split(origins[0]) if len(origins) == 1 else None
    if page is None or page.scheme not in ("http", "https"):
        return _OTHER_PAGE
    # The page may have the proxy's name, which the proxy need not hand on as Host.
    is_own = page.netloc.lower() == host.netloc.lower() or str(page.hostname) in shown_as
    return None if is_own else _OTHER_PAGE


@cache
def headers() -> tuple[tuple[bytes, bytes], ...]:
    """For every answer: nothing from elsewhere, no script but Streamlit's and ours, and in no frame."""
    policy = "; ".join(
        [
            "default-src 'none'",
            f"script-src 'self' {' '.join(_hash(script) for script in (own_script(), *_shell_scripts()))}",
            "style-src 'self' 'unsafe-inline'",  # Streamlit's components and our charts set styles as they draw
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "connect-src 'self'",
            "worker-src 'self' blob:",
            "manifest-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )
    return (
        (b"content-security-policy", policy.encode("ascii")),
        (b"x-frame-options", b"DENY"),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cross-origin-opener-policy", b"same-origin"),
        (b"cross-origin-resource-policy", b"same-origin"),
    )


@cache
def own_script() -> str:
    """The few lines of script that the page brings itself."""
    here = files("reports.dashboard")
    return "".join((here / name).read_text(encoding="utf-8") for name in ("links.js", "keys.js", "grid.js", "atlas.js"))


def _shell_scripts() -> list[str]:
    """Scripts that stand in Streamlit's own page, which differ from version to version."""
    shell = (files("streamlit") / "static" / "index.html").read_text(encoding="utf-8")
    return re.findall(r"<script>(.*?)</script>", shell, re.DOTALL)


def _hash(script: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"


def _with_headers(send: Send) -> Send:
    async def send_with_headers(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            ours = {name for name, _ in headers()}
            theirs = [(name, value) for name, value in message.get("headers", []) if name.lower() not in ours]
            message = {**message, "headers": [*theirs, *headers()]}
        await send(message)

    return send_with_headers


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key == name]


def _split(url: str) -> SplitResult | None:
    """Of an address of scheme, host and port alone; None for anything else."""
    try:
        found = urlsplit(url)
        _ = found.port  # raises where it is none
    except ValueError:
        return None
    more = found.path or found.query or found.fragment or "@" in found.netloc
    return None if more or not found.hostname else found


def _is_named(name: str | None, names: Collection[str]) -> bool:
    if name is None:
        return False
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return name.rstrip(".") in names
    return True
