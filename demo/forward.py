"""What a page that is a process of its own hands on to the service: the public routes, no more."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
from starlette.requests import ClientDisconnect, Request
from starlette.responses import StreamingResponse

from booth_client import ServiceUnreachable
from demo.visits import client_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Receive, Scope, Send

__all__ = ["FORWARDED", "Forward"]

FORWARDED = re.compile(
    r"(GET|HEAD) /(metrics|readyz|models(/[\w.-]{1,200}(/[a-z]{1,20})?)?)"
    r"|POST /(classify|label-map)"
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

    """

    def __init__(self, url: str, api_key: str | None = None, *, timeout_s: float = 60) -> None:
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._service = httpx.AsyncClient(
            base_url=url,
            headers=headers,
            timeout=httpx.Timeout(timeout_s, connect=5),
            limits=httpx.Limits(max_connections=200, max_keepalive_connections=20),
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._service.aclose()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Hand one request on, and its answer back.

        Raises:
            ServiceUnreachable: the service is away.

        """
        request = Request(scope, receive)
        try:
            answer = await self._service.send(self._question(request), stream=True)
        except httpx.TransportError:
            raise ServiceUnreachable(_AWAY) from None
        except ClientDisconnect:
            return
        try:
            await _response(answer)(scope, receive, send)
        finally:
            await answer.aclose()

    def _question(self, request: Request) -> httpx.Request:
        path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
        headers = [pair for pair in request.headers.raw if pair[0] in _UP]
        headers.append((b"x-forwarded-for", client_of(request.scope).encode()))
        return self._service.build_request(
            request.method,
            httpx.URL(path=path, query=request.scope["query_string"]),
            headers=headers,
            content=request.stream() if request.method == "POST" else None,
        )


def _response(answer: httpx.Response) -> StreamingResponse:
    response = StreamingResponse(_pieces(answer), answer.status_code)
    response.raw_headers = [pair for pair in answer.headers.raw if pair[0].lower() not in _NOT_DOWN]
    return response


async def _pieces(answer: httpx.Response) -> AsyncIterator[bytes]:
    try:
        async for piece in answer.aiter_raw():
            yield piece
    except httpx.TransportError:
        raise ServiceUnreachable(_AWAY) from None
