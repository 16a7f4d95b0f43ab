"""The page's routes under attack: they have the bounds of the API, and forget whoever came."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from demo.access import EVENTS, PHOTOS
from tests.servers import Serve, Server, clean_environment, free_port, is_up, started
from tests.waiting import eventually

# One worker starts the service, and all of these use it.
pytestmark = pytest.mark.xdist_group("page")

MEGABYTE = 1_000_000
BUDGET = 1200 * MEGABYTE
BODY_TIMEOUT_S = 2
OPEN = {"fn_index": 0, "data": [None]}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sent")


@pytest.fixture(scope="module")
def attacked(serve: Serve, folder: Path) -> Iterator[Server]:
    """A service with its page, whose photographs are kept in ``folder``."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        with serve(
            demo="on",
            models="places365",
            body_timeout_ms=1000 * BODY_TIMEOUT_S,
            memory_bytes=BUDGET,
        ) as running:
            is_up(running.process, running.log, lambda: _opened(running.url))
            yield running


@pytest.fixture
def visitor(attacked: Server) -> Iterator[httpx.Client]:
    """Somebody who does no harm, before the attack and after it."""
    with httpx.Client(base_url=attacked.url, timeout=30) as client:
        assert _is_served(client)
        yield client
        assert _is_served(client)


def _opened(url: str) -> str | None:
    with contextlib.suppress(httpx.TransportError):
        return url if "gradio_config" in httpx.get(url).text else None
    return None


def _is_served(client: httpx.Client) -> bool:
    """Whether a visitor's photograph gets its label."""
    photo = Path("demo/samples/coffee.jpg").read_bytes()
    name = client.post(PHOTOS, content=photo).json()["photo"]
    return "Coffee shop" in client.post(EVENTS, json={"fn_index": 1, "data": [name, None]}).text


