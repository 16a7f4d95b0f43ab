"""One system under one load, and what the machine can do just then."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO

from benchmarks.ceiling import WAYS, WORK
from benchmarks.load import Figures, Plan
from benchmarks.parity import Reference, require_right
from benchmarks.systems import ROOT, Server

__all__ = ["Bench", "Probe", "Run", "measure_ceiling"]

BEST_WAYS = 2  # of the ways to share the cores, those that are measured again at each probe
PROBE_CLIENTS = 32


@dataclass(frozen=True, slots=True)
class Run:
    """A system under one load.

    Attributes:
        load: in words, as the table names it.
        plan: the load.
        figures: what was measured of the answers.
        cpu_ms: CPU time of the server's processes for each photograph, in milliseconds.
        memory_mb: their proportional set size under that load, in millions of bytes.

    """

    load: str
    plan: Plan
    figures: Figures
    cpu_ms: float
    memory_mb: float

    @property
    def rate(self) -> float:
        """Photographs a second."""
        return self.figures.throughput * self.plan.batch


@dataclass(frozen=True, slots=True)
class Probe:
    """What the machine could do at one moment, in photographs a second.

    Attributes:
        peers: the in-process ceiling of the peers' work.
        booth: that of Booth's work.
        plain: the plain endpoint's answers to 32 clients.

    """

    peers: float
    booth: float
    plain: float

    @classmethod
    def mean(cls, before: Probe, after: Probe) -> Probe:
        """The mean of two."""
        pairs = zip(asdict(before).items(), asdict(after).values(), strict=True)
        return cls(**{name: (one + other) / 2 for (name, one), other in pairs})


@dataclass(frozen=True, slots=True)
class Bench:
    """What all systems are measured with.

    Attributes:
        model: the file that is served.
        folder: the photographs that are sent.
        photos: the same, in the order in which they are sent.
        expected: the network's own answers to them; none if nothing is to be checked.
        seconds: of one measurement.
        warm_up_s: before each.

    """

    model: Path
    folder: Path
    photos: Sequence[bytes]
    expected: Sequence[Reference]
    seconds: float
    warm_up_s: float

    def check(self, server: Server) -> None:
        """Ask for all photographs' answers, and compare them.

        Raises:
            WrongAnswers: they are not right.

        """
        server.answers = [server.post(photo) for photo in self.photos]
        if self.expected:
            require_right(server.answers, self.expected)

    def put(
        self,
        server: Server,
        load: str,
        clients: int,
        *,
        rate: float | None = None,
        batch: int = 1,
    ) -> Run:
        """Put load on a server that has been checked, and check what it answered.

        Raises:
            WrongAnswers: it answers otherwise under load.

        """
        plan = Plan(clients, rate, self.seconds, self.warm_up_s, batch=batch)
        run = self._run(server, load, plan)
        if self.expected:
            answers = one_by_one(run.figures.bodies, run.plan.batch)
            # A short run does not come to all photographs; nor does it repeat its errors here.
            pairs = zip(answers, server.answers, strict=False)
            require_right([answer or before for answer, before in pairs], self.expected)
        return run

    def probe(self, ways: dict[str, Sequence[str]], plain: Server) -> Probe:
        """What the machine can do now: the ceilings in their best ways, and the plain endpoint."""
        ceilings = {
            work: max(self.ceiling(work, best, self.seconds / BEST_WAYS).values())
            for work, best in ways.items()
        }
        rate = self.put(plain, "probe", PROBE_CLIENTS).figures.throughput
        return Probe(ceilings["peers"], ceilings["booth"], rate)

    def best_ways(self) -> dict[str, Sequence[str]]:
        """For each kind of work the ways to share the cores that do best here."""
        rates = {work: self.ceiling(work, sorted(WAYS), self.seconds / 2) for work in WORK}
        return {
            work: sorted(found, key=lambda way: -found[way])[:BEST_WAYS]
            for work, found in rates.items()
        }

    def ceiling(self, work: str, ways: Sequence[str], seconds: float) -> dict[str, float]:
        """Photographs a second without HTTP, by way."""
        return measure_ceiling(self.model, self.folder, work, ways, seconds)

    def _run(self, server: Server, load: str, plan: Plan) -> Run:
        command = [
            *(sys.executable, "-m", "benchmarks.load", server.url, "--phases", "--bodies"),
            *("--photos", str(self.folder), "--sample", str(len(self.photos))),
            *("--clients", str(plan.connections), "--seconds", str(plan.seconds)),
            *("--warm-up", str(plan.warm_up_s), "--batch", str(plan.batch)),
            *(("--rate", str(plan.rate)) if plan.rate else ()),
            *(part for header in server.system.headers for part in ("--header", header)),
        ]
        with subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8"
        ) as generator:
            lines = generator.stdout
            assert lines  # noqa: S101 a pipe, as asked for
            time.sleep(plan.warm_up_s)
            memory = server.tree.memory_bytes()  # before measuring: reading it takes time
            _expect(lines, "begin")
            cpu_s = server.tree.cpu_seconds()
            _expect(lines, "end")
            cpu_s = server.tree.cpu_seconds() - cpu_s
            memory = max(memory, server.tree.memory_bytes())
            figures = Figures(**json.loads(lines.readline()))
        photographs = max(1, figures.answers * plan.batch)
        return Run(load, plan, figures, 1e3 * cpu_s / photographs, memory / 1e6)


def one_by_one(bodies: Sequence[str | None], batch: int) -> Sequence[str | None]:
    """The answers to single photographs, out of those to requests of several."""
    if batch == 1:
        return bodies
    return [
        answer
        for body in bodies
        for answer in (
            [None] * batch if body is None else map(json.dumps, json.loads(body)["results"])
        )
    ]


def measure_ceiling(
    model: Path, folder: Path, work: str, ways: Sequence[str], seconds: float
) -> dict[str, float]:
    """Photographs a second without HTTP, by way, measured in a process of its own."""
    command = [
        *(sys.executable, "-m", "benchmarks.ceiling", str(model), "--work", work),
        *("--photos", str(folder), "--seconds", str(seconds), "--ways", *ways),
    ]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, encoding="utf-8")
    rates: dict[str, float] = json.loads(output.stdout)
    return rates


def _expect(lines: IO[str], phase: str) -> None:
    if (line := lines.readline().strip()) != phase:
        raise SystemExit(f"The load generator ended early; it said {line!r} instead of {phase!r}.")
