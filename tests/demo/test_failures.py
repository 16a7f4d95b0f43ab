"""What visitors see when the service is restarted, killed, frozen, doubled or too busy for them.

Each failure clears the answer, says in a visitor's words what it is, and offers to try again.
"""

from __future__ import annotations

import contextlib
import itertools
import re
import signal
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import Page, expect

from demo.views import VIEWS
from tests.demo.conftest import page_alone
from tests.demo.visitor import (
    answer,
    choose,
    expect_labels,
    go_to,
    hand_over,
    is_ready,
    problem,
    sample,
    seeing_no_fault,
)
from tests.servers import clean_environment, free_port, is_up, on_a_thread, opened, started

if TYPE_CHECKING:
    import subprocess

    from playwright.sync_api import Browser

# One worker starts the browser and the services, and all of these use them.
pytestmark = [pytest.mark.xdist_group("page"), pytest.mark.timeout(300)]

AWAY = "be reached"
DIGEST = re.compile(r'data-assets="page/(\w+)"')
RATE = 100  # more than the other tests take of one visitor

# As `booth serve`, but another version of the page, whose files have other addresses.
SERVE = """
import runpy, sys
from demo.assets import ASSETS
ASSETS.digest = sys.argv.pop(1) or ASSETS.digest
runpy.run_module("service", run_name="__main__", alter_sys=True)
"""


