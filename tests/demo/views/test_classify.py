"""The view Classify as its visitors meet it: a real browser, a real service, the shipped models."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from tests.demo.visitor import answer, choose, expect_labels, hand_over, problem, sample, stage

if TYPE_CHECKING:
    from playwright.sync_api import Page

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
    expect(page.get_by_alt_text("Your photograph")).to_be_visible()


def test_every_sample_gets_five_labels_and_is_marked_as_chosen(page: Page) -> None:
    samples = page.get_by_role("button", name="Sample: ")
    expect(samples).to_have_count(6)
    for one in samples.all():
        expect(one).to_have_attribute("aria-pressed", "false")
        before = answer(page).inner_text()
        one.click()
        expect(answer(page)).not_to_have_text(before, use_inner_text=True)
        expect_labels(page, re.compile(r"%$"))
        expect(one).to_have_attribute("aria-pressed", "true")
    expect(page.locator("[data-sample][aria-pressed=true]")).to_have_count(1)


@pytest.mark.parametrize(
    ("file", "name", "says"),
    [
        (b"Dear diary,", "diary.txt", "JPEG, PNG, WebP"),
        (b"", "empty.jpg", "empty"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(64), "phone.heic", "JPEG"),
    ],
    ids=["text", "empty", "heic"],
)
def test_what_is_no_photo_is_answered_in_the_service_s_words(
    page: Page, file: bytes, name: str, says: str
) -> None:
    choose(page, file, name)
    expect(problem(page)).to_contain_text("That file is no photograph")
    expect(problem(page)).to_contain_text(says)
    expect(problem(page).get_by_role("button")).to_have_count(0)
    expect(stage(page)).to_contain_text(name)


def test_a_broken_photo_is_named_and_the_next_one_is_answered(
    page: Page, photos: dict[str, bytes]
) -> None:
    choose(page, photos["coffee"][:300])
    expect(problem(page)).to_contain_text("That file is no photograph")
    expect(page.get_by_text("photo.jpg")).to_be_visible()
    choose(page, photos["coffee"])
    expect_labels(page, re.compile("^Coffee shop"))
    expect(problem(page)).to_be_hidden()


def test_of_two_photos_in_a_row_the_last_one_s_answer_stays(
    page: Page, photos: dict[str, bytes]
) -> None:
    hand_over(page, "drop", photos["chelsea"])
    hand_over(page, "drop", photos["coffee"])
    expect_labels(page, re.compile("^Coffee shop"))
    page.wait_for_load_state("networkidle")
    expect_labels(page, re.compile("^Coffee shop"))


def test_another_model_is_asked_about_the_same_photo(page: Page) -> None:
    sample(page, "coffee").click()
    expect_labels(page, re.compile("^Coffee shop"))
    page.get_by_label("Model", exact=True).select_option(label="EfficientNet-Lite0")
    expect_labels(page, re.compile("^Espresso"))
    expect(answer(page)).not_to_contain_text("environment")
    assert page.evaluate("location.hash") == "#sample=coffee&model=efficientnet_lite0"
