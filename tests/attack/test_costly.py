"""Files of a few bytes that cost much time or memory: they keep only their sender waiting."""

from __future__ import annotations

import contextlib
import struct
import threading
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import httpx
import numpy as np
import pytest
from PIL import Image

from benchmarks.processes import Tree
from tests.attack.innocents import ATTACKER, client_from, innocents
from tests.servers import Serve, Server

SECONDS = 3.0
BUDGET = 1_800_000_000
ATTACKERS = 8

# What the attackers are told: a file is answered, refused for what it is, or for want of time.
ANSWERED, REFUSED, OVERLOADED = {200}, {400, 413, 415}, {503, 504}


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def thin_png() -> bytes:
    """1 x 50,000,000 pixels of 16-bit RGBA in half a megabyte."""
    rows, packer = bytes(9 * 50_000), zlib.compressobj(9)
    packed = b"".join(packer.compress(rows) for _ in range(1000)) + packer.flush()
    head = struct.pack(">IIBBBBB", 1, 50_000_000, 16, 6, 0, 0, 0)
    chunks = [(b"IHDR", head), (b"IDAT", packed), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def fax() -> bytes:
    """A damaged TIFF of 1 x 50,000,000 in fax compression: libtiff would complain of each row."""
    noise = np.random.default_rng(1).bytes(10_000)
    entries = [(256, 1), (257, 50_000_000), (258, 1), (259, 3), (262, 0), (273, 8), (277, 1)]
    entries += [(278, 50_000_000), (279, len(noise))]
    table = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in entries)
    start = struct.pack("<2sHI", b"II", 42, 8 + len(noise))
    return start + noise + struct.pack("<H", len(entries)) + table + bytes(4)


@pytest.fixture(scope="module")
def costly() -> dict[str, bytes]:
    """Files of at most 50 million pixels that are small, or slow to decode."""
    noise = Image.fromarray(
        np.random.default_rng(1).integers(0, 255, (2000, 2000, 3), dtype=np.uint8)
    )
    return {
        "webp of 34 bytes": saved(Image.new("RGB", (16383, 3051)), "WEBP", lossless=True, method=0),
        "thin png": thin_png(),
        "progressive jpeg": saved(noise, "JPEG", progressive=True, quality=60),
        "tiff": saved(noise, "TIFF", compression="tiff_lzw"),
        "fax": fax(),
    }


@pytest.fixture(scope="module")
def attacked(serve: Serve) -> Iterator[Server]:
    with serve(models="places365", memory_bytes=BUDGET) as server:
        yield server


@contextlib.contextmanager
def attacking(url: str, photo: bytes) -> Iterator[Counter[int]]:
    """Eight who send a file again and again while the block runs; the statuses that they get."""
    statuses: Counter[int] = Counter()
    over = threading.Event()

    def send() -> None:
        with client_from(ATTACKER) as client:
            while not over.is_set():
                with contextlib.suppress(httpx.HTTPError):
                    sent = client.post(f"{url}/classify?timeout_ms=4000", content=photo)
                    statuses[sent.status_code] += 1

    with ThreadPoolExecutor(ATTACKERS) as clients:
        for _ in range(ATTACKERS):
            clients.submit(send)
        yield statuses
        over.set()


@contextlib.contextmanager
def peak_memory(server: Server) -> Iterator[list[int]]:
    """Bytes that the server and its processes hold, measured again and again while inside."""
    tree, over, seen = Tree(server.process.pid), threading.Event(), [0]

    def watch() -> None:
        while not over.wait(0.05):
            seen.append(tree.memory_bytes())

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield seen
    finally:
        over.set()
        watching.join()


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("webp of 34 bytes", ANSWERED | REFUSED | OVERLOADED),
        ("thin png", ANSWERED | REFUSED | OVERLOADED),
        ("progressive jpeg", ANSWERED | REFUSED | OVERLOADED),
        ("tiff", ANSWERED | REFUSED | OVERLOADED),
        ("fax", {415} | OVERLOADED),
    ],
)
def test_who_sends_costly_files_keeps_no_other_waiting(
    attacked: Server, photos: dict[str, bytes], costly: dict[str, bytes], kind: str, told: set[int]
) -> None:
    url, photo = attacked.url, photos["coffee"]
    log_bytes = attacked.log.stat().st_size
    with innocents(url, photo) as alone:
        time.sleep(SECONDS / 2)
    with (
        peak_memory(attacked) as memory,
        attacking(url, costly[kind]) as statuses,
        innocents(url, photo) as found,
    ):
        time.sleep(SECONDS)
    with innocents(url, photo) as afterwards:
        time.sleep(1)
    assert set(statuses) <= told
    assert found.answered > 0.8, found.failures[:5]
    assert found.labels == alone.labels == afterwards.labels
    assert found.p99_s < 1 + 2 * alone.p99_s  # this machine may have other work
    assert max(memory) < BUDGET
    assert attacked.log.stat().st_size - log_bytes < 1_000_000
    assert not afterwards.failures
