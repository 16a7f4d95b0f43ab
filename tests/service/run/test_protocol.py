"""One connection: what is no HTTP, what never ends, what comes too slowly."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
from collections.abc import Iterator
from typing import Any, ClassVar

import httpx
import pytest

from service.run.connections import Connections
from service.run.protocol import Protocol, _Corked
from tests.servers import Inside, serving_inside
from tests.service.asking import PROBLEM, RED
from tests.waiting import eventually

HEAD = b"POST /classify HTTP/1.1\r\nHost: x\r\n"


class Hasty(Protocol):
    head_timeout_s: ClassVar[float] = 0.5
    last_call_s: ClassVar[float] = 10


@pytest.fixture(scope="module")
def running(tiny: object) -> Iterator[Inside]:
    with serving_inside(Hasty, models=tiny) as service:
        yield service


@pytest.fixture
def hasty(running: Inside) -> int:
    """The port of a server whose clients have half a second for a head."""
    return running.port


def say(port: int, *pieces: bytes) -> bytes:
    """All that the server answers until it closes the connection."""
    with socket.create_connection(("127.0.0.1", port), 10) as connection:
        for piece in pieces:
            connection.sendall(piece)
        return until_closed(connection)


def until_closed(connection: socket.socket) -> bytes:
    answer = b""
    while piece := connection.recv(65_536):
        answer += piece
    return answer


def check_problem(answer: bytes, status: int, kind: str) -> None:
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0].startswith(b"HTTP/1.1 %d " % status)
    assert b"content-type: application/problem+json" in lines
    assert b"connection: close" in lines
    told = json.loads(body)
    assert set(told) == PROBLEM
    assert (told["type"], told["status"]) == (f"/problems/{kind}", status)


@pytest.mark.parametrize(
    "said",
    [
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"CONNECT there:80 HTTP/1.1\r\nHost: there\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nhi",
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nlarge\r\n",
        HEAD + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
        HEAD + b"Host: y\r\n\r\n",
        b"GET /livez HTTP/1.1\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a b\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a/b\r\n\r\n",
        b"GET /livez HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n",
        b"GET /livez HTTP/2.0\r\nHost: x\r\n\r\n",
        b"POST /classify HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ids=lambda said: repr(said)[-30:],
)
def test_what_is_no_http_gets_a_problem_too(hasty: int, said: bytes) -> None:
    check_problem(say(hasty, said), 400, "bad-request")


@pytest.mark.parametrize(
    "coding",
    [
        b"gzip, chunked",
        b"chunked;q=1",
        b"gzip\r\nTransfer-Encoding: chunked",
        b"chunked\r\nTransfer-Encoding: chunked",
    ],
)
def test_another_coding_than_chunks_is_refused(hasty: int, coding: bytes) -> None:
    said = HEAD + b"Transfer-Encoding: " + coding + b"\r\n\r\n0\r\n\r\n"
    answer = say(hasty, said)
    if answer.startswith(b"HTTP/1.1 400"):  # where the parser itself knows that it is wrong
        check_problem(answer, 400, "bad-request")
    else:
        check_problem(answer, 501, "unsupported-coding")


@pytest.mark.parametrize("host", [b"", b"a.b:80", b"[::1]:8000", b"a_b", b"xn--a.example"])
def test_a_host_that_can_be_is_taken(hasty: int, host: bytes) -> None:
    last = b"GET /livez HTTP/1.1\r\nConnection: close\r\nHost: " + host + b"\r\n\r\n"
    assert say(hasty, last).startswith(b"HTTP/1.1 200 OK")


LIVE = b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = LIVE.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
PHOTO = HEAD + b"Content-Length: %d\r\n\r\n%b" % (len(RED), RED)
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(RED), RED)


@pytest.mark.parametrize("size", [1, 2, 3, 5, 64, 100_000])
def test_requests_without_waiting_are_answered_in_order_however_they_are_cut(
    hasty: int, size: int
) -> None:
    said = b"\r\n\r\n" + LIVE + PHOTO + b"\r\n" + LIVE + PHOTO + LAST
    pieces = [said[start : start + size] for start in range(0, len(said), size)]
    answer = say(hasty, *pieces)
    assert answer.count(b"HTTP/1.1 200 OK") == 5
    found = re.findall(rb"alive\n|\"label\":\"Red\"", answer)
    assert found == [b"alive\n", b'"label":"Red"', b"alive\n", b'"label":"Red"', b"alive\n"]


def test_what_comes_with_the_end_of_a_body_in_chunks_is_left_to_another_connection(
    hasty: int,
) -> None:
    answer = say(hasty, CHUNKED + LIVE)
    assert answer.count(b"HTTP/1.1 200 OK") == 1
    assert b'"label":"Red"' in answer


def test_a_client_that_sends_empty_lines_alone_is_let_go(hasty: int) -> None:
    assert say(hasty, LIVE, b"\r\n").count(b"alive\n") == 1


class Small(Protocol):
    max_connections: ClassVar[int] = 4
    max_client_connections: ClassVar[int] = 2
    write_timeout_s: ClassVar[float] = 0.5


@pytest.fixture(scope="module")
def small(tiny: object) -> Iterator[int]:
    """The port of a server with room for four connections, two of each client."""
    with serving_inside(Small, models=tiny) as service:
        yield service.port


def from_address(port: int, address: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), 10, source_address=(address, 0))


def test_who_has_waited_longest_of_those_with_the_most_gives_way(small: int) -> None:
    with contextlib.ExitStack() as stack:
        ours = ["127.0.0.2", "127.0.0.3", "127.0.0.3", "127.0.0.4", "127.0.0.5"]
        made = []
        for address in ours:
            connection = stack.enter_context(from_address(small, address))
            connection.sendall(LIVE)
            assert b"alive" in connection.recv(65_536)
            made.append(connection)
        assert made[1].recv(1) == b""
        for connection in (made[0], made[2], made[3], made[4]):
            connection.sendall(LIVE)
            assert b"alive" in connection.recv(65_536)


def test_where_all_are_being_answered_the_next_is_told_to_wait(
    small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Small, "waits", lambda _self: False)
    with contextlib.ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(from_address(small, "127.0.0.6"))
        answer = until_closed(stack.enter_context(from_address(small, "127.0.0.6")))
    check_problem(answer, 503, "overloaded")
    assert b"retry-after: 1\r\n" in answer


def test_who_takes_no_answer_is_let_go(small: int) -> None:
    request = b"GET /openapi.json HTTP/1.1\r\nHost: x\r\n\r\n"
    with from_address(small, "127.0.0.7") as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        with pytest.raises(ConnectionError):
            connection.sendall(request * 1_000_000)


@pytest.mark.parametrize(
    "endless",
    [b"GET /", HEAD + b"X: ", HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX: "],
    ids=["address", "header", "trailer"],
)
def test_a_head_without_end_is_cut_off(hasty: int, endless: bytes) -> None:
    url = f"http://127.0.0.1:{hasty}/livez"
    address = ("127.0.0.1", hasty)
    with httpx.Client() as other, socket.create_connection(address, 10) as connection:
        connection.sendall(endless)
        other.get(url)  # by then the server has read the beginning
        connection.sendall(b"a" * 65_000)
        other.get(url)  # and all of it: what lay unread would reset the connection
        connection.sendall(b"a" * 1000)
        check_problem(until_closed(connection), 431, "head-too-large")


def test_a_head_that_stops_coming_is_given_up(hasty: int) -> None:
    check_problem(say(hasty, HEAD), 408, "slow-head")


def test_a_client_that_says_nothing_is_let_go(hasty: int) -> None:
    assert say(hasty) == b""


def test_a_refused_body_is_not_waited_for_for_ever(hasty: int) -> None:
    answer = say(hasty, HEAD + b"Content-Length: 99999999\r\n\r\n", b"only this")
    assert answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("offer", [b"h2c", b"websocket"])
def test_an_offer_to_upgrade_is_passed_over_and_the_photograph_answered(
    hasty: int, offer: bytes
) -> None:
    head = HEAD + b"Connection: Upgrade\r\nUpgrade: " + offer
    head += b"\r\nContent-Length: %d\r\n\r\n" % len(RED)
    last = b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = say(hasty, head + RED[:9], RED[9:] + last)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert b'"label":"Red"' in answer
    assert answer.endswith(b"alive\n")


def test_the_request_of_a_connection_made_before_the_end_is_answered(
    hasty: int, running: Inside
) -> None:
    address = ("127.0.0.1", hasty)
    with httpx.Client() as other, socket.create_connection(address, 10) as connection:
        assert other.get(f"http://127.0.0.1:{hasty}/livez").text == "alive\n"
        server = running.server
        server.servers[0].get_loop().call_soon_threadsafe(
            lambda: [one.shutdown() for one in list(server.server_state.connections)]
        )
        connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b"alive" in until_closed(connection)


def test_a_request_that_had_begun_before_the_end_is_answered(
    hasty: int, running: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However short the time for those that send nothing."""
    monkeypatch.setattr(Hasty, "last_call_s", 0.02)
    monkeypatch.setattr(Hasty, "head_timeout_s", 10)
    address = ("127.0.0.1", hasty)
    connections: Any = running.server.server_state.connections
    with (
        socket.create_connection(address, 10) as begun,
        socket.create_connection(address, 10) as silent,
    ):
        begun.sendall(b"GET /livez HTTP/1.1\r\nHo")
        eventually(lambda: [one for one in connections if one._in_head], bool)
        running.server.servers[0].get_loop().call_soon_threadsafe(
            lambda: [one.shutdown() for one in list(connections)]
        )
        assert until_closed(silent) == b""
        begun.sendall(b"st: x\r\nConnection: close\r\n\r\n")
        assert b"alive" in until_closed(begun)


