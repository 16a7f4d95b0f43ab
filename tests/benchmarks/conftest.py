"""A server that answers as a test wants, and the shipped model's own answers."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from benchmarks.parity import Reference, references
from benchmarks.peers.work import Work
from benchmarks.processes import Tree
from models.shelf import ZOO
from tests.servers import on_a_thread

MODEL = ZOO / "efficientnet_lite0.onnx"

# From the body of a request to the status and the body of its answer; None hangs up.
Answering = Callable[[bytes], tuple[int, bytes] | None]


@contextmanager
def serving(answering: Answering) -> Iterator[str]:
    """The URL of a server on a thread of its own, one thread a connection."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = answering(body)
            if answer is None:
                self.close_connection = True
                return
            self.send_response(answer[0])
            self.send_header("Content-Length", str(len(answer[1])))
            with contextlib.suppress(ConnectionError):  # the load generator may have given up
                self.end_headers()
                self.wfile.write(answer[1])

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 its name there
            del format, args

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, on_a_thread(server):
        yield f"http://127.0.0.1:{server.server_port}/classify"


@pytest.fixture(scope="session")
def model() -> Path:
    return MODEL


@pytest.fixture(scope="session")
def work() -> Work:
    return Work(str(MODEL), threads=1)


@pytest.fixture(scope="session")
def expected(photos: dict[str, bytes]) -> list[Reference]:
    return references(MODEL, list(photos.values()))


@pytest.fixture
def process() -> Tree:
    """A process to measure where the test is not about it: the test's own."""
    return Tree(os.getpid())
