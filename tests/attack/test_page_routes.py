"""The page's routes under attack: nothing is kept of whoever came, and nothing is left in the log.

What the page asks about a photograph are the API's own routes, which have tests of their own.
"""

from __future__ import annotations

import contextlib
import socket
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from demo.views import VIEWS
from tests.servers import Serve, Server, clean_environment, free_port, is_up, opened, started
from tests.waiting import eventually

# One worker starts the service, and all of these use it.
pytestmark = pytest.mark.xdist_group("page")

MEGABYTE = 1_000_000
PAGE_LIMIT = 250  # more than the attacks before the last one take
PATHS = [f"/{view.path}" for view in VIEWS]
FILES = ["/config", "/theme.css", "/manifest.json", "/page/samples/coffee.jpg"]
CLOSED = ["/page/photos", "/gradio_api/upload", "/gradio_api/run/predict", "/gradio_api/queue/join"]
PHOTO = Path("demo/samples/coffee.jpg").read_bytes()


@pytest.fixture(scope="module")
def attacked(serve: Serve) -> Iterator[Server]:
    """A service with its page."""
    with serve(demo="on", models="places365") as running:
        is_up(running.process, running.log, lambda: opened(running.url))
        # Its networks are still being compiled, which takes memory that no attack has cost.
        eventually(lambda: _growth(running), lambda grown: grown < MEGABYTE, within_s=60)
        yield running


