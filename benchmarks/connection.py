"""One HTTP connection of the load generator: as little work for a request as Python allows."""

from __future__ import annotations

import socket

__all__ = ["Broken", "Connection", "body_of"]

RECEIVE_BYTES = 1 << 16
SEND_BUFFER_BYTES = 1 << 22


class Broken(Exception):
    """The connection ended, or what came is no answer with a length."""


class Connection:
    """A keep-alive connection with at most one request on it.

    Attributes:
        due: when its request should have been sent.
        turn: which of the requests it is.

    """

    __slots__ = ("_expected", "_received", "_socket", "_unsent", "due", "turn")

    def __init__(self, address: tuple[str, int]) -> None:
        self._socket = socket.create_connection(address)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        self._socket.setblocking(False)
        self._unsent = memoryview(b"")
        self._received = b""
        self._expected = 0
        self.due = 0.0
        self.turn = 0

    def fileno(self) -> int:
        """The socket's descriptor, for ``select``."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def send(self, request: bytes, turn: int, due: float) -> bool:
        """Start on a request; whether the kernel took all of it.

        Raises:
            Broken: the server has closed the connection.

        """
        self._unsent, self._received, self._expected = memoryview(request), b"", 0
        self.turn, self.due = turn, due
        return self.flush()

    def flush(self) -> bool:
        """Send what the kernel takes; whether that was the rest.

        Raises:
            Broken: the server has closed the connection.

        """
        try:
            self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except BlockingIOError:
            return False
        except OSError as error:
            raise Broken from error
        return not self._unsent

    def receive(self) -> bytes | None:
        """The whole answer, head and body, once it is there.

        Raises:
            Broken: the server has closed the connection, or does not say how long its answer is.

        """
        try:
            data = self._socket.recv(RECEIVE_BYTES)
        except OSError as error:
            raise Broken from error
        if not data:
            raise Broken
        self._received = self._received + data if self._received else data
        if not self._expected:
            self._expected = _length(self._received)
        return self._received if 0 < self._expected <= len(self._received) else None


def _length(answer: bytes) -> int:
    """Bytes of head and body together; 0 while that can't be told."""
    head = answer.find(b"\r\n\r\n") + 4
    if head < 4:  # noqa: PLR2004 find's -1, plus 4
        return 0
    fields = answer[:head].lower()
    start = fields.find(b"\r\ncontent-length:")
    if start >= 0:
        return head + int(fields[start + 17 : fields.index(b"\r\n", start + 17)])
    if b"\r\ntransfer-encoding: chunked" not in fields:
        raise Broken
    return len(answer) if answer.endswith(b"\r\n0\r\n\r\n") else 0


def body_of(answer: bytes) -> bytes:
    """The body of a whole answer, its chunks put together."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if b"\r\ntransfer-encoding: chunked" not in head.lower():
        return body
    parts = []
    while body:
        size, _, body = body.partition(b"\r\n")
        length = int(size, 16)
        parts.append(body[:length])
        body = body[length + 2 :] if length else b""
    return b"".join(parts)
