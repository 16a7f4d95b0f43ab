"""A publisher of weights on this machine: a real HTTP server that a test can make misbehave."""

from __future__ import annotations

import hashlib
import threading
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Behaviour = Callable[["Request", bytes], None]


class Request(BaseHTTPRequestHandler):
    """One request, and the means to answer it badly."""

    protocol_version = "HTTP/1.1"
    server: _Server

    def do_GET(self) -> None:
        """Follow the script; once it is at its end, serve as a good server does."""
        publisher = self.server.publisher
        publisher.requests.append({name.lower(): value for name, value in self.headers.items()})
        body = publisher.files.get(self.path.lstrip("/"))
        if body is None:
            self.head(404, **{"Content-Length": "0"})
            return
        behave = publisher.script.popleft() if publisher.script else publisher.afterwards
        behave(self, body)
        self.close_connection = True

    def head(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Keep the test's output clean."""


class _Server(ThreadingHTTPServer):
    publisher: Publisher

    def handle_error(self, *_: object) -> None:
        """A client that hangs up early is what many tests provoke."""


def etag(body: bytes) -> str:
    return f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'


def serve(request: Request, body: bytes) -> None:
    """Answer as RFC 9110 wants it."""
    start = 0
    if request.headers.get("If-Range") == etag(body):
        start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
    if start >= len(body):
        request.head(416, **{"Content-Range": f"bytes */{len(body)}", "Content-Length": "0"})
        return
    headers = {"ETag": etag(body), "Content-Length": str(len(body) - start)}
    if start:
        headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
    request.head(206 if start else 200, **headers)
    request.wfile.write(body[start:])


class Publisher:
    """The server's files by name, the headers it got, and how it is to behave.

    ``script`` holds one behaviour for each request to come, ``afterwards`` the one for the rest.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.files: dict[str, bytes] = {}
        self.requests: list[dict[str, str]] = []
        self.script: deque[Behaviour] = deque()
        self.afterwards: Behaviour = serve
        self.released = threading.Event()

    @staticmethod
    def breaks_off(after: int, **headers: str) -> Behaviour:
        """Promise the whole body from its start and hang up midway."""

        def behave(request: Request, body: bytes) -> None:
            said = {"ETag": etag(body), "Content-Length": str(len(body))} | headers
            request.head(200, **{name: value for name, value in said.items() if value})
            request.wfile.write(body[:after])

        return behave

    @staticmethod
    def says(status: int, **headers: str) -> Behaviour:
        """Answer with a status and no body."""
        return lambda request, _body: request.head(status, **{"Content-Length": "0"} | headers)

    def falls_silent(self, request: Request, body: bytes) -> None:
        """Send half of the body, then nothing, until the test ends."""
        request.head(200, **{"ETag": etag(body), "Content-Length": str(len(body))})
        request.wfile.write(body[: len(body) // 2])
        request.wfile.flush()
        self.released.wait(10)


@pytest.fixture
def publisher(monkeypatch: pytest.MonkeyPatch) -> Iterator[Publisher]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with _Server(("127.0.0.1", 0), Request) as server:
        server.publisher = Publisher(f"http://127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server.publisher
        server.publisher.released.set()
        server.shutdown()
        thread.join()
