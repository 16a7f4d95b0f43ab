"""A page to look at, and a browser to look with: both real."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsers import launched
from tests.demo.visitor import is_ready, seeing_no_fault
from tests.servers import clean_environment, free_port, is_up, opened, started

expect.set_options(timeout=30_000)  # milliseconds; a busy machine takes longer than the usual 5 s


@pytest.fixture(scope="module")  # Playwright's event loop would be in the way of other modules' own
def browser() -> Iterator[Browser]:
    with launched() as running:
        yield running


@pytest.fixture(scope="session")
def orphan(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page in a process of its own, whose service is away."""
    folder = tmp_path_factory.mktemp("orphan")
    with page_alone(folder, f"http://127.0.0.1:{free_port()}") as url:
        yield url


@pytest.fixture(scope="session")
def forwarded(site: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a page in a process of its own, which hands on to the service of ``site``."""
    with page_alone(tmp_path_factory.mktemp("forwarded"), site) as url:
        yield url


@contextlib.contextmanager
def page_alone(folder: Path, service: str, *options: str, **variables: str) -> Iterator[str]:
    """``python -m demo`` before a service, once it is open; its log is ``folder / "log"``."""
    url, log = f"http://127.0.0.1:{free_port()}", folder / "log"
    command = [sys.executable, "-m", "demo", "--port", url.rpartition(":")[2], *options]
    with started(command, log, clean_environment(BOOTH_URL=service, **variables)) as process:
        yield is_up(process, log, lambda: opened(url))


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """The page, opened, once it knows its models.

    The test fails if a script of it does, or if it asks another host.
    """
    with browser.new_page() as shown, seeing_no_fault(shown):
        shown.goto(site)
        is_ready(shown)
        yield shown
