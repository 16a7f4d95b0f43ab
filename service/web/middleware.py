"""Around every request: its record, and a proper answer when all else fails."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from booth_client.errors import BoothError, ShuttingDown
from service.telemetry.record import RequestRecord
from service.web import problems
from service.web.headers import security_headers
from service.web.recorder import Recorder
from service.web.routes import Routes
from service.web.state import ServiceState

__all__ = ["RequestMiddleware"]

SERVER_ERROR = 500


class RequestMiddleware:
    """ASGI middleware; the outermost.

    Args:
        app: what answers.
        state: of the service.
        classifies: whether a request asks for labels, by its scope; those count in the metrics.
        inspects: what of a network it looks into, "" if nothing; those count by themselves.
        routes: names the route of each request in the metrics.

    Attributes:
        recorder: keeps the records, those of other protocols as well.

    """

    def __init__(
        self,
        app: ASGIApp,
        state: ServiceState,
        classifies: Callable[[Scope], bool],
        inspects: Callable[[Scope], str],
        routes: Routes,
    ) -> None:
        self._app = app
        self._state = state
        self._classifies = classifies
        self._inspects = inspects
        self._routes = routes
        self.recorder = Recorder(state)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens inside."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asks = self._classifies(scope)
        inspects = "" if asks else self._inspects(scope)
        record = self.recorder.begin(scope, classifies=asks, inspects=inspects)
        self._state.metrics.http.begin()
        request_id = record.request_id.encode()

        async def send_on(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                headers = message["headers"] = list(message.get("headers", ()))
                headers.extend(security_headers(headers))
                headers.append((b"x-request-id", request_id))
                if self._state.draining and (b"connection", b"close") not in headers:
                    # The client's next request goes to somebody who stays.
                    headers.append((b"connection", b"close"))
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        except BaseException as cause:
            if record.status == SERVER_ERROR and record.outcome == "error":
                return  # the framework raises again what it has had rendered, and logged
            response = None if record.status else _last_resort(cause, Request(scope), record)
            if response is None:
                record.outcome = record.outcome or "error"
                raise
            await response(scope, receive, send_on)
        finally:
            record.route = self._routes.of(scope)
            self.recorder.end(scope, record)
            self._state.metrics.http.end(record)


def _last_resort(cause: BaseException, request: Request, record: RequestRecord) -> Response | None:
    """The response where none was made inside; None where there can be none."""
    if isinstance(cause, BoothError):
        return problems.render(cause, request)
    if isinstance(cause, ClientDisconnect):
        return problems.client_gone(record)
    if isinstance(cause, asyncio.CancelledError):
        # The grace period of the service's end is over; the client learns why.
        error: BoothError = ShuttingDown(
            "The service has shut down; ask another one.", retry_after_s=1
        )
        return problems.render(error, request)
    if isinstance(cause, Exception):
        return problems.render(problems.unforeseen(cause), request)
    return None
