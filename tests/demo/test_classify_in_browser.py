"""The tab Classify as its visitors meet it: a real browser, a real service, the shipped models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import APIResponse, Page, Route, expect

from tests.demo.visitor import answer, choose, expect_labels, hand_over

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# One worker starts the browser and the service, and all of these use them.
pytestmark = pytest.mark.xdist_group("page")


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_a_photo_dropped_or_pasted_gets_five_labels(
    page: Page, photos: dict[str, bytes], kind: str
) -> None:
    hand_over(page, kind, photos["coffee"])
    expect_labels(page, re.compile(r"^Coffee shop\s*\d\d\s%$"))
    expect(answer(page)).to_contain_text("Type of environment: indoor")


def test_a_chosen_photo_gets_five_labels_the_time_it_took_and_stays_in_view(
    page: Page, photos: dict[str, bytes]
) -> None:
    choose(page, photos["camera"])
    expect_labels(page, re.compile(r"%$"))
    expect(answer(page)).to_contain_text(
        re.compile(r"[\d.]+\sms\s+decode [\d.]+ · queue [\d.]+ · inference [\d.]+")
    )
    expect(page.get_by_alt_text("The photograph to be classified")).to_be_visible()


def test_the_camera_s_photo_gets_five_labels(page: Page) -> None:
    page.get_by_role("button", name="Use the camera").click()
    page.get_by_role("button", name="Take the photo").click()
    expect_labels(page, re.compile(r"%$"))
    expect(page.get_by_role("button", name="Use the camera")).to_be_visible()


def test_a_sample_is_within_reach_of_the_keyboard(page: Page) -> None:
    sample = page.get_by_role("button", name="Sample: Espresso at a bar")
    page.get_by_role("button", name="Use the camera").focus()
    page.keyboard.press("Tab")
    expect(sample).to_be_focused()
    page.keyboard.press("Enter")
    expect_labels(page, re.compile("^Coffee shop"))


def test_every_sample_gets_five_labels(page: Page) -> None:
    samples = page.get_by_role("button", name="Sample: ")
    expect(samples).to_have_count(6)
    for sample in samples.all():
        before = answer(page).inner_text()
        sample.click()
        expect(answer(page)).not_to_have_text(before, use_inner_text=True)
        expect_labels(page, re.compile(r"%$"))


@pytest.mark.parametrize(
    ("file", "name", "says"),
    [
        (b"Dear diary,", "diary.txt", "JPEG, PNG, WebP"),
        (b"", "empty.jpg", "empty"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(64), "phone.heic", "JPEG"),
    ],
)
def test_what_is_no_photo_is_answered_in_the_service_s_words(
    page: Page, file: bytes, name: str, says: str
) -> None:
    choose(page, file, name)
    expect(answer(page)).to_contain_text("That file is no photograph")
    expect(answer(page)).to_contain_text(says)


def test_a_broken_photo_is_named_and_the_next_one_is_answered(
    page: Page, photos: dict[str, bytes]
) -> None:
    choose(page, photos["coffee"][:300])
    expect(answer(page)).to_contain_text("That file is no photograph")
    expect(page.get_by_text("photo.jpg")).to_be_visible()
    choose(page, photos["coffee"])
    expect_labels(page, re.compile("^Coffee shop"))


def test_of_two_photos_in_a_row_the_last_one_s_answer_stays(
    page: Page, photos: dict[str, bytes]
) -> None:
    hand_over(page, "drop", photos["chelsea"])
    hand_over(page, "drop", photos["coffee"])
    expect_labels(page, re.compile("^Coffee shop"))
    page.wait_for_load_state("networkidle")
    expect_labels(page, re.compile("^Coffee shop"))


def test_another_model_is_asked_about_the_same_photo(page: Page, photos: dict[str, bytes]) -> None:
    choose(page, photos["coffee"])
    expect_labels(page, re.compile("^Coffee shop"))
    expect(page.get_by_text("About Scenes")).to_be_visible()
    page.get_by_label("Model").click()
    page.get_by_role("option", name="EfficientNet").click()
    expect_labels(page, re.compile("^Espresso"))
    expect(answer(page)).not_to_contain_text("environment")
    expect(page.get_by_text("About EfficientNet-Lite0")).to_be_visible()


def test_the_model_s_facts_unfold(page: Page) -> None:
    page.get_by_text("About Scenes").click()
    expect(page.get_by_text("365, scenes")).to_be_visible()


def test_a_service_that_is_away_is_said_to_be_and_can_be_tried_again(
    browser: Browser, orphan: str
) -> None:
    with browser.new_page() as page:
        page.goto(orphan)
        expect(answer(page)).to_contain_text("Booth is away")
        with page.expect_response(re.compile("run/predict")):
            page.get_by_role("button", name="Try again").click()
        expect(page.locator("body")).not_to_have_class(re.compile("booth-busy"))
        page.get_by_role("button", name="Sample: Roebling").click()
        expect(answer(page)).to_contain_text("No Booth answers at")


def test_a_photo_chosen_before_the_page_knows_its_models_keeps_its_answer(
    browser: Browser, site: str
) -> None:
    late: list[tuple[Route, APIResponse]] = []

    def hold_the_first(route: Route) -> None:
        if late:
            route.continue_()
        else:
            late.append((route, route.fetch()))

    with browser.new_page() as page:
        page.route("**/run/predict*", hold_the_first)
        page.goto(site)
        with page.expect_response(re.compile("run/predict")):
            page.get_by_role("button", name="Sample: Espresso at a bar").click()
        expect_labels(page, re.compile("^Coffee shop"))
        route, models = late[0]
        route.fulfill(response=models)
        expect(page.get_by_label("Model")).to_have_value(re.compile("^Scenes"))
        expect_labels(page, re.compile("^Coffee shop"))
