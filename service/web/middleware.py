"""Around every request: its id, its line in the log, and a proper answer when all else fails."""

from __future__ import annotations

import asyncio
import random
import re
import time

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from booth_client.errors import InternalError, ShuttingDown
from service.telemetry.access_log import AccessLog
from service.web import problems
from service.web.state import ServiceState

__all__ = ["RequestMiddleware"]

QUIET = ("/livez", "/readyz", "/metrics")
REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")


class RequestMiddleware:
    """ASGI middleware; the outermost."""

    def __init__(self, app: ASGIApp, state: ServiceState) -> None:
        self._app = app
        self._state = state
        self._access = AccessLog(state.settings.log_lines_per_second)

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
                headers = message["headers"] = list(message.get("headers", ()))
                headers.append((b"x-request-id", request_id.encode()))
                if self._state.draining and (b"connection", b"close") not in headers:
                    # The client's next request goes to somebody who stays.
                    headers.append((b"connection", b"close"))
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
            self._tell(scope, status, start, request_id)

    def _tell(self, scope: Scope, status: int, start: float, request_id: str) -> None:
        """Log and trace a request that is over."""
        end = time.perf_counter()
        record = scope["state"].get("record")
        if scope["path"] not in QUIET and not scope["state"].get("page"):
            self._access.write(scope, status, end - start, request_id, record)
        if record and record.trace:
            record.trace.end(record, status, end)


def _request_id(scope: Scope) -> str:
    """The client's id, if it is one that a log and a header can carry; else a new one."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    text = given.decode("latin-1")
    # No secret: it only has to be unlike the others.
    return text if REQUEST_ID.fullmatch(text) else f"{random.getrandbits(64):016x}"
