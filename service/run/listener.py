"""Where the service listens: an address and a port, or a Unix socket."""

from __future__ import annotations

import errno
import socket
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from service.settings import Settings

__all__ = ["BACKLOG", "Listener", "listen", "listen_on_port"]

BACKLOG = 2048


@dataclass(frozen=True)
class Listener:
    """A socket that listens.

    Attributes:
        socket: The socket.
        where: Its address, for people: ``http://127.0.0.1:8000`` or ``unix:/run/booth.sock``.
        close: Ends what the socket leaves behind.

    """

    socket: socket.socket
    where: str
    close: Callable[[], None] = lambda: None


def listen(settings: Settings) -> Listener:
    """Listen where the settings say, before anything is loaded.

    Raises:
        OSError: that can't be.

    """
    if settings.uds:
        return _listen_on_path(Path(settings.uds), int(settings.uds_mode, 8))
    listener = listen_on_port(settings.host, settings.port)
    host, port = settings.host, listener.getsockname()[1]
    return Listener(listener, f"http://{f'[{host}]' if ':' in host else host}:{port}")


def listen_on_port(host: str, port: int) -> socket.socket:
    """Listen on an address and a port; on ``::`` for both kinds of addresses.

    Raises:
        OSError: that can't be.

    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    both = host == "::" and socket.has_dualstack_ipv6()  # all addresses: IPv4's as well
    listener = socket.create_server(
        (host, port), family=family, backlog=BACKLOG, dualstack_ipv6=both
    )
    listener.setblocking(False)
    return listener


def _listen_on_path(path: Path, mode: int) -> Listener:
    """A Unix socket; one that a service left behind which is no more makes room."""
    _remove_stale(path)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(str(path))
        path.chmod(mode)  # nobody can connect before `listen`
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    ours = _identity(path)

    def close() -> None:
        """Remove the file, if it is not somebody else's by now."""
        try:
            if _identity(path) == ours:
                path.unlink()
        except OSError:
            return  # it is gone, or its folder is no more ours

    return Listener(listener, f"unix:{path}", close)


def _identity(path: Path) -> tuple[int, int, int]:
    """Which file it is: a number that became free is taken again, but not at the same time."""
    found = path.stat()
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _remove_stale(path: Path) -> None:
    """Remove a socket on which nobody listens.

    Raises:
        OSError: somebody does, or it is no socket.

    """
    try:
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise OSError(errno.EEXIST, "there is a file that is no socket")
    except FileNotFoundError:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.settimeout(1)
        try:
            other.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
            return
    raise OSError(errno.EADDRINUSE, "somebody listens there")
