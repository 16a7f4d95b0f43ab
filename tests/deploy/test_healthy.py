from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from socketserver import UnixStreamServer

import pytest

from deploy.healthy import default_url, healthy
from tests.servers import on_a_thread

PROGRAM = Path(__file__).resolve().parents[2] / "deploy/healthy.py"


class Answers(BaseHTTPRequestHandler):
    """Answers ``/200`` with 200 and ``/503`` with 503."""

    def do_GET(self) -> None:
        self.send_response(int(self.path.strip("/")))
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Answers) as running, on_a_thread(running):
        yield f"http://127.0.0.1:{running.server_port}"


def test_only_200_is_healthy(server: str) -> None:
    assert healthy(f"{server}/200")
    assert not healthy(f"{server}/503")


class Ready(Answers):
    """Answers ``/readyz`` alone with 200; its client has no address."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/readyz" else 404)
        self.end_headers()


def test_a_unix_socket_is_asked_whether_it_is_ready(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "booth.sock"
    monkeypatch.setenv("BOOTH_UDS", str(path))
    assert default_url() == f"unix:{path}"
    assert not healthy(default_url())
    with UnixStreamServer(str(path), Ready) as running, on_a_thread(running):
        assert healthy(default_url())


def test_where_nothing_listens_nothing_is_healthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert not healthy(f"http://127.0.0.1:{port}/")


def test_the_service_is_asked_on_the_port_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BOOTH_PORT", "SAGEMAKER_BIND_TO_PORT", "AIP_HTTP_PORT"):
        monkeypatch.delenv(name, raising=False)
    assert default_url() == "http://127.0.0.1:8000/readyz"
    monkeypatch.setenv("AIP_HTTP_PORT", "8081")
    assert default_url() == "http://127.0.0.1:8081/readyz"
    monkeypatch.setenv("BOOTH_PORT", "8080")
    assert default_url() == "http://127.0.0.1:8080/readyz"


@pytest.mark.parametrize(("path", "status"), [("/200", 0), ("/503", 1)])
def test_the_exit_status_tells_without_any_package(server: str, path: str, status: int) -> None:
    done = subprocess.run([sys.executable, "-IS", PROGRAM, server + path], check=False, timeout=30)
    assert done.returncode == status
