"""A process that decodes photographs for another, which may end it at any moment.

    python -m service.photo.worker SOCKET MEMORY_BYTES IDLE_S

SOCKET is a file descriptor. What this imports is what decoding needs: it starts in a fifth of a
second.
"""

from __future__ import annotations

import os
import resource
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from booth_client.errors import BadRequest
from service.photo.decode import decode
from service.photo.messages import receive, send

if TYPE_CHECKING:
    from models.card import Input

__all__ = ["READY", "ending_after", "limit_memory", "main", "serve"]

READY = b"+"

_NICENESS = 10  # what is cheap to decode, and the networks, come first

# Beyond the time that a photograph has, in case that nobody is left to end this process.
_GRACE_S = 1.0


@dataclass(frozen=True, slots=True)
class _Square:
    """A card's ``Input`` without pydantic, which would double the time that the start takes."""

    size: int
    resize: int
    keep_aspect: bool
    interpolation: str
    detail: int | None


def main() -> None:
    """Do as the command line says."""
    number, memory_bytes, idle_s = sys.argv[1:]
    os.nice(_NICENESS)
    for name in (signal.SIGINT, signal.SIGTERM):  # meant for the other, who ends this one
        signal.signal(name, signal.SIG_IGN)
    limit_memory(int(memory_bytes))
    with socket.socket(fileno=int(number)) as connection:
        serve(connection, float(idle_s))


def limit_memory(size: int) -> None:
    """Allow so many bytes more than what is held now; and no core dump, which would hold them."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    status = Path("/proc/self/status")
    if status.exists():  # only Linux bounds what malloc takes by RLIMIT_DATA
        lines = status.read_text(encoding="utf-8").splitlines()
        (line,) = (line for line in lines if line.startswith("VmData"))
        limit = int(line.split()[1]) * 1024 + size
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def serve(connection: socket.socket, idle_s: float) -> None:
    """Decode what is sent until the other side is gone, or sends nothing for ``idle_s``."""
    try:
        connection.sendall(READY)
        while True:
            connection.settimeout(idle_s)
            fields, data = receive(connection, sys.maxsize)
            connection.settimeout(None)
            with ending_after(fields["seconds"] + _GRACE_S):
                send(connection, *_answer(fields, data))
    except OSError:
        return


@contextmanager
def ending_after(seconds: float) -> Iterator[None]:
    """Have the system end this process unless it is done in time, whatever it is doing then."""
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _answer(fields: dict[str, Any], data: bytearray) -> tuple[dict[str, Any], bytes]:
    known = {name: fields["wanted"][name] for name in _Square.__annotations__}
    wanted = cast("Input", _Square(**known))
    try:
        photo = decode(memoryview(data), wanted, max_pixels=fields["max_pixels"])
    except BadRequest as error:
        return {"error": type(error).__name__, "detail": error.detail}, b""
    found = {"width": photo.width, "height": photo.height, "seen": photo.seen}
    return found, photo.pixels.tobytes()


if __name__ == "__main__":
    main()
