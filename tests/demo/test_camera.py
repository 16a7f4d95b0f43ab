"""The camera: live, the newest frame wins, one request in flight, and none where nobody looks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.demo.visitor import Questions, is_ready, seeing_no_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

pytestmark = pytest.mark.xdist_group("page")

HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


@pytest.fixture(scope="module")
def seen(browser: Browser, site: str) -> Iterator[Page]:
    """The page with the camera on."""
    with browser.new_page() as shown, seeing_no_fault(shown):
        shown.goto(site)
        is_ready(shown)
        yield shown


def test_frames_are_small_and_one_is_asked_at_a_time(seen: Page) -> None:
    questions = Questions(seen)
    with seen.expect_response("**/classify*"):
        seen.get_by_role("button", name="Use the camera").click()
    for _ in range(4):
        with seen.expect_response("**/classify*"):
            pass
    assert questions.most == 1
    assert all(0 < size < 200_000 for size in questions.byte_counts())
    expect(seen.locator("#view .labels:not(.empty) li")).to_have_count(10)


def test_the_photo_that_is_taken_stays(seen: Page) -> None:
    seen.get_by_role("button", name="Take the photo").click()
    expect(seen.locator(".stage")).to_have_attribute("data-state", "photo")
    expect(seen.get_by_role("button", name="Use the camera")).to_be_visible()
    expect(seen.locator("#view .first:not(.empty)")).to_have_count(2)
    assert seen.evaluate("window.booth.camera.on") is False


def test_a_hidden_tab_asks_nothing(seen: Page) -> None:
    seen.get_by_role("button", name="Use the camera").click()
    with seen.expect_response("**/classify*"):
        pass
    seen.evaluate(HIDE, True)
    seen.wait_for_timeout(700)  # what was asked before is answered
    asked: list[str] = []
    seen.on("request", lambda request: asked.append(request.url))
    seen.wait_for_timeout(700)
    assert asked == []
    with seen.expect_response("**/classify*"):
        seen.evaluate(HIDE, False)
    seen.get_by_role("button", name="Stop").click()
    expect(seen.locator(".stage")).to_have_attribute("data-state", "empty")
    expect(seen.get_by_role("heading", name="Five labels will appear here")).to_be_visible()
