"""A lane beside the serving threads, for what would keep the others waiting."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Callable
from typing import NamedTuple, TypeAlias

from service.engine.admission import Backlog
from service.engine.turns import FairQueue

__all__ = ["Lane"]

log = logging.getLogger(__name__)

Work: TypeAlias = Callable[[], bool]


class _Admitted(NamedTuple):
    """A piece of work, the seconds that were admitted for it, and whose it is."""

    work: Work
    work_s: float
    client: str


class Lane:
    """Threads that do one piece of work after the other, in fair turns by client.

    They begin with the first piece. Work tells whether it was done, or was no longer wanted.

    Args:
        threads: pieces of work that go on at the same time.

    Attributes:
        backlog: what was admitted to the lane and is not done; the lane counts it out.

    """

    def __init__(self, threads: int) -> None:
        self.backlog = Backlog(threads)
        self._count = threads
        self._threads: list[threading.Thread] = []
        self._queue: FairQueue[_Admitted] = FairQueue()
        self._changed = threading.Condition()
        self._closed = False

    def __len__(self) -> int:
        """How much waits."""
        return len(self._queue)

    def put(self, work: Work, work_s: float, client: str = "") -> bool:
        """Have what was admitted done when its client's turn comes.

        Args:
            work: to do.
            work_s: the seconds of work that the backlog admitted for it.
            client: whose it is.

        Returns:
            False where the lane was closed, or the system has no thread for it.

        """
        admitted = _Admitted(work, work_s, client)
        with self._changed:
            if not self._closed and (self._threads or self._start()):
                self._queue.append(admitted, client)
                self._changed.notify()
                return True
        self._count_out(admitted, done=False)
        return False

    def close(self, timeout_s: float | None = None) -> None:
        """Take nothing new, do what waits, end the threads; leave behind what is not done then."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout_s)

    def _start(self) -> bool:
        """Start the threads, or as many as the system has; tell whether there is one."""
        with contextlib.suppress(RuntimeError):
            for number in range(self._count):
                name = f"booth-lane-{number}"
                thread = threading.Thread(target=self._serve, name=name, daemon=True)
                thread.start()
                self._threads.append(thread)
        return bool(self._threads)

    def _serve(self) -> None:
        while admitted := self._next():
            done = False
            try:
                done = admitted.work()
            except BaseException:
                log.exception("work beside the serving threads failed")
            finally:
                self._count_out(admitted, done=done)

    def _next(self) -> _Admitted | None:
        """Wait for the next piece of work; None when closed and done."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._queue) > 0 or self._closed)
            return self._queue.popleft() if self._queue else None

    def _count_out(self, admitted: _Admitted, *, done: bool) -> None:
        self.backlog.release(admitted.work_s, done=done, client=admitted.client)
