"""Visitors of the page beside a client of the API: who waits for whom.

    python -m benchmarks.visitors [--seconds 20] [--rounds 3] [--visitors 20] [--cameras 5]

Each visitor asks as the page does: scenes and objects, with their regions, of one photograph of 640
pixels; some look at another photograph every three seconds, some have the camera on: the next frame
when the last is answered, eight a second at most. Beside them a client of the API sends 20
photographs a second. Rounds with visitors and without them take turns; the table shows the
visitors' wait and the client's, and how much the client's p99 grows.
"""

from __future__ import annotations

import argparse
import http.client
import io
import random
import statistics
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Self
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
FRAME_S = 0.125  # demo/assets/js/camera.js
QUERIES = ("model=places365&explain=region", "model=efficientnet_lite0&explain=region")
RATE = 20.0
BOUNDS = "at most: visitors' p95 500 ms, the client's p99 x 1.5"


def shrunk(photo: bytes) -> bytes:
    """A photograph as the page sends it: the shorter side 640 pixels, JPEG."""
    with Image.open(io.BytesIO(photo)) as opened:
        upright = ImageOps.exif_transpose(opened).convert("RGB")
    scale = SIDE / min(upright.size)
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

    Attributes:
        waits_ms: of each photograph, until both answers were there.
        refused: answers other than 200.

    """

    def __init__(self, url: str, photos: Sequence[bytes], count: int, cameras: int) -> None:
        self._place = urlsplit(url).netloc
        self._photos = photos
        self._leave = threading.Event()
        self.waits_ms: list[float] = []
        self.refused = 0
        paces = [FRAME_S] * cameras + [LOOKING_S] * (count - cameras)
        self._threads = [
            threading.Thread(target=self._visit, args=(number, pace_s))
            for number, pace_s in enumerate(paces)
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

    def _visit(self, number: int, pace_s: float) -> None:
        chance = random.Random(number)  # noqa: S311 (no secret)
        lines = [http.client.HTTPConnection(self._place, timeout=60) for _ in QUERIES]
        headers = {"X-Forwarded-For": f"10.0.0.{number + 1}"}
        self._leave.wait(chance.uniform(0, pace_s))
        with ThreadPoolExecutor(len(QUERIES)) as both:
            while not self._leave.is_set():
                start = time.perf_counter()
                photo = chance.choice(self._photos)

                def ask(line: http.client.HTTPConnection, query: str, photo: bytes = photo) -> int:
                    line.request("POST", f"/classify?{query}", photo, headers)
                    response = line.getresponse()
                    response.read()
                    return response.status

                statuses = list(both.map(ask, lines, QUERIES))
                spent = time.perf_counter() - start
                self.waits_ms.append(1000 * spent)
                self.refused += sum(status != http.HTTPStatus.OK for status in statuses)
                self._leave.wait(max(0.0, pace_s - spent))


def main() -> None:
    """Compare a client's latencies without visitors and with them, and print both."""
    parser = argparse.ArgumentParser(prog="benchmarks.visitors", description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--cameras", type=int, default=5)
    parser.add_argument("--photos", type=Path, default=ROOT / "demo/samples")
    options = parser.parse_args()
    photos = list(read_photographs(options.photos, 50).values())
    small = [shrunk(photo) for photo in photos]
    waits: list[float] = []
    ratios: list[float] = []
    print(describe())
    with serving(BOOTH_TRUSTED_PROXIES="127.0.0.1") as (url, _):
        for _ in range(options.rounds):
            alone = _client(url, photos, options.seconds)
            with Visitors(url, small, options.visitors, options.cameras) as visitors:
                beside = _client(url, photos, options.seconds)
            waits += visitors.waits_ms
            ratios.append(beside.p99 / alone.p99)
            print(_row(alone, beside, visitors))
    ordered = sorted(waits)
    print(
        f"visitors: p50 {quantile(ordered, 0.5):.0f} ms, p95 {quantile(ordered, 0.95):.0f} ms; "
        f"the client's p99 x {statistics.median(ratios):.2f} ({BOUNDS})"
    )


def _client(url: str, photos: Sequence[bytes], seconds: float) -> Figures:
    requests = [post_request(f"{url}/classify", photo) for photo in photos]
    return Load(url, requests, Plan(8, rate=RATE, seconds=seconds)).run()


def _row(alone: Figures, beside: Figures, visitors: Visitors) -> str:
    return (
        f"client alone p50 {alone.p50:.1f} p99 {alone.p99:.1f} ms; beside p50 {beside.p50:.1f} "
        f"p99 {beside.p99:.1f} ms; {len(visitors.waits_ms)} photographs of visitors, "
        f"{visitors.refused} answers refused"
    )


if __name__ == "__main__":
    main()
