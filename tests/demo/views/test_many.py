"""Many: files, folders and archives, answered one after the other, filtered, and saved."""

from __future__ import annotations

import csv
import io
import json
import re
import zipfile
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import FilePayload, Page, Route, expect

from demo.samples import FOLDER, SAMPLES
from tests.demo.visitor import hand_over, seeing_no_fault

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser

pytestmark = pytest.mark.xdist_group("page")

PHOTOS = {one.file: (FOLDER / one.file).read_bytes() for one in SAMPLES}


@pytest.fixture
def many(browser: Browser, site: str) -> Iterator[Page]:
    """The view, opened."""
    with browser.new_page() as shown, seeing_no_fault(shown):
        shown.goto(f"{site}/many")
        expect(shown.get_by_role("button", name="Choose a folder")).to_be_visible()
        yield shown


def give(page: Page, *files: tuple[str, bytes]) -> None:
    payloads = [FilePayload(name=name, mimeType="", buffer=content) for name, content in files]
    page.locator("#view input.files").set_input_files(files=payloads)


def test_each_photograph_gets_its_label(many: Page) -> None:
    give(many, *PHOTOS.items())
    expect(many.locator("#view .state")).to_have_text("6 photos")
    expect(many.locator(".gallery img")).to_have_count(6)
    tile = many.get_by_role("button", name=re.compile("Coffee shop"))
    expect(tile).to_have_attribute("title", "coffee.jpg")


def test_a_picture_that_is_dropped_without_being_a_file_of_a_folder_is_taken(many: Page) -> None:
    """As one is that was dragged out of another page."""
    hand_over(many, "drop", PHOTOS["coffee.jpg"], PHOTOS["tracks.jpg"])
    expect(many.locator("#view .state")).to_have_text("2 photos")
    expect(many.locator(".gallery img")).to_have_count(2)


def test_what_is_no_photograph_says_so_and_the_others_are_answered(many: Page) -> None:
    give(many, ("notes.jpg", b"no photograph at all"), ("tracks.jpg", PHOTOS["tracks.jpg"]))
    expect(many.locator("#view .state")).to_have_text("2 photos, 1 of them without an answer")
    failed = many.locator(".failed .name")
    expect(failed).to_contain_text("notes.jpgThat file is no photograph that Booth can read. ")
    expect(failed).to_contain_text("JPEG, PNG, WebP")
    assert failed.evaluate("(one) => one.scrollWidth <= one.clientWidth")  # nothing is cut off
    expect(many.get_by_role("button", name=re.compile("Railroad track"))).to_be_visible()


def test_the_photographs_of_an_archive_are_found_wherever_they_are_in_it(many: Page) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("a/tracks.jpg", PHOTOS["tracks.jpg"], zipfile.ZIP_DEFLATED)
        archive.writestr("coffee.jpg", PHOTOS["coffee.jpg"], zipfile.ZIP_STORED)
        archive.writestr("__MACOSX/._coffee.jpg", b"a shadow")
        archive.writestr("readme.txt", b"words")
    give(many, ("holiday.zip", packed.getvalue()))
    expect(many.locator("#view .state")).to_have_text("2 photos")
    for label in ("Railroad track", "Coffee shop"):
        expect(many.get_by_role("button", name=re.compile(label))).to_be_visible()


def test_a_damaged_archive_is_named(many: Page) -> None:
    give(many, ("holiday.zip", b"PK no archive"))
    expect(many.locator("#view .note")).to_have_text(
        "holiday.zip: This is no zip archive, or its end is missing."
    )


def test_a_folder_is_walked(many: Page, tmp_path: Path) -> None:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "tracks.jpg").write_bytes(PHOTOS["tracks.jpg"])
    (tmp_path / "deep" / "notes.txt").write_text("words")
    (tmp_path / "deep" / ".hidden.jpg").write_bytes(b"")
    many.locator("#view input.directory").set_input_files(tmp_path / "deep")
    expect(many.locator("#view .state")).to_have_text("1 photo")
    expect(many.locator(".gallery button")).to_have_attribute("title", "deep/er/tracks.jpg")


def test_labels_and_confidences_filter_what_is_shown_and_saved(many: Page) -> None:
    give(many, *PHOTOS.items())
    expect(many.locator("#view .state")).to_have_text("6 photos")
    many.get_by_label("Label").select_option(label="Railroad track (1)")
    expect(many.locator(".gallery li:visible")).to_have_count(1)
    expect(many.locator("#view .found")).to_have_text("1 shown")
    (row,) = csv.DictReader(saved(many, "CSV"))
    assert row["file"] == "tracks.jpg"
    assert row["category"] == "railroad_track"
    assert row["known"] == "true"
    assert 0.5 < float(row["confidence"]) <= 1
    many.get_by_label("Label").select_option("")
    lines = saved(many, "JSON lines")
    assert {json.loads(line)["file"] for line in lines} == set(PHOTOS)
    assert all(len(json.loads(line)["predictions"]) == 5 for line in lines)


