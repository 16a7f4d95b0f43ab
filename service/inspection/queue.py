"""What looks inside networks waits here, for one process beside the serving threads.

It does one task at a time, comes last for the cores, holds the networks in forms of their own, and
ends when nobody has asked for some time: what it takes is then given back.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter
from concurrent.futures import Future, InvalidStateError
from typing import Any, Generic, TypeVar

from booth_client.errors import DeadlineExceeded, InternalError, Overloaded
from service.engine.batcher import TOO_LATE
from service.engine.lane import Lane
from service.inspection.process import InspectionProcess
from service.inspection.task import StoppedError, Task
from service.memory import MemoryBudget, Reservation

__all__ = ["InspectionQueue", "InspectionTicket"]

QUEUE_SIZE = 8
_SHARE = 3  # times the free places, that one client may have of it: see ``engine.admission``
_PROCESS_BYTES = 130_000_000  # what the process holds with the shipped models
# That it may hold beyond what it starts with: what all requests may, within these bounds.
_LEAST_BYTES, _MOST_BYTES = 200_000_000, 2_000_000_000
_LATENCY_S = 0.05

Answer = TypeVar("Answer")


class InspectionTicket(Generic[Answer]):
    """A task that was accepted, and will be done or have an error."""

    def __init__(self, task: Task[Answer], client: str, queue: InspectionQueue) -> None:
        self.task = task
        self.client = client
        self.future: Future[Answer] = Future()
        self.is_wanted = True
        self._queue = queue
        self._waiter: asyncio.Future[Answer] | None = None

    async def answer(self) -> Answer:
        """Wait for it; cancelling drops it.

        Raises:
            BoothError: what went wrong.

        """
        self._waiter = asyncio.wrap_future(self.future)
        try:
            async with asyncio.timeout(self.task.subject.left_s):
                return await self._waiter
        except TimeoutError:
            raise DeadlineExceeded(TOO_LATE) from None
        finally:
            self.cancel()

    def cancel(self) -> None:
        """Nobody wants it any more. For the event loop."""
        if self.future.done() or not self.is_wanted:
            return
        self.is_wanted = False
        if self._waiter:
            self._waiter.cancel()
        self.future.cancel()
        self._queue.stop(self)


class InspectionQueue:
    """Has tasks done, one at a time, in fair turns by client.

    Args:
        memory: what all requests may hold together.
        max_pixels: the largest width x height of a photograph.
        formats: those that are decoded.
        size: tasks that wait at most.
        idle_s: the process ends after so long without a task.

    """

    def __init__(
        self,
        memory: MemoryBudget,
        max_pixels: int,
        formats: tuple[str, ...],
        *,
        size: int = QUEUE_SIZE,
        idle_s: float = 60.0,
    ) -> None:
        self.max_pixels = max_pixels
        self.formats = formats
        self._memory = memory
        self._size = size
        self._idle_s = idle_s
        self._lane = Lane(1)
        self._changing = threading.Lock()
        self._waiting: Counter[str] = Counter()  # of each client
        self._doing: InspectionTicket[Any] | None = None
        self._process: InspectionProcess | None = None
        self._held: Reservation | None = None
        self._last = 0.0
        self._is_watched = False

    def __len__(self) -> int:
        """How many wait."""
        return len(self._lane)

    @property
    def pid(self) -> int | None:
        """Of the process; None where there is none now."""
        process = self._process
        return process.pid if process else None

    def refuse_if_full(self, client: str = "") -> None:
        """Refuse at once what ``submit`` would refuse whatever the photograph is.

        Raises:
            Overloaded: so many wait already, or so many of this client's.

        """
        free = self._size - len(self._lane)
        if free <= 0:
            raise Overloaded(
                f"{self._size} requests that look into networks wait already, as many as may; "
                "try again later.",
                retry_after_s=1,
            )
        if client and self._waiting[client] > max(0, _SHARE * (free - 1) - 1):
            raise Overloaded(
                f"{self._waiting[client]} requests of this client's that look into networks wait "
                "already, as many as one client's may; wait for them before asking for more.",
                retry_after_s=1,
            )

    def submit(self, task: Task[Answer], client: str = "") -> InspectionTicket[Answer]:
        """Accept a task, to be done in its client's turn.

        Raises:
            InvalidParameter: by the photograph's header, what is asked of it won't do.
            Overloaded: too many wait, or it would be done too late.

        """
        work_s = task.work_s()
        self.refuse_if_full(client)
        self._lane.backlog.admit([work_s], _LATENCY_S, task.subject.left_s, client)
        ticket = InspectionTicket(task, client, self)
        with self._changing:
            self._waiting[client] += 1
        if not self._lane.put(lambda: self._do(ticket), work_s, client):
            raise Overloaded("The service has no thread to look into a network.", retry_after_s=1)
        return ticket

    def stop(self, ticket: InspectionTicket[Any]) -> None:
        """Stop doing a task, if it is being done."""
        with self._changing:
            if self._doing is ticket and self._process:
                self._process.stop()

    def close(self, timeout_s: float | None = None) -> None:
        """Do what waits, then end; where there is a time for it, leave the rest behind."""
        self._lane.close(timeout_s)
        self._end_process()

    def _do(self, ticket: InspectionTicket[Any]) -> bool:
        """On the lane's thread; whether it was done."""
        with self._changing:
            self._waiting -= Counter([ticket.client])
        if not ticket.is_wanted:
            return False
        try:
            answer = self._answer(ticket)
        except StoppedError:
            return False
        except Exception as error:  # noqa: BLE001 (whoever waits is told)
            _settle(ticket.future, error)
            return False
        _settle(ticket.future, answer)
        return True

    def _answer(self, ticket: InspectionTicket[Answer]) -> Answer:
        with self._memory.reserve(ticket.task.run_bytes(), ticket.client):
            while True:
                process = self._started(ticket)
                try:
                    process.wait_until_ready()
                    if ticket.is_wanted:
                        return process.compute(ticket.task)
                except StoppedError:
                    pass  # or too late; or meant for the one before, whose task was done just then
                except InternalError:
                    if not process.has_answered:
                        raise
                    # It may have died before this task came; if not, a new one will as well.
                finally:
                    self._finish(process)
                if not ticket.is_wanted:
                    raise StoppedError

    def _started(self, ticket: InspectionTicket[Any]) -> InspectionProcess:
        """The process, which does this task from now on."""
        if self._process and self._process.has_ended:
            self._end_process()
        with self._changing:
            if self._process is None:
                self._held = self._memory.reserve(_PROCESS_BYTES)
                try:
                    self._process = InspectionProcess(
                        min(max(self._memory.size, _LEAST_BYTES), _MOST_BYTES)
                    )
                except BaseException:
                    self._held.release()
                    raise
            self._doing = ticket
            return self._process

    def _finish(self, process: InspectionProcess) -> None:
        with self._changing:
            self._doing = None
            self._last = time.monotonic()
            goes_on = process.is_well and self._has_room_for(process.kept_bytes)
        if not goes_on:
            self._end_process()
            return
        self._end_when_idle(self._idle_s)

    def _end_when_idle(self, after_s: float) -> None:
        """Look after so long; one timer does, however many tasks there are in that time."""
        with self._changing:
            if self._is_watched:
                return
            self._is_watched = True
        timer = threading.Timer(after_s, self._end_if_idle)
        timer.daemon = True
        timer.start()

    def _has_room_for(self, kept_bytes: int) -> bool:
        """Count what the process keeps open; whether there is room for it. The lock is held."""
        with contextlib.suppress(Overloaded):
            if self._held:
                self._held.resize(_PROCESS_BYTES + kept_bytes)
            return True
        return False

    def _end_if_idle(self) -> None:
        with self._changing:
            self._is_watched = False
            left_s = self._last + self._idle_s - time.monotonic()
        if left_s > 0:
            self._end_when_idle(left_s)
        elif self._doing is None:
            self._end_process(only_idle=True)

    def _end_process(self, *, only_idle: bool = False) -> None:
        with self._changing:
            if only_idle and self._doing:
                return
            process, self._process = self._process, None
            held, self._held = self._held, None
        if process:
            process.end()
        if held:
            held.release()


def _settle(future: Future[Answer], outcome: Answer | Exception) -> None:
    with contextlib.suppress(InvalidStateError):  # cancelled just now
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)
