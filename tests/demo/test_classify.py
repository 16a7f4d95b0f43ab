"""The page as its visitors meet it: a real browser, a real service, the shipped models."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import (
    APIResponse,
    FilePayload,
    Locator,
    Page,
    Route,
    ViewportSize,
    expect,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

HAND_OVER = """([kind, name, base64]) => {
  const bytes = Uint8Array.from(atob(base64), (one) => one.charCodeAt(0));
  const transfer = new DataTransfer();
  transfer.items.add(new File([bytes], name));
  document.dispatchEvent(kind === "drop"
    ? new DragEvent("drop", { dataTransfer: transfer, bubbles: true, cancelable: true })
    : new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true }));
}"""

# One worker starts the browser and the service, and all of these use them.
pytestmark = pytest.mark.xdist_group("page")


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    with browser.new_page() as opened:
        opened.goto(site)
        expect(opened.get_by_label("Model")).to_have_value(re.compile("^Scenes"))
        yield opened


def answer(page: Page) -> Locator:
    return page.locator("#answer").get_by_role("status")


def choose(page: Page, photo: bytes, name: str = "photo.jpg") -> None:
    file = FilePayload(name=name, mimeType="", buffer=photo)
    page.locator("input[type=file]").set_input_files(files=[file])


def hand_over(page: Page, kind: str, photo: bytes) -> None:
    page.evaluate(HAND_OVER, [kind, "photo.jpg", base64.b64encode(photo).decode()])


def expect_labels(page: Page, first: str | re.Pattern[str]) -> None:
    rows = answer(page).get_by_role("listitem")
    expect(rows).to_have_count(5)
    expect(rows.first).to_have_text(first)


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


def test_nothing_is_loaded_from_other_hosts_and_nothing_fails(browser: Browser, site: str) -> None:
    asked: list[str] = []
    faults: list[str] = []
    with browser.new_page() as page:
        page.on("request", lambda request: asked.append(request.url))
        page.on("requestfailed", lambda request: faults.append(request.url))
        page.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(site)
        page.get_by_role("button", name="Sample: Pont du Gard").click()
        expect_labels(page, re.compile(r"%$"))
        page.wait_for_load_state("networkidle")
        text = page.content()
    away = {url for url in asked if urlsplit(url).scheme not in {"blob", "data"}}
    assert {urlsplit(url).netloc for url in away} == {urlsplit(site).netloc}
    assert faults == []
    linked = re.findall(r"<(?:link|script|img)[^>]+(?:href|src)=.(https?://[^/\"]+)", text)
    assert set(linked) <= {site}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_wider_than_the_screen(
    browser: Browser, site: str, scheme: Literal["light", "dark"]
) -> None:
    phone = ViewportSize(width=390, height=844)
    with browser.new_page(viewport=phone, color_scheme=scheme, has_touch=True) as page:
        page.goto(site)
        page.get_by_role("button", name="Sample: Roebling").click()
        expect_labels(page, re.compile(r"%$"))
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        expect(answer(page).locator("li").first).to_be_in_viewport()


def test_the_answer_moves_nothing(page: Page, photos: dict[str, bytes]) -> None:
    def places() -> object:
        return page.evaluate(
            "['.stage', '.samples', '#answer', '#footer'].map((part) =>"
            " JSON.stringify(document.querySelector(part).getBoundingClientRect()))"
        )

    before = places()
    choose(page, photos["coffee"])
    expect_labels(page, re.compile("^Coffee shop"))
    assert places() == before


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


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../../../../etc/passwd", {"path": "/etc/passwd"}, 7]
)
def test_a_path_that_was_not_uploaded_is_not_read(site: str, path: object) -> None:
    config = httpx.get(f"{site}/config").json()
    classify = next(one["id"] for one in config["dependencies"] if one["targets"][0][1] == "photo")
    body = {"data": [path, None], "fn_index": classify, "session_hash": "test"}
    got = httpx.post(f"{site}/gradio_api/run/predict", json=body)
    assert "root:" not in got.text
    assert "no longer kept here" in got.text


@pytest.mark.parametrize("path", ["/livez", "/metrics", "/docs", "/models", "/page-that-is-none"])
def test_the_api_s_routes_come_before_the_page_s(site: str, path: str) -> None:
    got = httpx.get(f"{site}{path}")
    assert "gradio" not in got.text.lower().replace("/gradio_api", "")


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
