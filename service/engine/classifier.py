"""Bytes of a photograph in, an Answer out: the one way in for server, command line and tests.

A photograph walks: admission (bounded) -> batcher, whose threads decode and run the session; the
caller's own thread or event loop then names the first labels. Where the network runs on a GPU, it
is decoded before it comes to the batcher, on the decoders' threads.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Executor, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from booth_client.errors import BoothError, DeadlineExceeded, InternalError
from booth_client.wire import Answer, Environment, Prediction, PredictionWithBasis, Timing
from models.card import Card
from service.engine.admission import Admission, Backlog
from service.engine.batcher import TOO_LATE, Batcher, Inference, Observer, Waiting, settle
from service.engine.cost import BatchCost, Cost, measure_quickly
from service.machine import cores
from service.photo.decode import decode
from service.runtimes.session import Session, batch_size_classes

__all__ = ["Classifier", "Limits", "Ticket", "first_labels"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a classifier takes on.

    ``queue_size`` counts the photographs accepted and not yet answered; ``max_pixels`` is per
    photograph; ``deadline_s`` is the time a photograph may take if its sender names none.
    """

    queue_size: int = 256
    max_batch_size: int = 4
    max_pixels: int = 50_000_000
    deadline_s: float = 10.0
    stall_s: float = 30.0
    slots: int = 1


class Ticket:
    """A photograph that was accepted, and will get its answer or its error."""

    def __init__(
        self, future: Future[Inference], deadline: float, name: Callable[[Inference], Answer]
    ) -> None:
        self._future = future
        self._deadline = deadline
        self._name = name

    def wait(self) -> Answer:
        """Block until the answer is there.

        Raises:
            BoothError: what went wrong with this photograph.

        """
        try:
            return self._name(self._future.result(self._deadline - time.monotonic()))
        except FutureTimeoutError:
            self.cancel()
            raise DeadlineExceeded(TOO_LATE) from None

    async def answer(self) -> Answer:
        """As ``wait``, without blocking the event loop; cancelling drops the photograph."""
        # `asyncio.wrap_future` and `asyncio.timeout` do the same for thrice the time.
        loop = asyncio.get_running_loop()
        woken: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(self._deadline - time.monotonic(), _wake, woken)
        self._future.add_done_callback(lambda _: _wake_from_a_thread(loop, woken))
        try:
            await woken
        finally:
            timer.cancel()
            self.cancel()  # has no effect on one that is settled
        if self._future.cancelled() and time.monotonic() < self._deadline:
            raise asyncio.CancelledError
        if self._future.cancelled() or not self._future.done():
            raise DeadlineExceeded(TOO_LATE)
        return self._name(self._future.result())

    def cancel(self) -> None:
        """Nobody wants the answer any more: the photograph is dropped if it has not run yet."""
        self._future.cancel()

    @property
    def run(self) -> Inference | None:
        """What the network said and what it took; None as long as, or because, it has not run."""
        future = self._future
        if not future.done() or future.cancelled() or future.exception():
            return None
        return future.result()


def _wake(woken: asyncio.Future[None]) -> None:
    if not woken.done():
        woken.set_result(None)


def _wake_from_a_thread(loop: asyncio.AbstractEventLoop, woken: asyncio.Future[None]) -> None:
    with contextlib.suppress(RuntimeError):  # the loop has ended, and nobody waits any more
        loop.call_soon_threadsafe(_wake, woken)


