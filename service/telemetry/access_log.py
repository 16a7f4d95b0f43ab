"""The access log: one line a request, of which a busy service writes only some."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from service.telemetry.record import RequestRecord

__all__ = ["AccessLog", "TokenBucket"]

access = logging.getLogger("booth.access")

SERVER_ERROR = 500
LONGEST_PATH = 300  # characters
LEAST_FAILURES = 10  # lines a second, however few others are wanted


class AccessLog:
    """Writes the lines, and how many were left out before each.

    Args:
        lines_per_second: as many lines of answers below 500 are written; as many again, but at
            least ten, of those from 500 on, so that a flood of one can't hide the other.
        clock: tells the time in seconds.

    """

    def __init__(self, lines_per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._answers = TokenBucket(lines_per_second, clock)
        self._failures = TokenBucket(max(LEAST_FAILURES, lines_per_second), clock)
        self._left_out = 0

    def write(self, record: RequestRecord) -> None:
        """Write the line of a request that is over, or count it among those left out."""
        bucket = self._failures if record.status >= SERVER_ERROR else self._answers
        if not bucket.take():
            self._left_out += 1
            return
        fields = _fields(record)
        note = ""
        if self._left_out:
            fields["left_out"] = self._left_out
            note = f" ({self._left_out} lines left out before)"
            self._left_out = 0
        took_ms = record.seconds * 1000
        line = record.method, _path(record), record.status, took_ms, note
        access.info("%s %s %d %.1f ms%s", *line, extra=fields)


def _path(record: RequestRecord) -> str:
    """It is the client's, and may be as long as a head may."""
    path = record.path
    return path if len(path) <= LONGEST_PATH else f"{path[:LONGEST_PATH]}..."


def _fields(record: RequestRecord) -> dict[str, Any]:
    fields = {
        "request_id": record.request_id,
        "method": record.method,
        "path": _path(record),
        "status": record.status,
        "duration_ms": _milliseconds(record.seconds),
    }
    is_counted = bool(record.classifies or record.inspects)
    return fields | _classification(record) if is_counted else fields


def _classification(record: RequestRecord) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "model": record.model,
        "outcome": record.outcome,
        "photographs": record.photographs,
        "cached": len(record.cached),
        "bytes": record.body_bytes,
        "timing_ms": {stage: _milliseconds(seconds) for stage, seconds in record.longest().items()},
    }
    if record.trace:
        fields["trace_id"] = record.trace.id
    return fields


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 2)


class TokenBucket:
    """A token bucket: ``rate`` a second, and at once as many as one second brings.

    Args:
        rate: how many.
        clock: tells the time in seconds.

    """

    def __init__(self, rate: int, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._tokens = float(rate)
        self._filled = clock()

    def take(self) -> bool:
        """Take one, if there is one."""
        now = self._clock()
        self._tokens = min(self._rate, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
