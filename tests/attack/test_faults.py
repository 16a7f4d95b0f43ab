"""What fails around a service: decoders killed, a full disk, nobody who reads the log, clients
that leave. It answers all the same, and is well afterwards.
"""

from __future__ import annotations

import contextlib
import io
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import pytest
from PIL import Image

from benchmarks.posts import post_request
from tests.servers import END_WITHIN_S, Serve, clean_environment, free_port, stop
from tests.service.conftest import tiny_card, write_tiny
from tests.waiting import ended, eventually

START_WITHIN_S = 90.0
RESET_ON_CLOSE = struct.pack("ii", 1, 0)
SERVE = (sys.executable, "-m", "service", "serve")


@pytest.fixture
def tiny(tmp_path: Path) -> Path:
    return write_tiny(tmp_path / "tiny.onnx", tiny_card())


def tiff() -> bytes:
    """What is decoded in a process of its own."""
    file = io.BytesIO()
    Image.new("RGB", (300, 300), "red").save(file, "TIFF")
    return file.getvalue()


@contextlib.contextmanager
def serving_on(
    port: int, command: tuple[str, ...], output: object, /, **settings: object
) -> Iterator[subprocess.Popen[bytes]]:
    """A server whose log is not to be read, once it is ready."""
    given = {"port": port, "demo": "off", "drain_ms": 0, **settings}
    named = {f"BOOTH_{name.upper()}": str(value) for name, value in given.items()}
    environment = clean_environment(**named)

    def is_ready() -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"http://127.0.0.1:{port}/readyz").is_success
        return False

    with subprocess.Popen(command, env=environment, stdout=output, stderr=output) as process:  # type: ignore[call-overload]
        try:
            eventually(is_ready, within_s=START_WITHIN_S)
            yield process
        finally:
            stop(process)


def test_decoders_that_are_killed_again_and_again_harm_nobody(
    serve: Serve, tiny: Path, photos: dict[str, bytes]
) -> None:
    with serve(models=tiny) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        over = threading.Event()
        victims: list[int] = []

        def kill() -> None:
            while not over.wait(0.1):
                for child in psutil.Process(server.process.pid).children():
                    with contextlib.suppress(psutil.NoSuchProcess):
                        child.kill()

        killing = threading.Thread(target=kill)
        killing.start()
        try:
            for _ in range(10):
                victims.append(client.post("/classify", content=tiff()).status_code)
                assert client.post("/classify", content=photos["coffee"]).is_success
        finally:
            over.set()
            ended(killing)
        assert set(victims) <= {200, 400, 413, 422, 500, 503, 504}
        assert eventually(lambda: client.post("/classify", content=tiff()).is_success)
        assert client.get("/readyz").is_success
        assert server.end() == 0


def test_a_log_that_can_t_be_written_stops_nobody(tiny: Path, photos: dict[str, bytes]) -> None:
    port = free_port()
    with (
        Path("/dev/full").open("wb") as full,
        serving_on(port, SERVE, full, models=tiny) as process,
    ):
        for _ in range(20):
            url = f"http://127.0.0.1:{port}"
            assert httpx.post(f"{url}/classify", content=photos["coffee"]).is_success
            assert httpx.get(f"{url}/nowhere").status_code == 404
        process.terminate()
        assert process.wait(END_WITHIN_S) == 0


def test_a_log_that_nobody_reads_stops_nobody(tiny: Path, photos: dict[str, bytes]) -> None:
    port = free_port()
    settings = {"models": tiny, "log_lines_per_second": 0}
    with serving_on(port, SERVE, subprocess.PIPE, **settings) as process:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as client:
            for _ in range(600):  # more than a pipe holds
                assert client.get(f"/{'n' * 200}").status_code == 404
            assert client.post("/classify", content=photos["coffee"]).is_success
            assert client.get("/readyz").is_success
        process.terminate()
        assert process.wait(END_WITHIN_S) == 0


def test_a_full_disk_stops_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, photos: dict[str, bytes]
) -> None:
    port, cache = free_port(), tmp_path / "cache"
    cache.mkdir()
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    monkeypatch.setenv("TMPDIR", str(cache))
    limited = ("/bin/sh", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$@"', "sh", *SERVE)
    with serving_on(port, limited, subprocess.DEVNULL, models="efficientnet_lite0") as process:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
            large = photos["coffee"] + bytes(5_000_000)
            files = [("photo", ("a.jpg", photos["coffee"])), ("photo", ("b.jpg", large))]
            for _ in range(5):
                assert client.post("/classify", content=photos["coffee"]).is_success
                results = client.post("/classify", files=files).json()["results"]
                assert len(results) == len(files)
            assert client.get("/readyz").is_success
        process.terminate()
        assert process.wait(END_WITHIN_S) == 0
    assert not any(one.stat().st_size for one in cache.rglob("*") if one.is_file())


def test_clients_that_leave_take_nothing_along(
    serve: Serve, tiny: Path, photos: dict[str, bytes]
) -> None:
    with serve(models=tiny) as server, httpx.Client(base_url=server.url, timeout=30) as client:
        process = psutil.Process(server.process.pid)
        address = urlsplit(server.url)
        request = post_request(f"{server.url}/classify", photos["coffee"])
        assert client.post("/classify", content=photos["coffee"]).is_success
        files = process.num_fds()
        for number in range(300):
            part = request[: (len(request), len(request) // 2, 90)[number % 3]]
            with socket.create_connection((address.hostname, address.port), 30) as leaving:
                leaving.sendall(part)
                if number % 2:  # a reset, where the others end the connection
                    leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            if number % 30 == 0:
                start = time.monotonic()
                assert client.post("/classify", content=photos["coffee"]).is_success
                assert time.monotonic() - start < 5
        eventually(process.num_fds, lambda count: count <= files + 3)
        accepted = re.compile(r'booth_accepted_images\{model="tiny"\} 0\.0')
        eventually(lambda: client.get("/metrics").text, accepted.search)
        assert client.get("/readyz").is_success
        assert "Traceback" not in server.log.read_text()
        assert server.end(signal.SIGTERM) == 0


def test_half_open_connections_keep_nobody_out(
    serve: Serve, tiny: Path, photos: dict[str, bytes]
) -> None:
    with (
        serve(models=tiny, body_timeout_ms=1000) as server,
        httpx.Client(base_url=server.url, timeout=30) as client,
        contextlib.ExitStack() as stack,
    ):
        process = psutil.Process(server.process.pid)
        address = urlsplit(server.url)
        request = post_request(f"{server.url}/classify", photos["coffee"])
        files = process.num_fds()
        for number in range(200):
            one = socket.create_connection((address.hostname, address.port), 30)
            stack.enter_context(one)
            one.sendall(request[: (0, 20, 2000)[number % 3]])
            if number % 2:
                one.shutdown(socket.SHUT_WR)
        for _ in range(20):
            assert client.post("/classify", content=photos["coffee"]).is_success
        # Those that say nothing at all have longer than the others.
        eventually(process.num_fds, lambda count: count <= files + 100, within_s=30)
        assert client.get("/readyz").is_success
        assert server.end() == 0
