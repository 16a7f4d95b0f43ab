"""Servers for all rooms' tests: processes on real sockets, or a service within the test's own."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseServer
from threading import Thread

import httpx
import pytest
import uvicorn

from service.run.app import create_app, create_state
from service.run.protocol import Protocol
from service.settings import read_settings
from service.web.state import ServiceState
from tests.waiting import ended, eventually

__all__ = [
    "Inside",
    "Serve",
    "ServeInside",
    "Server",
    "clean_environment",
    "free_port",
    "is_up",
    "on_a_thread",
    "opened",
    "proxied",
    "serving",
    "serving_inside",
    "started",
    "stop",
]

ROOT = Path(__file__).resolve().parent.parent
START_WITHIN_S = 90.0  # both shipped models are compiled in the first start of a test run
END_WITHIN_S = 15.0
# A server that has nothing under way ends at once at the first of them.
WAYS_TO_END = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


@dataclass(frozen=True)
class Server:
    """A `booth serve` that runs."""

    url: str
    process: subprocess.Popen[bytes]
    log: Path

    def end(self, number: int = signal.SIGTERM) -> int:
        """Send a signal, by default SIGTERM; the exit status."""
        self.process.send_signal(number)
        return self.process.wait(END_WITHIN_S)


Serve = Callable[..., contextlib.AbstractContextManager[Server]]


def clean_environment(**variables: str) -> dict[str, str]:
    """This process's environment with no settings of Booth but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BOOTH_")}
    return {**kept, **variables}


@contextlib.contextmanager
def serving(log: Path, /, **settings: object) -> Iterator[Server]:
    """A `booth serve` with settings (``models=path, queue_size=1``), once it is ready."""
    given = {"port": 0, "demo": "off", "drain_ms": 0, **settings}
    named = {f"BOOTH_{name.upper()}": str(value) for name, value in given.items()}
    command = [sys.executable, "-m", "service", "serve"]
    with started(command, log, clean_environment(**named)) as process:
        yield Server(is_up(process, log, lambda: _ready_at(log)), process, log)


def _ready_at(log: Path) -> str | None:
    """Where a service listens, as its log says, if it is ready there."""
    listening = re.search(r"listening on (http://[\w.:]+)", log.read_text(encoding="utf-8"))
    with contextlib.suppress(httpx.TransportError):
        if listening and httpx.get(f"{listening[1]}/readyz").is_success:
            return listening[1]
    return None


@contextlib.contextmanager
def started(
    command: Sequence[str], log: Path, environment: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A program that runs as long as the block does, and writes to ``log``."""
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output
        ) as process,
    ):
        try:
            yield process
        finally:
            stop(process)


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a program properly, so that it writes what it has measured; if need be, kill it."""
    for number in WAYS_TO_END:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.send_signal(number)
            process.wait(END_WITHIN_S / len(WAYS_TO_END))
            return


def is_up(process: subprocess.Popen[bytes], log: Path, look: Callable[[], str | None]) -> str:
    """Where a program is, as soon as ``look`` says so; the test fails if it has ended instead."""

    def looked() -> str | None:
        if process.poll() is not None:
            pytest.fail(f"it has ended, with {process.returncode}:\n{log.read_text('utf-8')}")
        return look()

    return eventually(looked, within_s=START_WITHIN_S) or ""


def opened(url: str) -> str | None:
    """The address of a page, if it is open."""
    with contextlib.suppress(httpx.TransportError):
        if "gradio_config" in httpx.get(url).text:
            return url
    return None


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@contextlib.contextmanager
def on_a_thread(server: BaseServer) -> Iterator[None]:
    """A server of the standard library that answers as long as the block runs."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        ended(thread)


@contextlib.contextmanager
def proxied(upstream: str, prefix: str, *, strips: bool, names: bool = False) -> Iterator[str]:
    """A reverse proxy that offers a server under a prefix; where it does so.

    It takes the prefix off a path if it ``strips``, and ``names`` it in a header. As usual it
    passes on the client's headers, but not ``Host``. What is asked for outside is 404.
    """
    with httpx.Client(base_url=upstream, timeout=60) as client:

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                if not self.path.startswith(prefix):
                    self.send_error(404)
                    return
                path = self.path.removeprefix(prefix) or "/" if strips else self.path
                kept = {name: value for name, value in self.headers.items() if name != "Host"}
                told = {"X-Forwarded-Prefix": prefix} if names else {}
                headers = {**kept, "Accept-Encoding": "identity", **told}
                answer = client.request(self.command, path, content=body, headers=headers)
                self.send_response(answer.status_code)
                for name, value in answer.headers.items():
                    if name not in ("date", "transfer-encoding", "content-length"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(answer.content)))
                with contextlib.suppress(ConnectionError):  # a browser that wants it no longer
                    self.end_headers()
                    self.wfile.write(answer.content)

            do_GET = do_HEAD = do_POST = do_OPTIONS = forward  # noqa: N815 (as they are looked up)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, on_a_thread(server):
            yield f"http://127.0.0.1:{server.server_port}{prefix}"


@dataclass(frozen=True)
class Inside:
    """A service in this process, so that a test can break it from within."""

    state: ServiceState
    server: uvicorn.Server

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self.server.servers[0].sockets[0].getsockname()[1])

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"


ServeInside = Callable[..., contextlib.AbstractContextManager[Inside]]


@contextlib.contextmanager
def serving_inside(protocol: type[Protocol] = Protocol, **settings: object) -> Iterator[Inside]:
    """A service in this process, once it is ready."""
    given = {"demo": "off", "queue_size": 4, "slots": 1, **settings}
    named = {f"BOOTH_{name.upper()}": str(value) for name, value in given.items()}
    state = create_state(read_settings(named))
    config = uvicorn.Config(create_app(state), http=protocol, port=0, log_config=None, ws="none")
    server = uvicorn.Server(config)
    thread = Thread(target=server.run)
    thread.start()
    try:
        eventually(lambda: server.started and state.started)
        yield Inside(state, server)
    finally:
        server.should_exit = True
        ended(thread)
