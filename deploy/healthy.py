"""Ask a web address once: exit status 0 if it answers 200, else 1. The containers' health check.

``python3 -IS healthy.py [URL]``; without one, ``/readyz`` of the service in this very container.
The standard library alone, so that an image needs no curl, and little of it: it runs every few
seconds beside the service.
"""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection, HTTPException
from urllib.parse import urlsplit

TIMEOUT_S = 3.0
OK = 200


def healthy(url: str) -> bool:
    """Whether ``url`` (http only) answers 200 within three seconds."""
    where = urlsplit(url)
    connection = HTTPConnection(where.hostname or "", where.port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", where.path or "/")
        return connection.getresponse().status == OK
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def default_url() -> str:
    """The service's readiness, on the port that it was told to take."""
    return f"http://127.0.0.1:{os.environ.get('BOOTH_PORT', '8000')}/readyz"


if __name__ == "__main__":
    sys.exit(not healthy(sys.argv[1] if len(sys.argv) > 1 else default_url()))
