"""The dashboard under load: memory over many page loads, many sessions at once, and who may open its WebSocket.

``python -m benchmarks.dashboard_load [--loads N] [--sessions K] [--images N] [--classes C] [--audits DIR] [--output
FILE.json]`` writes two audits (:mod:`benchmarks.big_audit`) unless they are there, starts ``auditor dashboard`` on
them, and plays browsers without one: the page, its WebSocket, a run of the script, every picture that it names, and the
end of the session. The server keeps up to 128 ended sessions for two minutes (Streamlit's own bound), so the first half
of the loads warms it up: memory is flat where the last quarter's median is within the bar of the third quarter's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlencode, urlsplit
from urllib.request import urlopen

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus
from websockets.typing import Origin, Subprotocol

from auditor.store.open_audit import open_audit_database
from benchmarks.dashboard_speed import resident_mebibytes, searchable_audits, server, walk
from benchmarks.machine import write_result
from benchmarks.report_speed import n_kept

#: Growth from the third quarter of the loads to the last, as a share of the third.
BAR_GROWTH = 0.05
_PATIENCE = 120.0
_MEDIA = re.compile(rb"/media/[0-9a-f]+\.\w+")


def socket_address(address: str) -> str:
    """Of the WebSocket of the dashboard at an address."""
    return f"ws://{urlsplit(address).netloc}/_stcore/stream"


def origin_of(address: str) -> str:
    """What a page of that address says of itself."""
    return f"http://{urlsplit(address).netloc}"


async def draw(address: str, query: str) -> int:
    """One session: open the place that the query names; how many pictures it showed.

    Raises:
        RuntimeError: the page failed, or drew nothing.
    """
    drawn, media, failed = 0, set[bytes](), None
    async with (
        asyncio.timeout(_PATIENCE),
        connect(
            socket_address(address),
            origin=Origin(origin_of(address)),
            subprotocols=[Subprotocol("streamlit")],
            max_size=None,
        ) as socket,
    ):
        ask = BackMsg()
        ask.rerun_script.query_string = query
        await socket.send(ask.SerializeToString())
        async for data in socket:
            if not isinstance(data, bytes):
                raise RuntimeError("the server spoke text")
            message = ForwardMsg.FromString(data)
            kind = message.WhichOneof("type")
            if kind == "delta":
                drawn += 1
                media.update(_MEDIA.findall(data))
                if b"This view failed" in data or message.delta.new_element.WhichOneof("type") == "exception":
                    failed = query
            elif kind == "script_finished" and message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                break
        for path in media:  # while the session lives: its pictures go with it
            await asyncio.to_thread(_get, origin_of(address) + path.decode())
    if failed is not None or drawn == 0:
        raise RuntimeError(f"{query} was not drawn")
    return len(media)


def load_page(address: str, query: str) -> int:
    """What a browser does that opens an address anew; how many pictures it showed."""
    _get(f"{address}?{query}")
    return asyncio.run(draw(address, query))


async def draw_at_once(address: str, queries: Sequence[str]) -> list[float]:
    """Seconds until each of the sessions, all begun at once, had its page."""

    async def one(query: str) -> float:
        begun = time.monotonic()
        await draw(address, query)
        return time.monotonic() - begun

    return list(await asyncio.gather(*(one(query) for query in queries)))


async def is_opened(address: str, origin: str | None) -> bool:
    """Whether a page of that origin may open the WebSocket."""
    said = None if origin is None else Origin(origin)
    try:
        async with connect(socket_address(address), origin=said, subprotocols=[Subprotocol("streamlit")]):
            return True
    except InvalidStatus:
        return False


def quarters(mebibytes: Sequence[float]) -> tuple[float, float]:
    """Medians of the third and of the last quarter."""
    half, last = len(mebibytes) // 2, len(mebibytes) * 3 // 4
    return statistics.median(mebibytes[half:last]), statistics.median(mebibytes[last:])


def _get(url: str) -> None:
    with urlopen(url, timeout=_PATIENCE) as answer:
        answer.read()


def main() -> None:
    """Measure, print, and write the result."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--loads", type=int, default=500)
    parser.add_argument("--sessions", type=int, default=50)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--classes", type=int, default=20)
    parser.add_argument("--audits", type=Path, help="where the two audits are, or are to be kept")
    parser.add_argument("--output", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        kept = n_kept(given.audits or work, given.images, given.classes)
        old, new = searchable_audits(given.audits or work, given.images, given.classes)
        with open_audit_database(old) as connection:
            queries = [urlencode(params) for _, params in walk(connection, old.name, new.name)]
        with server((old, new), work) as (address, pid):
            n_pictures, mebibytes, begun = 0, list[float](), time.monotonic()
            for number in range(given.loads):
                n_pictures += load_page(address, queries[number % len(queries)])
                mebibytes.append(resident_mebibytes(pid))
            seconds = time.monotonic() - begun
            at_once = asyncio.run(
                draw_at_once(address, [queries[number % len(queries)] for number in range(given.sessions)])
            )
            foreign = ("https://example.org", "http://localhost:1", "http://127.0.0.1:1", "null", None)
            opened = [str(origin) for origin in foreign if asyncio.run(is_opened(address, origin))]
            own = asyncio.run(is_opened(address, origin_of(address)))
    third, last = quarters(mebibytes)
    growth = last / third - 1
    mark = "" if growth <= BAR_GROWTH else "  over the bar"
    print(f"{given.loads} page loads with {n_pictures:,} pictures in {seconds:.0f} s")
    print(f"memory {mebibytes[0]:.0f} MiB at first, {third:.0f} and {last:.0f} in the last two quarters{mark}")
    print(f"{len(at_once)} sessions at once: median {statistics.median(at_once):.1f} s, longest {max(at_once):.1f} s")
    print(f"WebSocket: own page {'opens' if own else 'refused'}; foreign origins that open it: {len(opened)}")
    if given.output:
        result = {
            "images": given.images,
            "classes": given.classes,
            "load_average": [round(one, 1) for one in os.getloadavg()],
            "bars": {"growth": BAR_GROWTH},
            "loads": given.loads,
            "pictures": n_pictures,
            "seconds": round(seconds, 1),
            "mebibytes": [round(one) for one in mebibytes],
            "third_quarter": round(third),
            "last_quarter": round(last),
            "growth": round(growth, 4),
            "within_bar": growth <= BAR_GROWTH,
            "sessions": given.sessions,
            "session_seconds": [round(one, 2) for one in sorted(at_once)],
            "own_page_opens": own,
            "foreign_origins_that_open": opened,
        }
        write_result(given.output, result, reused={"audits": kept})


if __name__ == "__main__":
    main()
