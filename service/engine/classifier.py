"""Bytes of a photograph in, an Answer out: the one way in for server, command line and tests.

A photograph walks: admission (bounded) -> batcher, which has it decoded and runs the session; the
caller's own thread or event loop then names the first labels.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np

from booth_client.wire import Answer
from models.card import Card
from service.engine.admission import Admission, Backlog
from service.engine.batcher import Batcher, Observer, PendingPhoto
from service.engine.cost import BatchCost, Cost, measure_quickly
from service.engine.inference import Inference
from service.engine.naming import Labeller
from service.engine.ticket import Ticket
from service.machine import cores
from service.photo.decode import DecodedPhoto, decode
from service.photo.formats import FORMATS
from service.runtimes.session import Session, batch_size_classes

__all__ = ["Classifier", "Limits"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What a classifier takes on.

    ``queue_size`` counts the photographs accepted and not yet answered; ``max_pixels`` is per
    photograph, and ``formats`` are those that are decoded; ``deadline_s`` is the time a photograph
    may take if its sender names none.
    """

    queue_size: int = 256
    max_batch_size: int = 4
    max_pixels: int = 50_000_000
    formats: tuple[str, ...] = FORMATS
    deadline_s: float = 10.0
    stall_s: float = 30.0
    slots: int = 1


class Classifier:
    """One loaded model that answers photographs.

    Args:
        session: the network; it is warmed up here, every class of batch size once.
        decoders: threads that decode where the network leaves the cores free; shared among the
            classifiers of a process.
        limits: what it takes on.
        observer: is told of each photograph decoded and each batch run.
        backlog: all work of the process, if other classifiers share its cores.
        batch_cost: how long a run takes; measured here, in a moment, where it is not known.

    """

    def __init__(
        self,
        session: Session,
        decoders: Executor,
        limits: Limits | None = None,
        observer: Observer | None = None,
        backlog: Backlog | None = None,
        *,
        batch_cost: BatchCost | None = None,
    ) -> None:
        self.session = session
        self.limits = limits or Limits()
        self._labeller = Labeller(session.card)
        self._backlog = backlog or Backlog(cores())
        self._backlog.expect_batches(self.limits.max_batch_size)
        self._admission = Admission(self.limits.queue_size, self._backlog)
        self.cost = self._foreseen(batch_cost)
        beside = session.leaves_cores_free
        self.batcher = Batcher(
            self._decode,
            session.run,
            session.run_alone,
            decoders=decoders if beside else None,
            is_alone=lambda: self._admission.only_one,
            # A GPU's runtime writes them into its own buffer: no need to copy them twice.
            stack=list if beside else np.stack,
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
        self._admission.admit(works_s, latency_s, timeout_s)
        start = time.perf_counter()
        deadline = time.monotonic() + timeout_s

        def name(inference: Inference) -> Answer:
            return self._labeller.answer(inference, top_k, time.perf_counter() - start)

        tickets = []
        for data, work_s in zip(photos, works_s, strict=True):
            photo = PendingPhoto(data, deadline, tag)
            self._admission.release_with(photo.future, work_s)
            self.batcher.put(photo)
            tickets.append(Ticket(photo.future, deadline, name))
        return tickets

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

    def _foreseen(self, batch_cost: BatchCost | None) -> Cost:
        """What photographs will cost, told once the network is warm."""
        sizes = batch_size_classes(self.limits.max_batch_size)
        self.session.warm_up(sizes, wait=False)
        return Cost(
            batch_cost or measure_quickly(self.session.run, self.card.input.size, sizes),
            batch_size=self.limits.max_batch_size,
            slots=self.limits.slots,
            decoders=cores() if self.session.leaves_cores_free else self.limits.slots,
        )

    def _decode(self, photo: bytes) -> DecodedPhoto:
        start = time.perf_counter()
        decoded = decode(
            photo,
            self.card.input,
            max_pixels=self.limits.max_pixels,
            formats=self.limits.formats,
        )
        self.cost.decoded(len(photo), time.perf_counter() - start)
        return decoded
