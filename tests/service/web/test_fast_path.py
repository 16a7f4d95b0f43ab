"""A front on the fast path is asked at once, and all else goes the usual way."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from service.web.fast_path import FastPath


def test_what_is_the_front_s_goes_there_and_all_else_does_not() -> None:
    async def front(request: Request) -> Response:
        return PlainTextResponse(f"front {request.url.path}")

    def asked(**scope: Any) -> list[Any]:
        sent: list[Any] = []

        async def send(message: Any) -> None:
            sent.append(message)

        path = FastPath(PlainTextResponse("app"), lambda scope: scope["path"] == "/x", front)
        asyncio.run(path({"headers": [], "query_string": b"", **scope}, None, send))  # type: ignore[arg-type]
        return [one["body"] for one in sent if "body" in one]

    assert asked(type="http", path="/x", server=("host", 80)) == [b"front /x"]
    assert asked(type="http", path="/y") == [b"app"]
    assert asked(type="lifespan", path="/x") == [b"app"]


def test_all_else_gives_way_before_it_begins() -> None:
    """The server begins on a request without a task, which the framework may ask for."""

    async def nobody(_request: Request) -> Response:
        raise AssertionError

    async def app(_scope: Any, _receive: Any, _send: Any) -> None:
        begun.append(asyncio.current_task())

    begun: list[object] = []
    path = FastPath(app, lambda _scope: False, nobody)
    answering = path({"type": "http"}, None, None)  # type: ignore[arg-type]
    assert answering.send(None) is None
    assert begun == []

    async def go_on() -> None:
        await asyncio.get_running_loop().create_task(answering)

    asyncio.run(go_on())
    assert len(begun) == 1
    assert begun[0] is not None
