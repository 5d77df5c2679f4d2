"""What the dashboard's server refuses, and what it tells the browser with every answer."""

import asyncio
import base64
import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.dashboard.guard import Guard, headers, own_script, refusal

NAMES = frozenset({"localhost"})


def scope(kind="websocket", host="127.0.0.1:8501", origin="http://127.0.0.1:8501", more=()):
    found = [(b"host", host), (b"origin", origin)]
    return {"type": kind, "headers": [*((name, v.encode("latin-1")) for name, v in found if v is not None), *more]}


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1:8501", "http://127.0.0.1:8501"),
        ("localhost:8501", "http://localhost:8501"),
        ("LOCALHOST.:8501", "http://localhost.:8501"),
        ("[::1]:8501", "http://[::1]:8501"),
        ("192.0.2.7:8501", "http://192.0.2.7:8501"),
        ("127.0.0.1:8501", "https://127.0.0.1:8501"),
    ],
)
def test_its_own_page_at_its_own_name_is_answered(kind, host, origin):
    assert refusal(scope(kind, host, origin), NAMES) is None


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "http://localhost:9999", "http://127.0.0.1", "http://0.0.0.0:8501", "null", "file://",
     "http://127.0.0.1:8501.evil.example", "http://127.0.0.1:8501@evil.example", "chrome-extension://127.0.0.1:8501",
     "http://[", "http://127.0.0.1:99999", ""],
)  # fmt: skip
def test_pages_from_elsewhere_are_refused(kind, origin):
    assert refusal(scope(kind, origin=origin), NAMES) == "this dashboard answers to its own pages alone"


@pytest.mark.parametrize("kind", ["http", "websocket"])
@pytest.mark.parametrize(
    "host", ["evil.example:8501", "localhost.evil.example", "a@localhost", "localhost/x", "localhost:no", "[", "", None]
)
def test_other_names_are_refused_also_where_the_page_has_them_too(kind, host):
    """DNS rebinding: a name of a stranger that means this machine now."""
    refused = refusal(scope(kind, host, f"http://{host}"), NAMES)
    assert refused is not None
    assert "--allow-host" in refused


def test_two_values_of_one_header_are_refused():
    assert refusal(scope(more=[(b"host", b"127.0.0.1:8501")]), NAMES) is not None
    assert refusal(scope(more=[(b"origin", b"http://127.0.0.1:8501")]), NAMES) is not None


def test_a_websocket_says_where_it_comes_from_and_a_file_need_not():
    assert refusal(scope("websocket", origin=None), NAMES) == "this dashboard answers to its own pages alone"
    assert refusal(scope("http", origin=None), NAMES) is None


def test_behind_a_proxy_its_name_counts_as_host_and_as_origin():
    shown = {"audits.example.org"}
    assert refusal(scope(host="audits.example.org", origin="https://audits.example.org"), NAMES | shown, shown) is None
    assert refusal(scope(host="127.0.0.1:8501", origin="https://audits.example.org"), NAMES | shown, shown) is None
    assert refusal(scope(host="127.0.0.1:8501", origin="https://example.org"), NAMES | shown, shown) is not None


@given(st.text(max_size=40), st.text(max_size=40))
def test_nothing_that_a_request_says_breaks_it(host, origin):
    said = scope(host=host.encode("utf-8").decode("latin-1"), origin=origin.encode("utf-8").decode("latin-1"))
    assert isinstance(refusal(said, NAMES), str | None)


def answers(request):
    """What is sent for a request, and whether the app behind was asked."""
    sent, asked = [], []

    async def app(scope, receive, send):
        asked.append(scope["type"])
        assert b"origin" not in dict(
            scope.get("headers", [])
        )  # else Streamlit would judge it again, and ask the internet
        if scope["type"] == "http":
            frames = [(b"X-Frame-Options", b"ALLOWALL"), (b"etag", b"x")]
            await send({"type": "http.response.start", "status": 200, "headers": frames})

    async def send(message):
        sent.append(message)

    asyncio.run(Guard(app, names=["localhost"])(request, None, send))
    return sent, asked


def test_policies_go_with_every_answer_and_replace_others():
    (start,), asked = answers(scope("http"))
    assert asked == ["http"]
    assert start["headers"] == [(b"etag", b"x"), *headers()]


def test_what_is_refused_never_reaches_the_app():
    (start, body), asked = answers(scope("http", host="evil.example"))
    assert (asked, start["status"]) == ([], 403)
    assert set(headers()) < set(start["headers"])
    assert body["body"].startswith(b"this dashboard is not served under that name")
    (close,), asked = answers(scope("websocket", origin="http://evil.example"))
    assert (asked, close["type"], close["code"]) == ([], "websocket.close", 1008)


def test_start_and_end_of_the_server_pass():
    assert answers({"type": "lifespan"}) == ([], ["lifespan"])


def test_the_policy_lets_in_no_other_script_and_no_frame():
    found = {name.decode(): value.decode() for name, value in headers()}
    policy = dict(part.split(" ", 1) for part in found["content-security-policy"].split("; "))
    digest = base64.b64encode(hashlib.sha256(own_script().encode()).digest()).decode()
    assert f"'sha256-{digest}'" in policy["script-src"]
    assert "unsafe" not in policy["script-src"]
    assert "http" not in found["content-security-policy"]
    assert (policy["default-src"], policy["frame-ancestors"], policy["connect-src"]) == ("'none'", "'none'", "'self'")
    assert (found["x-frame-options"], found["x-content-type-options"]) == ("DENY", "nosniff")