class Classifier:
    """One loaded model that answers photographs.

    Args:
        session: the network; it is warmed up here, every class of batch size once.
        decoders: threads that decode where the network leaves the cores free; shared among the
            classifiers of a process.
        limits: what it takes on.
        observer: is told of each photograph decoded and each batch run.
        backlog: all work of the process, if other classifiers share its cores.
        run: how long a run takes; measured here, in a moment, where it is not known.

    """

    def __init__(
        self,
        session: Session,
        decoders: Executor,
        limits: Limits | None = None,
        observer: Observer | None = None,
        backlog: Backlog | None = None,
        *,
        run: BatchCost | None = None,
    ) -> None:
        self.session = session
        self.limits = limits or Limits()
        self._decoders = decoders
        self._observer = observer
        self._labels = _Labels(session.card)
        self._backlog = backlog or Backlog(cores())
        self._backlog.expect_batches(self.limits.max_batch_size)
        self._admission = Admission(self.limits.queue_size, self._backlog)
        sizes = batch_size_classes(self.limits.max_batch_size)
        session.warm_up(sizes, wait=False)
        self.cost = Cost(
            run or measure_quickly(session.run, session.card.input.size, sizes),
            batch_size=self.limits.max_batch_size,
            slots=self.limits.slots,
            decoders=cores() if session.leaves_cores_free else self.limits.slots,
        )
        self.batcher = Batcher(
            session.run,
            session.run_alone,
            is_alone=lambda: self._admission.only_one,
            # A GPU's runtime writes them into its own buffer: no need to copy them twice.
            stack=list if session.leaves_cores_free else np.stack,
            max_batch_size=self.limits.max_batch_size,
            slots=self.limits.slots,
            observer=observer,
            name=session.card.name,
        )

    @property
    def card(self) -> Card:
        """The card of the model that answers."""
        return self.session.card

    @property
    def predicted_wait_s(self) -> float:
        """Seconds until all that is accepted now, by any model of the process, is answered."""
        return self._backlog.predicted_s()

    @property
    def accepted(self) -> int:
        """Photographs accepted and not yet answered; ``limits.queue_size`` at most."""
        return len(self._admission)

    def submit(
        self,
        photos: Sequence[bytes],
        *,
        top_k: int = 5,
        timeout_s: float | None = None,
        tag: Hashable | None = None,
    ) -> list[Ticket]:
        """Accept photographs, all or none, and start on them. Their batches carry the ``tag``.

        Raises:
            Overloaded: there is no room for all of them, or they would be answered too late;
                nothing was started.

        """
        timeout_s = timeout_s or self.limits.deadline_s
        works_s = [self.cost.work_s(len(photo)) for photo in photos]
        latency_s = self.cost.latency_s(max(map(len, photos), default=0))
        self._admission.take(works_s, latency_s, timeout_s)
        start = time.perf_counter()
        deadline = time.monotonic() + timeout_s

        def name(run: Inference) -> Answer:
            return self._labels.answer(run, top_k, time.perf_counter() - start)

        return [
            Ticket(self._start(photo, deadline, work_s, tag), deadline, name)
            for photo, work_s in zip(photos, works_s, strict=True)
        ]

    def classify(self, photo: bytes, *, top_k: int = 5, timeout_s: float | None = None) -> Answer:
        """The answer for one photograph, blocking.

        Raises:
            BoothError: what went wrong.

        """
        (ticket,) = self.submit([photo], top_k=top_k, timeout_s=timeout_s)
        return ticket.wait()

    def not_ready(self) -> str | None:
        """Why this classifier can't be relied on right now, in a sentence; None if it can."""
        if not self.batcher.alive:
            return f"A batching thread of {self.card.name} has ended."
        stalled_s = self.batcher.stalled_s()
        if stalled_s > self.limits.stall_s:
            return f"{self.card.name} has made no progress for {stalled_s:.0f} s."
        return None

    def close(self, timeout_s: float | None = None) -> None:
        """Answer what was accepted and end."""
        self._admission.wait_until_idle(timeout_s)
        self.batcher.close(timeout_s)

    def _start(
        self, photo: bytes, deadline: float, work_s: float, tag: Hashable | None
    ) -> Future[Inference]:
        future: Future[Inference] = Future()
        self._admission.release_with(future, work_s)
        waiting = Waiting(deadline, future, decode=partial(self._decode, photo), tag=tag)
        if self.session.leaves_cores_free:
            self._decode_beside(waiting)
        else:
            self.batcher.put(waiting)
        return future

    def _decode_beside(self, waiting: Waiting) -> None:
        """Decode on other threads than those that run the network, which is not on these cores."""
        try:
            self._decoders.submit(self._decode_and_put, waiting)
        except RuntimeError:  # the decoders were shut down
            settle(waiting.future, error=InternalError("The service has stopped."))

    def _decode_and_put(self, waiting: Waiting) -> None:
        if waiting.future.cancelled():
            return
        if time.monotonic() >= waiting.deadline:
            settle(waiting.future, error=DeadlineExceeded(TOO_LATE))
            return
        if waiting.decode:
            waiting.decode(waiting)
        if waiting.pixels is not None:
            waiting.decode = None
            self.batcher.put(waiting)

    def _decode(self, photo: bytes, waiting: Waiting) -> None:
        start = time.perf_counter()
        try:
            decoded = decode(photo, self.card.input, max_pixels=self.limits.max_pixels)
        except BoothError as error:
            settle(waiting.future, error=error)
        except BaseException as cause:  # noqa: BLE001 (a decoder's crash is this photograph's own)
            failure = InternalError("The decoder failed on this photograph.")
            failure.__cause__ = cause
            settle(waiting.future, error=failure)
        else:
            waiting.pixels = decoded.pixels
            waiting.decoded = time.perf_counter()
            waiting.decode_s = waiting.decoded - start
            self.cost.decoded(len(photo), waiting.decode_s)
            if self._observer:
                self._observer.photo_decoded(len(photo), decoded.width * decoded.height)


class _Labels:
    """Names the outputs of one network."""

    def __init__(self, card: Card) -> None:
        self._card = card
        self._is_scene_model = card.is_scene_model
        self._indoor = np.array([label.kind == "indoor" for label in card.labels])

    def answer(self, run: Inference, top_k: int, total_s: float) -> Answer:
        return Answer(
            model=self._card.name,
            version=self._card.version,
            predictions=[
                self._prediction(index, float(run.probabilities[index]))
                for index in first_labels(run.probabilities, top_k)
            ],
            environment=self._environment(run.probabilities),
            timing_ms=Timing(
                decode=_milliseconds(run.decode_s),
                queue=_milliseconds(run.queue_s),
                inference=_milliseconds(run.inference_s),
                total=_milliseconds(total_s),
            ),
        )

    def _prediction(self, index: int, confidence: float) -> Prediction:
        label, share = self._card.labels[index], round(confidence, 6)
        if label.basis:
            return PredictionWithBasis(label.name, label.category, index, share, label.basis)
        return Prediction(label.name, label.category, index, share)

    def _environment(self, probabilities: NDArray[np.float32]) -> Environment | None:
        if not self._is_scene_model:
            return None
        indoor = min(1.0, float(probabilities[self._indoor].sum()))
        if indoor >= 0.5:  # noqa: PLR2004
            return Environment("indoor", round(indoor, 6))
        return Environment("outdoor", round(1 - indoor, 6))


def first_labels(probabilities: NDArray[np.float32], top_k: int) -> list[int]:
    """Indices of the ``top_k`` largest of K probabilities, largest first, ties by index."""
    count = min(top_k, probabilities.size)
    # Partition first: sorting all of 1000 costs several times as much.
    largest = np.argpartition(probabilities, -count)[-count:]
    order = np.lexsort((largest, -probabilities[largest]))
    return largest[order].tolist()  # type: ignore[no-any-return]


def _milliseconds(seconds: float) -> float:
    return round(seconds * 1000, 3)
