"""Booth of this checkout beside that of another one, in turns: ``python -m benchmarks.pair OTHER``.

OTHER is a folder with a checkout and its virtual environment, for example a worktree of the commit
before a change, after `make install` there. Each round starts both servers, one after the other and
in changing order, so that a drift of the machine falls on both alike. What is printed are ratios,
this checkout to the other one: the median over the rounds, and the smallest and the largest.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.preparation import add_options, prepare
from benchmarks.runs import Bench, Run
from benchmarks.systems import BOOTH, ROOT, Server, System

__all__ = ["booth_of", "measured", "ratios"]


def booth_of(checkout: Path, name: str) -> System:
    """The Booth of a checkout: its code, and the packages of its own environment."""
    python = checkout / ".venv/bin/python"
    # Without -P the folder of this checkout would come first.
    command = (str(python), "-P", "-m", "service", "serve")
    paths = f"{checkout}:{checkout / 'client'}"
    return System(name, command, {**BOOTH.environment, "PYTHONPATH": paths})


def measured(bench: Bench, system: System, clients: Sequence[int]) -> Iterator[tuple[str, float]]:
    """The figures of one start: each a name, and a number of which less is better."""
    with Server.running(system, bench.model, bench.photos[0]) as server:
        yield "start", server.start_s
        bench.check(server)
        for count in clients:
            run = bench.put(server, f"{count} clients", count)
            yield from _figures(run, count)


def ratios(here: Sequence[float], there: Sequence[float]) -> tuple[float, float, float]:
    """Median, smallest and largest of the rounds' ratios."""
    each = [one / other for one, other in zip(here, there, strict=True)]
    return statistics.median(each), min(each), max(each)


def main() -> None:
    """Measure and print."""
    options = _parse()
    systems = [booth_of(ROOT, "here"), booth_of(options.other.resolve(), "there")]
    found: dict[str, dict[str, list[float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        bench = prepare(options, Path(folder))
        for number in range(options.rounds):
            for system in systems[:: 1 if number % 2 == 0 else -1]:
                for name, value in measured(bench, system, options.clients):
                    found.setdefault(name, {}).setdefault(system.name, []).append(value)
            print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    print(f"{'':24}{'median':>8}{'least':>8}{'most':>8}")
    for name, values in found.items():
        row = ratios(values["here"], values["there"])
        print(f"{name:24}" + "".join(f"{ratio:8.3f}" for ratio in row))


def _figures(run: Run, clients: int) -> Iterator[tuple[str, float]]:
    figures = run.figures
    yield f"{clients}: time a photograph", 1 / run.rate
    yield f"{clients}: p50", figures.p50
    yield f"{clients}: p99", figures.p99
    yield f"{clients}: CPU a photograph", run.cpu_ms
    yield f"{clients}: memory", run.memory_mb


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.pair", description=__doc__)
    add_options(parser, seconds=4)
    parser.add_argument("other", type=Path, help="folder of the other checkout")
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    return parser.parse_args()


if __name__ == "__main__":
    main()
