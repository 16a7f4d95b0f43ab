"""Those who look inside a network and leave, or end what looks: the next is served."""

from __future__ import annotations

import base64
import os
import signal
import socket
import subprocess
from urllib.parse import urlsplit

import httpx

from tests.servers import Serve, Server
from tests.service.asking import RED
from tests.waiting import eventually

LOOK = "/occlusion?layer=conv19&unit=3"


def looking(server: Server) -> int:
    """The number of the process that looks into networks; 0 where there is none."""
    found = subprocess.run(
        ["pgrep", "-P", str(server.process.pid), "-f", "service.inspection.worker"],
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    return int(found.stdout or 0)


def leave(url: str) -> None:
    """Ask, and go away without the answer."""
    host, port = urlsplit(url).hostname, urlsplit(url).port
    head = f"POST {LOOK} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {len(RED)}\r\n\r\n"
    with socket.create_connection((host, port)) as connection:
        connection.sendall(head.encode() + RED)


def test_who_leaves_or_ends_what_looks_harms_nobody_and_the_service_ends_as_always(
    serve: Serve,
) -> None:
    with serve(models="lenet5") as server, httpx.Client(base_url=server.url, timeout=60) as client:
        assert client.post(LOOK, content=RED).is_success
        for _ in range(20):
            leave(server.url)
        assert client.post(LOOK, content=RED).is_success
        os.kill(looking(server), signal.SIGKILL)
        eventually(lambda: not looking(server))
        assert client.post(LOOK, content=RED).is_success
        assert client.get("/models/lenet5/layers").is_success
        large = {"image": base64.b64encode(RED + bytes(300_000)).decode()}
        assert client.post("/classify", json=large).is_success
        assert server.end() == 0
        assert "left behind" not in server.log.read_text("utf-8")
