"""How much of the machine reaches the client.

Compares, in one run: the work alone in an in-process loop (the ceiling), Booth, and the endpoint
that most people write (``plain.py``), all on the same model file and photographs. Figures are
photographs a second; quote their ratios, since machines drift. Needs ``wrk`` (Debian's package).

    python benchmarks/throughput.py --photos FOLDER [--seconds 10] [--rounds 3]
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from operator import itemgetter
from pathlib import Path

import httpx
import numpy as np
import onnxruntime as ort

from models.shelf import find_model
from service.classifier import cores
from service.photo import decode
from service.session import Session

HERE = Path(__file__).parent
ROOT = HERE.parent


def main() -> None:
    """Measure in rounds, so that all systems see the same drift, and print medians."""
    options = parse()
    model = find_model(options.model, Path("none"))
    photos = sorted(path for path in options.photos.rglob("*") if path.suffix in {".jpg", ".JPEG"})
    ceilings: list[float] = []
    runs: dict[tuple[str, int], list[dict[str, float]]] = {}
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as listing:
        listing.write("\n".join(map(str, photos)))
        listing.flush()
        for _ in range(options.rounds):
            ceilings.append(ceiling(model, photos, options.seconds))
            for system, start in (("booth", booth), ("plain", plain)):
                with start(model) as url:
                    check_parity(url, model, photos)
                    for clients in options.clients:
                        figures = load(url, clients, options.seconds, listing.name)
                        runs.setdefault((system, clients), []).append(figures)
            ceilings.append(ceiling(model, photos, options.seconds))
    report(model, len(photos), ceilings, runs)


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=Path, default=ROOT / "tests/photos")
    parser.add_argument("--model", default="efficientnet_lite0")
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 32])
    options = parser.parse_args()
    if shutil.which("wrk") is None:
        parser.error("wrk is not on the path; install it (`apt-get install wrk`).")
    return options


def ceiling(model: Path, photos: list[Path], seconds: float) -> float:
    """Photographs a second of decoding and running alone, in the best of three ways."""
    bodies = [photo.read_bytes() for photo in photos]
    ways = [
        {"workers": 1, "threads": cores(), "batch": 1},
        {"workers": cores(), "threads": 1, "batch": 1},
        {"workers": cores(), "threads": 1, "batch": 8},
    ]
    return max(loop(model, bodies, seconds / len(ways), **way) for way in ways)


def loop(
    model: Path, bodies: list[bytes], seconds: float, *, workers: int, threads: int, batch: int
) -> float:
    """Photographs a second with ``workers``, each decoding ``batch`` and running them."""
    session = Session(model, threads=1, threads_alone=threads)
    session.warm_up([1, batch])
    run = session.run if threads == 1 else session.run_alone
    end = time.perf_counter() + seconds

    def work(turn: int) -> int:
        supply = islice(cycle(bodies), turn * 7, None)
        done = 0
        while time.perf_counter() < end:
            decoded = [decode(photo, session.card.input) for photo in islice(supply, batch)]
            run(np.stack([one.pixels for one in decoded]))
            done += batch
        return done

    start = time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        done = sum(pool.map(work, range(workers)))
    return done / (time.perf_counter() - start)


@contextlib.contextmanager
def booth(model: Path) -> Iterator[str]:
    """Booth with default settings."""
    port = free_port()
    environment = {**os.environ, "BOOTH_PORT": str(port), "BOOTH_MODELS": str(model)}
    command = [sys.executable, "-m", "service", "serve"]
    with running(command, {**environment, "BOOTH_DEMO": "off"}, port) as url:
        yield url


@contextlib.contextmanager
def plain(model: Path) -> Iterator[str]:
    """The endpoint that most people write."""
    port = free_port()
    command = [sys.executable, str(HERE / "plain.py"), str(model), str(port)]
    with running(command, dict(os.environ), port) as url:
        yield url


@contextlib.contextmanager
def running(command: list[str], environment: dict[str, str], port: int) -> Iterator[str]:
    """A server from its first answer to its end."""
    url = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL) as process:
        try:
            for _ in range(200):
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"{url}/readyz").status_code != httpx.codes.SERVICE_UNAVAILABLE:
                        break
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()
            process.wait()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def check_parity(url: str, model: Path, photos: list[Path]) -> None:
    """A fast wrong answer is worth nothing: the first label must be the in-process one."""
    session = Session(model)
    agree = 0
    for photo in photos:
        body = photo.read_bytes()
        answer = httpx.post(f"{url}/classify", content=body).json()
        row = session.run(decode(body, session.card.input).pixels[None])[0]
        expected = session.card.labels[int(row.argmax())].name
        agree += answer["predictions"][0]["label"] == expected
    if agree < 0.95 * len(photos):
        sys.exit(f"only {agree} of {len(photos)} first labels agree: nothing was measured")


def load(url: str, clients: int, seconds: int, listing: str) -> dict[str, float]:
    """A closed loop of ``clients`` connections: what wrk measured."""
    command = ["wrk", "-t1", f"-c{clients}", f"-d{seconds}s", "--timeout", "30s"]
    environment = {**os.environ, "BOOTH_PHOTOS": listing}
    script = ["-s", str(HERE / "post.lua"), url]
    output = subprocess.run(
        [*command, *script], env=environment, check=True, capture_output=True, text=True
    ).stdout
    figures: dict[str, float] = json.loads(output.strip().splitlines()[-1])
    return figures


def report(
    model: Path,
    photos: int,
    ceilings: list[float],
    runs: dict[tuple[str, int], list[dict[str, float]]],
) -> None:
    """One table: medians over the rounds."""
    top = statistics.median(ceilings)
    today = dt.datetime.now(dt.UTC).date()
    print(f"{today}, {platform.machine()}, {cores()} cores, ONNX Runtime {ort.__version__}")
    print(f"{model.stem}, {photos} photographs; ceiling {top:.0f} photographs a second")
    print(f"{'system':8}{'clients':>8}{'per s':>8}{'of ceiling':>12}{'p50':>8}{'p99':>8}{'max':>8}")
    for (system, clients), figures in runs.items():
        rate = median(figures, lambda one: one["requests"] / one["seconds"])
        latency = "".join(f"{median(figures, itemgetter(p)):8.1f}" for p in ("p50", "p99", "max"))
        failed = sum(one["failed"] for one in figures)
        tail = f"  {failed:.0f} failed" if failed else ""
        print(f"{system:8}{clients:8}{rate:8.0f}{rate / top:12.2f}{latency}{tail}")


def median(figures: list[dict[str, float]], of: Callable[[dict[str, float]], float]) -> float:
    """The median over the rounds."""
    return statistics.median(of(one) for one in figures)


if __name__ == "__main__":
    main()
