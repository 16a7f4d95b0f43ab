"""What a page that is a process of its own hands on to the service: the public routes, no more."""

from __future__ import annotations

import asyncio
import contextlib
import re
from typing import TYPE_CHECKING, Any

import httpx
from starlette.requests import ClientDisconnect, Request

from booth_client import ServiceUnreachable, SlowBody
from booth_client.connection import Connection

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine

    from starlette.types import Receive, Scope, Send

__all__ = ["FORWARDED", "Forward"]

FORWARDED = re.compile(
    r"(GET|HEAD) /(metrics|readyz|sources|models(/(?!\.)[\w.-]{1,200}(/[a-z]{1,20})?)?)"
    r"|POST /(classify|label-map|activations|occlusion|features)"
)

_UP = frozenset(b"accept accept-encoding content-type content-length if-none-match".split())
# Of one hop, or set by the server in front.
_NOT_DOWN = frozenset(b"connection keep-alive transfer-encoding server date".split())
_AWAY = "The service does not answer; try again in a moment."


class Forward:
    """ASGI app: asks the service what the page's visitors ask, each as the visitor's own request.

    Nothing is kept: a body goes through piece by piece. Whoever mounts it closes it.

    Args:
        url: where the service runs, as this process reaches it.
        api_key: the service's key, if it wants one.
        timeout_s: seconds in which the service has to begin to answer, or go on.
        patience_s: seconds in which a visitor has to go on with a body.

    Raises:
        ValueError: the address is none.

    """

    def __init__(
        self,
        url: str,
        api_key: str | None = None,
        *,
        timeout_s: float = 60,
        patience_s: float = 10,
    ) -> None:
        self._patience_s = patience_s
        self._service = Connection.of(url, api_key, timeout_s).async_client()

    async def close(self) -> None:
        """Close the connections."""
        await self._service.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand one request on, and its answer back.

        Raises:
            ServiceUnreachable: the service is away.
            SlowBody: for too long nothing of the body came.
            ClientDisconnect: the visitor has left; the service is not asked any longer.

        """
        visit = _Visit(Request(scope, receive), self._patience_s)
        try:
            answer = await visit.unless_left(self._service.send(self._question(visit), stream=True))
        except httpx.TransportError:
            raise ServiceUnreachable(_AWAY) from None
        try:
            await _hand_back(answer, send)
        finally:
            await answer.aclose()

    def _question(self, visit: _Visit) -> httpx.Request:
        scope = visit.request.scope
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        headers = [pair for pair in visit.request.headers.raw if pair[0] in _UP]
        headers.append((b"x-forwarded-for", (scope.get("client") or ("",))[0].encode()))
        return self._service.build_request(
            scope["method"],
            httpx.URL(path=path, query=scope["query_string"]),
            headers=headers,
            content=visit.body() if scope["method"] == "POST" else None,
        )


class _Visit:
    """A request, and whether its visitor still waits for the answer."""

    def __init__(self, request: Request, patience_s: float) -> None:
        self.request = request
        self._patience_s = patience_s
        self._is_read = asyncio.Event()
        if request.method != "POST":
            self._is_read.set()

    async def body(self) -> AsyncIterator[bytes]:
        """The photograph, as it comes.

        Raises:
            SlowBody: for too long nothing came.

        """
        pieces = self.request.stream()
        with contextlib.suppress(StopAsyncIteration):
            while True:
                yield await self._next(pieces)
        self._is_read.set()

    async def _next(self, pieces: AsyncIterator[bytes]) -> bytes:
        try:
            async with asyncio.timeout(self._patience_s):
                return await anext(pieces)
        except TimeoutError:
            raise SlowBody(
                f"The photograph did not go on for {self._patience_s:g} s; send it faster."
            ) from None

    async def unless_left(self, asking: Coroutine[Any, Any, httpx.Response]) -> httpx.Response:
        """The answer; or, as soon as the visitor has left, ClientDisconnect."""
        answer, left = asyncio.ensure_future(asking), asyncio.ensure_future(self._left())
        try:
            await asyncio.wait((answer, left), return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise ClientDisconnect
            return answer.result()
        finally:
            left.cancel()
            answer.cancel()

    async def _left(self) -> None:
        await self._is_read.wait()
        while (await self.request.receive())["type"] != "http.disconnect":
            pass


async def _hand_back(answer: httpx.Response, send: Send) -> None:
    """Send an answer on. One that breaks off ends there: whoever reads it sees that it is cut."""
    headers = [pair for pair in answer.headers.raw if pair[0].lower() not in _NOT_DOWN]
    start = {"type": "http.response.start", "status": answer.status_code, "headers": headers}
    await send(start)
    with contextlib.suppress(httpx.TransportError):
        async for piece in answer.aiter_raw():
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
