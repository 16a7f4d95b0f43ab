"""Photographs that wait are decoded and become batches; nobody else gives them their outcome.

Greedy: a slot that is free takes whatever waits, up to ``max_batch_size``; alone, a photograph
never waits for company. Under load batches form by themselves, while the slots are busy.
"""

from __future__ import annotations

import logging
import threading
import time
import traceback
import weakref
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import Executor, Future, InvalidStateError
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from typing import Any, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from booth_client.errors import BoothError, DeadlineExceeded, InternalError, ShuttingDown
from service.engine.inference import Batch, Explanation, Inference
from service.engine.lane import Lane
from service.engine.turns import FairQueue
from service.photo.decode import DecodedPhoto, Seen
from service.photo.resample import Box
from service.runtimes.explaining import Evidence

__all__ = [
    "GATHERING_S",
    "TOO_LATE",
    "Batcher",
    "Observer",
    "PendingPhoto",
]

log = logging.getLogger(__name__)

TOO_LATE = "The photograph waited longer than its deadline; send fewer at once or raise timeout_ms."

# A batch that has been decoded for so long runs: one huge photograph must not keep the others.
GATHERING_S = 0.02

RunModel: TypeAlias = Callable[[Any], NDArray[np.float32]]
RunExplaining: TypeAlias = Callable[[Any, bool], Sequence[Evidence]]
Explain: TypeAlias = Callable[[Evidence, Seen], Explanation]
Decode: TypeAlias = Callable[[bytes], DecodedPhoto]
DecodeApart: TypeAlias = Callable[[bytes, float], DecodedPhoto]
Finish: TypeAlias = Callable[[NDArray[np.float32], Box], NDArray[np.float32]]


@dataclass(slots=True, eq=False, weakref_slot=True)
class PendingPhoto:
    """One photograph that was accepted and has no outcome yet; the future gets it.

    ``data`` is its file; past ``deadline``, a ``time.monotonic()`` instant, nobody wants the answer
    any more. ``tag`` is what its sender knows it by: the batch that it gets into carries it.
    ``arrived`` is a ``time.perf_counter()`` instant. ``client`` is whose it is: clients take turns.
    ``foreseen_s`` is what decoding it should take; ``is_costly`` sends it to the lane. ``explain``
    is given where the answer is to be explained: it makes the explanation of what the network gave.
    """

    data: bytes
    deadline: float
    tag: Hashable | None = None
    future: Future[Inference] = field(default_factory=Future)
    arrived: float = field(default_factory=time.perf_counter)
    client: str = ""
    foreseen_s: float = 0.0
    is_costly: bool = False
    explain: Explain | None = None

    def __post_init__(self) -> None:
        """Let go of the file as soon as nobody wants the answer any more, or it is there."""
        # Weak, because a photograph that its own future holds would wait for the garbage collector.
        self.future.add_done_callback(partial(_let_go, weakref.ref(self)))


class _Decoded(NamedTuple):
    """S x S x 3 pixels, where they lie on the photograph, what decoding took, and when it ended."""

    pixels: NDArray[np.uint8]
    seen: Seen
    seconds: float
    end: float


# What waits for a slot was decoded beside, or will be on the slot.
_Queued: TypeAlias = tuple[PendingPhoto, _Decoded | None]
_Ready: TypeAlias = tuple[PendingPhoto, _Decoded]
# Probabilities, and the explanation of a photograph that asks for it.
_Said: TypeAlias = tuple[NDArray[np.float32], Explanation | None]
_Run: TypeAlias = Callable[[list[_Ready]], Iterable[_Said]]


class Observer(Protocol):
    """Told what happens to the photographs, so that metrics can stand beside the core."""

    def photo_decoded(self, size: int, pixels: int) -> None:
        """A photograph of ``size`` bytes and ``pixels`` (width x height) was decoded."""

    def batch_ran(self, size: int, seconds: float) -> None:
        """A batch of ``size`` photographs has run, for so long."""