def test_what_the_model_does_not_know_has_no_percentage_and_its_own_entry(many: Page) -> None:
    give(many, *((name, PHOTOS[name]) for name in ("coffee.jpg", "tracks.jpg")))
    expect(many.locator("#view .state")).to_have_text("2 photos")
    shown = many.locator(".gallery li:visible")
    many.get_by_label("Label").select_option(label="Nothing I know (1)")
    expect(shown.locator(".name")).to_have_text("Nothing I know, nearest: Coffee shop")
    (row,) = csv.DictReader(saved(many, "CSV"))
    assert (row["file"], row["label"], row["known"]) == ("coffee.jpg", "Coffee shop", "false")
    many.get_by_label("Label").select_option("")
    expect(shown).to_have_count(2)
    many.get_by_label("Confidence").fill("5")
    expect(shown).to_contain_text("Railroad track")


def test_a_photo_is_for_the_model_that_was_chosen_when_it_came(many: Page) -> None:
    held: list[Route] = []
    is_held = True

    def hold(route: Route) -> None:
        if is_held:
            held.append(route)
        else:
            route.continue_()

    many.route("**/classify?*", hold)
    by = many.locator("#view .by")
    with many.expect_request("**/classify?*"):
        give(many, *PHOTOS.items())  # four are asked of at once
    expect(by).to_have_text("Labelled by Scenes (Places365)")
    many.get_by_label("Model", exact=True).select_option(label="EfficientNet-Lite0")
    give(many, ("again.jpg", PHOTOS["coffee.jpg"]))
    expect(by).to_have_text(
        "Labelled by 2 models: 6 by Scenes (Places365), 1 by EfficientNet-Lite0"
    )
    is_held = False
    for route in held:
        route.continue_()
    expect(many.locator("#view .state")).to_have_text("7 photos")
    again = many.get_by_title("again.jpg")
    expect(again).to_contain_text("Espresso")
    expect(again.get_by_text("EfficientNet-Lite0")).to_be_visible()
    rows = {row["file"]: row["model"] for row in csv.DictReader(saved(many, "CSV"))}
    assert rows == {**dict.fromkeys(PHOTOS, "places365"), "again.jpg": "efficientnet_lite0"}
    lines = map(json.loads, saved(many, "JSON lines"))
    assert {line["file"]: line["model"] for line in lines} == rows


def test_a_photo_whose_model_is_gone_is_not_asked_of_again(many: Page) -> None:
    gone = {"type": "/problems/unknown-model", "detail": "gone", "status": 404}
    many.route("**/classify?*", lambda route: route.fulfill(status=404, json=gone))
    give(many, ("tracks.jpg", PHOTOS["tracks.jpg"]))
    expect(many.locator("#view .state")).to_have_text("1 photo, without an answer")
    expect(many.locator(".failed")).to_contain_text("This model is not served any more.")


def saved(page: Page, button: str) -> list[str]:
    """The lines of the file that a button saves."""
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return download.value.path().read_text(encoding="utf-8").splitlines()


def test_it_goes_on_by_itself_after_the_connection_was_lost(many: Page) -> None:
    lost: list[str] = []

    def lose(route: Route) -> None:
        lost.append(route.request.url)
        route.abort()

    many.route("**/classify?*", lose)
    give(many, *PHOTOS.items())
    expect(many.locator("#view .state")).to_contain_text("it goes on by itself")
    assert len(lost) <= 8  # four at a time, and no storm
    many.unroute("**/classify?*")
    expect(many.locator("#view .state")).to_have_text("6 photos")


def test_a_pause_is_a_pause_and_the_gallery_stays_while_others_are_looked_at(many: Page) -> None:
    give(many, *PHOTOS.items(), *((f"again-{name}", one) for name, one in PHOTOS.items()))
    many.get_by_role("button", name="Pause").click()
    expect(many.locator("#view .state")).to_contain_text("paused")
    many.get_by_role("link", name="Metrics").click()
    expect(many.get_by_role("heading", name="Labels given")).to_be_visible()
    many.go_back()
    many.get_by_role("button", name="Go on").click()
    expect(many.locator("#view .state")).to_have_text("12 photos")
    many.get_by_role("button", name="Clear").click()
    expect(many.locator(".gallery li")).to_have_count(0)


def test_a_tile_opens_in_classify(many: Page) -> None:
    give(many, ("tracks.jpg", PHOTOS["tracks.jpg"]))
    many.get_by_role("button", name=re.compile("Railroad track")).click()
    expect(many.get_by_role("heading", name=re.compile("Railroad track"))).to_be_visible()
    expect(many.get_by_role("link", name="Classify")).to_have_attribute("aria-current", "page")
