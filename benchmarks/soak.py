"""Mixed traffic for a long time: memory, threads and open files must stay as they are.

    python -m benchmarks.soak [--minutes 60]

Clients send photographs, alone, in forms and in a format that is costly, what is none, what is cut
off, what has the wrong parameters, go away before their answers, and look at the page. What the
server's processes hold is sampled all the time. The last third of the time must hold no more than
the second, to a tolerance: in the first, libraries fill their caches. Ends with 1 if it does.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import io
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

import httpx
import psutil
from PIL import Image

from benchmarks.deadlines import listening
from benchmarks.photographs import read_photographs
from benchmarks.posts import post_request
from benchmarks.processes import Tree
from benchmarks.systems import ROOT

__all__ = ["Sample", "Traffic", "grown", "sampled", "serving"]

CLIENTS = 6
SAMPLES = 300
TOLERATED = (60e6, 6, 12)  # bytes, threads, files


@dataclass(frozen=True, slots=True)
class Sample:
    """What a server and its processes hold: bytes of memory, threads, files and connections."""

    memory: float
    threads: float
    files: float

    def __str__(self) -> str:
        """In a line."""
        return f"{self.memory / 1e6:7.1f} MB {self.threads:5.0f} threads {self.files:5.0f} files"


class Traffic:
    """Clients of all kinds, each on a thread, while the block runs.

    Attributes:
        outcomes: how often each kind of request got each status; 0 for none.

    """

    def __init__(self, url: str, photos: Sequence[bytes], clients: int = CLIENTS) -> None:
        self._url = url
        self._photos = photos
        self._over = threading.Event()
        self._counting = threading.Lock()
        self.outcomes: Counter[tuple[str, int]] = Counter()
        self._threads = [
            threading.Thread(target=self._ask, args=(random.Random(seed),))  # noqa: S311 no secret
            for seed in range(clients)
        ]

    def __enter__(self) -> Self:
        """Begin."""
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Send nothing new, and wait for the last answers."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, chance: random.Random) -> None:
        with httpx.Client(base_url=self._url, timeout=60) as client:
            while not self._over.is_set():
                kind = chance.choice(KINDS)
                status = 0
                with contextlib.suppress(httpx.HTTPError, OSError):
                    status = kind(client, chance, chance.choice(self._photos))
                with self._counting:
                    self.outcomes[kind.__name__.strip("_"), status] += 1


def _photo(client: httpx.Client, chance: random.Random, photo: bytes) -> int:
    return client.post(
        "/classify", params={"top_k": chance.randint(1, 9)}, content=photo
    ).status_code


def _form(client: httpx.Client, chance: random.Random, photo: bytes) -> int:
    files = [("photo", (f"{chance.random()}.jpg", photo)) for _ in range(chance.randint(1, 4))]
    return client.post("/classify", files=files).status_code


def _costly(client: httpx.Client, _: random.Random, photo: bytes) -> int:
    """What a process of its own decodes: it is there from the first third on."""
    return client.post("/classify", content=_as_tiff(photo)).status_code


def _cut_off(client: httpx.Client, chance: random.Random, photo: bytes) -> int:
    return client.post("/classify", content=photo[: chance.randrange(len(photo))]).status_code


def _mutated(client: httpx.Client, chance: random.Random, photo: bytes) -> int:
    odd = bytearray(photo)
    for _ in range(20):
        odd[chance.randrange(len(odd))] = chance.randrange(256)
    return client.post("/classify", content=bytes(odd)).status_code


def _no_photograph(client: httpx.Client, chance: random.Random, _: bytes) -> int:
    kind = chance.choice([b"", b"text", b'{"image": 1}', b"\x89PNG\r\n\x1a\n", b"GIF89a", b"RIFF"])
    return client.post("/classify", content=kind + chance.randbytes(64)).status_code


def _wrong_parameter(client: httpx.Client, chance: random.Random, photo: bytes) -> int:
    name = chance.choice(["top_k", "model", "version", "timeout_ms", "nothing"])
    return client.post("/classify", params={name: str(chance.random())}, content=photo).status_code


def _nowhere(client: httpx.Client, chance: random.Random, _: bytes) -> int:
    return client.get(f"/{chance.random()}").status_code


def _page(client: httpx.Client, chance: random.Random, _: bytes) -> int:
    return client.get(chance.choice(["/", "/models", "/readyz", "/metrics"])).status_code


def _gone(client: httpx.Client, chance: random.Random, photo: bytes) -> int:
    """Send all or a part of a request, and go."""
    url = urlsplit(str(client.base_url))
    request = post_request(f"{client.base_url}classify", photo)
    with socket.create_connection((url.hostname or "", url.port or 80), 30) as connection:
        connection.sendall(request[: chance.choice([9, len(request) // 2, len(request)])])
        time.sleep(chance.random() / 50)
    return 0


KINDS: Sequence[Callable[[httpx.Client, random.Random, bytes], int]] = (
    *(_photo, _photo, _photo, _form, _costly, _cut_off, _mutated),
    *(_no_photograph, _wrong_parameter, _nowhere, _page, _gone),
)


@functools.lru_cache
def _as_tiff(photo: bytes) -> bytes:
    file = io.BytesIO()
    with Image.open(io.BytesIO(photo)) as image:
        image.save(file, "TIFF", compression="tiff_lzw")
    return file.getvalue()


def sampled(pid: int, seconds: float, samples: int = SAMPLES) -> Iterator[Sample]:
    """What a process and those that it started hold, so often and for so long at least."""
    for _ in range(samples):
        time.sleep(seconds / samples)
        root = psutil.Process(pid)
        threads = files = 0
        for process in (root, *root.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                threads += process.num_threads()
                files += process.num_fds()
        yield Sample(Tree(pid).memory_bytes(), threads, files)


def grown(samples: Sequence[Sample]) -> tuple[Sample, Sample, bool]:
    """The medians of the second and the last third, and whether that is more than tolerated."""
    third = len(samples) // 3
    before, after = _median(samples[third : 2 * third]), _median(samples[-third:])
    more = any(
        now - then > most
        for then, now, most in zip(astuple(before), astuple(after), TOLERATED, strict=True)
    )
    return before, after, more


def _median(samples: Sequence[Sample]) -> Sample:
    columns = zip(*map(astuple, samples), strict=True)
    return Sample(*(statistics.median(column) for column in columns))


@contextlib.contextmanager
def serving(**settings: str) -> Iterator[tuple[str, int]]:
    """Booth with default settings but for these, and the page: its address and its process."""
    environment = {**os.environ, "BOOTH_PORT": "0", **settings}
    command = [sys.executable, "-m", "service", "serve"]
    with (
        tempfile.NamedTemporaryFile("r", encoding="utf-8") as log,
        Path(log.name).open("w", encoding="utf-8") as output,
        subprocess.Popen(command, cwd=ROOT, env=environment, stderr=output) as process,
    ):
        try:
            yield listening(Path(log.name)), process.pid
        finally:
            process.terminate()


def main() -> None:
    """Soak a server, print what it held each minute, and end with 1 if that grew."""
    parser = argparse.ArgumentParser(prog="benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--photos", type=Path, default=ROOT / "demo/samples")
    options = parser.parse_args()
    photos = list(read_photographs(options.photos, 50).values())
    samples: list[Sample] = []
    with serving() as (url, pid), Traffic(url, photos) as traffic:
        told = start = time.monotonic()
        for sample in sampled(pid, 60 * options.minutes):
            samples.append(sample)
            if (now := time.monotonic()) - told >= 60:  # noqa: PLR2004 (a minute)
                told = now
                print(f"{(now - start) / 60:4.0f} min {sample}", flush=True)
    before, after, more = grown(samples)
    for (kind, status), count in sorted(traffic.outcomes.items()):
        print(f"{kind:>16} {status:3} {count:8}")
    print(f"second third: {before}\nlast third:   {after}")
    sys.exit(more)


if __name__ == "__main__":
    main()
