"""Work that may never end: on a thread of its own, given up after a while."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from typing import TypeVar

__all__ = ["GivenUp", "Stops", "attempt"]

_T = TypeVar("_T")


class GivenUp(Exception):
    """The work took too long."""


class Stops:
    """How to stop what the work has begun, if it is given up."""

    def __init__(self) -> None:
        self._changing = threading.Lock()
        self._ways: list[Callable[[], None]] = []
        self._stopped = False

    def add(self, stop: Callable[[], None]) -> None:
        """Call ``stop`` when the work is given up; at once if it has been."""
        with self._changing:
            self._ways.append(stop)
            stopped = self._stopped
        if stopped:
            stop()

    def stop(self) -> None:
        """Stop all that was begun."""
        with self._changing:
            self._stopped = True
        for stop in self._ways:
            stop()


def attempt(work: Callable[[Stops], _T], within_s: float, undo: Callable[[_T], None]) -> _T:
    """What ``work`` gives, or raises.

    Args:
        work: is told where to say how it can be stopped; what can't be stopped is left behind.
        within_s: after so many seconds it is given up.
        undo: what to do with the result of work that was given up.

    Raises:
        GivenUp: it did not end in time.

    """
    outcome: Future[_T] = Future()
    stops = Stops()

    def run() -> None:
        try:
            result = work(stops)
        except BaseException as error:  # noqa: BLE001 (raised where it is waited for)
            _tell(outcome.set_exception, error)
        else:
            if not _tell(outcome.set_result, result):
                undo(result)

    threading.Thread(target=run, name="booth-open", daemon=True).start()
    try:
        return outcome.result(within_s)
    except TimeoutError:
        if not outcome.cancel():
            return outcome.result()  # it ended at this very moment, or raised a TimeoutError itself
    stops.stop()
    raise GivenUp


def _tell(settle: Callable[[_T], None], outcome: _T) -> bool:
    """Whether anybody still waits for it."""
    try:
        settle(outcome)
    except InvalidStateError:
        return False
    return True
