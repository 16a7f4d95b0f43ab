"""The camera: live, the newest frame wins, one request in flight, and none where nobody looks."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.demo.visitor import Questions, go_to, is_ready, sample, seeing_no_fault, stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator, Route

pytestmark = pytest.mark.xdist_group("page")

HIDE = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""

# Keeps every track that a camera gave; where told to `hold`, the next one waits for `letIn()`.
KEEP_TRACKS = """
window.tracks = [];
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  if (window.hold) await new Promise((resolve) => (window.letIn = resolve));
  const stream = await open(wanted);
  window.tracks.push(...stream.getTracks());
  return stream;
};
"""
LIVE = "window.tracks.filter((one) => one.readyState === 'live').length"


@pytest.fixture(scope="module")
def seen(browser: Browser, site: str) -> Iterator[Page]:
    """The page with the camera on."""
    with browser.new_page() as shown, seeing_no_fault(shown):
        shown.add_init_script(KEEP_TRACKS)
        shown.goto(site)
        is_ready(shown)
        yield shown


def button(page: Page, name: str) -> Locator:
    return page.get_by_role("button", name=name, exact=True)


def test_a_double_click_opens_one_camera(seen: Page) -> None:
    button(seen, "Use the camera").dblclick()
    expect(stage(seen)).to_have_attribute("data-state", "camera")
    expect(seen.locator("#photo .note")).to_be_empty()
    assert seen.evaluate(LIVE) == 1
    button(seen, "Stop").press("Enter")
    expect(stage(seen)).to_have_attribute("data-state", "empty")
    expect(button(seen, "Use the camera")).to_be_focused()
    assert seen.evaluate(LIVE) == 0


def test_a_camera_that_is_unplugged_is_told(seen: Page) -> None:
    button(seen, "Use the camera").click()
    expect(stage(seen)).to_have_attribute("data-state", "camera")
    seen.evaluate("window.tracks.at(-1).dispatchEvent(new Event('ended'))")
    expect(stage(seen)).to_have_attribute("data-state", "empty")
    expect(seen.locator("#photo .note")).to_have_text(re.compile("^The camera is gone"))
    expect(button(seen, "Use the camera")).to_be_visible()


def test_a_photo_chosen_while_the_browser_asks_takes_the_cameras_place(seen: Page) -> None:
    seen.evaluate("window.hold = true")
    button(seen, "Use the camera").click()
    sample(seen, "bridge").click()
    expect(stage(seen)).to_have_attribute("data-state", "photo")
    seen.evaluate("window.hold = false; window.letIn()")
    seen.wait_for_function("window.tracks.at(-1).readyState === 'ended'")
    expect(stage(seen)).to_have_attribute("data-state", "photo")
    expect(seen.locator("#photo .note")).to_be_empty()


def test_a_sample_that_comes_late_leaves_it_on(seen: Page) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    seen.route("**/samples/windmill.jpg", hold)
    with seen.expect_request("**/samples/windmill.jpg"):
        sample(seen, "windmill").click()
    button(seen, "Use the camera").click()
    expect(stage(seen)).to_have_attribute("data-state", "camera")
    with seen.expect_response("**/samples/windmill.jpg"):
        held[0].continue_()
    with seen.expect_response("**/classify*"):  # the next frame
        pass
    expect(stage(seen)).to_have_attribute("data-state", "camera")
    button(seen, "Stop").click()


def test_it_is_off_in_a_view_that_shows_no_photo(seen: Page) -> None:
    button(seen, "Use the camera").click()
    expect(stage(seen)).to_have_attribute("data-state", "camera")
    go_to(seen, "Draw")
    assert seen.evaluate(LIVE) == 0
    go_to(seen, "Classify")
    expect(button(seen, "Use the camera")).to_be_visible()
    expect(stage(seen)).to_have_attribute("data-state", "empty")


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
    button(seen, "Take the photo").press("Enter")
    expect(seen.locator(".stage")).to_have_attribute("data-state", "photo")
    expect(button(seen, "Choose a photo")).to_be_focused()
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
