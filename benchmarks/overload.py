"""A server at five times its capacity: what is still answered, and how soon.

    python -m benchmarks.overload [--load 5] [--seconds 60] [--deadline 1000]

A closed loop finds the capacity, before and after; between them photographs arrive in an open loop
at a multiple of it (Poisson), each with a deadline. Latencies count from the intended moment of
sending. The load generator is a process of its own on the same cores: turning away four of five
requests keeps it busier than the closed loop did, which costs the server. So the good answers are
also shown for each core that the generator left free, next to the same of the closed loop.

Ends with 1 unless good answers, for each free core, are at least 90 % of the peak, and the 99th
percentile of the answers came within the deadline.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.deadlines import CLIENTS, CONNECTIONS, server
from benchmarks.machine import describe
from benchmarks.systems import ROOT
from service.machine import cores

__all__ = ["Phase", "Verdict", "measure"]

LEAST_SHARE = 0.9
PATIENCE_S = 60  # to warm up, and for the last answers


@dataclass(frozen=True, slots=True)
class Phase:
    """What came of one load.

    Attributes:
        good: answers with labels a second.
        refused: other answers, and none, of the requests that were due.
        p99_ms: of the good answers, from the intended moment of sending.
        generator_cores: cores that the load generator used.

    """

    good: float
    refused: int
    p99_ms: float
    generator_cores: float

    @property
    def good_per_core(self) -> float:
        """Good answers a second for each core that the generator left free."""
        return self.good / max(0.1, cores() - self.generator_cores)


@dataclass(frozen=True, slots=True)
class Verdict:
    """An overload between two closed loops, and the deadline in milliseconds."""

    before: Phase
    overload: Phase
    after: Phase
    deadline_ms: int

    @property
    def share(self) -> float:
        """Good answers, as a share of the better closed loop's."""
        return self.overload.good / max(self.before.good, self.after.good)

    @property
    def share_per_core(self) -> float:
        """The same for each core that the generator left free."""
        peak = max(self.before.good_per_core, self.after.good_per_core)
        return self.overload.good_per_core / peak

    @property
    def holds(self) -> bool:
        """Whether it does what is promised."""
        return self.share_per_core >= LEAST_SHARE and self.overload.p99_ms <= self.deadline_ms

    def __str__(self) -> str:
        """A line for each phase, and the shares."""
        phases = {"closed": self.before, "overload": self.overload, "closed again": self.after}
        lines = [
            f"{name:>13}: {one.good:7.1f} good/s, {one.refused:6} refused, p99 {one.p99_ms:5.0f} ms"
            f", generator {one.generator_cores:.2f} of {cores()} cores"
            for name, one in phases.items()
        ]
        shares = f"{self.share:.1%} of the peak; {self.share_per_core:.1%} for each free core"
        return "\n".join([*lines, shares])


def main() -> None:
    """Measure a server with one of the shipped models."""
    options = _parse()
    print(json.dumps(describe()), flush=True)
    with server(options.model) as url:
        verdict = measure(url, options.photos, options.load, options.seconds, options.deadline)
    print(verdict)
    sys.exit(not verdict.holds)


def measure(url: str, photos: Path, load: float, seconds: float, deadline_ms: int) -> Verdict:
    """Find the capacity of the server at ``url``, overload it, find the capacity again."""
    common = ["--photos", str(photos), "--clients"]
    closed = [f"{url}/classify", *common, str(CLIENTS)]
    open_ = [f"{url}/classify?timeout_ms={deadline_ms}", *common, str(CONNECTIONS)]
    before = _loaded(closed, max(2.0, seconds / 6))
    overload = _loaded([*open_, "--rate", f"{load * before.good:.1f}"], seconds)
    after = _loaded(closed, max(2.0, seconds / 6))
    return Verdict(before, overload, after, deadline_ms)


def _loaded(arguments: Sequence[str], seconds: float) -> Phase:
    """Run the load generator in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.load", *arguments, "--seconds", str(seconds)]
    done = subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, timeout=seconds + PATIENCE_S
    )
    found = json.loads(done.stdout)
    busy_s = found["generator_us"] * found["answers"] / 1e6
    return Phase(found["throughput"], found["errors"], found["p99"], busy_s / seconds)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.overload", description=__doc__)
    parser.add_argument("--photos", type=Path, default=ROOT / "demo/samples")
    parser.add_argument("--model", default="places365")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--load", type=float, default=5.0, help="as a multiple of the capacity")
    parser.add_argument("--deadline", type=int, default=1000, metavar="MS")
    return parser.parse_args()


if __name__ == "__main__":
    main()
