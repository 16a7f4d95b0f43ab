"""A page to look at, and a browser to look with: both real."""

from __future__ import annotations

import contextlib
import re
import sys
from collections.abc import Iterator

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsers import launched
from tests.servers import Serve, clean_environment, free_port, is_up, started

expect.set_options(timeout=30_000)  # milliseconds; a busy machine takes longer than the usual 5 s


@pytest.fixture(scope="module")  # Playwright's event loop would be in the way of other modules' own
def browser() -> Iterator[Browser]:
    with launched() as running:
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
