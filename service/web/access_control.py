"""Who may come in: closed by default, with a list of open paths; keys, and how often."""

from __future__ import annotations

import math
import re
import time
from collections import OrderedDict
from functools import partial
from socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from booth_client.errors import RateLimited, Unauthorized
from service.settings import PAGE_VIEWS
from service.web.api_keys import ApiKeys
from service.web.scope import identify

__all__ = [
    "OPEN_PATHS",
    "PAGE_FILES",
    "PROBES",
    "AccessControl",
    "RateLimiter",
    "client_network",
    "offered_key",
]

# Of gRPC, which has its methods where HTTP has its paths.
_GRPC_PROBES = (
    "/inference.GRPCInferenceService/ServerLive",
    "/inference.GRPCInferenceService/ServerReady",
    "/grpc.health.v1.Health/Check",
)

# What probes and scrapers ask for all the time: it is not even logged.
PROBES = frozenset(
    {
        *("/livez", "/readyz", "/metrics", "/ping"),
        *("/v2/health/live", "/v2/health/ready"),
        *_GRPC_PROBES,
    }
)
# What needs no key and has no limit: who watches a service may always look.
OPEN_PATHS = PROBES | {"/docs", "/openapi.json"}
OPEN_FOLDERS = ("/docs/",)

# A browser asks for dozens of the page's files at once, so reading these has no limit.
PAGE_FILES = re.compile(
    rf"/((config|theme\.css|favicon\.ico|manifest\.json|{'|'.join(PAGE_VIEWS)})?"
    r"|(assets|static|page)/.*)"
)

WINDOW_S = 60
MOST_CLIENTS = 50_000  # remembered of each of two minutes; both together take some 15 MB
IPV4_MAPPED = bytes(10) + b"\xff\xff"
MOST_NAME = 64  # of a client's name in characters: a proxy may pass on what it likes


class AccessControl:
    """ASGI middleware: lets a request in, or raises why not.

    Who asks is known by a valid key, or where there are no keys by the address. Each has a rate
    of its own, and is told to what is inside: ``service.web.scope.client_of``.

    Args:
        app: what answers those who are let in.
        keys: that are valid; without any all are let in.
        per_minute: photographs, and requests without any, of each client; 0 for no limit.
        health_route: one more path that is open; "" for none.

    Raises, when called:
        Unauthorized: the request has no key, or a wrong one.
        RateLimited: its client sent too much.

    """

    def __init__(
        self, app: ASGIApp, keys: ApiKeys, per_minute: int, health_route: str = ""
    ) -> None:
        self._app = app
        self._open = OPEN_PATHS | {health_route} - {""}
        self._keys = keys
        self._per_minute = per_minute
        self._rate_limiter = RateLimiter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in."""
        if scope["type"] == "http":
            self.check(scope)
        await self._app(scope, receive, send)

    def _is_open(self, path: str) -> bool:
        return path in self._open or path.startswith(OPEN_FOLDERS)

    def check(self, scope: Scope) -> None:
        """Look who asks, where not everybody may, and note it.

        Raises:
            Unauthorized, RateLimited: as above.

        """
        if self._is_open(scope["path"]):
            return
        address = client_network((scope.get("client") or ("",))[0])
        client = self._client(scope, address)
        if client is None:
            # A valid key is let in all the same: else a stranger who guesses would lock out
            # everybody behind the same proxy.
            self._count(address, 1)
            raise Unauthorized("Send a valid key: `Authorization: Bearer <key>`.")
        if not self._is_limited(scope):
            identify(scope, client)
            return
        self._count(client, 1)
        identify(scope, client, partial(self._count, client))

    def _client(self, scope: Scope, address: str) -> str | None:
        """Who asks; None where a key is needed and none is valid."""
        if self._keys:
            return self._keys.name_of(offered_key(scope))
        if not self._keys.can_manage:
            return address
        # So that strangers behind the same proxy don't use up what a manager may.
        return self._keys.manager_name_of(offered_key(scope)) or address

    def _is_limited(self, scope: Scope) -> bool:
        """Everything is but the page's files, which are not served to who needs a key."""
        if not self._per_minute:
            return False
        is_reading = scope["method"] in {"GET", "HEAD"}
        return bool(self._keys) or not (is_reading and PAGE_FILES.fullmatch(scope["path"]))

    def _count(self, client: str, times: int) -> None:
        if not self._per_minute:
            return
        wait_s = self._rate_limiter.hit(client, self._per_minute, time.monotonic(), times)
        if wait_s:
            raise RateLimited(
                f"More than {self._per_minute} photographs or other requests a minute; "
                "slow down, or send fewer at once.",
                retry_after_s=math.ceil(wait_s),
            )


class RateLimiter:
    """What each client sent in the last minute, by a sliding window counter.

    Those of the clock's previous minute count by the share of it that the window still covers.
    Two minutes of clients are remembered, and of each the ``MOST_CLIENTS`` that came last. (The
    package limits does this once several processes share the count; in one, its memory storage
    goes over every client in timer threads.)
    """

    def __init__(self) -> None:
        self._minute = 0.0
        self._current: OrderedDict[str, int] = OrderedDict()
        self._previous: OrderedDict[str, int] = OrderedDict()

    def hit(self, client: str, limit: int, now: float, times: int = 1) -> float:
        """Count ``times`` at ``now`` seconds; or, if it is too many, say when there is room.

        Returns:
            0 if it was counted; else the seconds after which the client may come again.

        """
        minute, elapsed = divmod(now, WINDOW_S)
        if minute != self._minute:
            follows = minute == self._minute + 1
            self._previous = self._current if follows else OrderedDict()
            self._minute, self._current = minute, OrderedDict()
        covered = 1 - elapsed / WINDOW_S
        counted = self._current.get(client, 0)
        has_room = counted + self._previous.get(client, 0) * covered + times <= limit
        self._remember(client, counted + times if has_room else counted)
        return 0 if has_room else WINDOW_S - elapsed

    def _remember(self, client: str, counted: int) -> None:
        self._current[client] = counted
        self._current.move_to_end(client)
        if len(self._current) > MOST_CLIENTS:
            self._current.popitem(last=False)


def client_network(host: str) -> str:
    """Who counts as one client: an IPv4 address, or the /64 that is the least an IPv6 user gets."""
    if ":" not in host:
        return host[:MOST_NAME]
    try:
        packed = inet_pton(AF_INET6, host.partition("%")[0])
    except (OSError, ValueError):
        return host[:MOST_NAME]
    if packed.startswith(IPV4_MAPPED):  # so a listener on all addresses tells IPv4's
        return inet_ntop(AF_INET, packed[len(IPV4_MAPPED) :])
    return inet_ntop(AF_INET6, packed[:8] + bytes(8)) + "/64"


def offered_key(scope: Scope) -> bytes:
    """The key that a request brings; empty if it brings none."""
    scheme, _, key = Headers(scope=scope).get("authorization", "").partition(" ")
    return key.strip().encode("latin-1") if scheme.lower() == "bearer" else b""
