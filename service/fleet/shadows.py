"""Shadow traffic: photographs that were answered are shown to another version as well.

Another process asks it, one photograph at a time, which comes last for the cores: whoever waits for
an answer does not notice. What there is no room for is dropped, and counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future
from functools import partial
from typing import Literal, NamedTuple, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from booth_client.errors import BoothError, DeadlineExceeded, Overloaded
from service.fleet.agreement import Agreement, Comparison
from service.fleet.fleet import Fleet, LoadedModel
from service.fleet.rollout import Plan, point
from service.inspection.answers import AnswerTask
from service.inspection.queue import InspectionQueue
from service.inspection.task import Subject
from service.memory import MemoryBudget, Reservation

__all__ = ["MOST_IN_FLIGHT", "Answered", "ShadowObserver", "Shadows"]

MOST_IN_FLIGHT = 8
_PATIENCE_S = 10.0
# Of the memory for requests, that stays free: there is none for what nobody waits for.
_LEAST_FREE = 0.25
_KEPT = 32  # comparisons: pairs of versions

Missed: TypeAlias = Literal["dropped", "failed"]


class Answered(NamedTuple):
    """A photograph, and what the version that was asked said of it: K probabilities, or more."""

    photo: bytes
    answer: NDArray[np.float32]


class ShadowObserver(Protocol):
    """Told what becomes of the photographs that a version is shown."""

    def begins(self, model: str, version: str) -> None:
        """Its first ones come."""

    def compared(self, model: str, version: str, agreement: Agreement) -> None:
        """It answered."""

    def missed(self, model: str, version: str, why: Missed, photographs: int) -> None:
        """They were dropped, for want of room or time, or it failed on them."""


class _Shadow(NamedTuple):
    """A version that is shown a photograph, and how its answer is compared."""

    model: LoadedModel
    comparison: Comparison


class Shadows:
    """Shows photographs to versions that answer nobody. Safe to use from the event loop.

    Args:
        fleet: the models.
        queue: where they wait, for one process of its own.
        memory: what all requests may hold together.
        observer: is told what becomes of them.

    """

    def __init__(
        self, fleet: Fleet, queue: InspectionQueue, memory: MemoryBudget, observer: ShadowObserver
    ) -> None:
        self._fleet = fleet
        self._queue = queue
        self._memory = memory
        self._observer = observer
        self._comparisons: OrderedDict[tuple[bytes, bytes], Comparison] = OrderedDict()

    def show(
        self, plan: Plan, request_id: str, asked: LoadedModel, answered: Sequence[Answered]
    ) -> None:
        """Show a request's photographs to the versions whose share it falls into.

        On the event loop, which does it when what it does now is done: the answer is out by then.

        Args:
            plan: of the model.
            request_id: decides.
            asked: the version that answered.
            answered: the photographs.

        """
        for version, share in plan.shadow.items():
            if version == asked.card.version or point(request_id, f"shadow {version}") >= share:
                continue
            model = self._fleet.versions(asked.card.name).get(version)
            if model:
                self._show(_Shadow(model, self._comparison(asked, model)), answered)

    def close(self, timeout_s: float | None = None) -> None:
        """End the process; what waits for it is left behind after so long."""
        self._queue.close(timeout_s)

    def _show(self, shadow: _Shadow, answered: Sequence[Answered]) -> None:
        """Take the memory now, while the request still holds it, and the time later."""
        taken = 0
        if self._is_quiet():
            loop = asyncio.get_running_loop()
            for one in answered[: MOST_IN_FLIGHT - len(self._queue)]:
                held = self._reserve(len(one.photo))
                if held is None:
                    break
                loop.call_soon(self._submit, shadow, one, held)
                taken += 1
        self._miss(shadow.model, "dropped", len(answered) - taken)

    def _is_quiet(self) -> bool:
        """Whether no photograph of anybody's waits for a slot."""
        return not any(len(one.classifier.batcher) for one in self._fleet.loaded())

    def _reserve(self, size: int) -> Reservation | None:
        free = self._memory.size - self._memory.held - size
        with contextlib.suppress(Overloaded):  # others take theirs meanwhile
            return self._memory.reserve(size) if free > _LEAST_FREE * self._memory.size else None
        return None

    def _submit(self, shadow: _Shadow, one: Answered, held: Reservation) -> None:
        try:
            ticket = self._queue.submit(AnswerTask(self._subject(shadow.model, one.photo)))
        except BoothError as error:
            held.release()
            self._miss(shadow.model, _why(error))
        else:
            ticket.future.add_done_callback(partial(self._compare, shadow, one.answer, held))

    def _subject(self, model: LoadedModel, photo: bytes) -> Subject:
        return Subject(
            photos=(photo,),
            path=str(model.path),
            modified=model.modified,
            card=model.card,
            max_pixels=self._queue.max_pixels,
            formats=self._queue.formats,
            deadline=time.monotonic() + _PATIENCE_S,
        )

    def _compare(
        self,
        shadow: _Shadow,
        answer: NDArray[np.float32],
        held: Reservation,
        future: Future[NDArray[np.float32]],
    ) -> None:
        """On the queue's thread, when the version has answered or won't."""
        held.release()
        error = future.exception()
        if error:
            self._miss(shadow.model, _why(error))
            return
        agreement = shadow.comparison.agreement(answer, future.result())
        self._observer.compared(*shadow.model.name_and_version, agreement)

    def _miss(self, model: LoadedModel, why: Missed, photographs: int = 1) -> None:
        if photographs:
            self._observer.missed(*model.name_and_version, why, photographs)

    def _comparison(self, one: LoadedModel, other: LoadedModel) -> Comparison:
        """That of two versions, made once: it takes a millisecond for a thousand labels."""
        key = one.identity, other.identity
        if key not in self._comparisons:
            self._observer.begins(*other.name_and_version)
            self._comparisons[key] = Comparison(one.card, other.card)
            if len(self._comparisons) > _KEPT:
                self._comparisons.popitem(last=False)
        return self._comparisons[key]


def _why(error: BaseException) -> Missed:
    return "dropped" if isinstance(error, Overloaded | DeadlineExceeded) else "failed"
