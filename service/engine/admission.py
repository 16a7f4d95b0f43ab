"""Who is let in: photographs accepted and not yet answered, bounded in number and in time.

What waits is counted in seconds of work, as ``service.engine.cost`` foresees them, over all models
of a process: they share its cores. How long such a second really takes is learned while serving.
"""

from __future__ import annotations

import math
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any

from booth_client.errors import DeadlineExceeded, Overloaded

__all__ = ["Admission", "Backlog"]

_WINDOW = 4  # batches, so that the end of one more or less counts little
_GAIN = 0.25  # weight of the newest window
_LEAST = 0.25  # however fast: a flood of what is no photograph says little about what follows it
_MOST = 2.0  # times what was learned: a slower window is taken for an accident, and counts as so
_DEVIATIONS = 4.0  # added to the mean: few windows are slower than that
_STALE_S = 5.0
# Of the time that a photograph may take. A machine may slow down while it waits, and a queue for
# this share of the time is as good at keeping it busy.
_SHARE = 0.8

# Times the free places, that one client may have of a queue (Choudhury and Hahne 1998, dynamic
# thresholds): alone it gets three quarters, and there is always room for one more client.
_PLACES = 3

_NOTHING_S = 1e-9  # of work: what is left after adding and taking away the same


@dataclass(slots=True)
class _Window:
    """The photographs answered of late, the time that passed, and how few were accepted at least.

    Idle time is not counted.
    """

    fewest: int = 0
    done: int = 0
    work_s: float = 0.0
    elapsed_s: float = 0.0

    def released(self, remaining: int, work_s: float | None) -> None:
        """Count one, with its work if that was done."""
        self.fewest = min(self.fewest, remaining)
        if work_s is not None:
            self.done += 1
            self.work_s += work_s


class Backlog:
    """Work accepted and not yet done by one process, and the pace at which it gets done.

    The pace is how many seconds pass for one second of foreseen work. As TCP does with round trips
    (Jacobson, "Congestion Avoidance and Control", SIGCOMM 1988), it keeps an exponentially
    weighted mean and mean deviation, over windows of photographs that were answered, and counts on
    the mean plus a few deviations; here only of the slower windows, or a sudden improvement would
    look like a deterioration.

    A window in which the cores were not all needed tells only how slow they are at most, so it
    counts if it was faster than the mean; this also corrects a pace that keeps everybody out.

    Args:
        parallel: photographs that are worked on at the same time; with so many accepted, the
            cores are all needed.
        clock: seconds that never go back.

    """

    def __init__(self, parallel: int = 1, clock: Callable[[], float] = time.monotonic) -> None:
        self._parallel = parallel
        self._clock = clock
        self._changing = threading.Lock()
        self._count = 0
        self._work_s = 0.0
        self._clients: dict[str, float] = {}  # seconds of work of each; nobody's are under ""
        self._pace = 1.0
        self._deviation = 0.0
        self._learned = clock()
        self._busy_since = 0.0
        self._window = _Window()
        self._window_size = _WINDOW

    def expect_batches(self, size: int) -> None:
        """Say that up to ``size`` photographs are answered at once."""
        self._window_size = max(self._window_size, _WINDOW * size)

    def predicted_s(self) -> float:
        """Seconds until what was accepted will have been answered."""
        return self._work_s * (self._pace + _DEVIATIONS * self._deviation)

    def admit(
        self, works_s: Sequence[float], latency_s: float, timeout_s: float, client: str = ""
    ) -> None:
        """Accept photographs, all or none; when nothing else is to be done, always.

        Args:
            works_s: seconds of work of each photograph.
            latency_s: seconds that the last of them takes once it has its turn.
            timeout_s: seconds within which all are to be answered.
            client: whose they are; the clients take turns.

        Raises:
            Overloaded: they would be answered too late.

        """
        work_s = sum(works_s)
        with self._changing:
            if self._count == 0:
                self._begin()
            else:
                self._check(self._before(client, work_s), latency_s, timeout_s)
            self._count += len(works_s)
            self._work_s += work_s
            self._clients[client] = self._clients.get(client, 0.0) + work_s

    def check(self, work_s: float, latency_s: float, timeout_s: float, client: str = "") -> None:
        """Refuse what ``admit`` would refuse now, and accept nothing."""
        with self._changing:
            if self._count:
                self._check(self._before(client, work_s), latency_s, timeout_s)

    def release(self, work_s: float, *, done: bool, client: str = "") -> None:
        """Count out a photograph: its work was done, or was dropped."""
        with self._changing:
            self._count -= 1
            self._work_s = self._work_s - work_s if self._count else 0.0
            self._forget(client, work_s)
            self._window.released(self._count, work_s if done else None)
            if self._count == 0 or self._window.done >= self._window_size:
                self._end()

    def _forget(self, client: str, work_s: float) -> None:
        left_s = self._clients.get(client, 0.0) - work_s
        if left_s > _NOTHING_S:
            self._clients[client] = left_s
        else:
            self._clients.pop(client, None)

    def _before(self, client: str, work_s: float) -> float:
        """Seconds of work until a client's new work is done, as turns are taken by client."""
        own_s = self._clients.get(client, 0.0) + work_s
        others_s = sum(min(one, own_s) for name, one in self._clients.items() if name != client)
        return own_s + others_s

    def _check(self, work_s: float, latency_s: float, timeout_s: float) -> None:
        pace = self._pace + _DEVIATIONS * self._deviation
        predicted_s = work_s * pace + latency_s
        if predicted_s > _SHARE * timeout_s:
            raise Overloaded(
                f"The answer might take {predicted_s:.2g} s, too long for the deadline of "
                f"{timeout_s:.2g} s; try again later, send fewer at once or raise timeout_ms.",
                retry_after_s=math.ceil(predicted_s - _SHARE * timeout_s),
            )

    def _begin(self) -> None:
        """From idle to busy. What was learned long ago may no longer hold."""
        self._busy_since = self._clock()
        if self._busy_since - self._learned > _STALE_S:
            self._pace, self._deviation = min(self._pace, 1.0), 0.0
            self._window = _Window()

    def _end(self) -> None:
        """At the end of a window or of being busy."""
        now = self._clock()
        window = self._window
        window.elapsed_s += now - self._busy_since
        self._busy_since = now
        if window.done >= self._window_size:
            self._learn(window.elapsed_s / window.work_s, busy=window.fewest >= self._parallel)
            self._learned = now
            self._window = _Window(fewest=self._count)

    def _learn(self, pace: float, *, busy: bool) -> None:
        if pace > self._pace and not busy:
            return
        error = min(pace, _MOST * self._pace) - self._pace
        self._pace = max(_LEAST, self._pace + _GAIN * error)
        self._deviation += _GAIN * (max(0.0, error) - self._deviation)


