"""One record of a request, in seconds, of which metrics, log line and trace are each made, once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from booth_client.wire import Answer
from service.engine.inference import Batch, Inference
from service.engine.ticket import Ticket

__all__ = ["UNKNOWN", "RequestRecord", "Stage", "Trace"]

# The model of requests that named none we serve: a client's text never becomes a metric's label.
UNKNOWN = "unknown"


class Trace(Protocol):
    """The trace of a request, where it has one."""

    def __hash__(self) -> int:
        """By identity."""

    @property
    def id(self) -> str:
        """32 hexadecimal digits."""

    def end(self, record: RequestRecord) -> None:
        """Make its spans of what is known of the request."""


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
    """What is known of one request; whoever serves it fills it in.

    Attributes:
        request_id: The client's, or one of ours.
        method: GET, POST, ...
        route: The template of its path, "" where it has none.
        path: As it was sent, %-encoded: it can't break a log's line or paint a terminal.
        start: The instant of ``time.perf_counter()`` at which its head was there.
        classifies: It asks for labels; only then has it what follows, and counts in the metrics.
        inspects: What of a network it looks into, which counts by itself; "" if nothing.
        trace: Where it is traced.
        seconds: From its head to the end of its answer.
        status: Of the response; 0 if none was sent.
        outcome: "ok", or the kind of its error, as the metrics name it.
        model: The model's name, and ``version`` its version.
        is_rollout: That model's versions are being compared, and count by version as well.
        body_bytes: Size of the body.
        photographs: How many it holds.
        tickets: Of those that the network was asked about, in their order.
        answers: Of these, what it said, in their order.
        failed: The outcome of each photograph, by its index, that got an error within an answer.
        cached: The photographs, by their index, whose answer was known before.
        lookups: How often the response cache gave each result.
        read_stage: The body was read and taken apart.
        cache_stage: The response cache was asked.
        answer_stage: The answer was written.

    """

    request_id: str
    method: str
    path: str
    start: float
    classifies: bool = False
    inspects: str = ""
    trace: Trace | None = None
    route: str = ""
    seconds: float = 0.0
    status: int = 0
    outcome: str = ""
    model: str = UNKNOWN
    version: str = ""
    is_rollout: bool = False
    body_bytes: int = 0
    photographs: int = 0
    tickets: Sequence[Ticket] = ()
    answers: list[Answer] = field(default_factory=list)
    failed: dict[int, str] = field(default_factory=dict)
    cached: set[int] = field(default_factory=set)
    lookups: dict[str, int] = field(default_factory=dict)
    read_stage: Stage | None = None
    cache_stage: Stage | None = None
    answer_stage: Stage | None = None

    @property
    def end(self) -> float:
        """The instant of ``time.perf_counter()`` at which it was over."""
        return self.start + self.seconds

    def stages(self) -> Iterator[Stage]:
        """All stages that it went through: once each, but one of each photograph in the middle."""
        yield from filter(None, (self.read_stage, self.cache_stage))
        for index, inference in self.inferences():
            yield from _stages(inference, index)
        if self.answer_stage:
            yield self.answer_stage

    def inferences(self) -> Iterator[tuple[int, Inference]]:
        """What the network took for each photograph that it has seen, by its index."""
        asked = (index for index in range(self.photographs) if index not in self.cached)
        for index, ticket in zip(asked, self.tickets, strict=False):
            if inference := ticket.inference:
                yield index, inference

    def longest(self) -> dict[str, float]:
        """The seconds of each stage; of several photographs, the longest."""
        seconds: defaultdict[tuple[str, int | None], float] = defaultdict(float)
        for stage in self.stages():
            seconds[stage.name, stage.photograph] += stage.seconds
        longest: dict[str, float] = {}
        for (name, _), each in seconds.items():
            longest[name] = max(each, longest.get(name, 0.0))
        return longest


def _stages(inference: Inference, index: int) -> Iterator[Stage]:
    """Those of one photograph, which waits twice: for a slot, and for the others of its batch."""
    batch, decoded = inference.batch, inference.decoded
    decoding = decoded - inference.decode_s
    yield Stage("queue", inference.arrived, decoding - inference.arrived, index)
    yield Stage("decode", decoding, inference.decode_s, index)
    yield Stage("queue", decoded, batch.start - decoded, index)
    yield Stage("inference", batch.start, inference.inference_s, index, batch)
