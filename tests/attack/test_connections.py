"""Connections that send without reading, that stay, that come in crumbs, that are broken off."""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator
from itertools import cycle

import httpx
import psutil
import pytest

from service.run.protocol import Protocol
from tests.attack.innocents import ATTACKER, INNOCENT, client_from, innocents
from tests.servers import Serve, Server
from tests.service.asking import RED
from tests.service.conftest import tiny_card, write_tiny
from tests.waiting import eventually

GET = b"GET /models HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
LONG = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
HALF = b"GET / HTTP/1.1\r\nHost: x\r\nX: "
UPGRADE = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"

SEVERAL = [f"127.0.0.{10 + number}" for number in range(4)]  # attackers
SECONDS = 2.5
MOST_GROWTH_BYTES = 120_000_000  # several gigabytes, before
MOST_LINES = 150  # a second: the default of the settings, and what else is told


@pytest.fixture(scope="module")
def attacked(serve: Serve, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the settings that everybody gets."""
    tiny = write_tiny(tmp_path_factory.mktemp("models") / "tiny.onnx", tiny_card())
    with serve(models=tiny) as server:
        yield server


class Attack:
    """Sockets from the attacker's addresses, which never wait."""

    def __init__(self, server: Server, stack: contextlib.ExitStack) -> None:
        url = httpx.URL(server.url)
        self._where = url.host, url.port or 80
        self._stack = stack

    def connect(self, address: str = ATTACKER) -> socket.socket:
        """One connection."""
        made = socket.create_connection(self._where, 10, source_address=(address, 0))
        self._stack.enter_context(made)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        made.setblocking(False)
        return made


@pytest.fixture
def attack(attacked: Server) -> Iterator[Attack]:
    """Ends all its connections at the end; then everything is as it was."""
    before = usage(attacked)
    started, lines = time.monotonic(), len(attacked.log.read_text().splitlines())
    with contextlib.ExitStack() as stack:
        yield Attack(attacked, stack)
    seconds = time.monotonic() - started
    told = attacked.log.read_text().splitlines()
    assert len(told) - lines < MOST_LINES * (seconds + 1)
    assert "Traceback" not in "\n".join(told)
    assert usage(attacked).rss - before.rss < MOST_GROWTH_BYTES
    process = psutil.Process(attacked.process.pid)
    eventually(lambda: len(process.net_connections()), lambda count: count <= 2)
    response = httpx.post(f"{attacked.url}/classify?top_k=1", content=RED)
    assert response.json()["predictions"][0]["label"] == "Red"


def usage(server: Server) -> psutil._ntuples.pmem:
    return psutil.Process(server.process.pid).memory_info()


def send(connection: socket.socket, data: bytes) -> int:
    """As much as the connection takes now; -1 once the server has ended it."""
    try:
        return connection.send(data)
    except BlockingIOError:
        return 0
    except OSError:
        return -1


def send_on(connection: socket.socket, request: bytes, *, read: bool) -> None:
    """Send requests for some seconds without waiting for any answer."""
    end, many, sent = time.monotonic() + SECONDS, request * 2000, 0
    while time.monotonic() < end:
        count = send(connection, many[sent % len(request) :])
        if count < 0:
            return
        sent += count
        if read:
            with contextlib.suppress(BlockingIOError, ConnectionError):
                connection.recv(1_000_000)
        time.sleep(0 if count else 0.001)


def ask_anew(url: str) -> float:
    """The seconds until somebody new, with a connection of their own, has an answer."""
    start = time.monotonic()
    with client_from(INNOCENT, timeout_s=20) as client:
        assert client.post(f"{url}/classify", content=RED).status_code == httpx.codes.OK
    return time.monotonic() - start


@pytest.mark.parametrize("request_", [GET, POST], ids=["get", "post"])
@pytest.mark.parametrize("read", [True, False], ids=["reads", "never reads"])
def test_who_sends_without_waiting_for_answers_holds_no_memory(
    attacked: Server, attack: Attack, request_: bytes, read: bool
) -> None:
    before = usage(attacked).rss
    with innocents(attacked.url, RED) as found:
        send_on(attack.connect(), request_, read=read)
    assert usage(attacked).rss - before < MOST_GROWTH_BYTES
    assert found.answered > 0.95, found.failures[:5]
    assert found.p99_s < 3  # of a machine that is busy with other tests
    assert found.labels == {"red"}


def test_who_never_reads_keeps_nobody_out(attacked: Server, attack: Attack) -> None:
    connections = [attack.connect() for _ in range(400)]
    for connection in connections:
        send(connection, LONG * 1000)
    times = []
    for connection in [one for one in connections for _ in range(2)][::40]:
        send(connection, LONG * 1000)
        times.append(ask_anew(attacked.url))
    assert sorted(times)[len(times) * 9 // 10] < 2
    assert usage(attacked).rss < 1_000_000_000


@pytest.mark.parametrize(
    ("said", "addresses"),
    [(b"", SEVERAL), (HALF, [ATTACKER]), (GET, SEVERAL)],
    ids=["silent", "half a head", "idle"],
)
def test_connections_are_bounded_and_the_next_gets_in(
    attacked: Server, attack: Attack, said: bytes, addresses: list[str]
) -> None:
    sources = cycle(addresses)
    with client_from(INNOCENT) as old:
        assert old.get(f"{attacked.url}/livez").status_code == httpx.codes.OK
        for number in range(Protocol.max_connections + 300):
            send(attack.connect(next(sources)), said)
            if number % 100 == 0:
                assert ask_anew(attacked.url) < 5
        most = Protocol.max_client_connections if len(addresses) == 1 else Protocol.max_connections
        process = psutil.Process(attacked.process.pid)
        established = [one for one in process.net_connections() if one.status == "ESTABLISHED"]
        assert len(established) <= most + 5
        # Who has one connection keeps it: those with the most give way.
        assert old.get(f"{attacked.url}/livez").status_code == httpx.codes.OK


def test_a_head_in_crumbs_costs_little(attacked: Server, attack: Attack) -> None:
    connections = [attack.connect() for _ in range(200)]
    for connection in connections:
        send(connection, HALF)
    process = psutil.Process(attacked.process.pid)
    used, start = sum(process.cpu_times()[:2]), time.monotonic()
    while time.monotonic() < start + SECONDS:
        for connection in connections:
            send(connection, b"a")
    seconds = time.monotonic() - start
    assert sum(process.cpu_times()[:2]) - used < seconds / 2
    assert ask_anew(attacked.url) < 2


def _reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@pytest.mark.parametrize(
    "said",
    [
        GET,
        POST,
        LONG * 50,
        POST[:-1],
        GET[:-3],
        b"hello\r\n\r\n",
        b"POST /classify HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
        b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%b" % (len(RED), RED),
        b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\nhi",
        UPGRADE,
    ],
    ids=lambda said: repr(said[:60]),
)
def test_who_sends_and_breaks_off_leaves_no_traceback(attack: Attack, said: bytes) -> None:
    for _ in range(200):
        connection = attack.connect()
        send(connection, said)
        _reset(connection)


def test_a_flood_of_offers_to_upgrade_is_answered_one_by_one(
    attacked: Server, attack: Attack
) -> None:
    count = 2000
    connection = attack.connect()
    connection.settimeout(10)
    connection.sendall(UPGRADE * count)
    answers = b""
    while answers.count(b"alive\n") < count:
        answers += connection.recv(1_000_000)
    assert answers.count(b"HTTP/1.1 200 OK") == count
    assert ask_anew(attacked.url) < 2