class Admission:
    """The photographs of one model that are accepted and not yet settled: bounded, all or none.

    Args:
        limit: how many there may be.
        backlog: all work of the process.

    """

    def __init__(self, limit: int, backlog: Backlog) -> None:
        self._limit = limit
        self._backlog = backlog
        self._taken = 0
        self._clients: Counter[str] = Counter()
        self._changing = threading.Lock()
        self._changed = threading.Condition(self._changing)

    def admit(
        self, works_s: Sequence[float], latency_s: float, timeout_s: float, client: str = ""
    ) -> None:
        """Accept photographs; see ``Backlog.admit``.

        Raises:
            Overloaded: there is no room for all of them, it would be more than the client's share,
                or they would be answered too late.

        """
        count = len(works_s)
        with self._changing:
            self._check_room(count, client)
            self._backlog.admit(works_s, latency_s, timeout_s, client)
            self._taken += count
            self._clients[client] += count

    def check(
        self,
        work_s: float,
        latency_s: float,
        timeout_s: float,
        client: str = "",
        *,
        ahead: int = 0,
    ) -> None:
        """Refuse one photograph as ``admit`` would now, and accept nothing.

        Args:
            work_s: seconds of its work.
            latency_s: seconds that it takes once it has its turn.
            timeout_s: seconds within which it is to be answered.
            client: whose it is.
            ahead: as many like it are about to be accepted.

        """
        with self._changing:
            self._check_room(1, client, ahead)
            self._backlog.check(work_s * (1 + ahead), latency_s, timeout_s, client)

    def _check_room(self, count: int, client: str, ahead: int = 0) -> None:
        free = max(0, self._limit - self._taken - ahead)
        if count > free:
            raise Overloaded(
                f"The queue has room for {free} of {count} photographs; try again later.",
                retry_after_s=1,
            )
        # Its first photographs are let in, however small the queue: else nobody could use it.
        if client and 0 < self._clients[client] > _PLACES * (free - count) - count:
            raise Overloaded(
                f"This client has {self._clients[client]} photographs in the queue, as many as one "
                "client may; wait for their answers before sending more.",
                retry_after_s=1,
            )

    def __len__(self) -> int:
        """How many there are."""
        return self._taken

    @property
    def only_one(self) -> bool:
        """Whether one photograph is all that there is to do."""
        return self._taken == 1

    def give_back(self, works_s: Sequence[float], client: str = "") -> None:
        """Count photographs out that were accepted and not started on."""
        for work_s in works_s:
            self._count_out(work_s, client, done=False)

    def release_with(self, future: Future[Any], work_s: float, client: str = "") -> None:
        """Count a photograph out as soon as its future has an outcome."""
        future.add_done_callback(partial(self._release, work_s, client))

    def wait_until_idle(self, timeout_s: float | None) -> None:
        """Block until all that was accepted is settled."""
        with self._changed:
            self._changed.wait_for(lambda: self._taken == 0, timeout_s)

    def _release(self, work_s: float, client: str, future: Future[Any]) -> None:
        self._count_out(work_s, client, done=_was_worked_on(future))

    def _count_out(self, work_s: float, client: str, *, done: bool) -> None:
        self._backlog.release(work_s, done=done, client=client)
        with self._changing:
            self._taken -= 1
            self._clients[client] -= 1
            if not self._clients[client]:
                del self._clients[client]
            if self._taken == 0:
                self._changed.notify_all()


def _was_worked_on(future: Future[Any]) -> bool:
    """Whether it cost what it was foreseen to; what was dropped did not, and came out early."""
    return not future.cancelled() and not isinstance(future.exception(), DeadlineExceeded)
