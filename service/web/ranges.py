"""``Range``: files are sent whole, as a server may (RFC 9110, section 14.2).

Starlette would answer a range that is none with an error of its own form.
"""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["WholeFiles"]


class WholeFiles:
    """ASGI middleware: who asks for a part gets all.

    Args:
        app: what would answer with a part.

    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = scope.get("headers", ())
        if any(name == b"range" for name, _ in headers):
            kept = [(name, value) for name, value in headers if name != b"range"]
            scope = {**scope, "headers": kept}
        await self._app(scope, receive, send)
