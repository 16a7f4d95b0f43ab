"""Visitors of the page beside a client of the API: who waits for whom.

    python -m benchmarks.visitors [--seconds 20] [--rounds 3] [--visitors 20] [--cameras 5]
    python -m benchmarks.visitors --visitors 0 --cameras 0 --inside 2

Each visitor asks as the page does: scenes and objects, with their regions, of one photograph of 640
pixels; some look at another photograph every three seconds, some have the camera on: a frame of 448
pixels, first its scene, then its objects, five a second at most, and fewer where answers are slow.
Those inside go through the layers of a network: every second the maps of another layer's units, and
every fifth time what one of the units loses where what it sees is covered.
Beside them a client of the API sends 20 photographs a second. Rounds with visitors and without them
take turns; the table shows what both wait for, and how much the client's p99 grows.
"""

from __future__ import annotations

import argparse
import http.client
import io
import json
import random
import statistics
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Self, TypeAlias
from urllib.parse import urlsplit

from PIL import Image, ImageOps

from benchmarks.load import Figures, Load, Plan, quantile
from benchmarks.machine import describe
from benchmarks.photographs import read_photographs
from benchmarks.posts import post_request
from benchmarks.soak import serving
from benchmarks.systems import ROOT

__all__ = ["Visitors", "shrunk"]

SIDE = 640  # of what the page sends; demo/assets/js/shrink.js
LOOKING_S = 3.0
FRAME_SIDE = 448  # demo/assets/js/camera.js
FRAME_S = 0.2
REST = 3
INSIDE_S = 1.0
COVERING = 5
INSIDE = "efficientnet_lite0"
QUERIES = ("model=places365&explain=region", "model=efficientnet_lite0&explain=region")
RATE = 20.0
BOUNDS = "at most: visitors' p95 500 ms, the client's p99 x 1.5, and x 1.1 with two inside alone"

Ask: TypeAlias = Callable[[str], int]


def shrunk(photo: bytes, side: int = SIDE) -> bytes:
    """A photograph as the page sends it: the shorter side ``side`` pixels, JPEG."""
    with Image.open(io.BytesIO(photo)) as opened:
        upright = ImageOps.exif_transpose(opened).convert("RGB")
    scale = side / min(upright.size)
    size = (round(upright.width * scale), round(upright.height * scale))
    packed = io.BytesIO()
    upright.resize(size, Image.Resampling.BICUBIC).save(packed, "JPEG", quality=95)
    return packed.getvalue()


