"""A shortcut to a front that is asked much."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["FastPath"]


class FastPath:
    """ASGI: some requests go straight to their front, all else through ``app``.

    The framework's layers around a route cost as much as all else that is done with a request
    outside the network and the decoder.

    The server begins on a request before it makes a task of it, so that what is refused by its head
    needs none. So a front first gives way, by ``asyncio.sleep(0)``, before it waits for anything.

    Args:
        app: what answers all else, and tells of the front's route.
        is_front_s: whether a request is the front's, by its scope.
        answer: the front's answer.

    """

    def __init__(
        self,
        app: ASGIApp,
        is_front_s: Callable[[Scope], bool],
        answer: Callable[[Request], Awaitable[Response]],
    ) -> None:
        self._app = app
        self._is_front_s = is_front_s
        self._answer = answer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and self._is_front_s(scope):
            response = await self._answer(Request(scope, receive, send))
            await response(scope, receive, send)
        else:
            if scope["type"] == "http":
                await asyncio.sleep(0)
            await self._app(scope, receive, send)
