from __future__ import annotations

import socket
import struct
import time
from collections.abc import Iterator
from threading import Thread

import pytest

from service.photo.messages import read, receive, send
from tests.waiting import ended


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield one, other


def test_fields_and_bytes_arrive_as_they_were_sent(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    body = bytes(range(256)) * 10_000  # more than a socket takes at once
    sending = Thread(target=send, args=(ends[0], {"width": 3, "title": "é"}, body))
    sending.start()
    fields, received = receive(ends[1], len(body))
    assert fields == {"width": 3, "title": "é"}
    assert bytes(received) == body
    ended(sending)


def test_a_deadline_holds_however_slowly_it_comes(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    ends[0].sendall(b"12")
    with pytest.raises(TimeoutError):
        read(ends[1], 3, time.monotonic() + 0.01)


@pytest.mark.parametrize(
    "data",
    [
        struct.pack("<IQ", 1_000_000, 0),
        struct.pack("<IQ", 2, 101) + b"{}",
        struct.pack("<IQ", 2, 0) + b"{{",
        struct.pack("<IQ", 2, 0) + b"\xff\xff",
        b"short",
    ],
)
def test_nonsense_is_a_lost_connection(
    data: bytes, ends: tuple[socket.socket, socket.socket]
) -> None:
    ends[0].sendall(data)
    ends[0].shutdown(socket.SHUT_WR)
    with pytest.raises(ConnectionError):
        receive(ends[1], 100)


def test_long_fields_arrive_where_they_are_expected(
    ends: tuple[socket.socket, socket.socket],
) -> None:
    send(ends[0], {"unit": list(range(5000))}, b"")
    fields, _ = receive(ends[1], 0, most_json=100_000)
    assert fields == {"unit": list(range(5000))}
