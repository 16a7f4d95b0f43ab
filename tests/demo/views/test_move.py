"""Move: the photograph under the network's window, by finger, wheel, keys and address."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from tests.demo.visitor import (
    Questions,
    go_to,
    sample,
    seeing_no_fault,
    stage,
    watch_writing,
    written,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Locator

pytestmark = pytest.mark.xdist_group("page")


@pytest.fixture
def move(browser: Browser, site: str) -> Iterator[Page]:
    """The view with a sample, answered."""
    with browser.new_page() as shown, seeing_no_fault(shown):
        shown.goto(f"{site}/move#sample=tracks")
        expect(shown.get_by_role("heading", name=re.compile("Railroad track"))).to_be_visible()
        yield shown


def drag(page: Page, right: float, down: float) -> None:
    place = page.locator("canvas.window").bounding_box()
    assert place
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + right, y + down, steps=12)
    page.mouse.up()


def controls(page: Page) -> tuple[Locator, ...]:
    sweep = page.get_by_role("button", name="Shift it pixel by pixel")
    home = page.get_by_role("button", name="Back to the middle")
    return page.get_by_role("slider", name="Zoom"), sweep, home


def where(page: Page) -> dict[str, float]:
    return {name: float(value) for name, value in re.findall(r"(x|y|zoom)=([\d.]+)", page.url)}


def test_the_middle_of_the_photograph_is_what_is_sent(move: Page) -> None:
    questions = Questions(move)
    with move.expect_response("**/classify?*"):
        move.locator("canvas.window").press("ArrowRight")
    assert questions.last_size() == (384, 384)  # twice what the network sees
    squeezed = move.get_by_text("squeezed into a square")  # in other views, unlike here
    expect(squeezed).to_be_visible()
    move.get_by_role("button", name="Back to the middle").click()
    move.get_by_label("Model", exact=True).select_option("efficientnet_lite0")
    expect(squeezed).to_be_hidden()
    with move.expect_response("**/classify?model=efficientnet_lite0*"):
        move.locator("canvas.window").press("ArrowRight")
    assert questions.last_size() == (512, 512)  # with what it cuts off around the frame
    frame = 360 * 224 / 256  # pixels of the photograph, whose sides are 480 and 360
    assert where(move)["x"] == pytest.approx(0.5 + 0.02 * frame / 480, abs=1e-4)


def test_the_plot_has_a_scale(move: Page) -> None:
    watch_writing(move)
    with move.expect_response("**/classify?*"):
        move.locator("canvas.window").press("ArrowRight")
    move.wait_for_function("window.written.length")
    assert {"0\u202f%", "50\u202f%", "100\u202f%", "1", "answer", "120"} <= written(move)


def test_a_drag_moves_the_photograph_and_the_answer_follows(move: Page) -> None:
    drag(move, 150, 120)  # to the sky on the left: the frame goes left and up
    expect(move.get_by_role("heading", name=re.compile("Railroad track"))).to_be_hidden()
    found = where(move)
    assert found["x"] < 0.45
    assert found["y"] < 0.45
    move.get_by_role("button", name="Back to the middle").click()
    expect(move.get_by_role("heading", name=re.compile("Railroad track"))).to_be_visible()
    assert where(move) == {"x": 0.5, "y": 0.5, "zoom": 1}


def test_keys_wheel_and_slider_do_the_same(move: Page) -> None:
    window = move.locator("canvas.window")
    window.press("ArrowLeft")
    assert where(move)["x"] < 0.5
    window.press("+")
    assert where(move)["zoom"] == pytest.approx(1.1)
    window.hover()
    move.mouse.wheel(0, -250)
    expect(move.locator("output[for=zoom]")).to_contain_text("1.6")
    move.get_by_role("slider", name="Zoom").fill("2")
    assert where(move)["zoom"] == 4


def test_one_question_is_asked_at_a_time(move: Page) -> None:
    questions = Questions(move)
    for _ in range(3):
        drag(move, 60, 0)
        drag(move, -60, 0)
    move.get_by_role("button", name="Back to the middle").click()
    expect(move.get_by_role("heading", name=re.compile("Railroad track"))).to_be_visible()
    assert questions.most == 1


def test_a_sweep_says_whether_the_label_stays(move: Page) -> None:
    move.get_by_role("button", name="Shift it pixel by pixel").click()
    found = move.locator("#view .found")
    expect(found).to_have_text("Over 32 shifts of one pixel, the first label stayed.")
    move.get_by_label("Model", exact=True).select_option("efficientnet_lite0")
    expect(found).to_be_empty()  # it was the other model's


def test_what_the_camera_sees_is_not_moved_until_it_is_taken(move: Page) -> None:
    only_still = move.get_by_role("heading", name="Only a still photo can be moved")
    move.get_by_role("button", name="Use the camera").click()
    expect(only_still).to_be_visible()
    for one in controls(move):
        expect(one).to_be_disabled()
    assert where(move)["zoom"] == 1
    go_to(move, "Classify")
    go_to(move, "Move")
    expect(only_still).to_be_visible()
    move.get_by_role("button", name="Stop").click()
    expect(stage(move)).to_have_attribute("data-state", "empty")
    expect(move.get_by_role("heading", name="Five labels will appear here")).to_be_visible()
    move.get_by_role("button", name="Use the camera").click()
    move.get_by_role("button", name="Take the photo").click()
    expect(move.locator("#view .labels:not(.empty) li")).to_have_count(5)
    for one in controls(move):
        expect(one).to_be_enabled()


def test_no_percentage_is_shown_of_a_photo_that_the_model_does_not_know(move: Page) -> None:
    watch_writing(move)
    sample(move, "coffee").click()
    expect(move.get_by_role("heading", name="Nothing I know")).to_be_visible()
    labels = move.locator("#view .labels:not(.empty) li")
    expect(labels).to_have_text(["Coffee shop", *[re.compile("^[^%]+$")] * 4])
    move.get_by_label("Model", exact=True).select_option("efficientnet_lite0")  # knows it
    expect(labels).to_have_text([re.compile("^Espresso.*%$"), *[re.compile("%$")] * 4])
    assert "Espresso" in written(move)
    assert "Coffee shop" not in written(move)


def test_the_address_brings_back_the_place(browser: Browser, site: str) -> None:
    with browser.new_page() as shown:
        shown.goto(f"{site}/move#sample=tracks&x=0.25&y=0.1&zoom=3")
        expect(shown.locator("output[for=zoom]")).to_contain_text("3.0")
        expect(shown.locator("#view .labels:not(.empty) li")).to_have_count(5)
        assert where(shown) == {"x": 0.25, "y": 0.1, "zoom": 3}
