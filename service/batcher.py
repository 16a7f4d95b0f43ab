"""Waiting photographs become batches.

Greedy: a slot that is free takes whatever waits, up to ``max_batch_size``; alone, a photograph
never waits for company. Under load batches form by themselves, while the slots are busy.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from service.errors import DeadlineExceeded, InternalError, ShuttingDown

__all__ = ["TOO_LATE", "Batch", "Batcher", "Observer", "Run", "Waiting", "settle"]

log = logging.getLogger(__name__)

TOO_LATE = "The photograph waited longer than its deadline; send fewer at once or raise timeout_ms."

RunModel = Callable[[NDArray[np.uint8]], NDArray[np.float32]]


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
class Run:
    """What the network said about one photograph, and what it took.

    ``since`` is the ``time.perf_counter()`` instant at which it was decoded and began to wait.
    """

    probabilities: NDArray[np.float32]
    decode_s: float
    since: float
    batch: Batch

    @property
    def queue_s(self) -> float:
        """Seconds that it waited."""
        return self.batch.start - self.since

    @property
    def inference_s(self) -> float:
        """Seconds that the network ran."""
        return self.batch.seconds


@dataclass(slots=True)
class Waiting:
    """One decoded photograph on its way to the network.

    ``deadline`` is a ``time.monotonic()`` instant: past it nobody wants the answer any more.
    ``tag`` is what its sender knows it by; the batch that it gets into carries it.
    """

    pixels: NDArray[np.uint8]
    deadline: float
    future: Future[Run]
    decode_s: float = 0.0
    since: float = field(default_factory=time.perf_counter)
    tag: Hashable | None = None


class Observer(Protocol):
    """Told what happens to the photographs, so that metrics can stand beside the core."""

    def photo_decoded(self, size: int, pixels: int) -> None:
        """A photograph of ``size`` bytes and ``pixels`` (width x height) was decoded."""

    def batch_ran(self, size: int, seconds: float) -> None:
        """A batch of ``size`` photographs has run, for so long."""


class Batcher:
    """Runs waiting photographs in batches on ``slots`` threads of its own.

    Args:
        run: N x S x S x 3 photographs -> N x K probabilities; may raise.
        run_alone: the same, called while nothing else runs.
        max_batch_size: the largest N.
        slots: runs that may go on at the same time.
        observer: is told of each batch.

    """

    def __init__(
        self,
        run: RunModel,
        run_alone: RunModel | None = None,
        *,
        max_batch_size: int = 32,
        slots: int = 1,
        observer: Observer | None = None,
        name: str = "model",
    ) -> None:
        self._run = run
        self._run_alone = run_alone or run
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
            if self._enqueue(waiting):
                self._changed.notify()

    def put_or_run(self, waiting: Waiting, *, alone: bool) -> None:
        """As ``put``; but where a slot is free, it runs at once on the caller's thread.

        A handover to another thread costs more than all else outside the network and the decoder.
        """
        with self._changed:
            if not self._enqueue(waiting):
                return
            if self._running == len(self._threads):
                return  # the first slot that gets free takes it
            batch = self._start()
        if batch:
            self._answer(batch, self._run_alone if alone else self._run)

    def _enqueue(self, waiting: Waiting) -> bool:
        if self._closed:
            settle(waiting.future, error=ShuttingDown("This model is being unloaded; try again."))
            return False
        if not self._busy():
            # The clock of `stalled_s` starts with the work: a quiet hour is no stall.
            self._progress = time.monotonic()
        self._queue.append(waiting)
        return True

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
                batch = self._take()
                if not batch:
                    return
                self._answer(batch, self._run)
            except BaseException:
                # Whatever it was, the photographs have been settled and the next ones wait.
                log.exception("a batch failed outside the network's run")

    def _take(self) -> list[Waiting]:
        """The next batch; empty only when closed and nothing waits."""
        with self._changed:
            while True:
                if self._running < len(self._threads):
                    batch = self._start()
                    if batch:
                        return batch
                if self._closed and not self._queue:
                    return []
                self._changed.wait()

    def _start(self) -> list[Waiting]:
        """Take a slot for the next batch, if there is one. The lock is held."""
        batch = self._wanted()
        self._running += bool(batch)
        return batch

    def _wanted(self) -> list[Waiting]:
        """Up to a full batch from the queue, without those whom nobody waits for any more."""
        batch: list[Waiting] = []
        now = time.monotonic()
        self._progress = now
        while self._queue and len(batch) < self._max_batch_size:
            waiting = self._queue.popleft()
            if waiting.deadline <= now:
                settle(waiting.future, error=DeadlineExceeded(TOO_LATE))
            elif waiting.future.set_running_or_notify_cancel():
                batch.append(waiting)
        return batch

    def _answer(self, batch: list[Waiting], run: RunModel) -> None:
        try:
            self._run_together(batch, run)
        finally:
            with self._changed:
                self._running -= 1
                self._progress = time.monotonic()
                self._changed.notify()
            for waiting in batch:
                if not waiting.future.done():
                    settle(waiting.future, error=InternalError("The batch could not be answered."))

    def _run_together(self, batch: list[Waiting], run: RunModel) -> None:
        started = time.perf_counter()
        try:
            probabilities = run(np.stack([waiting.pixels for waiting in batch]))
        except BaseException as cause:  # noqa: BLE001 (whatever it is, its photographs are told)
            self._run_one_by_one(batch, run, cause)
            return
        took = time.perf_counter() - started
        tags = tuple(waiting.tag for waiting in batch if waiting.tag is not None)
        together = Batch(len(batch), started, took, tags)
        for waiting, row in zip(batch, probabilities, strict=True):
            run_of = Run(row, waiting.decode_s, waiting.since, together)
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
    future: Future[Run], *, result: Run | None = None, error: BaseException | None = None
) -> None:
    """Give a future its outcome; one that was cancelled meanwhile stays so."""
    try:
        if error is not None:
            future.set_exception(error)
        elif result is not None:
            future.set_result(result)
    except InvalidStateError:
        pass
