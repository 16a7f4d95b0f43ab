"""Who may come in: keys, and how often."""

from __future__ import annotations

import ipaddress
import math
import secrets
import time
from collections import Counter

from starlette.requests import Request

from booth_client.errors import RateLimited, Unauthorized
from service.settings import Settings

__all__ = ["AccessControl", "RateLimiter", "network"]

WINDOW_S = 60


class AccessControl:
    """Checks the rate and the key of a request; lets all in where neither is set."""

    def __init__(self, settings: Settings) -> None:
        self._keys = [key.get_secret_value().encode() for key in settings.api_keys]
        self._per_minute = settings.rate_limit_per_minute
        self._rate_limiter = RateLimiter()

    def check(self, request: Request) -> None:
        """Let a request in.

        Raises:
            Unauthorized: it has no key, or a wrong one.
            RateLimited: its client sent too much.

        """
        if self._per_minute:  # first, so that guessing keys has its limit too
            self._check_rate(network(request.client.host if request.client else ""))
        if self._keys:
            self._check_key(request)

    def _check_key(self, request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        offered = key.strip().encode("latin-1") if scheme.lower() == "bearer" else b""
        # Every key is compared, so that the time taken tells nothing about them.
        if not any([secrets.compare_digest(offered, known) for known in self._keys]):  # noqa: C419
            raise Unauthorized("Send a valid key: `Authorization: Bearer <key>`.")

    def _check_rate(self, client: str) -> None:
        wait_s = self._rate_limiter.add(client, self._per_minute, time.monotonic())
        if wait_s:
            raise RateLimited(
                f"More than {self._per_minute} requests a minute; slow down.",
                retry_after_s=math.ceil(wait_s),
            )


class RateLimiter:
    """Each client's requests in the last minute, by a sliding window counter.

    Those of the clock's previous minute count by the share of it that the window still covers.
    Two minutes of clients are remembered, no more.
    """

    def __init__(self) -> None:
        self._minute = 0.0
        self._current: Counter[str] = Counter()
        self._previous: Counter[str] = Counter()

    def add(self, client: str, limit: int, now: float) -> float:
        """Count a record at ``now`` seconds; or, if it is one too many, say when there is room.

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


def network(host: str) -> str:
    """Who counts as one client: an IPv4 address, or the /64 that is the least an IPv6 user gets."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    return str(ipaddress.ip_network((host, 64), strict=False)) if address.version == 6 else host  # noqa: PLR2004
