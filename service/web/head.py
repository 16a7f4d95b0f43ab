"""HEAD: what GET would answer, of which the HTTP server sends the head alone (RFC 9110, 9.3.2)."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["HeadAsGet"]


class HeadAsGet:
    """ASGI middleware: a HEAD is answered like a GET of the same address.

    Args:
        app: what answers a GET.

    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope.get("method") == "HEAD":
            scope = {**scope, "method": "GET"}  # a copy: the server has to know that it was HEAD
        await self._app(scope, receive, send)
