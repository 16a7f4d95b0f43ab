from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

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


def test_where_nothing_listens_nothing_is_healthy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    assert not healthy(f"http://127.0.0.1:{port}/")


def test_the_service_is_asked_on_the_port_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("BOOTH_PORT", raising=False)
    assert default_url() == "http://127.0.0.1:8000/readyz"
    monkeypatch.setenv("BOOTH_PORT", "8080")
    assert default_url() == "http://127.0.0.1:8080/readyz"


@pytest.mark.parametrize(("path", "status"), [("/200", 0), ("/503", 1)])
def test_the_exit_status_tells_without_any_package(server: str, path: str, status: int) -> None:
    done = subprocess.run([sys.executable, "-IS", PROGRAM, server + path], check=False, timeout=30)
    assert done.returncode == status
