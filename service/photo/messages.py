"""What a process and those that decode for it tell each other: a few fields, and bytes.

The fields are JSON, not pickled: a decoder that a photograph took over must not take over more.
"""

from __future__ import annotations

import json
import socket
import struct
import time
from typing import Any

__all__ = ["read", "receive", "send"]

_SIZES = struct.Struct("<IQ")  # of a message's JSON, and of the bytes that follow it
_MOST_JSON = 10_000


def send(connection: socket.socket, fields: dict[str, Any], body: bytes | memoryview) -> None:
    """Send one message.

    Raises:
        TimeoutError: the connection's time-out has passed.
        OSError: the other side is gone.

    """
    head = json.dumps(fields).encode()
    connection.sendall(_SIZES.pack(len(head), len(body)) + head)
    connection.sendall(body)


def receive(
    connection: socket.socket,
    most: int,
    deadline: float | None = None,
    *,
    most_json: int = _MOST_JSON,
) -> tuple[dict[str, Any], bytearray]:
    """Receive one message.

    Args:
        connection: to the other side.
        most: bytes of the body that are taken.
        deadline: on the clock of ``time.monotonic``, when all of it has to be there.
        most_json: bytes of the fields that are taken.

    Raises:
        TimeoutError: the deadline, or the connection's time-out, has passed.
        OSError: the other side is gone, or makes no sense.

    """
    head, body = _SIZES.unpack(read(connection, _SIZES.size, deadline))
    if head > most_json or body > most:
        raise ConnectionError
    try:
        fields: dict[str, Any] = json.loads(read(connection, head, deadline))
    except ValueError:
        raise ConnectionError from None
    return fields, read(connection, body, deadline)


def read(connection: socket.socket, size: int, deadline: float | None = None) -> bytearray:
    """Read so many bytes. Arguments and errors are those of ``receive``."""
    received = bytearray(size)
    missing = memoryview(received)
    while missing:
        if deadline is not None:
            connection.settimeout(max(0.001, deadline - time.monotonic()))
        count = connection.recv_into(missing)
        if not count:
            raise ConnectionError
        missing = missing[count:]
    return received
