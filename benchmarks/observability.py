"""What metrics, log and traces cost: /classify with them, against /classify without any.

    python -m benchmarks.observability [--photos FOLDER] [--seconds 4] [--rounds 7]

Each kind is measured next to a service without any, both running, load on one at a time: with,
without, without, with, so that a machine that slows down or speeds up cancels out; the next round
the other way round. The table shows the median of the rounds' ratios, and their range. Metrics are
asked for once in each measurement; traces go to a collector in this process that only takes them.
Throughput is what counts; CPU time for each answer tells more where other work disturbs.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import threading
import urllib.request
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import fmean, median
from typing import Any
from unittest.mock import patch

from benchmarks.machine import describe
from benchmarks.preparation import add_options, prepare
from benchmarks.runs import Bench, Run
from benchmarks.systems import BOOTH, Server, System
from benchmarks.table import markdown
from service.telemetry.metrics import Metrics

NO_LOG = {"BOOTH_LOG_LINES_PER_SECOND": "0"}
LOG = {"BOOTH_LOG": "json"}
TRACES = {"BOOTH_OTLP_ENDPOINT": "{collector}"}
FULLY = {"BOOTH_LOG_LINES_PER_SECOND": "1000000", "BOOTH_TRACE_SHARE": "1"}

# By name: whether it has metrics, and its settings.
KINDS = {
    "metrics": (True, NO_LOG),
    "log, JSON": (False, LOG),
    "traces": (False, {**NO_LOG, **TRACES}),
    "all, as by default": (True, {**LOG, **TRACES}),
    "all, of every request": (True, {**LOG, **TRACES, **FULLY}),
}


@dataclass(frozen=True, slots=True)
class Pair:
    """The runs of a service with something, and of the one without."""

    with_it: Sequence[Run]
    without: Sequence[Run]

    @property
    def throughput(self) -> float:
        """With it, as a share of without."""
        return _mean_rate(self.with_it) / _mean_rate(self.without)

    @property
    def cpu(self) -> float:
        """CPU time for each answer, likewise."""
        return _mean_cpu(self.with_it) / _mean_cpu(self.without)


def _mean_rate(runs: Sequence[Run]) -> float:
    return fmean(run.figures.throughput for run in runs)


def _mean_cpu(runs: Sequence[Run]) -> float:
    return fmean(run.cpu_ms for run in runs)


class Silent(Metrics):
    """Metrics that count nothing, as if the calls were not there."""

    def __init__(self, max_batch_size: int = 32) -> None:
        super().__init__(max_batch_size)
        nothing: Any = _Nothing()
        self.in_flight = self.cache = nothing
        for name in ("count", "observer"):
            setattr(self, name, nothing)


class _Nothing:
    def __getattr__(self, _name: str) -> _Nothing:
        return self

    def __call__(self, *_: object, **__: object) -> _Nothing:
        return self


def main() -> None:
    """Measure and print the table, or be one of the services."""
    options = parse()
    if options.without_metrics:
        serve_silently()
    with tempfile.TemporaryDirectory() as folder, collecting() as collector:
        bench = prepare(options, Path(folder))
        kinds = {name: system(name, collector) for name in options.kinds}
        pairs = [
            {name: pair(bench, kind, number, options.clients) for name, kind in kinds.items()}
            for number in range(options.rounds)
        ]
    report(options, pairs)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.observability", description=__doc__)
    add_options(parser, seconds=4)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS), metavar="KIND")
    parser.add_argument("--without-metrics", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def serve_silently() -> None:
    """`booth serve`, but nothing is counted."""
    from service.cli.main import main as booth

    sys.argv = ["booth", "serve"]
    with patch("service.run.app.Metrics", Silent):
        booth()


@contextlib.contextmanager
def collecting() -> Iterator[str]:
    """The address of a collector that takes traces and forgets them."""

    class Sink(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Sink) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def system(name: str, collector: str = "") -> System:
    """A service of one of the kinds; of an unknown one, a service without anything."""
    metrics, settings = KINDS.get(name, (False, NO_LOG))
    silent = (sys.executable, "-m", "benchmarks.observability", "--without-metrics")
    return replace(
        BOOTH,
        name=name,
        command=BOOTH.command if metrics else silent,
        environment={
            **BOOTH.environment,
            **{k: value.replace("{collector}", collector) for k, value in settings.items()},
        },
    )


def pair(bench: Bench, kind: System, number: int, clients: int) -> Pair:
    """One round of one kind: ABBA; in every other round the service without goes first."""
    print(f"round {number + 1}: {kind.name}", file=sys.stderr, flush=True)
    runs: dict[str, list[Run]] = {kind.name: [], "none": []}
    with contextlib.ExitStack() as stack:
        a, b = (
            stack.enter_context(Server.running(one, bench.model, bench.photos[0]))
            for one in ([kind, system("none")] if number % 2 else [system("none"), kind])
        )
        for server in (a, b):
            bench.check(server)
        for server in (a, b, b, a):
            with scraped(server, bench.warm_up_s + bench.seconds / 2):
                runs[server.system.name].append(bench.put(server, "closed loop", clients))
    return Pair(runs[kind.name], runs["none"])


@contextlib.contextmanager
def scraped(server: Server, after_s: float) -> Iterator[None]:
    """Ask a server that counts for its metrics, once, amid the load."""
    metrics, _ = KINDS.get(server.system.name, (False, NO_LOG))
    url = server.url.replace("/classify", "/metrics")

    def scrape() -> None:
        with urllib.request.urlopen(url) as answer:  # noqa: S310 (our own server)
            answer.read()

    timer = threading.Timer(after_s, scrape)
    if metrics:
        timer.start()
    yield
    timer.cancel()


def report(options: argparse.Namespace, pairs: Sequence[dict[str, Pair]]) -> None:
    """Print where and when, and the table."""
    machine = describe()
    facts = ", ".join(f"{name} {value}" for name, value in machine.items() if name != "date")
    print(f"{machine['date']}: {options.model}, {options.clients} clients, {facts}.")
    print(f"{options.rounds} rounds of {options.seconds:g} s; none of them = 1.\n")
    rows = [
        [
            name,
            *summary([one[name].throughput for one in pairs]),
            *summary([one[name].cpu for one in pairs]),
        ]
        for name in options.kinds
    ]
    print(markdown(["", "throughput", "from", "to", "CPU for each answer", "from", "to"], rows))


def summary(ratios: Sequence[float]) -> list[str]:
    """Median, smallest, largest."""
    return [f"{value:.3f}" for value in (median(ratios), min(ratios), max(ratios))]


if __name__ == "__main__":
    main()
