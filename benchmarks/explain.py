"""What explanations cost: /classify with ``explain``, against the same photograph without.

    python -m benchmarks.explain [URL] [--photos PLACE] [--rounds 300] [--other URL]

A service has to run at URL. One request at a time, over one connection. In each round a photograph
is sent in every way, in an order that turns from round to round, so that a machine that slows down
or speeds up cancels out. The table shows the median of all requests of a kind, and the median of
what each took relative to the plain one of its round. ``--other`` is a second service, for example
of the version before, that is asked for plain answers in the same rounds.
"""

from __future__ import annotations

import argparse
import http.client
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from benchmarks.machine import describe
from benchmarks.photographs import read_photographs
from benchmarks.table import markdown

__all__ = ["main", "rows"]

PLAIN = "plain"
KINDS = {
    PLAIN: "",
    "region": "&explain=region",
    "cells": "&explain=cells",
    "region and cells": "&explain=region,cells",
}
OTHER = "plain, the other service"
SAMPLES = Path(__file__).resolve().parent.parent / "demo/samples"
WARM_UP = 10


class Service:
    """A service that answers one request at a time, over one connection."""

    def __init__(self, url: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)

    def seconds(self, query: str, photo: bytes) -> float:
        """How long an answer takes.

        Raises:
            SystemExit: it is a refusal.

        """
        start = time.perf_counter()
        self._connection.request("POST", f"/classify?{query}", photo)
        response = self._connection.getresponse()
        body = response.read()
        took = time.perf_counter() - start
        if response.status != http.HTTPStatus.OK:
            raise SystemExit(f"The service answered {response.status}: {body.decode()[:300]}")
        return took


def main() -> None:
    """Measure and print the table."""
    options = parse()
    photos = list(read_photographs(options.photos, options.rounds).values())
    service = Service(options.url)
    ways = {kind: (service, more) for kind, more in KINDS.items()}
    if options.other:
        ways[OTHER] = (Service(options.other), "")
    print(describe())
    for model in options.models:
        taken = measure(ways, model, photos, options.rounds)
        print(f"\n{model}, {len(photos)} photographs, {options.rounds} rounds\n")
        print(markdown(("request", "median", "relative to plain"), rows(taken)))


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.explain", description=__doc__)
    parser.add_argument("url", nargs="?", default="http://127.0.0.1:8000")
    parser.add_argument("--photos", type=Path, default=SAMPLES)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--other", metavar="URL")
    parser.add_argument("--models", nargs="+", default=["places365", "efficientnet_lite0"])
    return parser.parse_args()


def measure(
    ways: Mapping[str, tuple[Service, str]], model: str, photos: Sequence[bytes], rounds: int
) -> dict[str, list[float]]:
    """Seconds of each round's requests, by their kind."""
    taken: dict[str, list[float]] = {kind: [] for kind in ways}
    kinds = list(ways)
    for number in range(-WARM_UP, rounds):
        turn = number % len(kinds)
        for kind in kinds[turn:] + kinds[:turn]:
            service, more = ways[kind]
            seconds = service.seconds(f"model={model}{more}", photos[number % len(photos)])
            if number >= 0:
                taken[kind].append(seconds)
    return taken


def rows(taken: Mapping[str, Sequence[float]]) -> list[list[str]]:
    """Of the table: the kind, its median in milliseconds, and its median share of plain."""
    plain = taken[PLAIN]
    return [
        [
            kind,
            f"{median(seconds) * 1000:.2f} ms",
            f"{median(one / base for one, base in zip(seconds, plain, strict=True)):.3f}",
        ]
        for kind, seconds in taken.items()
    ]


if __name__ == "__main__":
    main()
