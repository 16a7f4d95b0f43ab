"""Many who send bodies at the same time, and do not end them before all others have come as far."""

from __future__ import annotations

import contextlib
import multiprocessing
import socket
import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple
from urllib.parse import urlsplit

from tests.waiting import ended, eventually

BLOCK = 65_536

Frame = Callable[[bytes], bytes]


def as_it_is(data: bytes) -> bytes:
    return data


def as_chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


class Sent(NamedTuple):
    """A request's head, and its body, of which each piece gets its ``frame``."""

    head: bytes
    body: bytes
    frame: Frame = as_it_is


class Sender(threading.Thread):
    """One who sends all of a body but its end until he is refused, and the end when all may."""

    def __init__(self, url: str, source: str, sent: Sent, may_end: threading.Event) -> None:
        super().__init__()
        self._to = (urlsplit(url).hostname or "", urlsplit(url).port or 0)
        self._from = (source, 0)
        self._head, self._body, self._frame = sent
        self._may_end = may_end
        self.waits = False
        self.status = 0

    def run(self) -> None:
        with (
            contextlib.suppress(OSError),
            socket.create_connection(self._to, 30, self._from) as connection,
        ):
            connection.sendall(self._head)
            if self._all_but_the_end(connection):
                self.waits = True
                self._may_end.wait(30)
                connection.sendall(self._frame(self._body[-1:]) + self._frame(b""))
            self.status = int(connection.recv(12)[9:12] or 0)

    def _all_but_the_end(self, connection: socket.socket) -> bool:
        for start in range(0, len(self._body) - 1, BLOCK):
            connection.sendall(
                self._frame(self._body[start : min(start + BLOCK, len(self._body) - 1)])
            )
            connection.settimeout(0.0001)
            with contextlib.suppress(TimeoutError):
                return not connection.recv(1, socket.MSG_PEEK)
            connection.settimeout(30)
        return True


def storm(url: str, sources: list[str], sent: Sent) -> Counter[int]:
    """All send at the same time, and end when there is no more to come; what they were told."""
    may_end = threading.Event()
    senders = [Sender(url, source, sent, may_end) for source in sources]
    for sender in senders:
        sender.start()
    eventually(
        lambda: sum(sender.is_alive() and not sender.waits for sender in senders),
        lambda sending: not sending,
        within_s=30,
    )
    may_end.set()
    ended(*senders, within_s=30)
    return Counter(sender.status for sender in senders)


def storm_apart(url: str, sources: list[str], sent: Sent) -> Counter[int]:
    """As ``storm``, in a process of its own: who asks meanwhile waits for the server alone."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(storm, url, sources, sent).result(60)
