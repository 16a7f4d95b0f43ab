"""Who may come in: keys, and how often."""

from __future__ import annotations

import math
import secrets
import time

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from starlette.requests import Request

from service.errors import RateLimited, Unauthorized
from service.settings import Settings

__all__ = ["Gate"]


class Gate:
    """Checks the key and the rate of a request; lets all in where neither is set."""

    def __init__(self, settings: Settings) -> None:
        self._keys = [key.get_secret_value().encode() for key in settings.api_keys]
        self._per_minute = settings.rate_limit_per_minute
        if self._per_minute:
            self._limit = RateLimitItemPerMinute(self._per_minute)
            self._limiter = SlidingWindowCounterRateLimiter(MemoryStorage())

    def check(self, request: Request) -> None:
        """Let a request in.

        Raises:
            Unauthorized: it has no key, or a wrong one.
            RateLimited: its client sent too much.

        """
        if self._keys:
            self._check_key(request)
        if self._per_minute:
            self._check_rate(request.client.host if request.client else "")

    def _check_key(self, request: Request) -> None:
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        offered = key.strip().encode() if scheme.lower() == "bearer" else b""
        # Every key is compared, so that the time taken tells nothing about them.
        if not any([secrets.compare_digest(offered, known) for known in self._keys]):  # noqa: C419
            raise Unauthorized("Send a valid key: `Authorization: Bearer <key>`.")

    def _check_rate(self, client: str) -> None:
        if self._limiter.hit(self._limit, client):
            return
        stats = self._limiter.get_window_stats(self._limit, client)
        raise RateLimited(
            f"More than {self._per_minute} requests a minute; slow down.",
            retry_after_s=max(1, math.ceil(stats.reset_time - time.time())),
        )
