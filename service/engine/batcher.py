"""Waiting photographs become batches.

Greedy: a slot that is free takes whatever waits, up to ``max_batch_size``; alone, a photograph
never waits for company. Under load batches form by themselves, while the slots are busy.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from booth_client.errors import DeadlineExceeded, InternalError, ShuttingDown

__all__ = [
    "GATHERING_S",
    "TOO_LATE",
    "Batch",
    "Batcher",
    "Inference",
    "Observer",
    "Waiting",
    "settle",
]

log = logging.getLogger(__name__)

TOO_LATE = "The photograph waited longer than its deadline; send fewer at once or raise timeout_ms."

# A batch that has been decoded for so long runs: one huge photograph must not keep the others.
GATHERING_S = 0.02

RunModel = Callable[[Any], NDArray[np.float32]]


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Batch:
    """One run of the network over ``size`` photographs; its identity is the object itself.

    ``start`` is a ``time.perf_counter()`` instant; ``tags`` are those of its photographs that have
    one.
    """

    size: int
    start: float
    seconds: float
    tags: tuple[Hashable, ...] = ()


@dataclass(frozen=True, slots=True)
class Inference:
    """What the network said about one photograph, and what it took.

    ``arrived`` and ``decoded`` are ``time.perf_counter()`` instants.
    """

    probabilities: NDArray[np.float32]
    arrived: float
    decode_s: float
    decoded: float
    batch: Batch

    @property
    def queue_s(self) -> float:
        """Seconds that it waited: for a slot, and decoded for the others of its batch."""
        return self.batch.start - self.arrived - self.decode_s

    @property
    def inference_s(self) -> float:
        """Seconds that the network ran."""
        return self.batch.seconds


@dataclass(slots=True)
class Waiting:
    """One photograph on its way to the network.

    ``deadline`` is a ``time.monotonic()`` instant: past it nobody wants the answer any more.
    ``pixels`` are None until it is decoded, which ``decode`` does; where it fails, it settles the
    future. ``tag`` is what its sender knows it by; the batch that it gets into carries it.
    """

    deadline: float
    future: Future[Inference]
    pixels: NDArray[np.uint8] | None = None
    decode: Callable[[Waiting], None] | None = None
    tag: Hashable | None = None
    arrived: float = field(default_factory=time.perf_counter)
    decode_s: float = 0.0
    decoded: float = 0.0


class Observer(Protocol):
    """Told what happens to the photographs, so that metrics can stand beside the core."""

    def photo_decoded(self, size: int, pixels: int) -> None:
        """A photograph of ``size`` bytes and ``pixels`` (width x height) was decoded."""

    def batch_ran(self, size: int, seconds: float) -> None:
        """A batch of ``size`` photographs has run, for so long."""


class Batcher:
    """Runs waiting photographs in batches on ``slots`` threads of its own.

    A slot's thread decodes what it takes, if that is still to be done, and goes on taking until the
    batch is full, nothing waits, or decoding has taken long enough: no photograph is handed from
    thread to thread, and its pixels are still in the core's cache when the network reads them.

    Args:
        run: N x S x S x 3 photographs -> N x K probabilities; may raise.
        run_alone: the same, for a photograph that is all there is to do.
        stack: makes of N decoded photographs what ``run`` takes.
        is_alone: whether one photograph is all there is to do.
        max_batch_size: the largest N.
        slots: runs that may go on at the same time.
        observer: is told of each batch.

    """

    def __init__(
        self,
        run: RunModel,
        run_alone: RunModel | None = None,
        *,
        is_alone: Callable[[], bool] = lambda: False,
        stack: Callable[[Sequence[NDArray[np.uint8]]], Any] = np.stack,
        max_batch_size: int = 32,
        slots: int = 1,
        observer: Observer | None = None,
        name: str = "model",
    ) -> None:
        self._run = run
        self._run_alone = run_alone or run
        self._is_alone = is_alone
        self._stack = stack
        self._max_batch_size = max_batch_size
        self._observer = observer
        self._queue: deque[Waiting] = deque()
        self._changed = threading.Condition()
        self._closed = False
        self._running = 0
        self._progress = time.monotonic()
        self._threads = [
            threading.Thread(target=self._serve, name=f"booth-{name}-{slot}", daemon=True)
            for slot in range(slots)
        ]
        for thread in self._threads:
            thread.start()

    def put(self, waiting: Waiting) -> None:
        """Let a photograph wait for a free slot; its future gets the run or the error."""
        with self._changed:
            if self._closed:
                error = ShuttingDown("This model is being unloaded; try again.")
                settle(waiting.future, error=error)
                return
            if not self._busy():
                # The clock of `stalled_s` starts with the work: a quiet hour is no stall.
                self._progress = time.monotonic()
            self._queue.append(waiting)
            self._changed.notify()

    def __len__(self) -> int:
        """Photographs that wait now."""
        return len(self._queue)

    @property
    def alive(self) -> bool:
        """Whether every thread still runs."""
        return all(thread.is_alive() for thread in self._threads)

    def stalled_s(self) -> float:
        """Seconds that there has been work without any progress; 0 when idle."""
        with self._changed:
            return time.monotonic() - self._progress if self._busy() else 0.0

    def _busy(self) -> bool:
        return self._running > 0 or len(self._queue) > 0

    def close(self, timeout_s: float | None = None) -> None:
        """Take nothing new, answer what waits, end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout_s)

    def _serve(self) -> None:
        while True:
            try:
                first = self._take()
                if first is None:
                    return
                self._answer(first)
            except BaseException:
                # Whatever it was, the photographs have been settled and the next ones wait.
                log.exception("a batch failed outside the network's run")

    def _take(self) -> Waiting | None:
        """Wait for the first photograph of a batch, and take a slot; None when closed and done."""
        with self._changed:
            while True:
                waiting = self._next()
                if waiting:
                    self._running += 1
                    return waiting
                if self._closed:
                    return None
                self._changed.wait()

    def _next(self) -> Waiting | None:
        """The longest waiting photograph that somebody still waits for. The lock is held."""
        now = time.monotonic()
        self._progress = now
        while self._queue:
            waiting = self._queue.popleft()
            if waiting.deadline <= now:
                settle(waiting.future, error=DeadlineExceeded(TOO_LATE))
            elif waiting.future.set_running_or_notify_cancel():
                return waiting
        return None

    def _answer(self, first: Waiting) -> None:
        taken = [first]
        try:
            batch = self._gather(taken)
            if batch:
                alone = len(batch) == 1 and self._is_alone()
                self._run_together(batch, self._run_alone if alone else self._run)
        finally:
            with self._changed:
                self._running -= 1
                self._progress = time.monotonic()
            for waiting in taken:
                if not waiting.future.done():
                    settle(waiting.future, error=InternalError("The batch could not be answered."))

    def _gather(self, taken: list[Waiting]) -> list[Waiting]:
        """Decode what is taken, and take more; return what the network can run."""
        batch: list[Waiting] = []
        end = time.perf_counter() + GATHERING_S
        for waiting in taken:
            if waiting.decode:
                waiting.decode(waiting)
            if waiting.pixels is not None:
                batch.append(waiting)
            if len(batch) < self._max_batch_size and time.perf_counter() < end:
                with self._changed:
                    another = self._next()
                if another:
                    taken.append(another)
        return batch

    def _run_together(self, batch: list[Waiting], run: RunModel) -> None:
        started = time.perf_counter()
        try:
            pixels = [waiting.pixels for waiting in batch if waiting.pixels is not None]
            probabilities = run(self._stack(pixels))
        except BaseException as cause:  # noqa: BLE001 (whatever it is, its photographs are told)
            self._run_one_by_one(batch, run, cause)
            return
        took = time.perf_counter() - started
        tags = tuple(waiting.tag for waiting in batch if waiting.tag is not None)
        together = Batch(len(batch), started, took, tags)
        for waiting, row in zip(batch, probabilities, strict=True):
            run_of = Inference(row, waiting.arrived, waiting.decode_s, waiting.decoded, together)
            settle(waiting.future, result=run_of)
        if self._observer:
            self._observer.batch_ran(len(batch), took)

    def _run_one_by_one(self, batch: list[Waiting], run: RunModel, cause: BaseException) -> None:
        """After a failed run: only the culprit fails, its neighbours are answered."""
        if len(batch) == 1:
            log.error("the network failed on a photograph", exc_info=cause)
            error = InternalError("The network failed on this photograph.")
            error.__cause__ = cause
            settle(batch[0].future, error=error)
            return
        for waiting in batch:
            self._run_together([waiting], run)


def settle(
    future: Future[Inference],
    *,
    result: Inference | None = None,
    error: BaseException | None = None,
) -> None:
    """Give a future its outcome; one that was cancelled meanwhile stays so."""
    try:
        if error is not None:
            future.set_exception(error)
        elif result is not None:
            future.set_result(result)
    except InvalidStateError:
        pass
