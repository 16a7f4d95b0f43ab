"""What admission by deadline is worth: a server at twice its capacity.

A closed loop finds the capacity; then photographs arrive in an open loop at a multiple of it
(Poisson), each with a deadline; then the capacity is found again, for machines drift. Shown is how
many of those accepted were answered in time, by the server's own count, and how many good answers a
second that makes, as a share of the capacity. Latencies are the clients', from the intended moment
of sending.

    python -m benchmarks.deadlines [--load 2] [--deadlines 100 250 1000]
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from benchmarks.load import Figures, Load, Plan, post_request
from benchmarks.photographs import read_photographs
from service.machine import cores

ROOT = Path(__file__).resolve().parent.parent
CLIENTS = 32  # of the closed loop
CONNECTIONS = 400  # of the open loop; more than ever wait
OUTCOME = re.compile(r'booth_requests_total\{model="[^"]*",outcome="(\w+)"\} (\S+)')


def main() -> None:
    """Measure one server, and print a line for each deadline."""
    options = parse()
    photos = list(read_photographs(options.photos, 200).values())
    with server(options.model) as url:
        print(f"{dt.datetime.now(dt.UTC).date()}, {platform.machine()}, {cores()} cores")
        print(
            f"{'deadline':>10}{'capacity':>12}{'in time':>9}{'of capacity':>13}{'shed':>7}", end=""
        )
        print(f"{'p50':>7}{'p99':>7}")
        before = capacity(url, photos, options.seconds / 2)
        for ms in options.deadlines:
            rate = options.load * before
            outcomes, figures = overload(url, photos, ms, rate, options.seconds)
            after = capacity(url, photos, options.seconds / 2)
            report(ms, outcomes, figures, (before, after))
            before = after


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.deadlines", description=__doc__)
    parser.add_argument("--photos", type=Path, default=ROOT / "demo/samples")
    parser.add_argument("--model", default="efficientnet_lite0")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--load", type=float, default=2.0, help="as a multiple of the capacity")
    parser.add_argument("--deadlines", type=int, nargs="+", default=[100, 250, 1000], metavar="MS")
    return parser.parse_args()


@contextlib.contextmanager
def server(models: str, **settings: str) -> Iterator[str]:
    """Booth with default settings but for these (``queue_size="8"``), ready."""
    given = {"port": "0", "models": models, "demo": "off", **settings}
    environment = os.environ | {f"BOOTH_{name.upper()}": value for name, value in given.items()}
    command = [sys.executable, "-m", "service", "serve"]
    with (
        tempfile.NamedTemporaryFile("r", encoding="utf-8") as log,
        Path(log.name).open("w", encoding="utf-8") as output,
        subprocess.Popen(command, cwd=ROOT, env=environment, stderr=output) as process,
    ):
        try:
            yield listening(Path(log.name))
        finally:
            process.terminate()


def listening(log: Path) -> str:
    """Where it listens, once its log says that it is ready."""
    for _ in range(200):
        text = log.read_text(encoding="utf-8")
        if (found := re.search(r"listening on (http://\S+)", text)) and "ready:" in text:
            return found[1]
        time.sleep(0.1)
    sys.exit(f"the server did not get ready:\n{log.read_text(encoding='utf-8')}")


def capacity(url: str, photos: Sequence[bytes], seconds: float) -> float:
    """Good answers a second when there is always something to do."""
    requests = [post_request(f"{url}/classify", photo) for photo in photos]
    return Load(url, requests, Plan(CLIENTS, seconds=seconds)).run().throughput


def overload(
    url: str, photos: Sequence[bytes], deadline_ms: int, rate: float, seconds: float
) -> tuple[dict[str, float], Figures]:
    """The outcomes, by the server's count, and what the clients saw."""
    target = f"{url}/classify?timeout_ms={deadline_ms}"
    requests = [post_request(target, photo) for photo in photos]
    before = outcomes_of(url)
    figures = Load(url, requests, Plan(CONNECTIONS, rate=rate, seconds=seconds)).run()
    return {k: v - before.get(k, 0) for k, v in outcomes_of(url).items()}, figures


def outcomes_of(url: str) -> dict[str, float]:
    """Requests so far, by outcome."""
    return {name: float(count) for name, count in OUTCOME.findall(httpx.get(f"{url}/metrics").text)}


def report(
    deadline_ms: int,
    outcomes: dict[str, float],
    figures: Figures,
    capacities: tuple[float, float],
) -> None:
    """One line of the table."""
    good, late = outcomes.get("ok", 0), outcomes.get("deadline", 0)
    shed = outcomes.get("overloaded", 0)
    before, after = capacities
    print(
        f"{deadline_ms:7} ms{f'{before:.0f}, {after:.0f}':>12}{good / (good + late):9.1%}"
        f"{figures.throughput / statistics.mean(capacities):13.2f}"
        f"{shed / (good + late + shed):7.0%}{figures.p50:7.0f}{figures.p99:7.0f}",
        flush=True,
    )


if __name__ == "__main__":
    main()
