"""When a request is sent again, and when no more: what Booth computes changes nothing, so it may.

``booth_client.client`` sends and waits, in plain code or on an event loop.
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Generic, TypeVar

import httpx

if TYPE_CHECKING:
    from booth_client.calls import Call

__all__ = ["Retry", "Tries"]

# Another time, or another replica, will do: too many requests, a replica that is gone, overload.
_TEMPORARY = frozenset({429, 502, 503})
# The request was not begun, or its connection ended.
_LOST = (httpx.ConnectError, httpx.ConnectTimeout, httpx.ReadError, httpx.RemoteProtocolError)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Retry:
    """How often, and for how long, a request is sent again.

    It is after 429, 502 and 503, and where the connection failed before the answer began. The pause
    is as long as ``Retry-After`` says, and up to a quarter longer; where that is not said,
    ``first_s``, twice as long each time, up to ``longest_s``, and up to a half shorter. Chance
    decides, so that clients that were refused together don't come back together.

        Retry()              # up to 5 attempts, the last of which begins within 30 s
        Retry(attempts=1)    # never again

    Attributes:
        attempts: How often a request is sent at most.
        total_s: Seconds from the first attempt to the begin of the last one, at most; a
            photograph's ``timeout_ms`` bounds it, too.
        first_s: The first pause, in seconds.
        longest_s: The longest pause that no ``Retry-After`` asked for, in seconds.

    """

    attempts: int = 5
    total_s: float = 30.0
    first_s: float = 0.2
    longest_s: float = 5.0

    def __post_init__(self) -> None:
        """Refuse what can't be.

        Raises:
            ValueError: there would be no attempt, or a pause would be negative.

        """
        if self.attempts < 1 or min(self.total_s, self.first_s, self.longest_s) < 0:
            raise ValueError("Retry takes at least 1 attempt, and no negative seconds")


class Tries(Generic[_T]):
    """The attempts at one call.

    Args:
        call: what is asked.
        retry: how often and for how long.
        clock: tells the time in seconds.

    """

    def __init__(
        self, call: Call[_T], retry: Retry, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._first = call
        self._retry = retry
        self._clock = clock
        self._params = call.params or {}
        given = self._params.get("timeout_ms")
        self._timeout_ms = None if given is None else int(given)
        self._start = clock()
        self._sent = 0

    def next(self) -> Call[_T]:
        """The call as it is sent now: its ``timeout_ms`` is what is left of it."""
        self._sent += 1
        if self._sent == 1 or self._timeout_ms is None:
            return self._first
        left_ms = max(1, self._timeout_ms - round((self._clock() - self._start) * 1000))
        return replace(self._first, params={**self._params, "timeout_ms": str(left_ms)})

    def pause_after(self, response: httpx.Response) -> float | None:
        """Seconds until the next attempt; None where this response is the last."""
        if response.status_code not in _TEMPORARY:
            return None
        return self._pause(_seconds(response.headers.get("Retry-After", "")))

    def pause_after_error(self, error: httpx.RequestError) -> float | None:
        """Seconds until the next attempt; None where another one would meet the same."""
        return self._pause(0.0) if isinstance(error, _LOST) else None

    def _pause(self, told_s: float) -> float | None:
        if not self._first.repeatable or self._sent >= self._retry.attempts:
            return None
        doubled_s = min(self._retry.longest_s, self._retry.first_s * 2 ** (self._sent - 1))
        # No secret: it only has to be unlike that of the others.
        pause_s = max(told_s * random.uniform(1, 1.25), doubled_s * random.uniform(0.5, 1))  # noqa: S311
        over_s = self._clock() - self._start + pause_s
        return pause_s if over_s <= self._bound_s() else None

    def _bound_s(self) -> float:
        useful_ms = self._timeout_ms
        return min(self._retry.total_s, math.inf if useful_ms is None else useful_ms / 1000)


def _seconds(retry_after: str) -> float:
    """What ``Retry-After`` asks for, in seconds or as a date (RFC 9110); 0 where it is neither."""
    if retry_after.isascii() and retry_after.isdecimal():
        return float(retry_after)
    try:
        date = parsedate_to_datetime(retry_after)
    except ValueError:
        return 0.0
    return max(0.0, (date - datetime.now(date.tzinfo)).total_seconds())
