"""Files of a few bytes that cost a second each: they keep only their sender waiting."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.attack.innocents import ATTACKER, client_from, innocents
from tests.servers import Serve

SECONDS = 5.0


def _saved(image: Image.Image, kind: str, **options: object) -> bytes:
    file = BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.fixture(scope="module")
def costly() -> dict[str, bytes]:
    """Files of at most 50 million pixels that are small, or slow to decode."""
    blank = Image.new("RGB", (7000, 7000), "teal")
    noise = np.random.default_rng(1).integers(0, 255, (2500, 2500, 3), dtype=np.uint8)
    return {
        "webp": _saved(blank, "WEBP", lossless=True, method=0),
        "png": _saved(blank, "PNG", compress_level=1),
        "progressive": _saved(Image.fromarray(noise), "JPEG", progressive=True, quality=60),
        "tiff": _saved(Image.fromarray(noise), "TIFF", compression="tiff_lzw"),
    }


@pytest.mark.parametrize("kind", ["webp", "png", "progressive", "tiff"])
def test_who_sends_costly_files_keeps_no_other_waiting(
    serve: Serve, photos: dict[str, bytes], costly: dict[str, bytes], kind: str
) -> None:
    with serve(models="places365") as server:
        with innocents(server.url, photos["coffee"]) as alone:
            time.sleep(SECONDS / 2)
        with attacking(server.url, costly[kind]), innocents(server.url, photos["coffee"]) as found:
            time.sleep(SECONDS)
        with innocents(server.url, photos["coffee"]) as afterwards:
            time.sleep(1)
    assert found.answered > 0.8, found.failures[:5]
    assert found.labels == alone.labels == afterwards.labels
    assert found.p99_s < 1 + 2 * alone.p99_s  # this machine may have other work
    assert not afterwards.failures


@contextlib.contextmanager
def attacking(url: str, photo: bytes) -> Iterator[None]:
    """Eight who send a file again and again while the block runs."""
    over = threading.Event()

    def send() -> None:
        with client_from(ATTACKER) as client:
            while not over.is_set():
                with contextlib.suppress(httpx.HTTPError):
                    client.post(f"{url}/classify", content=photo, timeout=5)

    with ThreadPoolExecutor(8) as clients:
        for _ in range(8):
            clients.submit(send)
        yield
        over.set()
