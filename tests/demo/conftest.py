"""A page to look at, and a browser to look with: both real."""

from __future__ import annotations

import contextlib
import re
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.servers import Serve, clean_environment, free_port, is_up, started

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


expect.set_options(timeout=30_000)  # milliseconds; a busy machine takes longer than the usual 5 s


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
def site(serve: Serve) -> Iterator[str]:
    """The address of `booth serve` as a fresh clone runs it, once its page is open."""
    with serve(demo="on", trusted_proxies="127.0.0.1") as service:
        yield is_up(service.process, service.log, lambda: _opened(service.url))


@pytest.fixture(scope="session")
def orphan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page in a process of its own, whose service is away."""
    url, log = f"http://127.0.0.1:{free_port()}", tmp_path_factory.mktemp("page") / "log"
    command = [sys.executable, "-m", "demo", "--port", url.rpartition(":")[2]]
    away = clean_environment(BOOTH_URL=f"http://127.0.0.1:{free_port()}")
    with started(command, log, away) as process:
        yield is_up(process, log, lambda: _opened(url))


def _opened(url: str) -> str | None:
    """The address of a page, if it is open."""
    with contextlib.suppress(httpx.TransportError):
        if "gradio_config" in httpx.get(url).text:
            return url
    return None


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """The page, opened, once it knows its models."""
    with browser.new_page() as opened:
        opened.goto(site)
        expect(opened.get_by_label("Model")).to_have_value(re.compile("^Scenes"))
        yield opened