def test_what_is_written_in_one_turn_of_the_loop_is_sent_together_and_in_order() -> None:
    class Transport:
        def __init__(self) -> None:
            self.sent: list[bytes] = []
            self.closed = False

        def write(self, data: bytes) -> None:
            assert not self.closed
            self.sent.append(data)

        def is_closing(self) -> bool:
            return self.closed

        def close(self) -> None:
            self.closed = True

        def abort(self) -> None:
            self.closed = True

    async def talk() -> Transport:
        transport = Transport()
        loop = asyncio.get_running_loop()
        corked = _Corked(transport, loop, 10.0)  # type: ignore[arg-type]
        corked.write(b"head")
        corked.write(b"body")
        await asyncio.sleep(0)
        corked.write(b"last")
        corked.close()
        await asyncio.sleep(0)
        return transport

    transport = asyncio.run(talk())
    assert transport.sent == [b"headbody", b"last"]
    assert transport.closed


BUSY_S = 60.0


@contextlib.contextmanager
def overloaded(service: Inside) -> Iterator[None]:
    """While inside, no photograph that comes would be answered in half a second."""
    backlog = service.state.fleet._backlog
    backlog.admit([BUSY_S], 0.0, 2 * BUSY_S, "127.0.0.1")
    try:
        yield
    finally:
        backlog.release(BUSY_S, done=False, client="127.0.0.1")


