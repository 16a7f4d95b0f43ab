"""The photo that all views look at: sent small and upright, and there after another view."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

import httpx
import pytest
from PIL import Image
from playwright.sync_api import expect

from demo.samples import FOLDER
from tests.demo.visitor import (
    Questions,
    answer,
    choose,
    expect_labels,
    go_to,
    sample,
    seeing_no_fault,
    stage,
)

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

# One worker starts the browser and the service, and all of these use them.
pytestmark = pytest.mark.xdist_group("page")

ORIENTATION = 0x0112
KEPT = "() => sessionStorage.getItem('booth.photo')"
SEEN = "() => document.querySelector('#photo .shown').naturalWidth"


def of_twelve_megapixels() -> bytes:
    """The aqueduct as a telephone would send it: large, lying on its side, and marked so."""
    upright = Image.open(FOLDER / "aqueduct.jpg").resize((4000, 3000))
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # to be turned by 90 degrees to the right
    packed = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(packed, "JPEG", quality=97, exif=exif)
    return packed.getvalue()


def test_a_large_photo_is_sent_small_and_upright_and_answered_as_the_whole(
    page: Page, site: str
) -> None:
    photo = of_twelve_megapixels()
    assert len(photo) > 1_000_000
    questions = Questions(page)
    choose(page, photo)
    expect_labels(page, re.compile("^Aqueduct"))
    assert max(questions.byte_counts()) < 300_000
    assert questions.last_size() == (853, 640)
    whole = httpx.post(f"{site}/classify", content=photo).json()["predictions"][0]
    shown = page.locator("#view ol.labels li").first.inner_text()
    percent = re.search(r"([\d.]+)\s%", shown)
    assert percent
    assert whole["label"] == "Aqueduct"
    assert abs(100 * whole["confidence"] - float(percent[1])) <= 3


def test_what_the_browser_can_not_read_is_sent_as_it_is(page: Page) -> None:
    heif = pytest.importorskip("pillow_heif", reason="the extra heic brings it")
    with Image.open(FOLDER / "coffee.jpg") as coffee:
        packed = io.BytesIO()
        heif.from_pillow(coffee).save(packed, quality=80)
    questions = Questions(page)
    choose(page, packed.getvalue(), "phone.heic")
    expect_labels(page, re.compile("^Coffee shop"))
    assert set(questions.byte_counts()) == {len(packed.getvalue())}
    expect(stage(page)).to_contain_text("phone.heic")


def test_a_visitor_s_photo_is_there_in_every_view_and_after_a_reload(
    page: Page, photos: dict[str, bytes]
) -> None:
    choose(page, photos["coffee"])
    expect_labels(page, re.compile("^Coffee shop"))
    for title in ("Patches", "Move", "Many", "Classify"):
        go_to(page, title)
        assert page.evaluate(SEEN) > 0
    expect_labels(page, re.compile("^Coffee shop"))
    page.reload()
    expect(page.get_by_alt_text("Your photograph")).to_be_visible()
    expect_labels(page, re.compile("^Coffee shop"))


def test_the_address_leads_back_and_forward_and_survives_a_reload(page: Page) -> None:
    where = "location.pathname + location.hash"
    sample(page, "tracks").click()
    expect_labels(page, re.compile("^Railroad track"))
    assert page.evaluate(where) == "/#sample=tracks"
    go_to(page, "Patches")
    assert page.evaluate(where) == "/patches#sample=tracks"
    go_to(page, "Move")
    page.go_back()
    expect(page.get_by_role("region", name="Patches", exact=True)).to_be_attached()
    page.go_back()
    expect(page.get_by_role("region", name="Classify", exact=True)).to_be_attached()
    expect_labels(page, re.compile("^Railroad track"))
    expect(page.get_by_role("link", name="Classify")).to_have_attribute("aria-current", "page")
    page.go_forward()
    expect(page.get_by_role("region", name="Patches", exact=True)).to_be_attached()
    page.reload()
    expect(page.get_by_role("region", name="Patches", exact=True)).to_be_attached()
    expect(sample(page, "tracks")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_alt_text("Railroad through a valley", exact=True)).to_be_visible()
    assert page.evaluate(where) == "/patches#sample=tracks"


def test_the_photo_is_the_one_that_the_address_names(
    page: Page, site: str, photos: dict[str, bytes]
) -> None:
    where = "location.pathname + location.hash"

    def shows(name: str) -> None:
        expect(page.get_by_alt_text(name, exact=True)).to_be_visible()

    page.goto(f"{site}/#sample=bridge")
    expect_labels(page, re.compile("^Bridge"))
    page.goto(f"{site}/#sample=tracks&label=2")
    expect_labels(page, re.compile("^Railroad track"))
    expect(page.locator("[data-label='2']")).to_have_attribute("aria-pressed", "true")
    go_to(page, "Patches")
    sample(page, "bridge").click()
    shows("Roebling Bridge at night")
    page.goto(f"{site}/patches#sample=windmill&step=8")
    shows("Windmill on Fanø")
    choose(page, photos["coffee"])
    shows("Your photograph")
    assert page.evaluate(where) == "/patches#step=8"
    page.go_back()
    shows("Roebling Bridge at night")
    page.go_back()
    expect_labels(page, re.compile("^Railroad track"))
    assert page.evaluate(where) == "/#sample=tracks&label=2"
    page.go_forward()
    shows("Roebling Bridge at night")
    page.go_forward()
    shows("Your photograph")
    assert page.evaluate(where) == "/patches#step=8"
    page.wait_for_function(KEPT)
    page.reload()
    shows("Your photograph")


def test_a_photo_stays_kept_while_it_is_shown_again(
    page: Page, site: str, photos: dict[str, bytes]
) -> None:
    choose(page, photos["coffee"])
    sample(page, "bridge").click()  # before the photo is answered
    expect_labels(page, re.compile("^Bridge"))
    page.wait_for_function(KEPT)
    page.evaluate("() => { Storage.prototype.removeItem = () => (window.removed = true); }")
    page.goto(f"{site}/#")
    expect_labels(page, re.compile("^Coffee shop"))
    assert not page.evaluate("window.removed")
    page.reload()
    expect_labels(page, re.compile("^Coffee shop"))


def test_a_browser_that_keeps_nothing_shows_the_page_all_the_same(
    browser: Browser, site: str, photos: dict[str, bytes]
) -> None:
    """As Chromium does where a visitor blocks all cookies."""
    with browser.new_page() as page, seeing_no_fault(page):
        page.add_init_script(
            "Object.defineProperty(window, 'sessionStorage', "
            "{ get() { throw new DOMException('denied', 'SecurityError'); } })"
        )
        page.goto(site)
        choose(page, photos["coffee"])
        expect_labels(page, re.compile("^Coffee shop"))


def test_an_address_that_names_no_photo_shows_none_where_there_was_none(
    page: Page, site: str
) -> None:
    page.goto(f"{site}/#sample=bridge")
    expect_labels(page, re.compile("^Bridge"))
    page.go_back()
    expect(page.get_by_text("Show Booth a photo")).to_be_visible()
    expect(answer(page).locator("ol.labels:not(.empty)")).to_have_count(0)
    expect(sample(page, "bridge")).to_have_attribute("aria-pressed", "false")
    page.go_forward()
    expect_labels(page, re.compile("^Bridge"))


def test_an_address_of_a_sample_that_is_none_is_told(browser: Browser, site: str) -> None:
    with browser.new_page() as page:
        page.goto(f"{site}/#sample=moon")
        expect(page.locator("#photo .note")).to_contain_text("There is no such sample photograph")
        sample(page, "coffee").click()
        expect_labels(page, re.compile("^Coffee shop"))
        expect(page.locator("#photo .note")).to_be_empty()