class Visitors:
    """Visitors who look, as long as the block runs; each has an address of its own.

    Args:
        url: the service's; it has to trust this machine's X-Forwarded-For.
        photos: what they send.
        count: how many.
        cameras: how many of these have the camera on.
        inside: how many more look inside a network.

    Attributes:
        waits_ms: of each photograph, until both answers were there.
        inside_ms: likewise of each layer that was looked at, and each unit that was covered.
        refused: answers other than 200.

    """

    def __init__(
        self, url: str, photos: Sequence[bytes], count: int, cameras: int, inside: int = 0
    ) -> None:
        self._place = urlsplit(url).netloc
        self._photos = photos
        self._frames = [shrunk(photo, FRAME_SIDE) for photo in photos] if cameras else []
        self._leave = threading.Event()
        self.waits_ms: list[float] = []
        self.inside_ms: list[float] = []
        self.refused = 0
        self._threads = [
            threading.Thread(target=self._film if number < cameras else self._look, args=(number,))
            for number in range(count)
        ]
        self._threads += [
            threading.Thread(target=self._walk, args=(count + number,)) for number in range(inside)
        ]

    def __enter__(self) -> Self:
        """Let them come."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        """Let them go."""
        self._leave.set()
        for thread in self._threads:
            thread.join()

    def _look(self, number: int) -> None:
        visitor = _Visitor(self._place, number)
        self._leave.wait(visitor.chance.uniform(0, LOOKING_S))
        with ThreadPoolExecutor(len(QUERIES)) as both:
            while not self._leave.is_set():
                photo = visitor.chance.choice(self._photos)
                spent_s = self._count(visitor, lambda ask: list(both.map(ask, QUERIES)), photo)
                self._leave.wait(max(0.0, LOOKING_S - spent_s))

    def _film(self, number: int) -> None:
        visitor = _Visitor(self._place, number)
        self._leave.wait(visitor.chance.uniform(0, FRAME_S))
        while not self._leave.is_set():
            frame = visitor.chance.choice(self._frames)
            spent_s = self._count(visitor, lambda ask: list(map(ask, QUERIES)), frame)
            self._leave.wait(max(FRAME_S - spent_s, REST * spent_s))

    def _walk(self, number: int) -> None:
        visitor = _Visitor(self._place, number)
        self._leave.wait(visitor.chance.uniform(0, INSIDE_S))
        layers, photo = visitor.layers(INSIDE), visitor.chance.choice(self._photos)
        turn = 0
        while not self._leave.is_set():
            turn += 1
            layer, query = visitor.chance.choice(layers), f"model={INSIDE}&layer="
            asked = f"/activations?{query}{layer}&units=12&maps=png"
            if not turn % COVERING:
                asked = f"/occlusion?{query}{layer}&unit={visitor.chance.randrange(8)}"
            start = time.perf_counter()
            status = visitor.post(photo, asked)
            spent_s = time.perf_counter() - start
            self.inside_ms.append(1000 * spent_s)
            self.refused += status != http.HTTPStatus.OK
            self._leave.wait(max(0.0, INSIDE_S - spent_s))

    def _count(self, visitor: _Visitor, ask_all: Callable[[Ask], list[int]], photo: bytes) -> float:
        """Ask of one photograph, and note what came of it; gives the seconds it took."""
        start = time.perf_counter()
        statuses = ask_all(partial(visitor.ask, photo))
        spent_s = time.perf_counter() - start
        self.waits_ms.append(1000 * spent_s)
        self.refused += sum(status != http.HTTPStatus.OK for status in statuses)
        return spent_s


class _Visitor:
    def __init__(self, place: str, number: int) -> None:
        self.chance = random.Random(number)  # noqa: S311 (no secret)
        self._lines = {query: http.client.HTTPConnection(place, timeout=60) for query in QUERIES}
        self._inside = http.client.HTTPConnection(place, timeout=60)
        self._headers = {"X-Forwarded-For": f"10.0.0.{number + 1}"}

    def ask(self, photo: bytes, query: str) -> int:
        """Ask one model, and give the status of its answer."""
        line = self._lines[query]
        line.request("POST", f"/classify?{query}", photo, self._headers)
        response = line.getresponse()
        response.read()
        return response.status

    def post(self, photo: bytes, asked: str) -> int:
        """Ask to look inside, and give the status of the answer."""
        self._inside.request("POST", asked, photo, self._headers)
        response = self._inside.getresponse()
        response.read()
        return response.status

    def layers(self, model: str) -> list[str]:
        """The layers of a model, by their names."""
        self._inside.request("GET", f"/models/{model}/layers", headers=self._headers)
        found = json.loads(self._inside.getresponse().read())
        return [layer["name"] for layer in found["layers"]]


def main() -> None:
    """Compare a client's latencies without visitors and with them, and print both."""
    parser = argparse.ArgumentParser(prog="benchmarks.visitors", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--cameras", type=int, default=5)
    parser.add_argument("--inside", type=int, default=0)
    parser.add_argument("--photos", type=Path, default=ROOT / "demo/samples")
    options = parser.parse_args()
    photos = list(read_photographs(options.photos, 50).values())
    small = [shrunk(photo) for photo in photos]
    waits: list[float] = []
    inside: list[float] = []
    ratios: list[float] = []
    print(describe())
    with serving(BOOTH_TRUSTED_PROXIES="127.0.0.1") as (url, _):
        for _ in range(options.rounds):
            alone = _client(url, photos, options.seconds)
            counts = options.visitors, options.cameras, options.inside
            with Visitors(url, small, *counts) as visitors:
                beside = _client(url, photos, options.seconds)
            waits += visitors.waits_ms
            inside += visitors.inside_ms
            ratios.append(beside.p99 / alone.p99)
            print(_row(alone, beside, visitors))
    for who, times_ms in (("visitors", sorted(waits)), ("inside", sorted(inside))):
        if times_ms:
            p50, p95 = (quantile(times_ms, share) for share in (0.5, 0.95))
            print(f"{who}: p50 {p50:.0f} ms, p95 {p95:.0f} ms")
    print(f"the client's p99 x {statistics.median(ratios):.2f} ({BOUNDS})")


def _client(url: str, photos: Sequence[bytes], seconds: float) -> Figures:
    requests = [post_request(f"{url}/classify", photo) for photo in photos]
    return Load(url, requests, Plan(8, rate=RATE, seconds=seconds)).run()


def _row(alone: Figures, beside: Figures, visitors: Visitors) -> str:
    return (
        f"client alone p50 {alone.p50:.1f} p99 {alone.p99:.1f} ms; beside p50 {beside.p50:.1f} "
        f"p99 {beside.p99:.1f} ms; {len(visitors.waits_ms)} photographs of visitors, "
        f"{len(visitors.inside_ms)} looks inside, {visitors.refused} answers refused"
    )


if __name__ == "__main__":
    main()
