"""The access log: one line a request, of which a busy service writes only some."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Any

from starlette.types import Scope

from service.telemetry.record import RequestRecord

__all__ = ["AccessLog"]

access = logging.getLogger("booth.access")

SERVER_ERROR = 500
LEAST_FAILURES = 10  # lines a second, however few others are wanted


class AccessLog:
    """Writes the lines, and how many were left out before each.

    Args:
        lines_per_second: as many lines of answers below 500 are written; as many again, but at
            least ten, of those from 500 on, so that a flood of one can't hide the other.
        clock: tells the time in seconds.

    """

    def __init__(self, lines_per_second: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._answers = _Bucket(lines_per_second, clock)
        self._failures = _Bucket(max(LEAST_FAILURES, lines_per_second), clock)
        self._left_out = 0

    def write(
        self,
        scope: Scope,
        status: int,
        took_s: float,
        request_id: str,
        record: RequestRecord | None,
    ) -> None:
        """Write the line of a request that is over, or count it among those left out."""
        bucket = self._failures if status >= SERVER_ERROR else self._answers
        if not bucket.take():
            self._left_out += 1
            return
        # As it was sent, %-encoded: a path can't break the line or paint the terminal.
        path = scope["raw_path"].decode("ascii")
        fields: dict[str, Any] = {
            "request_id": request_id,
            "method": scope["method"],
            "path": path,
            "status": status,
            "duration_ms": round(took_s * 1000, 2),
        }
        if record:
            fields |= _about(record)
        note = ""
        if self._left_out:
            fields["left_out"] = self._left_out
            note = f" ({self._left_out} lines left out before)"
            self._left_out = 0
        access.info(
            "%s %s %d %.1f ms%s", scope["method"], path, status, took_s * 1000, note, extra=fields
        )


def _about(record: RequestRecord) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "model": record.model,
        "outcome": record.outcome,
        "photographs": record.photographs,
        "cached": len(record.recalled),
        "bytes": record.size,
        "timing_ms": {
            stage: round(seconds * 1000, 2) for stage, seconds in record.longest().items()
        },
    }
    if record.trace:
        fields["trace_id"] = record.trace.id
    return fields


class _Bucket:
    """A token bucket: ``rate`` a second, and at once as many as one second brings."""

    def __init__(self, rate: int, clock: Callable[[], float]) -> None:
        self._rate = rate
        self._clock = clock
        self._tokens = float(rate)
        self._filled = clock()

    def take(self) -> bool:
        now = self._clock()
        self._tokens = min(self._rate, self._tokens + (now - self._filled) * self._rate)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
