"""Who may come in: closed by default, with a list of open paths; keys, and how often."""

from __future__ import annotations

import ipaddress
import math
import re
import secrets
import time
from collections import Counter

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from booth_client.errors import RateLimited, Unauthorized
from service.settings import Settings

__all__ = ["OPEN_PATHS", "AccessControl", "RateLimiter", "client_network"]

# What needs no key and has no limit: who watches a service may always look.
OPEN_PATHS = frozenset({"/livez", "/readyz", "/metrics", "/docs", "/openapi.json"})
OPEN_FOLDERS = ("/docs/",)

# A browser asks for dozens of the page's files at once, so reading these has no limit.
PAGE_FILES = re.compile(r"/((config|theme\.css|favicon\.ico)?|(assets|static|page|gradio_api)/.*)")

WINDOW_S = 60


class AccessControl:
    """ASGI middleware: lets a request in, or raises why not.

    Args:
        app: what answers those who are let in.
        settings: the keys and the rate; without them all are let in.

    Raises, when called:
        Unauthorized: the request has no key, or a wrong one.
        RateLimited: its client sent too much.

    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self._app = app
        self._keys = [key.get_secret_value().encode() for key in settings.api_keys]
        self._per_minute = settings.rate_limit_per_minute
        self._rate_limiter = RateLimiter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in."""
        if scope["type"] == "http" and not _is_open(scope["path"]):
            self._check(scope)
        await self._app(scope, receive, send)

    def _check(self, scope: Scope) -> None:
        if self._per_minute and self._is_limited(scope):  # first, for guessing keys has its limit
            self._check_rate(client_network((scope.get("client") or ("",))[0]))
        if self._keys:
            self._check_key(Headers(scope=scope).get("authorization", ""))

    def _is_limited(self, scope: Scope) -> bool:
        """Everything is but the page's files, which are not served to who needs a key."""
        is_reading = scope["method"] in {"GET", "HEAD"}
        return bool(self._keys) or not (is_reading and PAGE_FILES.fullmatch(scope["path"]))

    def _check_key(self, authorization: str) -> None:
        scheme, _, key = authorization.partition(" ")
        offered = key.strip().encode("latin-1") if scheme.lower() == "bearer" else b""
        # Every key is compared, so that the time taken tells nothing about them.
        if not any([secrets.compare_digest(offered, known) for known in self._keys]):  # noqa: C419
            raise Unauthorized("Send a valid key: `Authorization: Bearer <key>`.")

    def _check_rate(self, client: str) -> None:
        wait_s = self._rate_limiter.hit(client, self._per_minute, time.monotonic())
        if wait_s:
            raise RateLimited(
                f"More than {self._per_minute} requests a minute; slow down.",
                retry_after_s=math.ceil(wait_s),
            )


class RateLimiter:
    """Each client's requests in the last minute, by a sliding window counter.

    Those of the clock's previous minute count by the share of it that the window still covers.
    Two minutes of clients are remembered, no more. (The package limits does this once several
    processes share the count; in one, its memory storage goes over every client in timer threads.)
    """

    def __init__(self) -> None:
        self._minute = 0.0
        self._current: Counter[str] = Counter()
        self._previous: Counter[str] = Counter()

    def hit(self, client: str, limit: int, now: float) -> float:
        """Count a request at ``now`` seconds; or, if it is one too many, say when there is room.

        Returns:
            0 if it was counted; else the seconds after which the client may come again.

        """
        minute, elapsed = divmod(now, WINDOW_S)
        if minute != self._minute:
            follows = minute == self._minute + 1
            self._previous = self._current if follows else Counter()
            self._minute, self._current = minute, Counter()
        covered = 1 - elapsed / WINDOW_S
        if self._current[client] + self._previous[client] * covered >= limit:
            return WINDOW_S - elapsed
        self._current[client] += 1
        return 0


def client_network(host: str) -> str:
    """Who counts as one client: an IPv4 address, or the /64 that is the least an IPv6 user gets."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network((host, 64), strict=False)) if address.version == 6 else host  # noqa: PLR2004


def _is_open(path: str) -> bool:
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)
