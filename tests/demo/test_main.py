"""``python -m demo`` as a process: how it ends."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import httpx
import pytest

from tests.servers import ROOT, clean_environment, free_port
from tests.waiting import eventually

UP_WITHIN_S = 60.0
ENDS_WITHIN_S = 30.0


def page(port: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "demo", "--port", str(port), "--url", "http://127.0.0.1:9"]
    return subprocess.Popen(command, cwd=ROOT, env=clean_environment(), stderr=subprocess.PIPE)


@pytest.mark.parametrize("answers", [True, False], ids=["once it answers", "while it starts"])
def test_sigterm_ends_it_with_status_0(answers: bool) -> None:
    port = free_port()
    with page(port) as process:
        if answers:
            url = f"http://127.0.0.1:{port}/theme.css"
            eventually(lambda: _status(url), lambda status: status > 0, within_s=UP_WITHIN_S)
        else:
            time.sleep(1)  # somewhere in the imports
        process.send_signal(signal.SIGTERM)
        _, said = process.communicate(timeout=ENDS_WITHIN_S)
    assert (process.returncode, b"Traceback" in said) == (0, False)


def _status(url: str) -> int:
    try:
        return httpx.get(url, timeout=5).status_code
    except httpx.TransportError:
        return 0