@pytest.fixture(scope="module")
def alone(attacked: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A page that is a process of its own, before the same service."""
    log = tmp_path_factory.mktemp("alone") / "log"
    port = free_port()
    command = [sys.executable, "-m", "demo", "--port", str(port)]
    command += ["--rate-limit-per-minute", str(PAGE_LIMIT)]
    with started(command, log, clean_environment(BOOTH_URL=attacked.url)) as process:
        url = is_up(process, log, lambda: opened(f"http://127.0.0.1:{port}"))
        yield Server(url, process, log)


@pytest.fixture(params=["attacked", "alone"])
def page(request: pytest.FixtureRequest) -> Server:
    """Each of the two."""
    server: Server = request.getfixturevalue(request.param)
    return server


@pytest.fixture
def visitor(page: Server) -> Iterator[httpx.Client]:
    """Somebody who does no harm, before the attack and after it."""
    with httpx.Client(base_url=page.url, timeout=30) as client:
        assert _is_served(client)
        yield client
        assert _is_served(client)
    assert "Traceback" not in page.log.read_text(encoding="utf-8")


def _is_served(client: httpx.Client) -> bool:
    """Whether a visitor's photograph gets its label."""
    return "Coffee shop" in client.post("/classify", content=PHOTO).text


def _kept(server: Server, row: str = "VmRSS") -> int:
    """The bytes that a server has in memory; ``VmHWM`` is the most that it had."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(row))


def _growth(server: Server) -> int:
    """The bytes by which its memory changes in two seconds."""
    before = _kept(server)
    time.sleep(2)
    return abs(_kept(server) - before)


def _measure_anew(server: Server) -> None:
    """Forget the most memory that a server had."""
    Path(f"/proc/{server.process.pid}/clear_refs").write_text("5", encoding="utf-8")


def _half(server: Server, path: str, length: int, sent: bytes) -> socket.socket:
    """A connection that says it will send ``length`` bytes, and sends these."""
    address = httpx.URL(server.url)
    connection = socket.create_connection((address.host, address.port or 80), timeout=30)
    connection.sendall(
        f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode()
    )
    connection.sendall(sent)
    return connection


def _each(ask: Callable[[int], int], numbers: range) -> set[int]:
    with ThreadPoolExecutor(4) as pool:
        return set(pool.map(ask, numbers))


def _is_refused(answer: httpx.Response, *statuses: int) -> None:
    assert answer.status_code in statuses
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"].endswith(".")


def test_a_huge_body_costs_neither_memory_nor_log(page: Server, visitor: httpx.Client) -> None:
    _measure_anew(page)
    memory, log = _kept(page), page.log.stat().st_size
    for path in ("/classify", "/patches", CLOSED[0]):
        for content in ((bytes(MEGABYTE) for _ in range(60)), bytes(60 * MEGABYTE)):
            with contextlib.suppress(httpx.WriteError, httpx.ReadError):
                _is_refused(visitor.post(path, content=content), 404, 405, 413, 429)
    assert _kept(page, "VmHWM") < memory + 60 * MEGABYTE
    assert page.log.stat().st_size < log + 10_000


@pytest.mark.parametrize("page", ["attacked"], indirect=True)
def test_whoever_reads_without_end_is_forgotten(page: Server, visitor: httpx.Client) -> None:
    """Nothing grows with what visitors name: sessions, files, digests, tags."""

    def read(number: int) -> int:
        name = f"{number}" * 20
        paths = (
            f"{PATHS[number % len(PATHS)]}?session_hash={name}&deep_link={name}",
            f"/page/{name}/js/main.js",
            f"/page/thumbnails/coffee.jpg?v={name}",
        )
        headers = {"If-None-Match": name, "Cookie": f"session={name}", "X-Forwarded-Host": name}
        return max(visitor.get(path, headers=headers).status_code for path in paths)

    assert _each(read, range(50)) == {200}
    memory = _kept(page)
    assert _each(read, range(50, 350)) == {200}
    assert _kept(page) < memory + 20 * MEGABYTE


def test_nonsense_is_refused_in_a_sentence_and_leaves_no_traceback(visitor: httpx.Client) -> None:
    for path in CLOSED:
        _is_refused(visitor.get(path), 404)
        _is_refused(
            visitor.post(path, json={"fn_index": 0, "data": [{"path": "/etc/passwd"}]}), 404
        )
    for path in (*PATHS, *FILES):
        _is_refused(visitor.post(path, content=b"[" * 60_000), 404, 405, 429)
    odd = (
        "/static/%00",
        "/page/samples/%FF",
        "/assets/",
        f"/assets/{300 * 'a'}",
        "/page/x/%2e%2e/",
    )
    for path in (*odd, "/page/x/js/..%2fmain.js", "/page/thumbnails/", "/patches/../../etc/passwd"):
        _is_refused(visitor.get(path), 404)


def test_a_tag_or_a_range_that_is_none_is_passed_over(visitor: httpx.Client) -> None:
    for headers in ({"If-None-Match": "\x7f" * 4000}, {"Range": "bytes=9-1"}, {"Range": "no"}):
        for path in (PATHS[1], *FILES):
            assert visitor.get(path, headers=headers).status_code in (200, 400, 416)


def test_who_asks_for_a_host_that_is_none_harms_nobody(visitor: httpx.Client) -> None:
    """The host stands in the preview's address: it must not leave its attribute there."""
    for host in ('"><script>alert(1)</script>', "a" * 2000):
        shown = visitor.get("/", headers={"Host": host})
        assert "<script>alert" not in shown.text


@pytest.mark.parametrize("page", ["alone"], indirect=True)
def test_clients_that_leave_at_once_leave_no_traceback(page: Server, visitor: httpx.Client) -> None:
    for number in range(100):
        _half(page, ("/classify", "/label-map", "/patches")[number % 3], 1000, b"{").close()
    assert visitor.get("/").is_success


@pytest.mark.parametrize("page", ["alone"], indirect=True)
def test_half_bodies_do_not_stay_and_others_are_served_meanwhile(
    page: Server, visitor: httpx.Client
) -> None:
    halves = [_half(page, "/classify", 60_000, bytes(30_000)) for _ in range(20)]
    assert visitor.get("/models").is_success
    for half in halves:
        told = b""
        while piece := half.recv(65_536):
            told += piece
        half.close()
        assert told.startswith((b"HTTP/1.1 408 ", b"HTTP/1.1 429 "))


def test_a_page_alone_has_a_limit_of_its_own(alone: Server) -> None:
    with httpx.Client(base_url=alone.url, timeout=30) as client:

        def refused() -> httpx.Response:
            sent = (client.post("/models", content=b"photo") for _ in range(2 * PAGE_LIMIT))
            return next(answer for answer in sent if answer.status_code == 429)

        last = refused()
        _is_refused(last, 429)
        assert int(last.headers["retry-after"]) <= 61
        assert client.get("/").is_success
        assert client.get("/models").is_success

        def log_of_another() -> str:
            _is_refused(refused(), 429)
            return alone.log.read_text(encoding="utf-8")

        # Of a flood, the log of one second has so many lines and no more; and the minute of the
        # first one may be over, so that as many are let through again.
        eventually(log_of_another, lambda text: " 429 " in text)
