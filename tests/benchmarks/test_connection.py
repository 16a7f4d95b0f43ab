"""One connection of the load generator."""

from __future__ import annotations

import contextlib
import select
import socket
from collections.abc import Iterator

import pytest

from benchmarks.connection import Broken, Connection, body_of


def test_chunks_are_put_together() -> None:
    answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nyes\r\n1\r\n!\r\n0\r\n\r\n"
    assert body_of(answer) == b"yes!"


def exchange(answer: bytes) -> Iterator[bytes | None]:
    """What a connection has received after each piece of an answer."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = Connection(listener.getsockname())
        server, _ = listener.accept()
        with server, contextlib.closing(connection):
            assert connection.send(b"GET / HTTP/1.1\r\n\r\n", turn=0, due=0.0)
            for piece in (answer[:20], answer[20:]):
                server.sendall(piece)
                select.select([connection], [], [], 10)
                yield connection.receive()


def test_an_answer_is_there_once_all_of_it_has_come() -> None:
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nyes"
    assert list(exchange(answer)) == [None, answer]


def test_an_answer_that_does_not_say_how_long_it_is_breaks_the_connection() -> None:
    with pytest.raises(Broken):
        list(exchange(b"HTTP/1.1 200 OK\r\n\r\nuntil I close"))


def test_a_server_that_hangs_up_breaks_the_connection() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        connection = Connection(listener.getsockname())
        listener.accept()[0].close()
        select.select([connection], [], [], 10)
        with pytest.raises(Broken):
            connection.receive()
        connection.close()
