"""``python -m demo`` as a process: how it ends."""

from __future__ import annotations

import contextlib
import signal
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.servers import clean_environment, free_port, is_up, started

if TYPE_CHECKING:
    from pathlib import Path

ENDS_WITHIN_S = 30.0


@pytest.mark.parametrize("answers", [True, False], ids=["once it answers", "while it starts"])
def test_sigterm_ends_it_with_status_0(answers: bool, tmp_path: Path) -> None:
    port, log = free_port(), tmp_path / "log"
    command = [sys.executable, "-m", "demo", "--port", str(port), "--url", "http://127.0.0.1:9"]
    with started(command, log, clean_environment()) as process:
        if answers:
            is_up(process, log, lambda: _answering(f"http://127.0.0.1:{port}/theme.css"))
        else:
            time.sleep(1)  # somewhere in the imports
        process.send_signal(signal.SIGTERM)
        assert process.wait(ENDS_WITHIN_S) == 0
    assert "Traceback" not in log.read_text(encoding="utf-8")


def _answering(url: str) -> str | None:
    """The address, if something answers there."""
    with contextlib.suppress(httpx.TransportError):
        httpx.get(url, timeout=5)
        return url
    return None