class Batcher:
    """Runs photographs in batches on ``slots`` threads of its own.

    A slot's thread decodes what it takes and goes on taking until the batch is full, nothing waits,
    or decoding has taken long enough: no photograph is handed from thread to thread, and its pixels
    are still in the core's cache when the network reads them. Where the network leaves the cores
    free, photographs are decoded beside it instead, before they wait for a slot.

    Args:
        decode: bytes -> S x S x 3 pixels; raises a BoothError over what can't be decoded.
        run: N x S x S x 3 photographs -> N answers; may raise.
        run_alone: the same, for a photograph that is all there is to do.
        run_explaining: the same with more, for photographs whose answers are to be explained, and
            whether they are all there is to do.
        decoders: threads to decode beside the network; None to decode on the slots.
        lane: where costly photographs are decoded, by ``decode_apart``; without it, like others.
        decode_apart: as ``decode``, and ends by an instant of ``time.monotonic()``.
        learn: is told what decoding was foreseen to take and took, in seconds, but for the lane's.
        is_alone: whether one photograph is all there is to do.
        finish: makes of what the network says of a photograph, and where it is seen, its answer.
        stack: makes of N decoded photographs what ``run`` takes.
        max_batch_size: the largest N.
        slots: runs that may go on at the same time.
        observer: is told of each photograph decoded and each batch run.
        name: of the threads.

    """

    def __init__(
        self,
        decode: Decode,
        run: RunModel,
        run_alone: RunModel | None = None,
        *,
        run_explaining: RunExplaining | None = None,
        decoders: Executor | None = None,
        lane: Lane | None = None,
        decode_apart: DecodeApart | None = None,
        learn: Callable[[float, float], None] = lambda *_: None,
        is_alone: Callable[[], bool] = lambda: False,
        finish: Finish = lambda answer, _: answer,
        stack: Callable[[Sequence[NDArray[np.uint8]]], Any] = np.stack,
        max_batch_size: int = 32,
        slots: int = 1,
        observer: Observer | None = None,
        name: str = "model",
    ) -> None:
        self._decode = decode
        self._run = run
        self._run_alone = run_alone or run
        self._run_explaining = run_explaining
        self._decoders = decoders
        self._lane = lane
        self._decode_apart = decode_apart
        self._learn = learn
        self._is_alone = is_alone
        self._finish = finish
        self._stack = stack
        self._max_batch_size = max_batch_size
        self._observer = observer
        self._queue: FairQueue[_Queued] = FairQueue()
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

    def put(self, photo: PendingPhoto) -> None:
        """Let a photograph wait for its turn; its future gets the inference or the error."""
        if photo.is_costly and self._lane is not None:
            work = partial(self._decode_beside, photo)
            if not self._lane.put(work, photo.foreseen_s, photo.client):
                self._settle(photo, _no_lane())
            return
        if self._decoders is None:
            self._enqueue(photo)
            return
        try:
            decoding = self._decoders.submit(self._decode_beside, photo)
        except RuntimeError:  # the decoders were shut down
            self._settle(photo, InternalError("The service has stopped."))
        else:
            decoding.add_done_callback(partial(self._settle_if_dropped, photo))

    def __len__(self) -> int:
        """Photographs that wait for a slot now."""
        return len(self._queue)

    @property
    def alive(self) -> bool:
        """Whether every thread still runs."""
        return all(thread.is_alive() for thread in self._threads)

    def stalled_s(self) -> float:
        """Seconds that there has been work without any progress; 0 when idle."""
        with self._changed:
            return time.monotonic() - self._progress if self._busy() else 0.0

    def close(self, timeout_s: float | None = None) -> None:
        """Take nothing new, answer what waits, end the threads."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(timeout_s)

    def _busy(self) -> bool:
        return self._running > 0 or len(self._queue) > 0

    def _enqueue(self, photo: PendingPhoto, decoded: _Decoded | None = None) -> None:
        with self._changed:
            if not self._closed:
                if not self._busy():
                    # The clock of `stalled_s` starts with the work: a quiet hour is no stall.
                    self._progress = time.monotonic()
                self._queue.append((photo, decoded), photo.client)
                self._changed.notify()
                return
        self._settle(photo, ShuttingDown("This model is being unloaded; try again."))

    def _decode_beside(self, photo: PendingPhoto) -> bool:
        """On another thread, or other cores, than the network's; whether it was still wanted."""
        if not self._is_wanted(photo):
            return False
        decoded = self._decoded(photo)
        if decoded:
            self._enqueue(photo, decoded)
        return True

    def _settle_if_dropped(self, photo: PendingPhoto, decoding: Future[bool]) -> None:
        """Where the decoders were shut down before its turn came."""
        if decoding.cancelled():
            self._settle(photo, InternalError("The service has stopped."))

    def _serve(self) -> None:
        while True:
            try:
                first = self._wait_for_first()
                if first is None:
                    return
                self._answer(first)
            except BaseException:
                # Whatever it was, the photographs have been settled and the next ones wait.
                log.exception("a batch failed outside the network's run")

    def _wait_for_first(self) -> _Queued | None:
        """Wait for the first photograph of a batch, and take a slot; None when closed and done."""
        with self._changed:
            while True:
                first = self._next()
                if first:
                    self._running += 1
                    return first
                if self._closed:
                    return None
                self._changed.wait()

    def _next(self) -> _Queued | None:
        """The next photograph that somebody still waits for. The lock is held."""
        self._progress = time.monotonic()
        while self._queue:
            queued = self._queue.popleft()
            photo, _ = queued
            # Once it is said to run, it can't be cancelled any more.
            if self._is_wanted(photo) and photo.future.set_running_or_notify_cancel():
                return queued
        return None

    def _is_wanted(self, photo: PendingPhoto) -> bool:
        """Whether anybody still waits for it, asked before it costs anything; if late, it ends."""
        if time.monotonic() >= photo.deadline:
            self._settle(photo, DeadlineExceeded(TOO_LATE))
            return False
        return not photo.future.cancelled()

    def _answer(self, first: _Queued) -> None:
        taken = [first]
        try:
            batch = self._gather(taken)
            if batch:
                self._run_batch(batch, alone=len(batch) == 1 and self._is_alone())
        finally:
            with self._changed:
                self._running -= 1
                self._progress = time.monotonic()
            for photo, _ in taken:
                if not photo.future.done():
                    self._settle(photo, InternalError("The batch could not be answered."))

    def _gather(self, taken: list[_Queued]) -> list[_Ready]:
        """Decode what is taken, and take more; return what the network can run."""
        batch: list[_Ready] = []
        end = time.perf_counter() + GATHERING_S
        for photo, decoded_beside in taken:
            decoded = decoded_beside or self._decoded(photo)
            if decoded:
                batch.append((photo, decoded))
            if len(batch) < self._max_batch_size and time.perf_counter() < end:
                with self._changed:
                    another = self._next()
                if another:
                    taken.append(another)
        return batch

    def _decoded(self, photo: PendingPhoto) -> _Decoded | None:
        """The pixels of a photograph; None if there are none, which it is then told."""
        start = time.perf_counter()
        try:
            size = len(photo.data)  # who is no longer waited for lets go of it
            decoded = self._pixels(photo)
            end = time.perf_counter()
            if not photo.is_costly:
                self._learn(photo.foreseen_s, end - start)
            if self._observer:
                self._observer.photo_decoded(size, decoded.width * decoded.height)
        except BoothError as error:
            self._settle(photo, error)
        except BaseException as cause:  # noqa: BLE001 (a decoder's crash is this photograph's own)
            self._settle(photo, _failure("The decoder failed on this photograph.", cause))
        else:
            return _Decoded(decoded.pixels, decoded.seen, end - start, end)
        return None

    def _pixels(self, photo: PendingPhoto) -> DecodedPhoto:
        if photo.is_costly and self._decode_apart:
            return self._decode_apart(photo.data, photo.deadline)
        return self._decode(photo.data)

    def _run_batch(self, batch: list[_Ready], *, alone: bool) -> None:
        """Run what is to be explained apart from the rest, which then costs what it always does."""
        explained = [ready for ready in batch if ready[0].explain]
        plain = [ready for ready in batch if not ready[0].explain] if explained else batch
        if plain:
            self._run_together(plain, partial(self._answers, alone=alone))
        if explained:
            self._run_together(explained, partial(self._explained, alone=alone))

    def _answers(self, batch: list[_Ready], *, alone: bool) -> Iterable[_Said]:
        run = self._run_alone if alone else self._run
        return zip(run(self._stack([decoded.pixels for _, decoded in batch])), repeat(None))

    def _explained(self, batch: list[_Ready], *, alone: bool) -> Iterable[_Said]:
        assert self._run_explaining  # noqa: S101 (or nothing asks for explanations)
        given = self._run_explaining(self._stack([decoded.pixels for _, decoded in batch]), alone)
        return [
            (evidence.answer, photo.explain(evidence, decoded.seen))
            for (photo, decoded), evidence in zip(batch, given, strict=True)
            if photo.explain
        ]

    def _run_together(self, batch: list[_Ready], run: _Run) -> None:
        start = time.perf_counter()
        try:
            said = run(batch)
        except BaseException as cause:  # noqa: BLE001 (whatever it is, its photographs are told)
            self._run_one_by_one(batch, run, cause)
            return
        seconds = time.perf_counter() - start
        tags = tuple(photo.tag for photo, _ in batch if photo.tag is not None)
        together = Batch(len(batch), start, seconds, tags)
        for (photo, decoded), (row, explanation) in zip(batch, said, strict=True):
            arrived, took, end = photo.arrived, decoded.seconds, decoded.end
            answer = self._finish(row, decoded.seen.box)
            self._settle(photo, Inference(answer, arrived, took, end, together, explanation))
        if self._observer:
            self._observer.batch_ran(len(batch), seconds)

    def _run_one_by_one(self, batch: list[_Ready], run: _Run, cause: BaseException) -> None:
        """After a failed run: only the culprit fails, its neighbours are answered."""
        if len(batch) > 1:
            for ready in batch:
                self._run_together([ready], run)
            return
        log.error("the network failed on a photograph", exc_info=cause)
        ((photo, _),) = batch
        self._settle(photo, _failure("The network failed on this photograph.", cause))

    def _settle(self, photo: PendingPhoto, outcome: Inference | BoothError) -> None:
        """Give a photograph its outcome; one that was cancelled meanwhile stays so."""
        try:
            if isinstance(outcome, Inference):
                photo.future.set_result(outcome)
            else:
                _clear_frames(outcome)
                photo.future.set_exception(outcome)
        except InvalidStateError:
            pass


def _let_go(photo: weakref.ref[PendingPhoto], future: Future[Inference]) -> None:
    del future
    settled = photo()
    if settled is not None:
        settled.data = b""


def _clear_frames(error: BaseException | None) -> None:
    """Let go of what a decoder held when it failed; the lines of the traceback stay."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__


def _no_lane() -> ShuttingDown:
    return ShuttingDown("Photographs of this kind are not decoded now; try again.", retry_after_s=1)


def _failure(sentence: str, cause: BaseException) -> InternalError:
    error = InternalError(sentence)
    error.__cause__ = cause
    return error
