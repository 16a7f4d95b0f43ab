"""A lane beside the serving threads, for what would keep the others waiting."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from typing import TypeAlias

from service.engine.admission import Backlog
from service.engine.turns import FairQueue

__all__ = ["Lane"]

log = logging.getLogger(__name__)

Work: TypeAlias = Callable[[], None]


class Lane:
    """Threads that do one piece of work after the other, in fair turns by client.

    They begin with the first piece.

    Args:
        threads: pieces of work that go on at the same time.

    Attributes:
        backlog: what was admitted to the lane and is not done.

    """

    def __init__(self, threads: int) -> None:
        self.backlog = Backlog(threads)
        self._count = threads
        self._threads: Sequence[threading.Thread] = ()
        self._queue: FairQueue[Work] = FairQueue()
        self._changed = threading.Condition()
        self._closed = False

    def __len__(self) -> int:
        """How much waits."""
        return len(self._queue)

    def put(self, work: Work, client: str = "") -> bool:
        """Have it done when the client's turn comes; False where the lane was closed."""
        with self._changed:
            if self._closed:
                return False
            if not self._threads:
                self._start()
            self._queue.append(work, client)
            self._changed.notify()
            return True

    def close(self, timeout_s: float | None = None) -> None:
        """Take nothing new, do what waits, end the threads; leave behind what is not done then."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout_s)

    def _start(self) -> None:
        self._threads = [
            threading.Thread(target=self._serve, name=f"booth-lane-{number}", daemon=True)
            for number in range(self._count)
        ]
        for thread in self._threads:
            thread.start()

    def _serve(self) -> None:
        while work := self._next():
            try:
                work()
            except BaseException:
                log.exception("work beside the serving threads failed")

    def _next(self) -> Work | None:
        """Wait for the next piece of work; None when closed and done."""
        with self._changed:
            self._changed.wait_for(lambda: len(self._queue) > 0 or self._closed)
            return self._queue.popleft() if self._queue else None
