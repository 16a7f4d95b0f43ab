"""The record of each request, whatever its protocol: how it begins, and who is told at its end."""

from __future__ import annotations

import random
import re
import time

from starlette.types import Scope

from service.telemetry.access_log import AccessLog
from service.telemetry.record import RequestRecord
from service.web.access_control import PROBES
from service.web.scope import is_page, start_record
from service.web.state import ServiceState

__all__ = ["Recorder"]

REQUEST_ID = re.compile(r"[A-Za-z0-9._:/+=-]{1,128}")
BAD_REQUEST = 400


class Recorder:
    """Begins and ends the records of one service's requests."""

    def __init__(self, state: ServiceState) -> None:
        self._state = state
        self._access_log = AccessLog(state.settings.log_lines_per_second)
        self._quiet = PROBES | {state.settings.health_route}

    def begin(self, scope: Scope, *, classifies: bool, inspects: str = "") -> RequestRecord:
        """Begin the record of a request whose head is there.

        Args:
            scope: of the request, which gets the record.
            classifies: it asks for labels, and so counts in the metrics.
            inspects: what of a network it looks into, "" if nothing.

        """
        start = time.perf_counter()
        path = scope["raw_path"].decode("ascii")
        record = RequestRecord(_request_id(scope), scope["method"], path, start)
        start_record(scope, record)
        if classifies:
            record.classifies = True
            traces = self._state.traces
            record.trace = traces.begin(scope, start) if traces else None
            self._state.metrics.in_flight.inc()
        else:
            record.inspects = inspects
        return record

    def end(self, scope: Scope, record: RequestRecord) -> None:
        """Tell of a request that is over: metrics, log, trace."""
        record.seconds = time.perf_counter() - record.start
        if record.classifies or record.inspects:
            was_answered = 0 < record.status < BAD_REQUEST
            record.outcome = record.outcome or ("ok" if was_answered else "error")
        if record.classifies:
            self._state.metrics.in_flight.dec()
            self._state.metrics.count(record)
        elif record.inspects:
            self._state.metrics.count_inspection(record)
        if scope["path"] not in self._quiet and not is_page(scope):
            self._access_log.write(record)
        if record.trace:
            record.trace.end(record)


def _request_id(scope: Scope) -> str:
    """The client's id, if it is one that a log and a header can carry; else a new one."""
    given = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    text = given.decode("latin-1")
    # No secret: it only has to be unlike the others.
    return text if REQUEST_ID.fullmatch(text) else f"{random.getrandbits(64):016x}"