def asking(*headers: bytes, body: bytes = RED, version: bytes = b"1.1") -> bytes:
    """A request that an overload refuses, and its body."""
    length = b"Content-Length: %d" % len(body)
    lines = [b"POST /classify?timeout_ms=500 HTTP/" + version, b"Host: x", length, *headers]
    return b"\r\n".join([*lines, b"", body])


REFUSABLE = asking()


class Late(Protocol):
    """Begins on nothing at once."""

    def _may_begin(self, cycle: object) -> bool:
        del cycle
        return False


def without_what_changes(answer: bytes) -> bytes:
    return re.sub(rb"(date|x-request-id): [^\r]*|take [\d.]+ s", b"", answer)


@pytest.mark.parametrize(
    "said",
    [
        REFUSABLE,
        asking(b"X-Request-ID: mine-7"),
        asking(b"Content-Type: multipart/form-data; boundary=x"),
        asking(b"Expect: 100-continue"),
        REFUSABLE.replace(b"timeout_ms=500", b"timeout_ms=0"),
        REFUSABLE.replace(b"timeout_ms", b"timeout"),
        REFUSABLE.replace(b"timeout_ms=500", b"model=none"),
        REFUSABLE.replace(b"/classify", b"/nothing"),
        REFUSABLE.replace(b"POST", b"GET"),
    ],
)
def test_what_is_refused_at_once_is_refused_as_ever(tiny: object, said: bytes) -> None:
    """A second server begins on nothing at once; what it says is the same."""
    answers = []
    for protocol in (Protocol, Late):
        with serving_inside(protocol, models=tiny) as service, overloaded(service):
            answers.append(say(service.port, said, LAST))
            page = httpx.get(f"{service.url}/metrics").text
            counted = re.findall(
                r"^(?:booth_|http_).*(?:_total|_count|requests)[{ ].*", page, re.MULTILINE
            )
            answers[-1] += "".join(counted).encode()
    assert without_what_changes(answers[0]) == without_what_changes(answers[1])
    assert answers[0].count(b"HTTP/1.1 ") == 2


