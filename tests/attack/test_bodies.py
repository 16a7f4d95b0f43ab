"""Bodies without end: what they hold is bounded, and nobody else is kept from an answer."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.attack.innocents import ATTACKER, innocents
from tests.attack.storm import Sent, as_chunk, storm_apart
from tests.servers import Serve, Server
from tests.service.asking import samples
from tests.waiting import ended, eventually

SIZE = 19_900_001  # just less than the largest body
MEMORY = 700_000_000  # of which the shipped models and their batches take about 500 MB


def resident(server: Server) -> int:
    """Bytes of memory that a server has."""
    pages = Path(f"/proc/{server.process.pid}/statm").read_text(encoding="ascii").split()[1]
    return int(pages) * 4096


@contextlib.contextmanager
def watched(server: Server) -> Iterator[list[int]]:
    """The bytes that a server has while the block runs, seen again and again."""
    seen, over = [resident(server)], threading.Event()

    def watch() -> None:
        while not over.wait(0.01):
            seen.append(resident(server))

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield seen
    finally:
        over.set()
        ended(watching)


def head(*fields: bytes) -> bytes:
    return b"\r\n".join([b"POST /classify HTTP/1.1", b"Host: booth", *fields, b"", b""])


ANNOUNCED = head(b"Content-Length: %d" % SIZE)
CHUNKED = head(b"Transfer-Encoding: chunked")
FORM = head(b"Content-Length: %d" % SIZE, b"Content-Type: multipart/form-data; boundary=x")

NO_PHOTO = b"no photograph" + bytes(SIZE - 13)
_FILE = b'--x\r\nContent-Disposition: form-data; filename="a"\r\n\r\n', b"\r\n--x--"
_TEXT = b'{"image": "', b'"}'


def filled(around: tuple[bytes, bytes], filling: bytes) -> bytes:
    """A body of the size that was announced."""
    start, end = around
    return start + filling * (SIZE - len(start) - len(end)) + end


MANY = [f"127.0.{number // 250 + 1}.{number % 250 + 1}" for number in range(200)]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="it reads Linux's /proc")
@pytest.mark.parametrize(
    ("sources", "sent"),
    [
        pytest.param([ATTACKER] * 200, Sent(ANNOUNCED, NO_PHOTO), id="one client"),
        pytest.param(MANY, Sent(ANNOUNCED, NO_PHOTO), id="many clients"),
        pytest.param(MANY[:60], Sent(CHUNKED, NO_PHOTO, as_chunk), id="of no known length"),
        pytest.param(MANY[:60], Sent(ANNOUNCED, filled(_TEXT, b"A")), id="JSON"),
        pytest.param(MANY[:60], Sent(FORM, filled(_FILE, b"A")), id="forms"),
    ],
)
def test_bodies_hold_no_more_memory_than_there_is_for_them(
    serve: Serve, photos: dict[str, bytes], sources: list[str], sent: Sent
) -> None:
    with serve(models="places365", memory_bytes=MEMORY) as server:
        with innocents(server.url, photos["coffee"]) as alone:
            time.sleep(0.5)
            eventually(lambda: alone.labels, within_s=15)
        before = resident(server)
        with watched(server) as seen, innocents(server.url, photos["coffee"]) as found:
            told = storm_apart(server.url, sources, sent)
        eventually(lambda: resident(server), lambda held: held < before + 150_000_000, within_s=15)
        assert samples(server.url)["booth_memory_reserved_bytes"] == 0
        well = httpx.post(f"{server.url}/classify", content=photos["coffee"])
        log = server.log.read_text(encoding="utf-8")
    assert max(seen) < MEMORY
    assert told[503] > len(sources) / 2
    assert found.answered > 0.8, found.failures[:5]
    assert found.labels == alone.labels
    assert found.p99_s < 2 + 2 * alone.p99_s  # this machine may have other work
    assert well.is_success
    assert "Traceback" not in log
