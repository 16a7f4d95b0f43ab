"""A service as the documents' reader starts it: a real process on a free port."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.conftest import ROOT

READY_WITHIN_S = 120


def clean_environment(**settings: str) -> dict[str, str]:
    """This process's environment with no settings but these."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BOOTH_")}
    return {**kept, **settings}


@contextlib.contextmanager
def serving(log: Path, **settings: str) -> Iterator[str]:
    """``host:port`` of a service that is ready."""
    environment = clean_environment(BOOTH_PORT="0", BOOTH_DEMO="off", **settings)
    command = [sys.executable, "-m", "service", "serve"]
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=ROOT, env=environment, stderr=output) as process,
    ):
        try:
            yield _address(process, log)
        finally:
            process.kill()


def _address(process: subprocess.Popen[bytes], log: Path) -> str:
    end = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < end and process.poll() is None:
        listening = re.search(r"listening on http://([\w.:]+)", log.read_text(encoding="utf-8"))
        with contextlib.suppress(httpx.TransportError):
            if listening and httpx.get(f"http://{listening[1]}/readyz").is_success:
                return listening[1]
        time.sleep(0.05)
    pytest.fail(f"the service did not get ready:\n{log.read_text(encoding='utf-8')}")


@pytest.fixture(scope="session")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """``host:port`` of a service with the shipped models and the default settings."""
    with serving(tmp_path_factory.mktemp("docs") / "log") as where:
        yield where
