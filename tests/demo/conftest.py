"""A page to look at, and a browser to look with: both real."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from demo.samples import FOLDER as SAMPLES
from tests.browsers import launched
from tests.demo.visitor import is_ready, seeing_no_fault
from tests.servers import Serve, clean_environment, free_port, is_up, started
from tests.waiting import eventually

EXPLAINS_WITHIN_S = 90.0
expect.set_options(timeout=30_000)  # milliseconds; a busy machine takes longer than the usual 5 s


@pytest.fixture(scope="module")  # Playwright's event loop would be in the way of other modules' own
def browser() -> Iterator[Browser]:
    with launched() as running:
        yield running


@pytest.fixture(scope="session")
def site(serve: Serve) -> Iterator[str]:
    """The address of `booth serve` as a fresh clone runs it, once its page is open."""
    with serve(demo="on", trusted_proxies="127.0.0.1") as service:
        url = is_up(service.process, service.log, lambda: opened(service.url))
        explain_once(url)
        yield url


def explain_once(url: str) -> None:
    """Have both models load what explains their answers: on a busy machine that takes long."""
    photo = (SAMPLES / "coffee.jpg").read_bytes()
    for model in ("places365", "efficientnet_lite0"):
        asked = f"{url}/classify?model={model}&explain=region"
        ask = partial(httpx.post, asked, content=photo, timeout=EXPLAINS_WITHIN_S)
        eventually(ask, lambda answer: answer.is_success, within_s=EXPLAINS_WITHIN_S)


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


def opened(url: str) -> str | None:
    """The address of a page, if it is open."""
    with contextlib.suppress(httpx.TransportError):
        if "gradio_config" in httpx.get(url).text:
            return url
    return None


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """The page, opened, once it knows its models.

    The test fails if a script of it does, or if it asks another host.
    """
    with browser.new_page() as shown, seeing_no_fault(shown):
        shown.goto(site)
        is_ready(shown)
        yield shown
