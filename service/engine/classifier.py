"""Bytes of a photograph in, an Answer out: the one way in for server, command line and tests.

A photograph walks: admission (bounded) -> batcher, which has it decoded and runs the session; the
caller's own thread or event loop then names the first labels.
"""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from concurrent.futures import Executor
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from typing import Any

import numpy as np

from booth_client.errors import DeadlineExceeded, Overloaded
from booth_client.wire import Answer
from models.card import Card
from models.finer import FinerConfidences
from service.engine.admission import Admission, Backlog
from service.engine.apart import Apart, foresee
from service.engine.batcher import TOO_LATE, Batcher, Observer, PendingPhoto
from service.engine.cost import BatchCost, Cost, measure_quickly
from service.engine.explanation import Explaining
from service.engine.inference import Inference
from service.engine.naming import Labeller
from service.engine.ticket import Ticket
from service.machine import cores
from service.photo.decode import DecodedPhoto, decode, reduced_side
from service.photo.formats import FORMATS, format_of
from service.runtimes.explaining import Evidence
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
    max_pixels: int = 64_000_000
    formats: tuple[str, ...] = FORMATS
    deadline_s: float = 10.0
    stall_s: float = 30.0
    slots: int = 1


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a photograph keeps the others waiting for, and what its decoding is foreseen to take."""

    work_s: float
    foreseen_s: float
    is_costly: bool


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
        apart: decodes costly photographs where they keep nobody waiting; without it they are
            decoded like the others.

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
        apart: Apart | None = None,
    ) -> None:
        self.session = session
        self._apart = apart
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
            run_explaining=self._run_explaining,
            decoders=decoders if beside else None,
            lane=apart.lane if apart else None,
            decode_apart=self._decode_apart,
            learn=self.cost.decoded,
            is_alone=lambda: self._admission.only_one,
            finish=FinerConfidences(session.card),
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
        client: str = "",
        explain: frozenset[str] = frozenset(),
    ) -> list[Ticket]:
        """Accept photographs, all or none, and start on them. Their batches carry the ``tag``.

        Args:
            photos: their files.
            top_k: how many labels each gets.
            timeout_s: seconds after which the answers are of no use; None for the usual time.
            tag: see ``PendingPhoto``.
            client: whose they are. Clients take turns, and none may have all of the queue; "" is
                nobody in particular, who may.
            explain: what is to be explained, some of ``service.engine.explanation.PARTS``. What
                that needs is loaded first: see ``Session.explainer`` for how not to wait here.

        Raises:
            InvalidParameter: the model can't explain that.
            Overloaded: there is no room for all of them, or they would be answered too late;
                nothing was started.

        """
        timeout_s = timeout_s or self.limits.deadline_s
        explaining = self._explaining(explain, top_k, timeout_s) if explain else None
        plans = [self._plan(photo) for photo in photos]
        self._admit(plans, timeout_s, client)
        start = time.perf_counter()
        deadline = time.monotonic() + timeout_s

        def name(inference: Inference) -> Answer:
            return self._labeller.answer(inference, top_k, time.perf_counter() - start)

        tickets = []
        for data, plan in zip(photos, plans, strict=True):
            photo = PendingPhoto(
                data,
                deadline,
                tag,
                client=client,
                foreseen_s=plan.foreseen_s,
                is_costly=plan.is_costly,
                explain=explaining,
            )
            self._admission.release_with(photo.future, plan.work_s, client)
            self.batcher.put(photo)
            tickets.append(Ticket(photo.future, deadline, name))
        return tickets

    def refuse_if_full(
        self, timeout_s: float | None = None, client: str = "", *, ahead: int = 0
    ) -> None:
        """Refuse at once what ``submit`` would refuse, were it a photograph like those before it.

        One that costs nothing might still find room where these find none; but to read them all
        for its sake would take a third of the cores in an overload.

        Args:
            timeout_s: as for ``submit``.
            client: likewise.
            ahead: as many photographs are about to be submitted.

        Raises:
            Overloaded: such a photograph would not be answered.

        """
        timeout_s = timeout_s or self.limits.deadline_s
        usual_s = self.cost.usual_foreseen_s
        work_s, latency_s = self.cost.work_s(usual_s), self.cost.latency_s(usual_s)
        self._admission.check(work_s, latency_s, timeout_s, client, ahead=ahead)

    def _plan(self, photo: bytes) -> _Plan:
        """What a photograph will cost, by its header."""
        foreseen = foresee(photo, reduced_side(self.card.input))
        if self._apart and not foreseen.is_plain:
            return _Plan(self.cost.work_s(0), foreseen.decode_s, is_costly=True)
        return _Plan(self.cost.work_s(foreseen.decode_s), foreseen.decode_s, is_costly=False)

    def _admit(self, plans: Sequence[_Plan], timeout_s: float, client: str) -> None:
        """Let them in, all or none: into the queue, and what is costly into the lane as well."""
        plain_s = max((one.foreseen_s for one in plans if not one.is_costly), default=0.0)
        costly = [one.foreseen_s for one in plans if one.is_costly]
        works_s = [one.work_s for one in plans]
        self._admission.admit(works_s, self.cost.latency_s(plain_s), timeout_s, client)
        if costly and self._apart:
            try:
                self._apart.lane.backlog.admit(costly, 0.0, timeout_s, client)
            except Overloaded:
                self._admission.give_back(works_s, client)
                raise

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

    def _explaining(self, parts: frozenset[str], top_k: int, timeout_s: float) -> Explaining:
        try:
            self.session.explainer().result(timeout_s).check(parts)
        except FutureTimeoutError:
            raise DeadlineExceeded(TOO_LATE) from None
        return Explaining(self.card, parts, top_k)

    def _run_explaining(self, photos: Any, alone: bool) -> list[Evidence]:
        return self.session.explainer().result().run(photos, alone=alone)

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
        limits = self.limits
        return decode(photo, self.card.input, max_pixels=limits.max_pixels, formats=limits.formats)

    def _decode_apart(self, photo: bytes, deadline: float) -> DecodedPhoto:
        assert self._apart  # noqa: S101 (without it nothing is costly)
        format_of(photo, self.limits.formats)
        return self._apart.processes.decode(
            photo, self.card.input, max_pixels=self.limits.max_pixels, deadline=deadline
        )
