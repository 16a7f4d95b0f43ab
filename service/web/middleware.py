"""Around every request: its record, and a proper answer when all else fails."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from booth_client.errors import BoothError, ShuttingDown
from service.telemetry.access_log import AccessLog
from service.telemetry.record import RequestRecord
from service.web import problems
from service.web.headers import security_headers
from service.web.scope import is_page, start_record
from service.web.state import ServiceState

__all__ = ["RequestMiddleware"]

QUIET = ("/livez", "/readyz", "/metrics")
REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
BAD_REQUEST = 400
SERVER_ERROR = 500


class RequestMiddleware:
    """ASGI middleware; the outermost.

    Args:
        app: what answers.
        state: of the service.
        classifies: whether a request asks for labels, by its scope; those count in the metrics.
        maps_labels: whether it asks for a label map; those count by themselves.

    """

    def __init__(
        self,
        app: ASGIApp,
        state: ServiceState,
        classifies: Callable[[Scope], bool],
        maps_labels: Callable[[Scope], bool],
    ) -> None:
        self._app = app
        self._state = state
        self._classifies = classifies
        self._maps_labels = maps_labels
        self._access_log = AccessLog(state.settings.log_lines_per_second)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whatever happens inside."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        record = self._begin(scope)
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
            self._end(scope, record)

    def _begin(self, scope: Scope) -> RequestRecord:
        start = time.perf_counter()
        path = scope["raw_path"].decode("ascii")
        record = RequestRecord(_request_id(scope), scope["method"], path, start)
        start_record(scope, record)
        if self._classifies(scope):
            record.classifies = True
            traces = self._state.traces
            record.trace = traces.begin(scope, start) if traces else None
            self._state.metrics.in_flight.inc()
        elif self._maps_labels(scope):
            record.maps_labels = True
        return record

    def _end(self, scope: Scope, record: RequestRecord) -> None:
        """Tell of a request that is over: metrics, log, trace."""
        record.seconds = time.perf_counter() - record.start
        if record.classifies or record.maps_labels:
            was_answered = 0 < record.status < BAD_REQUEST
            record.outcome = record.outcome or ("ok" if was_answered else "error")
        if record.classifies:
            self._state.metrics.in_flight.dec()
            self._state.metrics.count(record)
        elif record.maps_labels:
            self._state.metrics.count_label_map(record)
        if scope["path"] not in QUIET and not is_page(scope):
            self._access_log.write(record)
        if record.trace:
            record.trace.end(record)


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


def _request_id(scope: Scope) -> str:
    """The client's id, if it is one that a log and a header can carry; else a new one."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    text = given.decode("latin-1")
    # No secret: it only has to be unlike the others.
    return text if REQUEST_ID.fullmatch(text) else f"{random.getrandbits(64):016x}"
