"""What the page asks the service, carried within the process. It imports httpx, so it is apart."""

from __future__ import annotations

from collections.abc import Callable

import httpx
from starlette.types import ASGIApp

__all__ = ["Inside"]


class Inside(httpx.AsyncBaseTransport):
    """Carries the page's requests, each as one of the visitor's own.

    Over the network all would come from this machine: one client, with one client's share.

    Args:
        app: answers them.
        visitor: tells for whom the page asks now: a client and its port.

    """

    def __init__(self, app: ASGIApp, visitor: Callable[[], tuple[str, int]]) -> None:
        self._app = app
        self._visitor = visitor

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request, and give its response."""
        transport = httpx.ASGITransport(self._app, False, client=self._visitor())
        return await transport.handle_async_request(request)
