"""A light load generator: photographs over keep-alive connections, percentiles from every sample.

    python -m benchmarks.load http://127.0.0.1:8000/classify --clients 32 --seconds 10
    python -m benchmarks.load http://127.0.0.1:8000/classify --rate 120

Closed loop: each client sends its next photograph when it has its answer. Open loop: requests
arrive as a Poisson process whatever the server does, and a latency counts from the moment its
request was due, so that a stalled server can't hide the requests it kept waiting ("coordinated
omission"). Connections are opened one by one during the warm-up: in one burst, the process of a
pre-forked server that wakes up first takes them all.

One thread and ``select``, whose timeout is exact to microseconds where that of ``epoll`` and of
uvloop's timers is whole milliseconds.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import select
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.connection import Broken, Connection, body_of
from benchmarks.photographs import read_photographs
from benchmarks.posts import bodies, post_request

__all__ = ["Figures", "Load", "Plan", "post_request", "quantile"]

MOST_CONNECTIONS = 1000  # select's limit is 1024 files

clock = time.perf_counter


@dataclass(frozen=True, slots=True)
class Plan:
    """What load to put on a server.

    Attributes:
        connections: clients of the closed loop; of the open one, most requests at a time.
        rate: requests a second of the open loop; None for the closed loop.
        seconds: what is measured, after the warm-up.
        warm_up_s: time with load before; connections are opened in its first half.
        timeout_s: how long after the end an answer is waited for.
        seed: of the arrivals.
        batch: photographs in one request.

    """

    connections: int
    rate: float | None = None
    seconds: float = 5.0
    warm_up_s: float = 1.0
    timeout_s: float = 30.0
    seed: int = 1
    batch: int = 1


@dataclass(frozen=True, slots=True)
class Figures:
    """What was measured.

    Throughput counts the answers that arrived while it was measured; latencies (milliseconds) and
    errors are those of the requests that were due in that time, whenever their answers came.
    ``generator_us`` is the generator's own CPU time per answer, in microseconds.
    """

    throughput: float
    answers: int
    errors: int
    p50: float
    p95: float
    p99: float
    max: float
    generator_us: float
    bodies: list[str | None] = field(repr=False)


class Load:
    """Puts load on a server, in this thread.

    Args:
        url: where the server listens; its path is in the requests.
        requests: as ``post_request`` makes them; they are sent in turn.
        plan: how many, how fast, how long.
        announce: is called with ``"begin"`` and ``"end"`` of what is measured.

    """

    def __init__(
        self,
        url: str,
        requests: Sequence[bytes],
        plan: Plan,
        announce: Callable[[str], None] = lambda _phase: None,
    ) -> None:
        parts = urlsplit(url)
        self._address = parts.hostname or "127.0.0.1", parts.port or 80
        self._requests = requests
        self._turns = cycle(range(len(requests)))
        self._plan = plan
        self._announce = announce
        self._idle: deque[Connection] = deque()
        self._waiting: dict[int, Connection] = {}
        self._sending: dict[int, Connection] = {}
        self._samples: list[tuple[float, float]] = []
        self._errors = 0
        self._bodies: list[bytes | None] = [None] * len(requests)

    def run(self) -> Figures:
        """Warm up, measure, wait for the last answers."""
        plan, start = self._plan, clock()
        begin, end = start + plan.warm_up_s, start + plan.warm_up_s + plan.seconds
        self._openings = deque(
            start + i * plan.warm_up_s / 2 / plan.connections for i in range(plan.connections)
        )
        self._begin, self._end = begin, end
        self._arrivals = self._poisson(start) if plan.rate else None
        self._next = next(self._arrivals) if self._arrivals else start
        self._until(begin, end)
        cpu = time.process_time()
        self._announce("begin")
        self._until(end, end)
        cpu = time.process_time() - cpu
        self._announce("end")
        self._drain(end + plan.timeout_s)
        return self._figures(cpu)

    def latencies_ms(self) -> list[float]:
        """Of the requests that were due while it was measured, in order of size."""
        begin, end = self._begin, self._end
        return sorted(1e3 * (done - due) for due, done in self._samples if begin <= due < end)

    def _poisson(self, start: float) -> Iterator[float]:
        """Moments at which requests are due: exponential gaps, at the plan's rate."""
        gaps, due = random.Random(self._plan.seed), start  # noqa: S311 no secret
        while True:
            due += gaps.expovariate(self._plan.rate or 1)
            yield due

    def _until(self, moment: float, end: float) -> None:
        while (now := clock()) < moment:
            self._open(now)
            self._dispatch(now, end)
            self._wait(min(moment, self._wake(moment)) - clock())

    def _drain(self, moment: float) -> None:
        """Send what was due, wait for what is on its way; what does not come is an error."""
        while (now := clock()) < moment and (self._in_flight or self._backlog):
            self._dispatch(now, self._end)
            self._wait(moment - clock())
        late = [one.due for one in self._in_flight if self._begin <= one.due < self._end]
        self._errors += len(late)
        while self._backlog:
            self._errors += 1
            self._advance()
        for connection in [*self._in_flight, *self._idle]:
            connection.close()

    @property
    def _in_flight(self) -> list[Connection]:
        return [*self._waiting.values(), *self._sending.values()]

    @property
    def _backlog(self) -> bool:
        """Whether a request of the open loop was due and could not be sent yet."""
        return self._arrivals is not None and self._next < self._end

    def _open(self, now: float) -> None:
        while self._openings and self._openings[0] <= now:
            self._openings.popleft()
            self._idle.append(Connection(self._address))

    def _dispatch(self, now: float, end: float) -> None:
        """Send what is due on the connections that are idle, the longest idle first."""
        idle = self._idle
        if self._arrivals is None:
            while idle and now < end:
                self._send(idle.popleft(), clock())
            return
        while idle and self._next <= now and self._next < end:
            self._send(idle.popleft(), self._next)
            self._advance()

    def _advance(self) -> None:
        if self._arrivals:
            self._next = next(self._arrivals)

    def _wake(self, moment: float) -> float:
        """When something is to be done even if no answer comes."""
        if self._openings:
            moment = min(moment, self._openings[0])
        return min(moment, self._next) if self._arrivals and self._idle else moment

    def _send(self, connection: Connection, due: float) -> None:
        turn = next(self._turns)
        try:
            everything = connection.send(self._requests[turn], turn, due)
        except Broken:
            self._fail(connection)
            return
        (self._waiting if everything else self._sending)[connection.fileno()] = connection

    def _wait(self, timeout: float) -> None:
        waiting, sending = self._waiting, self._sending
        # A server may answer, with an error, before it has read the whole request.
        watched: Sequence[int] = [*waiting, *sending] if sending else list(waiting)
        readable, writable, _ = select.select(watched, sending, (), max(0.0, timeout))
        for descriptor in writable:
            connection = sending.pop(descriptor)
            self._go_on(connection)
        for descriptor in readable:
            if found := waiting.get(descriptor):
                self._receive(found)

    def _go_on(self, connection: Connection) -> None:
        try:
            everything = connection.flush()
        except Broken:
            self._fail(connection)
            return
        (self._waiting if everything else self._sending)[connection.fileno()] = connection

    def _receive(self, connection: Connection) -> None:
        try:
            answer = connection.receive()
        except (Broken, ValueError):
            del self._waiting[connection.fileno()]
            self._fail(connection)
            return
        if answer is None:
            return
        del self._waiting[connection.fileno()]
        self._idle.append(connection)
        if answer.startswith(b"HTTP/1.1 200"):
            self._samples.append((connection.due, clock()))
            self._bodies[connection.turn] = answer
        else:
            self._count(connection.due)

    def _fail(self, connection: Connection) -> None:
        """Count the request that was lost, and replace its connection."""
        self._count(connection.due)
        connection.close()
        self._idle.append(Connection(self._address))

    def _count(self, due: float) -> None:
        self._errors += self._begin <= due < self._end

    def _figures(self, cpu_s: float) -> Figures:
        begin, end = self._begin, self._end
        answers = sum(begin <= done < end for _, done in self._samples)
        latencies = self.latencies_ms()
        return Figures(
            throughput=answers / self._plan.seconds,
            answers=answers,
            errors=self._errors,
            p50=quantile(latencies, 0.5),
            p95=quantile(latencies, 0.95),
            p99=quantile(latencies, 0.99),
            max=quantile(latencies, 1),
            generator_us=1e6 * cpu_s / max(1, answers),
            bodies=[body_of(one).decode() if one else None for one in self._bodies],
        )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest of the ordered values that ``share`` of them do not exceed (nearest rank)."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else math.nan


