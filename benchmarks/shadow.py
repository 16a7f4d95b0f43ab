"""What shadow traffic costs those who wait for an answer: ``python -m benchmarks.shadow``.

One service has a model in two versions, the same network twice. It is put under each load in short
windows; in each the second version is shown another share of the requests, in an order that turns,
so that a drift of the machine falls on all alike. What is printed are ratios to the share 0, of all
windows together, and how many photographs were compared and dropped. "0 again" is the share 0 a
second time: what it differs from 1 is the machine's own noise.

Needs the extra ``adopt``, to write the second version. Ends with 1 where throughput or the 99th
percentile got worse by a tenth or more at a share of 0.1.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import onnx

from benchmarks.deadlines import ROOT, server
from benchmarks.load import Load, Plan, post_request, quantile
from benchmarks.machine import describe
from benchmarks.photographs import read_photographs
from benchmarks.table import markdown
from models.card import METADATA_KEY, Card
from models.shelf import find_model
from service.settings import read_settings

__all__ = ["Measured", "Service", "main", "rows", "second_version", "worse"]

KEY = "a-key-for-this-run"
# By the shares' names.
SHARES = {"0": 0.0, "0 again": 0.0, "0.1": 0.1, "1": 1.0}
NONE, FEW = "0", "0.1"
MOST = 1.1  # that few may cost
SECOND = "shadow"
HALF = "half of the capacity"
CONNECTIONS = 64  # of the open loop
OUTCOME = re.compile(r'booth_shadow_photographs_total\{[^}]*outcome="(\w+)"[^}]*\} (\S+)')
WARM_UP_S = 0.4
HEADINGS = ("load", "share", "time each", "p50", "p99", "asked", "compared", "dropped")


@dataclass(slots=True)
class Measured:
    """All windows of one load with one share.

    Attributes:
        seconds: of measuring.
        answers: that came in that time.
        latencies_ms: of the requests.
        compared: photographs of the shadow's that were, and those that were ``dropped``.
        dropped: see there.

    """

    seconds: float = 0.0
    answers: int = 0
    latencies_ms: list[float] = field(default_factory=list)
    compared: float = 0.0
    dropped: float = 0.0

    @property
    def times(self) -> tuple[float, float, float]:
        """Of each less is better: seconds a photograph, the median and the 99th percentile."""
        ordered = sorted(self.latencies_ms)
        return self.seconds / self.answers, quantile(ordered, 0.5), quantile(ordered, 0.99)


class Service:
    """A service with two versions of a model.

    Args:
        url: where it listens.
        model: the model's name.
        photos: that are sent in turn.

    """

    def __init__(self, url: str, model: str, photos: Sequence[bytes]) -> None:
        self._url = url
        self._model = model
        self._requests = [post_request(f"{url}/classify", photo) for photo in photos]

    def measure(self, plan: Plan, share: float, into: Measured) -> None:
        """Put a load on it while so many of the requests are shown to the second version."""
        url = f"{self._url}/models/{self._model}/rollout"
        headers = {"Authorization": f"Bearer {KEY}"}
        httpx.put(url, json={"shadow": {SECOND: share}}, headers=headers).raise_for_status()
        before, load = self._outcomes(), Load(self._url, self._requests, plan)
        into.answers += load.run().answers
        into.seconds += plan.seconds
        into.latencies_ms += load.latencies_ms()
        came = self._outcomes() - before
        into.compared += came["agreed"] + came["differed"]
        into.dropped += came["dropped"]

    def _outcomes(self) -> Counter[str]:
        text = httpx.get(f"{self._url}/metrics").text
        return Counter({name: int(float(count)) for name, count in OUTCOME.findall(text)})


def main() -> None:
    """Measure and print."""
    options = _parse()
    photos = list(read_photographs(options.photos, 50).values())
    print(describe())
    with tempfile.TemporaryDirectory() as folder:
        first = find_model(options.model, read_settings().model_dir)
        second = second_version(first, Path(folder) / "second.onnx")
        with server(f"{first},{second}", management_keys=KEY) as url:
            found = _rounds(Service(url, options.model, photos), options)
    print(markdown(HEADINGS, list(rows(found))))
    sys.exit(worse(found))


def second_version(model: Path, path: Path) -> Path:
    """The model once more, as a version of its own."""
    network = onnx.load(model)
    (entry,) = (one for one in network.metadata_props if one.key == METADATA_KEY)
    entry.value = Card.from_json(entry.value).model_copy(update={"version": SECOND}).to_json()
    onnx.save(network, path)
    return path


def rows(found: Mapping[tuple[str, str], Measured]) -> Iterator[list[str]]:
    """Of the table."""
    for (load, share), measured in found.items():
        if share != NONE:
            ratios = _ratios(measured, found[load, NONE])
            counts = (len(measured.latencies_ms), measured.compared, measured.dropped)
            cells = [f"{ratio:.3f}" for ratio in ratios]
            yield [load, share, *cells, *(f"{count:.0f}" for count in counts)]


def worse(found: Mapping[tuple[str, str], Measured]) -> bool:
    """Whether few shadows cost the others a tenth or more, in throughput or the 99th percentile."""
    return any(
        ratio >= MOST
        for (load, share), measured in found.items()
        if share == FEW
        for ratio in _ratios(measured, found[load, NONE])[::2]
    )


def _ratios(measured: Measured, without: Measured) -> list[float]:
    pairs = zip(measured.times, without.times, strict=True)
    return [one / other for one, other in pairs]


def _rounds(service: Service, options: argparse.Namespace) -> dict[tuple[str, str], Measured]:
    def plan(clients: int, rate: float | None = None) -> Plan:
        return Plan(clients, rate, options.seconds, warm_up_s=WARM_UP_S)

    plans = {f"{count} clients": plan(count) for count in options.clients}
    service.measure(plan(8), 0.0, full := Measured())
    plans[HALF] = plan(CONNECTIONS, full.answers / full.seconds / 2)
    ways = [(load, share) for load in plans for share in SHARES]
    found = {way: Measured() for way in ways}
    for number in range(options.rounds):
        turn = number % len(ways)
        for load, share in ways[turn:] + ways[:turn]:
            service.measure(plans[load], SHARES[share], found[load, share])
        print(f"round {number + 1} of {options.rounds}", file=sys.stderr)
    return found


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="benchmarks.shadow", description=__doc__)
    parser.add_argument("--photos", type=Path, default=ROOT / "demo/samples")
    parser.add_argument("--model", default="places365")
    parser.add_argument("--seconds", type=float, default=1)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8])
    return parser.parse_args()


if __name__ == "__main__":
    main()
