"""What is known of one request for labels, for those who tell of it when it is over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from service.engine.inference import Batch, Inference
from service.engine.ticket import Ticket
from service.telemetry.metrics import UNKNOWN

if TYPE_CHECKING:
    from service.telemetry.tracing import Trace

__all__ = ["RequestRecord", "Stage"]


@dataclass(frozen=True, slots=True)
class Stage:
    """Where time went: from the instant ``start`` of ``time.perf_counter()`` on, in seconds.

    ``photograph`` is its index, if the stage is that of one; ``batch`` the run it was part of.
    """

    name: str
    start: float
    seconds: float
    photograph: int | None = None
    batch: Batch | None = None


@dataclass(slots=True)
class RequestRecord:
    """One request, as far as it came. Log and trace are made of it once it is answered.

    ``size`` is that of the body in bytes; ``failed`` has the outcome of each photograph, by its
    index, that got an error within an answer; ``recalled`` are those whose answer was known.
    """

    trace: Trace | None = None
    model: str = UNKNOWN
    version: str = ""
    outcome: str = "error"
    size: int = 0
    photographs: int = 0
    tickets: Sequence[Ticket] = ()
    failed: dict[int, str] = field(default_factory=dict)
    recalled: set[int] = field(default_factory=set)
    read: Stage | None = None
    answer: Stage | None = None

    def stages(self) -> Iterator[Stage]:
        """All stages that it went through: once each, but one of each photograph in the middle."""
        if self.read:
            yield self.read
        asked = (index for index in range(self.photographs) if index not in self.recalled)
        for index, ticket in zip(asked, self.tickets, strict=False):
            if run := ticket.inference:
                yield from _stages(run, index)
        if self.answer:
            yield self.answer

    def longest(self) -> dict[str, float]:
        """The seconds of each stage; of several photographs, the longest."""
        seconds: defaultdict[tuple[str, int | None], float] = defaultdict(float)
        for stage in self.stages():
            seconds[stage.name, stage.photograph] += stage.seconds
        longest: dict[str, float] = {}
        for (name, _), each in seconds.items():
            longest[name] = max(each, longest.get(name, 0.0))
        return longest


def _stages(run: Inference, index: int) -> Iterator[Stage]:
    """Those of one photograph, which waits twice: for a slot, and for the others of its batch."""
    decoding = run.decoded - run.decode_s
    yield Stage("queue", run.arrived, decoding - run.arrived, index)
    yield Stage("decode", decoding, run.decode_s, index)
    yield Stage("queue", run.decoded, run.batch.start - run.decoded, index)
    yield Stage("inference", run.batch.start, run.inference_s, index, run.batch)