def test_what_is_refused_by_its_head_is_no_task(
    running: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Tasks(set[object]):
        begun = 0

        def add(self, task: object) -> None:
            self.begun += 1
            super().add(task)

    tasks = Tasks()
    monkeypatch.setattr(running.server.server_state, "tasks", tasks)
    with overloaded(running):
        assert say(running.port, REFUSABLE * 3 + LAST).count(b"HTTP/1.1 503 ") == 3
    assert tasks.begun == 1


def test_what_stands_behind_refused_requests_is_answered_in_order(running: Inside) -> None:
    with overloaded(running):
        answer = say(running.port, REFUSABLE * 3 + LIVE + REFUSABLE + LAST)
    found = re.findall(rb"HTTP/1.1 (\d+) ", answer)
    assert found == [b"503", b"503", b"503", b"200", b"503", b"200"]


def test_a_refused_body_that_comes_late_is_passed_over(running: Inside) -> None:
    head, body = REFUSABLE[: -len(RED)], RED
    with (
        overloaded(running),
        socket.create_connection(("127.0.0.1", running.port), 10) as connection,
    ):
        connection.sendall(head)
        assert connection.recv(65_536).startswith(b"HTTP/1.1 503 ")
        connection.sendall(body[:9])
        connection.sendall(body[9:] + LAST)
        answer = until_closed(connection)
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"alive" in answer


class Quick(Protocol):
    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.timeout_keep_alive = 1


def test_after_a_refused_body_that_came_late_the_connection_is_idle(tiny: object) -> None:
    with (
        serving_inside(Quick, models=tiny) as service,
        overloaded(service),
        socket.create_connection(("127.0.0.1", service.port), 10) as connection,
    ):
        connection.sendall(REFUSABLE[: -len(RED)])
        assert connection.recv(65_536).startswith(b"HTTP/1.1 503 ")
        connection.sendall(RED)
        assert connection.recv(1) == b""  # closed, well before the test's own limit


@pytest.mark.parametrize(
    "said", [asking(b"Connection: close"), asking(version=b"1.0"), CHUNKED + LIVE]
)
def test_where_no_other_request_may_follow_an_overload_is_told_as_well(
    running: Inside, said: bytes
) -> None:
    said = said.replace(b"/classify HTTP", b"/classify?timeout_ms=500 HTTP")
    with overloaded(running):
        answer = say(running.port, said)
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert answer.count(b"HTTP/1.1 ") == 1
    assert b"connection: close\r\n" in answer


def test_who_drains_closes_behind_a_refusal(running: Inside) -> None:
    with overloaded(running):
        running.state.draining = True
        try:
            answer = say(running.port, REFUSABLE)
        finally:
            running.state.draining = False
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"connection: close\r\n" in answer


def test_between_two_refusals_of_one_connection_others_have_their_turn(
    running: Inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    turns: list[object] = []
    take_turns = Connections.take_turns

    def counted(self: Connections, connection: Protocol, loop: Any) -> None:
        turns.append(connection)
        take_turns(self, connection, loop)

    monkeypatch.setattr(Connections, "take_turns", counted)
    with overloaded(running):
        answer = say(running.port, REFUSABLE * 9 + LAST)
    assert answer.count(b"HTTP/1.1 503 ") == 9
    assert len(turns) > 1