def _kept(server: Server, row: str = "VmRSS") -> int:
    """The bytes that a server has in memory; ``VmHWM`` is the most that it had."""
    lines = Path(f"/proc/{server.process.pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(row))


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


@pytest.mark.parametrize("path", [EVENTS, PHOTOS])
def test_a_huge_body_costs_neither_memory_nor_log(
    attacked: Server, visitor: httpx.Client, path: str
) -> None:
    _measure_anew(attacked)
    memory, log = _kept(attacked), attacked.log.stat().st_size

    def pieces() -> Iterator[bytes]:
        for _ in range(200):
            yield bytes(MEGABYTE)

    for content in (pieces(), bytes(100 * MEGABYTE)):
        refused = visitor.post(path, content=content)
        assert refused.status_code == 413
        assert refused.headers["content-type"] == "application/problem+json"
    assert _kept(attacked, "VmHWM") < memory + 100 * MEGABYTE
    assert attacked.log.stat().st_size < log + 10_000


@pytest.mark.parametrize("path", [EVENTS, PHOTOS])
def test_half_bodies_do_not_stay_and_others_are_served_meanwhile(
    attacked: Server, visitor: httpx.Client, path: str
) -> None:
    halves = [_half(attacked, path, 60_000, bytes(30_000)) for _ in range(100)]
    assert _is_served(visitor)
    for half in halves:
        answer = b""
        while piece := half.recv(65_536):
            answer += piece
        half.close()
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert b"/problems/slow-body" in answer


def test_photographs_under_way_are_bounded_together(
    attacked: Server, visitor: httpx.Client
) -> None:
    _measure_anew(attacked)
    with ThreadPoolExecutor(60) as pool:
        sent = bytes(15 * MEGABYTE)
        halves = list(pool.map(lambda _: _try_half(attacked, 16 * MEGABYTE, sent), range(60)))
        is_alive = visitor.get("/livez").is_success
    for half in filter(None, halves):
        half.close()
    assert is_alive
    assert _kept(attacked, "VmHWM") < BUDGET


def _try_half(server: Server, length: int, sent: bytes) -> socket.socket | None:
    try:
        return _half(server, PHOTOS, length, sent)
    except OSError:
        return None  # it was refused meanwhile


def test_whoever_names_new_sessions_and_sends_new_photographs_is_forgotten(
    attacked: Server, visitor: httpx.Client, folder: Path
) -> None:
    def ask(number: int) -> int:
        name = f"{number}" * 20
        event = {**OPEN, "session_hash": name, "event_id": name, "trigger_id": number}
        return visitor.post(EVENTS, params={"upload_id": name}, json=event).status_code

    def send(number: int) -> int:
        query = {"upload_id": f"{number}" * 20}
        return visitor.post(PHOTOS, params=query, content=b"%d" % number).status_code

    _each(ask, range(100))
    memory = _kept(attacked)
    assert _each(ask, range(100, 300)) == {200}
    assert _each(send, range(1200)) == {200}
    assert _kept(attacked) < memory + 40 * MEGABYTE
    assert len([file for file in folder.rglob("*") if file.is_file()]) <= 1000


def _each(ask: Callable[[int], int], numbers: range) -> set[int]:
    with ThreadPoolExecutor(4) as pool:
        return set(pool.map(ask, numbers))


def test_nonsense_is_refused_in_a_sentence_and_leaves_no_traceback(
    attacked: Server, visitor: httpx.Client
) -> None:
    nonsense: list[object] = [
        {"fn_index": 99, "data": []},
        {"fn_index": 4, "data": []},
        {"data": [], "session_hash": "a"},
        {"fn_index": 1, "data": [{"path": "/etc/passwd"}, None]},
        {"fn_index": 1, "data": []},
        [],
        "text",
    ]
    for body in nonsense:
        _is_refused(visitor.post(EVENTS, json=body), 422)
    for content in (b"", b"{", b"[" * 60_000, b"\xff\xfe"):
        _is_refused(visitor.post(EVENTS, content=content), 422)
    for path in ("/gradio_api/run/other", "/gradio_api/upload", f"{EVENTS}/", "/nothing"):
        _is_refused(visitor.post(path, json=OPEN), 404)
    for path in (f"/assets/{300 * 'a'}", "/static/%00", "/page/samples/%FF", "/assets/"):
        _is_refused(visitor.get(path), 404)
    assert "Traceback" not in attacked.log.read_text(encoding="utf-8")


def _is_refused(answer: httpx.Response, status: int) -> None:
    assert (answer.status_code, answer.headers["content-type"]) == (
        status,
        "application/problem+json",
    )
    assert answer.json()["detail"].endswith(".")


@pytest.mark.parametrize("path", [EVENTS, PHOTOS])
@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_another_site_s_page_is_refused(
    visitor: httpx.Client, path: str, headers: dict[str, str]
) -> None:
    _is_refused(visitor.post(path, headers=headers, json=OPEN), 403)


def test_clients_that_leave_at_once_leave_no_traceback(
    attacked: Server, visitor: httpx.Client
) -> None:
    for number in range(100):
        _half(attacked, (EVENTS, PHOTOS)[number % 2], 1000, b"{").close()
    assert visitor.get("/livez").is_success
    line = f"POST {PHOTOS} 499"
    eventually(lambda: attacked.log.read_text(encoding="utf-8"), lambda text: line in text)
    assert "Traceback" not in attacked.log.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A page that is a process of its own."""
    folder, port = tmp_path_factory.mktemp("alone"), free_port()
    command = [sys.executable, "-m", "demo", "--port", str(port), "--rate-limit-per-minute", "60"]
    environment = clean_environment(
        GRADIO_TEMP_DIR=str(folder), BOOTH_URL=f"http://127.0.0.1:{free_port()}"
    )
    log = folder / "log"
    with started(command, log, environment) as process:
        url = is_up(process, log, lambda: _opened(f"http://127.0.0.1:{port}"))
        yield Server(url, process, log)


def test_a_page_alone_has_the_same_bounds(alone: Server) -> None:
    _measure_anew(alone)
    memory = _kept(alone)
    with httpx.Client(base_url=alone.url, timeout=30) as client:
        for path in (EVENTS, PHOTOS):
            _is_refused(client.post(path, content=bytes(50 * MEGABYTE)), 413)
            _is_refused(client.post(path, headers={"Origin": "https://evil.example"}), 403)
        _is_refused(client.post(EVENTS, json={"fn_index": 99, "data": []}), 422)
        _is_refused(client.post("/gradio_api/upload"), 404)
        for _ in range(60):
            last = client.post(PHOTOS, content=b"photo")
        _is_refused(last, 429)
        assert client.get("/").is_success
    assert _kept(alone, "VmHWM") < memory + 60 * MEGABYTE
    text = alone.log.read_text(encoding="utf-8")
    assert f"POST {PHOTOS} 200" in text
    assert "Traceback" not in text
