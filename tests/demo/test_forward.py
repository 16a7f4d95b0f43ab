"""What a page of its own hands on to the service, and what it does not."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import AsyncIterator, Iterator
from threading import Event
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from booth_client import ServiceUnreachable
from demo.app import create_app
from demo.forward import FORWARDED, Forward
from demo.problems import Problems
from tests.demo.listening import listening
from tests.servers import free_port
from tests.waiting import eventually

BODY = b"a photograph"


@contextlib.contextmanager
def handing_on(service: ASGIApp, **options: Any) -> Iterator[str]:
    """The address of a page that hands on to a service."""
    with listening(service) as port, page_of(f"http://127.0.0.1:{port}/", **options) as url:
        yield url


@contextlib.contextmanager
def page_of(service: str, **options: Any) -> Iterator[str]:
    """The address of a page that hands on to the service at an address."""
    forward = Forward(service, **options)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        yield
        await forward.close()

    app = Starlette(lifespan=lifespan)
    app.router.default = Problems(forward)
    with listening(app) as port:
        yield f"http://127.0.0.1:{port}"


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """A service that tells what it heard."""
    request = Request(scope, receive)
    heard = {
        "method": request.method,
        "url": str(request.url).partition(request.url.netloc)[2],
        "headers": {**request.headers},
        "body": (await request.body()).decode(),
    }
    headers = {"X-Request-Id": "7", "Retry-After": "3", "Vary": "Accept-Encoding"}
    await Response(json.dumps(heard), 203, headers, "application/json")(scope, receive, send)


def test_a_question_and_its_answer_go_through_as_they_are() -> None:
    with handing_on(echo) as url:
        answer = httpx.post(
            f"{url}/classify?model=a%20b&top_k=3",
            content=BODY,
            headers={"Content-Type": "image/jpeg", "Accept": "application/json"},
        )
    heard = answer.json()
    assert (answer.status_code, heard["method"]) == (203, "POST")
    assert (heard["url"], heard["body"]) == ("/classify?model=a%20b&top_k=3", BODY.decode())
    assert heard["headers"]["content-type"] == "image/jpeg"
    assert heard["headers"]["content-length"] == str(len(BODY))
    assert heard["headers"]["accept"] == "application/json"
    assert answer.headers["x-request-id"] == "7"
    assert answer.headers["retry-after"] == "3"
    assert len(answer.headers.get_list("date")) == 1


def test_the_visitor_is_named_and_what_is_no_business_of_the_service_is_not_told() -> None:
    told = {"Cookie": "a=b", "X-Forwarded-For": "192.0.2.9", "X-Forwarded-Prefix": "/evil"}
    with handing_on(echo) as url:
        heard = httpx.get(f"{url}/models", headers=told | {"Authorization": "Bearer mine"}).json()
    assert heard["headers"]["x-forwarded-for"] == "127.0.0.1"
    assert not {"cookie", "authorization", "x-forwarded-prefix"} & set(heard["headers"])


def test_an_ipv6_visitor_is_named_by_its_address() -> None:
    async def asked() -> httpx.Response:
        with listening(echo) as port:
            forward = Forward(f"http://127.0.0.1:{port}")
            transport = httpx.ASGITransport(forward, client=("2001:db8::7", 1))
            async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
                answer = await client.get("/models")
            await forward.close()
            return answer

    assert asyncio.run(asked()).json()["headers"]["x-forwarded-for"] == "2001:db8::7"


def test_the_service_s_key_is_added() -> None:
    with handing_on(echo, api_key="secret") as url:
        headers = httpx.get(f"{url}/models").json()["headers"]
    assert headers["authorization"] == "Bearer secret"


def test_a_body_of_unknown_length_goes_through_piece_by_piece() -> None:
    """The service has the first piece before the visitor has sent the last."""
    arrived = Event()

    async def service(scope: Scope, receive: Receive, send: Send) -> None:
        sizes = []
        async for piece in Request(scope, receive).stream():
            sizes.append(len(piece))
            arrived.set()
        await Response(str(sum(sizes)))(scope, receive, send)

    def pieces() -> Iterator[bytes]:
        yield bytes(1000)
        assert arrived.wait(30)
        yield bytes(234)

    with handing_on(service) as url:
        assert httpx.post(f"{url}/label-map", content=pieces()).text == "1234"


def test_an_answer_comes_piece_by_piece() -> None:
    read = Event()

    async def service(scope: Scope, receive: Receive, send: Send) -> None:
        async def pieces() -> Any:
            yield b"one "
            assert await asyncio.to_thread(read.wait, 30)
            yield b"two"

        await StreamingResponse(pieces())(scope, receive, send)

    with handing_on(service) as url, httpx.stream("GET", f"{url}/metrics") as answer:
        got = answer.iter_raw()
        assert next(got) == b"one "
        read.set()
        assert b"".join(got) == b"two"


def test_an_answer_that_breaks_off_is_seen_to_be_cut() -> None:
    async def service(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"half", "more_body": True})

    with handing_on(service) as url, pytest.raises(httpx.RemoteProtocolError):
        httpx.get(f"{url}/metrics")


def test_a_visitor_who_leaves_is_not_asked_for_any_longer() -> None:
    asked, left = Event(), Event()

    async def service(scope: Scope, receive: Receive, send: Send) -> None:
        del send
        await Request(scope, receive).body()
        asked.set()
        while (await receive())["type"] != "http.disconnect":
            pass
        left.set()

    with handing_on(service) as url:
        address = httpx.URL(url)
        with socket.create_connection((address.host, address.port or 80), timeout=30) as visitor:
            head = b"POST /classify HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\na"
            visitor.sendall(head)
            assert asked.wait(30)
        eventually(left.is_set)


def test_a_visitor_who_leaves_while_sending_is_no_fault() -> None:
    async def asked() -> None:
        sent = iter([{"type": "http.request", "body": b"half", "more_body": True}])

        async def receive() -> Any:
            return next(sent, {"type": "http.disconnect"})

        scope = {"type": "http", "method": "POST", "path": "/classify", "headers": []}
        with listening(echo) as port:
            forward = Forward(f"http://127.0.0.1:{port}")
            try:
                await forward(scope | {"query_string": b""}, receive, _never)
            finally:
                await forward.close()

    with pytest.raises(ClientDisconnect):
        asyncio.run(asked())


async def _never(_message: Any) -> None:
    pytest.fail("nobody is there to read this")


def test_a_visitor_who_does_not_go_on_is_not_waited_for() -> None:
    with handing_on(echo, patience_s=0.1) as url:
        address = httpx.URL(url)
        with socket.create_connection((address.host, address.port or 80), timeout=30) as visitor:
            visitor.sendall(b"POST /classify HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na")
            told = b"".join(iter(lambda: visitor.recv(65_536), b""))
    assert told.startswith(b"HTTP/1.1 408 ")
    assert b"/problems/slow-body" in told


def test_a_service_that_is_away_or_silent_is_said_to_be() -> None:
    async def silent(_scope: Scope, _receive: Receive, _send: Send) -> None:
        await asyncio.sleep(0.5)

    with page_of(f"http://127.0.0.1:{free_port()}") as url:
        away = httpx.post(f"{url}/classify", content=BODY)
    with handing_on(silent, timeout_s=0.1) as url:
        frozen = httpx.get(f"{url}/models")
    for answer in (away, frozen):
        assert (answer.status_code, answer.json()["type"]) == (503, "/problems/unreachable")
        assert answer.json()["title"] == ServiceUnreachable.title


@pytest.mark.parametrize(
    "asked",
    [
        "GET /models",
        "GET /sources",
        "GET /models/places365",
        "GET /models/places365/versions",
        "HEAD /readyz",
        "GET /metrics",
        "POST /classify",
        "POST /label-map",
        "POST /activations",
        "POST /occlusion",
        "POST /features",
        "GET /models/places365/layers",
        "GET /models/places365/filters",
    ],
)
def test_what_the_page_asks_is_handed_on(asked: str) -> None:
    assert FORWARDED.fullmatch(asked)


@pytest.mark.parametrize(
    "asked",
    [
        "GET /docs",
        "POST /sources",
        "GET /livez",
        "GET /openapi.json",
        "POST /models/places365",
        "PUT /classify",
        "DELETE /models/places365",
        "GET /models/../docs",
        "GET /models//",
        "GET /models/a/b/c",
        "POST /v2/models/places365/infer",
        "GET /classify",
    ],
)
def test_nothing_else_is(asked: str) -> None:
    assert not FORWARDED.fullmatch(asked)


def test_an_address_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match="write it as http://"):
        Forward("booth")


@pytest.mark.xdist_group("page")
def test_a_page_of_its_own_answers_as_the_service_does(
    site: str, forwarded: str, photos: dict[str, bytes]
) -> None:
    answers = [
        httpx.post(f"{url}/classify?top_k=2", content=photos["coffee"]).json()
        for url in (site, forwarded)
    ]
    assert answers[0]["predictions"] == answers[1]["predictions"]
    assert answers[1]["predictions"][0]["label"] == "Coffee shop"
    assert httpx.get(f"{forwarded}/models").json() == httpx.get(f"{site}/models").json()
    assert re.search(r"^booth_", httpx.get(f"{forwarded}/metrics").text, re.MULTILINE)
    assert httpx.head(f"{forwarded}/readyz").status_code == 200
    refused = httpx.post(f"{forwarded}/classify", content=b"Dear diary,")
    assert (refused.status_code, refused.json()["type"]) == (415, "/problems/unsupported-format")
    assert httpx.get(f"{forwarded}/docs").status_code == 404


@pytest.mark.xdist_group("page")
@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_other_sites_pages_have_no_photo_answered(forwarded: str, headers: dict[str, str]) -> None:
    refused = httpx.post(f"{forwarded}/classify", content=BODY, headers=headers)
    assert (refused.status_code, refused.json()["type"]) == (403, "/problems/forbidden")
    assert httpx.get(f"{forwarded}/models", headers=headers).is_success


@pytest.mark.xdist_group("page")
def test_the_whole_app_closes_what_it_holds() -> None:
    forward = Forward("http://127.0.0.1:1")

    async def lived() -> None:
        app = create_app(forward)
        async with app.router.lifespan_context(app):
            assert not forward._service.is_closed

    asyncio.run(lived())
    assert forward._service.is_closed
