"""What a page has that is a process of its own: a rate limit, a log, and time-outs."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.h11_impl import H11Protocol

from booth_client import RateLimited

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["AccessLog", "Protocol", "RateLimit", "RootPath", "client_of"]

log = logging.getLogger("booth.access")

WINDOW_S = 60
LINES_PER_SECOND = 100
LONGEST_PATH = 200
BAD_REQUEST = 400


class RateLimit:
    """ASGI middleware: so many requests a minute from one client; reading the page has no limit.

    Args:
        app: the page.
        per_minute: how many; 0 for no limit.

    Raises, when called:
        RateLimited: its client sent too much.

    """

    def __init__(self, app: ASGIApp, per_minute: int) -> None:
        self._app = app
        self._per_minute = per_minute
        self._minute = 0.0
        self._sent: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or not."""
        if self._per_minute and scope["type"] == "http" and scope["method"] == "POST":
            self._count(client_of(scope), time.monotonic())
        await self._app(scope, receive, send)

    def _count(self, client: str, now: float) -> None:
        minute, elapsed = divmod(now, WINDOW_S)
        if minute != self._minute:
            self._minute, self._sent = minute, Counter()
        if self._sent[client] >= self._per_minute:
            raise RateLimited(
                f"More than {self._per_minute} requests a minute; slow down.",
                retry_after_s=int(WINDOW_S - elapsed) + 1,
            )
        self._sent[client] += 1


class RootPath:
    """ASGI middleware: says under which prefix a proxy offers the page.

    Args:
        app: the page.
        prefix: what the proxy puts before each path, such as ``/booth``, and may take off or not.

    """

    def __init__(self, app: ASGIApp, prefix: str) -> None:
        self._app = app
        self._prefix = prefix

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http":
            path = scope["path"]
            if path == self._prefix:
                path = f"{path}/"
            elif not path.startswith(f"{self._prefix}/"):
                path = self._prefix + path
            scope = {**scope, "root_path": self._prefix, "path": path}
        await self._app(scope, receive, send)


class AccessLog:
    """ASGI middleware, the outermost: a line for what visitors do and for what fails, but no flood.

    Args:
        app: the page.

    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._second = 0
        self._lines = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, and tell of it."""
        status = 500
        start = time.perf_counter()

        async def send_on(message: Message) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, send_on)
        finally:
            if scope["type"] == "http" and (scope["method"] == "POST" or status >= BAD_REQUEST):
                self._write(scope, status, time.perf_counter() - start)

    def _write(self, scope: Scope, status: int, seconds: float) -> None:
        second = int(time.monotonic())
        left_out = max(0, self._lines - LINES_PER_SECOND) if second != self._second else 0
        if second != self._second:
            self._second, self._lines = second, 0
        self._lines += 1
        if self._lines <= LINES_PER_SECOND:
            path = scope["raw_path"].decode("ascii")[:LONGEST_PATH]
            note = f" ({left_out} lines left out before)" if left_out else ""
            log.info("%s %s %d %.1f ms%s", scope["method"], path, status, 1000 * seconds, note)


class Protocol(H11Protocol):
    """HTTP/1.1 on one connection: who sends no whole head, or reads no answer, is left in time.

    Attributes:
        look_s: seconds between two looks at a connection; one that waits for a head at two of them
            is closed.
        longest_looks: at so many one request may be under way.

    """

    look_s = 5.0
    longest_looks = 20

    _looks = 0
    _seen: Any = None
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request."""
        super().connection_made(transport)
        self._timer = self.loop.call_later(self.look_s, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing any more."""
        super().connection_lost(exc)
        if self._timer:
            self._timer.cancel()

    def _look(self) -> None:
        cycle = self.cycle if self.cycle and not self.cycle.response_complete else None
        self._looks = self._looks + 1 if cycle is self._seen else 1
        self._seen = cycle
        if self._looks >= (self.longest_looks if cycle else 2):
            self.transport.abort()
        else:
            self._timer = self.loop.call_later(self.look_s, self._look)


def client_of(scope: Scope) -> str:
    """Who counts as one client: an IPv4 address, or the /64 that is the least an IPv6 user gets."""
    host = (scope.get("client") or ("",))[0]
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return str(host)
    return str(ipaddress.ip_network((host, 64), strict=False)) if address.version == 6 else host  # noqa: PLR2004
