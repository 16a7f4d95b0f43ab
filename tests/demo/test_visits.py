"""A page that is a process of its own: its rate limit, its log and its time-outs."""

from __future__ import annotations

import asyncio
import logging
import socket
from threading import Event
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.responses import PlainTextResponse

from booth_client import RateLimited
from demo.visits import AccessLog, Protocol, RateLimit, RootPath
from tests.demo.listening import listening
from tests.waiting import eventually

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


def ask(app: ASGIApp, *methods: str, client: str = "192.0.2.1", path: str = "/") -> None:
    transport = httpx.ASGITransport(app, client=(client, 1))

    async def asked() -> None:
        async with httpx.AsyncClient(transport=transport, base_url="http://page") as http:
            for method in methods:
                await http.request(method, path)

    asyncio.run(asked())


def test_each_client_has_its_own_rate_and_reading_has_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [600.0]
    monkeypatch.setattr("demo.visits.time.monotonic", lambda: now[0])
    app = RateLimit(PlainTextResponse("ok"), 2)
    ask(app, "POST", "POST", *(5 * ["GET"]))
    with pytest.raises(RateLimited) as refused:
        ask(app, "POST")
    assert refused.value.retry_after_s == 61
    ask(app, "POST", client="192.0.2.2")
    now[0] += 60
    ask(app, "POST")
    assert len(app._sent) == 1


def test_what_visitors_do_and_what_fails_is_in_the_log_but_no_flood(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO, "booth.access")
    now = [600.0]
    monkeypatch.setattr("demo.visits.time.monotonic", lambda: now[0])
    app = AccessLog(PlainTextResponse("ok"))
    ask(app, "GET", *(130 * ["POST"]))
    assert len(caplog.messages) == 100
    now[0] += 1
    ask(AccessLog(PlainTextResponse("no", 404)), "GET", path="/" + 9999 * "a")
    assert len(caplog.messages[-1]) < 300
    ask(app, "POST")
    assert "POST / 200" in caplog.messages[-1]
    assert "30 lines left out before" in caplog.messages[-1]


class Hasty(Protocol):
    look_s = 0.05
    longest_looks = 4


def _is_closed(connection: socket.socket) -> bool:
    """Whether the server has closed a connection without an answer."""
    connection.setblocking(False)
    try:
        return not connection.recv(1)
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: a\r\nX-A: "])
def test_who_sends_no_whole_head_is_not_waited_for(sent: bytes) -> None:
    with (
        listening(PlainTextResponse("ok"), Hasty) as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
    ):
        connection.sendall(sent)
        eventually(lambda: _is_closed(connection))


def test_who_does_not_read_is_not_waited_for() -> None:
    sent = Event()

    async def large(_scope: Scope, _receive: Receive, send: Send) -> None:
        """An answer that never fits into what the system keeps for one who does not read."""
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(100):
            piece = {"type": "http.response.body", "body": bytes(1_000_000), "more_body": True}
            await send(piece)
        sent.set()

    with (
        listening(large, Hasty) as port,
        socket.create_connection(("127.0.0.1", port), timeout=10) as connection,
    ):
        connection.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        eventually(sent.is_set)


def test_who_asks_and_reads_is_served() -> None:
    with listening(PlainTextResponse("ok"), Hasty) as port:
        assert httpx.get(f"http://127.0.0.1:{port}").text == "ok"


@pytest.mark.parametrize(
    ("asked", "seen"),
    [
        ("/a/b/page/photos", "/a/b/page/photos"),
        ("/page/photos", "/a/b/page/photos"),
        ("/a/b", "/a/b/"),
        ("/", "/a/b/"),
        ("/a/bc", "/a/b/a/bc"),
    ],
)
def test_a_page_under_a_prefix_is_found_whether_the_proxy_takes_it_off_or_not(
    asked: str, seen: str
) -> None:
    told: list[tuple[str, str]] = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        told.append((scope["root_path"], scope["path"]))
        await PlainTextResponse("ok")(scope, receive, send)

    ask(RootPath(app, "/a/b"), "GET", path=asked)
    assert told == [("/a/b", seen)]
