"""Label maps wait here, and are made one at a time in a process beside the serving threads.

The process comes last for the cores, holds the networks in a form of their own, and ends when
nobody has asked for some time: what it takes is then given back.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter
from concurrent.futures import Future, InvalidStateError

from booth_client.errors import DeadlineExceeded, Overloaded
from models.card import Card
from service.engine.batcher import TOO_LATE
from service.engine.label_map import plan
from service.engine.lane import Lane
from service.engine.map_process import MadeMap, MapProcess, MapTask, StoppedError
from service.memory import MemoryBudget, Reservation
from service.photo.header import Header, read_header

__all__ = ["MapQueue", "MapTicket"]

QUEUE_SIZE = 8
_SHARE = 3  # times the free places, that one client may have of it: see ``engine.admission``
_PROCESS_BYTES = 130_000_000  # what the process holds with the shipped models
# That it may hold beyond what it starts with: what all requests may, within these bounds.
_LEAST_BYTES, _MOST_BYTES = 200_000_000, 2_000_000_000
# Held for each pixel of a run: of EfficientNet-Lite0 some 110 in int8.
_PIXEL_BYTES = {"int8": 150, "fp16": 800, "fp32": 800}
_MULTIPLY_ADDS_PER_S = 3e10
_LATENCY_S = 0.05
_UNKNOWN_S = 0.1  # of decoding a file whose header tells nothing


class MapTicket:
    """A label map that was accepted, and will be made or have an error."""

    def __init__(self, task: MapTask, card: Card, client: str, queue: MapQueue) -> None:
        self.task = task
        self.card = card
        self.client = client
        self.future: Future[MadeMap] = Future()
        self.is_wanted = True
        self._queue = queue
        self._waiter: asyncio.Future[MadeMap] | None = None

    async def answer(self) -> MadeMap:
        """Wait for it; cancelling drops it.

        Raises:
            BoothError: what went wrong.

        """
        self._waiter = asyncio.wrap_future(self.future)
        try:
            async with asyncio.timeout(self.task.left_s):
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


class MapQueue:
    """Makes label maps, one at a time, in fair turns by client.

    Args:
        memory: what all requests may hold together.
        max_pixels: the largest width x height of a photograph.
        formats: those that are decoded.
        size: maps that wait at most.
        idle_s: the process ends after so long without a map.

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
        self._making: MapTicket | None = None
        self._process: MapProcess | None = None
        self._held: Reservation | None = None
        self._last = 0.0

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
                f"{self._size} label maps wait already, as many as may; try again later.",
                retry_after_s=1,
            )
        if client and self._waiting[client] > max(0, _SHARE * (free - 1) - 1):
            raise Overloaded(
                f"{self._waiting[client]} label maps of this client's wait already, as many as one "
                "client's may; wait for them before asking for more.",
                retry_after_s=1,
            )

    def submit(self, task: MapTask, card: Card, client: str = "") -> MapTicket:
        """Accept a map, to be made in its client's turn.

        Raises:
            InvalidParameter: by the photograph's header, what is asked of it won't do.
            Overloaded: too many wait, or it would be made too late.

        """
        work_s = _work_s(task, card)
        self.refuse_if_full(client)
        self._lane.backlog.admit([work_s], _LATENCY_S, task.left_s, client)
        ticket = MapTicket(task, card, client, self)
        with self._changing:
            self._waiting[client] += 1
        if not self._lane.put(lambda: self._make(ticket), work_s, client):
            raise Overloaded("The service has no thread for a label map.", retry_after_s=1)
        return ticket

    def stop(self, ticket: MapTicket) -> None:
        """Stop making a map, if it is being made."""
        with self._changing:
            if self._making is ticket and self._process:
                self._process.stop()

    def close(self, timeout_s: float | None = None) -> None:
        """Make what waits, then end; where there is a time for it, leave the rest behind."""
        self._lane.close(timeout_s)
        self._end_process()

    def _make(self, ticket: MapTicket) -> bool:
        """On the lane's thread; whether it was made."""
        with self._changing:
            self._waiting -= Counter([ticket.client])
        if not ticket.is_wanted:
            return False
        try:
            made = self._made(ticket)
        except StoppedError:
            return False
        except Exception as error:  # noqa: BLE001 (whoever waits is told)
            _settle(ticket.future, error)
            return False
        _settle(ticket.future, made)
        return True

    def _made(self, ticket: MapTicket) -> MadeMap:
        with self._memory.reserve(_run_bytes(ticket.task, ticket.card), ticket.client):
            while True:
                process = self._started(ticket)
                try:
                    process.wait_until_ready()
                    if ticket.is_wanted:
                        return process.make(ticket.task)
                except StoppedError:
                    pass  # or too late; or meant for the one before, whose map was made just then
                finally:
                    self._finish(process)
                if not ticket.is_wanted:
                    raise StoppedError

    def _started(self, ticket: MapTicket) -> MapProcess:
        """The process, which makes this map from now on."""
        with self._changing:
            if self._process is None:
                self._held = self._memory.reserve(_PROCESS_BYTES)
                try:
                    self._process = MapProcess(
                        min(max(self._memory.size, _LEAST_BYTES), _MOST_BYTES)
                    )
                except BaseException:
                    self._held.release()
                    raise
            self._making = ticket
            return self._process

    def _finish(self, process: MapProcess) -> None:
        with self._changing:
            self._making = None
            self._last = time.monotonic()
        if not process.is_well:
            self._end_process()
            return
        timer = threading.Timer(self._idle_s, self._end_if_idle)
        timer.daemon = True
        timer.start()

    def _end_if_idle(self) -> None:
        if self._making is None and time.monotonic() - self._last >= self._idle_s:
            self._end_process(only_idle=True)

    def _end_process(self, *, only_idle: bool = False) -> None:
        with self._changing:
            if only_idle and self._making:
                return
            process, self._process = self._process, None
            held, self._held = self._held, None
        if process:
            process.end()
        if held:
            held.release()


def _settle(future: Future[MadeMap], outcome: MadeMap | Exception) -> None:
    with contextlib.suppress(InvalidStateError):  # cancelled just now
        if isinstance(outcome, Exception):
            future.set_exception(outcome)
        else:
            future.set_result(outcome)


def _work_s(task: MapTask, card: Card) -> float:
    """Seconds that it will take, by the photograph's header.

    Raises:
        InvalidParameter: what is asked of the photograph won't do.

    """
    asked, header = task.asked, read_header(task.photo)
    per_cell = card.multiply_adds * (asked.stride / asked.size) ** 2 / _MULTIPLY_ADDS_PER_S
    decode_s = header.decode_s(asked.size * asked.scale) if header else _UNKNOWN_S
    return decode_s + plan(_size_of(header), asked).cells * per_cell


def _run_bytes(task: MapTask, card: Card) -> int:
    """Bytes that making it holds beside the process and the file."""
    header = read_header(task.photo)
    grid = plan(_size_of(header), task.asked)
    decoding = header.memory_bytes(task.asked.size * task.asked.scale) if header else 0
    return decoding + grid.width * grid.height * _PIXEL_BYTES[card.precision]


def _size_of(header: Header | None) -> tuple[int, int]:
    """Of a photograph as it is stored; on its side it has as many cells."""
    return (header.width, header.height) if header else (1, 1)
