"""Fetch published weights where there is a network, and fail within a second where there is none."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

_PROXIES = ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy")


@contextmanager
def hub_or_cache() -> Iterator[bool]:
    """Inside, the hub's client looks at its cache alone if the hub's name cannot be resolved; gives whether it can.

    Left to itself it asks again and again for three quarters of a minute before it says that there is no network.
    """
    from huggingface_hub import constants

    settings: Any = constants
    before = settings.HF_HUB_OFFLINE
    try:
        settings.HF_HUB_OFFLINE = before or not _resolves(urlsplit(constants.ENDPOINT).hostname or "")
        yield not settings.HF_HUB_OFFLINE
    finally:
        settings.HF_HUB_OFFLINE = before


@contextmanager
def cache_only() -> Iterator[None]:
    """Inside, the hub's client and torch look at their caches alone, whatever network there is."""
    from huggingface_hub import constants
    from torch import hub

    settings: Any = constants
    torch_hub: Any = hub
    before, download = settings.HF_HUB_OFFLINE, torch_hub.download_url_to_file
    try:
        settings.HF_HUB_OFFLINE = True
        torch_hub.download_url_to_file = _refuse
        yield
    finally:
        settings.HF_HUB_OFFLINE = before
        torch_hub.download_url_to_file = download


def _refuse(url: str, *_: object, **__: object) -> None:
    raise OSError(f"{url.rpartition('/')[2]} is not in the cache")


def _resolves(host: str) -> bool:
    if any(os.environ.get(name) for name in _PROXIES):
        return True  # then the proxy resolves names, not this machine
    try:
        socket.getaddrinfo(host, 443)
    except OSError:
        return False
    return True


def fetch_problem(error: Exception, online: bool) -> str:
    """Why weights could not be fetched, short."""
    return str(error).partition("\n")[0] if online else "no network, and not fetched before"
