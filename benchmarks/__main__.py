"""Booth next to the machine's ceiling and to what people would otherwise use, in one table.

    python -m benchmarks [--peers] [--photos FOLDER] [--seconds 3] [--rounds 1]

Each system is started, its answers are checked, then it gets closed and open loops of load. Before
and after it the machine is probed, since machines drift: the in-process ceilings, and the plain
endpoint. Figures compare as shares within one run, not between runs.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import signal
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.extras import Extra, extras_table, measure_extras, measure_resnet
from benchmarks.machine import describe
from benchmarks.parity import WrongAnswers
from benchmarks.preparation import add_options, prepare
from benchmarks.runs import Bench, Probe, Run
from benchmarks.systems import PLAIN, ROOT, Failed, Server, System, choose
from benchmarks.table import Row, table

OPEN_LOOP_CONNECTIONS = 128


@dataclass(frozen=True, slots=True)
class SystemRuns:
    """One system in one round: its runs, and the probes around it."""

    system: str
    start_s: float
    probe: Probe
    runs: Sequence[Run]


def main() -> None:
    """Measure, print the table, write it and the plot."""
    options = parse()
    # As Ctrl-C does: end the servers that were started.
    signal.signal(signal.SIGTERM, lambda _signal, _frame: sys.exit(1))
    systems = choose(options.systems, options.variant, peers=options.peers)
    with tempfile.TemporaryDirectory() as folder:
        bench = prepare(options, Path(folder))
        turns = list(measure(bench, systems, options))
        extras = list(measure_more(bench, options))
    report(options, turns, extras)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    add_options(parser, seconds=3)
    parser.add_argument("--rounds", type=int, default=1, help="the table shows medians over them")
    parser.add_argument("--clients", type=int, nargs="*", default=[1, 8, 32, 64])
    parser.add_argument(
        "--shares", type=float, nargs="*", default=[0.5, 0.8, 0.95], help="of saturation"
    )
    parser.add_argument("--peers", action="store_true", help="with other servers")
    parser.add_argument("--systems", nargs="+", default=[], help="only these, by name")
    parser.add_argument(
        "--variant",
        action="append",
        default=[],
        metavar="'SYSTEM NAME=VALUE ...'",
        help="add a system with other settings, as environment variables",
    )
    parser.add_argument(
        "--extras",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="a large photograph, 32 in one request, one core and two",
    )
    parser.add_argument(
        "--resnet", action="store_true", help="ResNet-50; makes its files with PyTorch first"
    )
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks/results")
    return parser.parse_args()


def measure(
    bench: Bench, systems: Sequence[System], options: argparse.Namespace
) -> Iterator[SystemRuns]:
    """All systems in turn, round by round."""
    with Server.running(PLAIN, bench.model, bench.photos[0]) as plain:
        bench.check(plain)
        tell("finding the best ways to share the cores")
        ways = bench.best_ways()
        before = bench.probe(ways, plain)
        for system in [*systems] * options.rounds:
            with contextlib.suppress(Skipped):
                start_s, runs = measure_one(bench, system, options)
                after = bench.probe(ways, plain)
                yield SystemRuns(system.name, start_s, Probe.mean(before, after), runs)
                before = after


def measure_more(bench: Bench, options: argparse.Namespace) -> Iterator[Extra]:
    """What is measured of Booth and the plain endpoint alone."""
    for wanted, measurements in (
        (options.extras, measure_extras),
        (options.resnet, measure_resnet),
    ):
        for extra in measurements(bench) if wanted else ():
            tell(f"{extra.what}: {extra.system}")
            yield extra


class Skipped(Exception):
    """A system could not be measured; the reason was told."""


def measure_one(
    bench: Bench, system: System, options: argparse.Namespace
) -> tuple[float, list[Run]]:
    """Start a system, check it, put load on it.

    Raises:
        Skipped: it does not start, or answers wrongly.

    """
    tell(system.name)
    try:
        with Server.running(system, bench.model, bench.photos[0]) as server:
            bench.check(server)
            return server.start_s, list(loads(bench, server, options))
    except (Failed, WrongAnswers) as error:
        tell(f"{system.name} is left out: {error}")
        raise Skipped from None


def loads(bench: Bench, server: Server, options: argparse.Namespace) -> Iterator[Run]:
    """The closed loops, then the open ones at shares of the best of them."""
    saturation = 0.0
    for clients in options.clients:
        run = bench.put(server, f"{clients} client{'s' * (clients > 1)}", clients)
        saturation = max(saturation, run.figures.throughput)
        yield run
    for share in options.shares if saturation else ():
        name = f"open, {share:.0%}"
        yield bench.put(server, name, OPEN_LOOP_CONNECTIONS, rate=share * saturation)


def report(
    options: argparse.Namespace, turns: Sequence[SystemRuns], extras: Sequence[Extra]
) -> None:
    """Print the table; write it, all figures, and the plot."""
    from benchmarks.plot import draw

    machine = describe()
    rows = rows_of(turns)
    parts = [heading(machine, options), table(rows), legend(turns)]
    text = "\n\n".join([*parts, *([extras_table(extras)] if extras else [])])
    print(text)
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / "table.md").write_text(text + "\n", encoding="utf-8")
    results = {
        "machine": machine,
        "options": vars(options),
        "turns": [as_json(turn) for turn in turns],
        "extras": [as_json(extra) for extra in extras],
    }
    (options.out / "results.json").write_text(json.dumps(results, default=str, indent=1) + "\n")
    draw(rows, options.out / "latency.png")
    tell(f"table.md, results.json and latency.png are in {options.out}")


def rows_of(turns: Sequence[SystemRuns]) -> list[Row]:
    """A row for each load of each system, with its runs of all rounds."""
    of_system: dict[str, list[SystemRuns]] = {}
    for turn in turns:
        of_system.setdefault(turn.system, []).append(turn)
    return [
        Row(system, runs, [turn.probe for turn in its], [turn.start_s for turn in its])
        for system, its in of_system.items()
        for runs in zip(*(turn.runs for turn in its), strict=True)
    ]


def heading(machine: dict[str, Any], options: argparse.Namespace) -> str:
    """Where, when and on what."""
    facts = ", ".join(f"{name} {value}" for name, value in machine.items() if name != "date")
    return (
        f"{machine['date']}: {options.model}, photographs of {options.photos.name}, "
        f"{options.seconds:g} s each, {options.rounds} rounds. {facts}."
    )


def legend(turns: Sequence[SystemRuns]) -> str:
    """The ceilings, and what the columns mean."""
    probes = [asdict(turn.probe) for turn in turns]
    low_high = {
        name: f"{min(p[name] for p in probes):.0f}-{max(p[name] for p in probes):.0f}"
        for name in ("peers", "booth", "plain")
    }
    return (
        f"In-process ceilings in this run: {low_high['peers']} photographs a second for Pillow and "
        f"ONNX Runtime, {low_high['booth']} for Booth's own work; plain endpoint at 32 clients: "
        f"{low_high['plain']}. Shares are of the mean of the probes before and after a system.\n"
        "Open loop: Poisson arrivals at a share of the system's best closed-loop rate, latency "
        "from the moment a request was due. CPU: of the server's processes, for each answer. "
        "Memory: their proportional set size under load. Start: to the first answered photograph."
    )


def as_json(measured: SystemRuns | Extra) -> dict[str, Any]:
    """All figures, without the answers' text."""
    record = asdict(measured)
    for run in record["runs"] if "runs" in record else [record["run"]]:
        del run["figures"]["bodies"]
    return record


def tell(text: str) -> None:
    """Say what goes on, beside the table."""
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