class Service:
    """A `booth serve` at one address, which a test ends and starts again."""

    def __init__(self, folder: Path, digest: str = "", models: str = "places365") -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._log = folder / "log"
        self._digest = digest
        self._models = models
        self._process: subprocess.Popen[bytes] | None = None
        self._running = contextlib.ExitStack()

    def start(self) -> None:
        """Start it, and wait until its page is open."""
        command = [sys.executable, "-c", SERVE, self._digest, "serve"]
        settings = clean_environment(
            BOOTH_PORT=self.url.rpartition(":")[2],
            BOOTH_DRAIN_MS="0",
            BOOTH_MODELS=self._models,
            BOOTH_TRUSTED_PROXIES="127.0.0.1",
            BOOTH_RATE_LIMIT_PER_MINUTE=str(RATE),
        )
        self._process = self._running.enter_context(started(command, self._log, settings))
        is_up(self._process, self._log, lambda: opened(self.url))

    def send(self, number: int) -> None:
        """Send a signal."""
        assert self._process
        self._process.send_signal(number)

    def kill(self) -> None:
        """End it as a machine does that breaks."""
        self.send(signal.SIGKILL)
        self.end()

    def end(self) -> None:
        """End it."""
        self._running.close()

    def is_up(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None


@pytest.fixture(scope="module")
def one(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service for all of these: each test leaves it or finds it as it likes."""
    made = Service(tmp_path_factory.mktemp("one"))
    yield made
    made.end()


@pytest.fixture
def service(one: Service) -> Service:
    """It, running."""
    if not one.is_up():
        one.start()
    return one


@pytest.fixture
def visited(browser: Browser, service: Service) -> Iterator[Page]:
    """Its page, with an answer; the time is the test's own."""
    with browser.new_page() as page:
        page.clock.install()
        page.goto(f"{service.url}/#sample=coffee")
        expect_labels(page, re.compile("^Coffee shop"))
        yield page


def expect_problem(page: Page, says: str) -> None:
    """Wait for a problem in the answer's place, and nothing else there but a way on."""
    expect(problem(page)).to_contain_text(says)
    expect(problem(page).get_by_role("button", name="Try again")).to_be_visible()
    expect(answer(page).get_by_text("Coffee shop")).to_be_hidden()
    expect(answer(page)).to_have_attribute("aria-busy", "false")
    assert not re.search(r"booth serve|HTTP|status|fetch", problem(page).inner_text())


def try_again(page: Page) -> None:
    problem(page).get_by_role("button", name="Try again").click()


def test_a_page_goes_on_after_a_restart(
    visited: Page, service: Service, photos: dict[str, bytes]
) -> None:
    service.kill()
    choose(visited, photos["coffee"])
    expect_problem(visited, AWAY)
    sample(visited, "tracks").click()
    expect(visited.locator("#photo .note")).to_contain_text("Try it again")
    service.start()
    try_again(visited)
    expect_labels(visited, re.compile("^Coffee shop"))
    sample(visited, "tracks").click()
    expect_labels(visited, re.compile("^Railroad track"))
    for view in [*VIEWS[1:], VIEWS[0]]:
        go_to(visited, view.title)
    expect_labels(visited, re.compile("^Railroad track"))


def test_whoever_waits_for_a_frozen_service_may_give_up_and_try_again(
    visited: Page, service: Service, photos: dict[str, bytes]
) -> None:
    service.send(signal.SIGSTOP)
    try:
        choose(visited, photos["coffee"])
        expect(answer(visited)).to_have_attribute("aria-busy", "true")
        still = answer(visited).locator(".still")
        expect(still).to_be_empty()
        visited.clock.fast_forward(10_000)
        expect(still).to_contain_text("Still waiting")
        still.get_by_role("button", name="Cancel").click()
        expect_problem(visited, "The photo was not answered")
        expect(still).to_be_empty()
    finally:
        service.send(signal.SIGCONT)
    try_again(visited)
    expect_labels(visited, re.compile("^Coffee shop"))


def test_an_upload_that_fails_is_tried_again(
    browser: Browser, site: str, photos: dict[str, bytes]
) -> None:
    with browser.new_page() as page:
        page.goto(f"{site}/#sample=coffee")
        expect_labels(page, re.compile("^Coffee shop"))
        page.route("**/classify*", lambda route: route.abort())
        choose(page, photos["coffee"])
        expect_problem(page, AWAY)
        page.unroute("**/classify*")
        try_again(page)
        expect_labels(page, re.compile("^Coffee shop"))


def test_a_view_that_can_not_be_fetched_leaves_the_other_one_and_its_work(
    browser: Browser, site: str, photos: dict[str, bytes]
) -> None:
    where = "location.pathname + location.hash"
    with browser.new_page() as page:
        page.goto(f"{site}/map#sample=tracks")
        expect(page.locator("#view .thumb").first).to_be_visible()
        go_to(page, "Many")
        hand_over(page, "paste", photos["coffee"], photos["chelsea"])
        expect(page.locator("#view .state")).to_have_text("2 photos")
        bar, notice = page.get_by_role("navigation", name="Views"), page.locator(".notice")
        again = notice.get_by_role("button", name="Try again")
        page.route("**/views/m*", lambda route: route.abort())
        bar.get_by_role("link", name="Metrics").click()
        expect(notice).to_contain_text(re.compile("^Metrics can.t be opened"))
        page.go_back()
        expect(notice).to_contain_text(re.compile("^Map can.t be opened"))
        again.click()
        expect(again).to_be_visible()
        assert page.evaluate(where) == "/many#sample=tracks"
        expect(page.locator("#view .gallery li")).to_have_count(2)
        page.unroute("**/views/m*")
        again.click()
        expect(page.get_by_role("region", name="Map", exact=True)).to_be_attached()
        expect(notice).to_be_empty()
        assert page.evaluate(where) == "/map#sample=tracks"
        expect(bar.get_by_role("link", name="Map")).to_be_focused()
        go_to(page, "Many")
        expect(page.locator("#view .gallery li")).to_have_count(2)


def test_each_visitor_has_a_rate_of_its_own_and_is_told_so(
    browser: Browser, service: Service, tmp_path: Path, photos: dict[str, bytes]
) -> None:
    """In the service's page, and through a page of its own behind a proxy."""

    with httpx.Client(timeout=30) as client:

        def ask(url: str, visitor: str) -> int:
            headers = {"X-Forwarded-For": visitor}
            return client.post(f"{url}/classify", content=b"", headers=headers).status_code

        def exhaust(url: str, visitor: str) -> None:
            assert any(ask(url, visitor) == 429 for _ in range(4 * RATE))

        with page_alone(tmp_path, service.url, BOOTH_TRUSTED_PROXIES="127.0.0.1") as alone:
            exhaust(service.url, "192.0.2.1")
            assert ask(service.url, "192.0.2.2") == 400
            exhaust(alone, "192.0.2.3")
            assert ask(alone, "192.0.2.4") == 400
        with browser.new_page(extra_http_headers={"X-Forwarded-For": "192.0.2.5"}) as page:
            page.goto(service.url)
            is_ready(page)
            exhaust(service.url, "192.0.2.5")
            choose(page, photos["coffee"])
            expect(problem(page)).to_contain_text("That was a lot of photographs at once")
            expect_problem(page, "In a minute there is room for more")


def test_a_service_that_dies_while_it_is_asked_leaves_no_old_answer(
    visited: Page, service: Service, photos: dict[str, bytes]
) -> None:
    service.send(signal.SIGSTOP)
    choose(visited, photos["coffee"])
    expect(answer(visited)).to_have_attribute("aria-busy", "true")
    expect(answer(visited).get_by_text("Coffee shop")).to_be_hidden()
    service.kill()
    expect_problem(visited, AWAY)
    try_again(visited)
    expect_problem(visited, AWAY)


def test_a_page_whose_service_is_away_says_so_and_is_there_as_soon_as_it_is(
    browser: Browser, service: Service, tmp_path: Path
) -> None:
    service.end()
    with page_alone(tmp_path, service.url) as url, browser.new_page() as page:
        page.goto(f"{url}/#sample=coffee")
        expect_problem(page, AWAY)
        service.start()
        try_again(page)
        expect_labels(page, re.compile("^Coffee shop"))


@contextlib.contextmanager
def round_robin(replicas: list[str]) -> Iterator[str]:
    """The address of a proxy that asks one service after the other."""
    turns = itertools.count()
    with httpx.Client(timeout=60) as client:

        class Handler(BaseHTTPRequestHandler):
            def forward(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                url = replicas[next(turns) % len(replicas)] + self.path
                given = client.request(self.command, url, content=body, headers={**self.headers})
                with contextlib.suppress(ConnectionError):  # a browser that wants it no longer
                    self.send_response(given.status_code)
                    for name in ("Content-Type", "Cache-Control", "Vary", "ETag"):
                        if name in given.headers:
                            self.send_header(name, given.headers[name])
                    self.send_header("Content-Length", str(len(given.content)))
                    self.end_headers()
                    self.wfile.write(given.content)

            do_GET = do_HEAD = do_POST = forward  # noqa: N815 (as they are looked up)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server, on_a_thread(server):
            yield f"http://127.0.0.1:{server.server_port}"


def test_two_replicas_answer_one_page_also_when_one_of_them_is_another_version(
    browser: Browser, site: str, tmp_path: Path
) -> None:
    updated = Service(tmp_path, "0123456789ab", "places365,efficientnet_lite0")
    replicas = [site, site]
    try:
        updated.start()
        with round_robin(replicas) as url, browser.new_page() as page, seeing_no_fault(page):
            page.goto(url)
            is_ready(page)
            replicas[1] = updated.url
            use_everything(page)
            assert "0123456789ab" in {
                found for one in [url, url] for found in DIGEST.findall(httpx.get(one).text)
            }
            page.reload()
            use_everything(page)
    finally:
        updated.end()


def use_everything(page: Page) -> None:
    """Click all there is: each sample, each view; nothing may fail."""
    for name in ("coffee", "tracks", "bridge"):
        sample(page, name).click()
        expect(sample(page, name)).to_have_attribute("aria-pressed", "true")
        expect(answer(page)).to_have_attribute("aria-busy", "false")
    for view in [*VIEWS[1:], VIEWS[0]]:
        go_to(page, view.title)
        expect(problem(page)).to_be_hidden()
    expect_labels(page, re.compile("^Bridge"))