def main() -> None:
    """Measure, and print the figures as a line of JSON."""
    options = _parse()
    photos = list(read_photographs(options.photos, options.sample).values())
    requests = [
        post_request(options.url, body, content_type, options.header)
        for body, content_type in bodies(photos, options.batch)
    ]
    plan = Plan(options.clients, options.rate, options.seconds, options.warm_up, seed=options.seed)

    def announce(phase: str) -> None:
        if options.phases:
            print(phase, flush=True)

    figures = asdict(Load(options.url, requests, plan, announce).run())
    if not options.bodies:
        del figures["bodies"]
    print(json.dumps(figures))


def _parse() -> argparse.Namespace:
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(prog="benchmarks.load", description="A light load generator.")
    parser.add_argument("url", help="where photographs are posted to")
    parser.add_argument("--photos", type=Path, default=here.parent / "export/photos")
    parser.add_argument("--sample", type=int, default=200, help="most photographs to send in turn")
    parser.add_argument("--clients", type=int, default=32, help="connections (open loop: at most)")
    parser.add_argument("--rate", type=float, help="open loop: requests a second")
    parser.add_argument("--seconds", type=float, default=5)
    parser.add_argument("--warm-up", type=float, default=1, help="seconds before measuring")
    parser.add_argument("--seed", type=int, default=1, help="of the open loop's arrivals")
    parser.add_argument("--batch", type=int, default=1, help="photographs in one request")
    parser.add_argument("--header", action="append", default=[], help='"Name: value"')
    parser.add_argument("--phases", action="store_true", help="print when measuring begins, ends")
    parser.add_argument("--bodies", action="store_true", help="add the last answer to each photo")
    options = parser.parse_args()
    if not 0 < options.clients <= MOST_CONNECTIONS:
        parser.error(f"--clients must be 1 to {MOST_CONNECTIONS}.")
    return options


if __name__ == "__main__":
    main()
