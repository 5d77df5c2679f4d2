"""What went wrong between here and a server, in a few words and without the keys and signatures of addresses."""

from __future__ import annotations

import errno
import re
from collections.abc import Iterator

from auditor.wording import quote

#: Of systems that say that something is not there, or not for us, by these numbers.
_ABSENT, _REFUSED = (404, 410), (401, 403)
#: What the disk of this machine says; asking a server again does not help.
_OF_THIS_DISK = frozenset([errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG])
#: What libraries call a connection that ends too early; aiohttp gives some of these a status of its own making.
_BROKEN = frozenset(["ClientPayloadError", "ServerDisconnectedError", "ConnectionResetError", "IncompleteRead"])
_URL_WITH_SECRETS = re.compile(r"(?<=://)[^\s/@]*@|[?][^\s'\")>]*")


def is_absent(error: BaseException) -> bool:
    """Whether nothing is there, or the server says so; stores say it of what we may not read, too."""
    status = _status(error)
    if status is not None:
        return status in (*_ABSENT, *_REFUSED)
    return isinstance(_cause(error), FileNotFoundError | LookupError | PermissionError) and not is_of_disk(error)


def is_lasting(error: BaseException) -> bool:
    """Whether another try would end the same way: absent, refused, or this machine's own disk."""
    status = _status(error)
    if status is not None:
        return status < 500 and status not in (408, 425, 429)
    return is_absent(error) or is_of_disk(error)


def is_of_disk(error: BaseException) -> bool:
    """Whether this machine's disk refuses."""
    return isinstance(error, OSError) and error.errno in _OF_THIS_DISK and _status(error) is None


def reason(error: BaseException) -> str:
    """One clause: what the server, the network or the disk said."""
    status = _status(error)
    found = _cause(error)
    if status is not None:
        what = "nothing there" if status in _ABSENT else "access refused" if status in _REFUSED else "server error"
        return f"{what} ({status}{_words_of(found)})"
    name = type(found).__name__
    if isinstance(found, FileNotFoundError):
        return "nothing there"
    if isinstance(found, PermissionError) or "Credentials" in name:
        return f"access refused ({_first_line(found)})"
    if isinstance(found, TimeoutError):
        return "no answer in time"
    if name in _BROKEN:
        return "the connection broke"
    if name == "NonHttpUrlRedirectClientError":
        return "it leads on to something that is no web address, which is not followed"
    if isinstance(found, OSError) and found.strerror:
        return f"{_short(found.strerror)}"
    return _first_line(found)


def _first_line(error: BaseException) -> str:
    """What an error says, without what it may repeat of an address."""
    lines = _URL_WITH_SECRETS.sub("", str(error)).strip().splitlines()
    return f"{type(error).__name__}: {_short(lines[0])}" if lines else type(error).__name__


def _short(text: str) -> str:
    return quote(text, 160).strip("'\"")


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from; fsspec raises FileNotFoundError from whatever a web server said."""
    found: BaseException | None = error
    for _ in range(5):
        if found is None:
            return
        yield found
        found = found.__cause__


def _cause(error: BaseException) -> BaseException:
    """What lies behind an error that says that nothing is there."""
    *_, last = _chain(error)
    return last if isinstance(error, FileNotFoundError) else error


def _status(error: BaseException) -> int | None:
    """The status that a server answered with; None where there was no answer, or none is known."""
    for one in _chain(error):
        if type(one).__name__ in _BROKEN:
            return None
        status = getattr(one, "status", None) or getattr(one, "code", None)
        if status is None:
            answer = getattr(one, "response", None)
            of_store = answer.get("ResponseMetadata", {}) if isinstance(answer, dict) else {}
            status = of_store.get("HTTPStatusCode") or getattr(answer, "status_code", None)
        if str(status).isdigit() and 300 <= int(str(status)) < 600:
            return int(str(status))
    return None


def _words_of(error: BaseException) -> str:
    """The server's own words beside its status."""
    said = getattr(error, "message", None)
    return f" {_short(said)}" if isinstance(said, str) and said and "://" not in said else ""
