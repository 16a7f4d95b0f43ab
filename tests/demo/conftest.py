"""A page to look at, and a browser to look with: both real."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
)


@pytest.fixture(scope="module")  # Playwright's event loop would be in the way of other modules' own
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        installed = next(filter(None, map(shutil.which, BROWSERS)), None)
        path = installed or playwright.chromium.executable_path
        if not Path(path).exists():
            pytest.skip("there is no Chromium; `playwright install chromium` brings one")
        with playwright.chromium.launch(executable_path=path, args=list(SWITCHES)) as running:
            yield running


@pytest.fixture(scope="session")
def site() -> Iterator[str]:
    """The address of `booth serve` as a fresh clone runs it, once its page is open."""
    port = _free_port()
    with _running("service", "serve", BOOTH_PORT=str(port)) as process:
        yield _opened(process, port)


@pytest.fixture(scope="session")
def orphan() -> Iterator[str]:
    """The address of a page in a process of its own, whose service is away."""
    port = _free_port()
    away = f"http://127.0.0.1:{_free_port()}"
    with _running("demo", "--port", str(port), BOOTH_URL=away) as process:
        yield _opened(process, port)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """The page, opened, once it knows its models."""
    with browser.new_page() as opened:
        opened.goto(site)
        expect(opened.get_by_label("Model")).to_have_value(re.compile("^Scenes"))
        yield opened


@contextlib.contextmanager
def _running(*module: str, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    command = [sys.executable, "-m", *module]
    with subprocess.Popen(
        command, env=os.environ | environment, stderr=subprocess.DEVNULL
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _opened(process: subprocess.Popen[bytes], port: int) -> str:
    url = f"http://127.0.0.1:{port}"
    for _ in range(600):
        with contextlib.suppress(httpx.TransportError):
            if "gradio_config" in httpx.get(url).text:
                return url
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(0.1)
            break
    pytest.fail(f"no page opened at {url}; exit status {process.poll()}")
