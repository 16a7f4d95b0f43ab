"""Ask a web address once: exit status 0 if it answers 200, else 1. The containers' health check.

``python3 -IS healthy.py [URL]``; without one, ``/readyz`` of the service in this very container, on
its port or its Unix socket.
The standard library alone, so that an image needs no curl, and little of it: it runs every few
seconds beside the service.
"""

from __future__ import annotations

import os
import socket
import sys
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

TIMEOUT_S = 3.0
OK = 200
_PORTS = ("BOOTH_PORT", "SAGEMAKER_BIND_TO_PORT", "AIP_HTTP_PORT")  # as service/settings.py


class UnixConnection(HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("localhost", timeout=TIMEOUT_S)
        self._path = path

    def connect(self) -> None:
        """Connect to the path."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(self._path)


def healthy(url: str) -> bool:
    """Whether ``url`` (http, or unix: and a path, for ``/readyz``) answers 200 within 3 seconds."""
    connection, path = _asked(url)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _asked(url: str) -> tuple[HTTPConnection, str]:
    where = urlsplit(url)
    if where.scheme == "unix":
        return UnixConnection(where.path), "/readyz"
    return HTTPConnection(where.hostname or "", where.port, timeout=TIMEOUT_S), where.path or "/"


def default_url() -> str:
    """The service's readiness, on the socket or the port that it was told to take."""
    if path := os.environ.get("BOOTH_UDS"):
        return f"unix:{path}"
    told = (os.environ.get(name) for name in _PORTS)
    return f"http://127.0.0.1:{next(filter(None, told), '8000')}/readyz"


if __name__ == "__main__":
    sys.exit(not healthy(sys.argv[1] if len(sys.argv) > 1 else default_url()))
