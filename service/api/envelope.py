"""Around every request: its id, its line in the log, and a proper answer when all else fails."""

from __future__ import annotations

import asyncio
import logging
import random
import re
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api import problems
from service.api.context import Context
from service.errors import InternalError, ShuttingDown

__all__ = ["Envelope"]

access = logging.getLogger("booth.access")

QUIET = ("/livez", "/readyz", "/metrics")
REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


class Envelope:
    """ASGI middleware; the outermost."""

    def __init__(self, app: ASGIApp, context: Context) -> None:
        self._app = app
        self._context = context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens inside."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        start = time.perf_counter()
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        status = 0

        async def send_on(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                if self._context.draining:
                    # The client's next request goes to somebody who stays.
                    headers["Connection"] = "close"
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except asyncio.CancelledError:
            if status:
                raise
            # The grace period of the service's end is over; the client learns why.
            error = ShuttingDown("The service has shut down; ask another one.", retry_after_s=1)
            await problems.render(error, Request(scope))(scope, receive, send_on)
        except Exception as cause:
            if status:
                raise
            failure = InternalError("An unforeseen error.")
            failure.__cause__ = cause
            await problems.render(failure, Request(scope))(scope, receive, send_on)
        finally:
            if scope["path"] not in QUIET and not scope["state"].get("page"):
                took_ms = (time.perf_counter() - start) * 1000
                _log_line(scope, status, took_ms, request_id)


def _request_id(scope: Scope) -> str:
    """The client's id, if it is one that a log and a header can carry; else a new one."""
    given = Headers(scope=scope).get("x-request-id", "")
    # No secret: it only has to be unlike the others.
    return given if REQUEST_ID.fullmatch(given) else f"{random.getrandbits(64):016x}"


def _log_line(scope: Scope, status: int, took_ms: float, request_id: str) -> None:
    # As it was sent, %-encoded: a path can't break the line or paint the terminal.
    path = scope["raw_path"].decode("ascii")
    access.info(
        "%s %s %d %.1f ms",
        scope["method"],
        path,
        status,
        took_ms,
        extra={
            "request_id": request_id,
            "method": scope["method"],
            "path": path,
            "status": status,
            "duration_ms": round(took_ms, 2),
        },
    )
