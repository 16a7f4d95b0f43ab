"""Map: photographs where the layers put them, their neighbours, and a visitor's own among them."""

from __future__ import annotations

import json
import re
from functools import partial
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest
from playwright.sync_api import FilePayload, Locator, Page, Route, expect

from benchmarks.gallery import FOLDER, read_names
from demo.samples import FOLDER as SAMPLES
from tests.demo.visitor import go_to, hand_over, seeing_no_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray
    from playwright.sync_api import Browser

pytestmark = pytest.mark.xdist_group("page")

NAMES, _ = read_names(FOLDER)
BRIDGE = (SAMPLES / "bridge.jpg").read_bytes()
SIDES = ("first", "last")
EDGE = 7  # pixels around the layout


@pytest.fixture
def chart(browser: Browser, site: str) -> Iterator[Page]:
    """The view, once the photographs are there; nothing moves by itself."""
    with browser.new_page(reduced_motion="reduce") as shown, seeing_no_fault(shown):
        shown.goto(f"{site}/map")
        expect(thumbs(shown)).to_have_count(120)
        yield shown


def thumbs(page: Page) -> Locator:
    return page.locator(".chart .thumb")


def thumb(page: Page, title: str) -> Locator:
    return page.locator(".chart").get_by_role("button", name=title, exact=True)


def place(thumbnail: Locator) -> tuple[float, float]:
    """The middle of a thumbnail, in pixels of the map."""
    box = thumbnail.bounding_box()
    around = thumbnail.page.locator(".chart").bounding_box()
    assert box
    assert around
    return box["x"] + box["width"] / 2 - around["x"], box["y"] + box["height"] / 2 - around["y"]


def expected(side: str, positions: NDArray[np.float64], page: Page) -> NDArray[np.float64]:
    """Where positions of the layout lie, in pixels of the map."""
    around = page.locator(".chart").bounding_box()
    assert around
    assert side in SIDES
    size = np.array([around["width"], around["height"]]) - 2 * EDGE
    return np.asarray(EDGE + positions * size)


class Shipped:
    """A model's map, as numpy reads it."""

    def __init__(self, model: str) -> None:
        said: dict[str, Any] = json.loads((FOLDER / f"{model}.json").read_text(encoding="utf-8"))
        packed = np.frombuffer((FOLDER / f"{model}.bin").read_bytes(), np.uint8)
        self.layers = dict(zip(SIDES, said["layers"], strict=True))
        split = len(NAMES) * self.layers["first"]["size"]
        parts = (packed[:split], packed[split:])
        self.features = {
            side: part.reshape(len(NAMES), -1).astype(float)
            for side, part in zip(SIDES, parts, strict=True)
        }

    def distances(self, side: str, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """The cosine distance of each photograph to these features."""
        known = self.features[side]
        lengths = np.linalg.norm(known, axis=1) * np.linalg.norm(features)
        return np.asarray(1 - known @ features / lengths)

    def between(self, side: str, distances: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where something lies that has these distances."""
        near = distances.argsort()[:5]
        weights = 1 / distances[near] ** 2
        positions = np.array(self.layers[side]["positions"])[near]
        return np.asarray(weights @ positions / weights.sum())


def listed(page: Page, side: str) -> list[str]:
    """The neighbours that the card names, with their distances."""
    return [
        one.get_attribute("aria-label") or ""
        for one in page.locator(f".chosen [data-by={side}] li button").all()
    ]


def told(titles: list[str], distances: NDArray[np.float64], count: int) -> list[str]:
    near = distances.argsort()[:count]
    shown = [f"{away:.4f}" if away < 0.1 else f"{away:.2f}" for away in distances[near]]
    return [f"{titles[one]}, distance {away}" for one, away in zip(near, shown, strict=True)]


def titles() -> list[str]:
    rows = (FOLDER / "pictures.tsv").read_text(encoding="utf-8").splitlines()[1:]
    return [row.split("\t")[2] for row in rows]


def test_a_photograph_has_its_neighbours_by_both_layers_and_a_place_by_each(chart: Page) -> None:
    shipped, index = Shipped("places365"), NAMES.index("kingfisher")
    kingfisher = thumb(chart, "Kingfisher")
    kingfisher.click()
    for side in SIDES:
        distances = shipped.distances(side, shipped.features[side][index])
        distances[index] = -1  # itself, which is not told
        assert listed(chart, side) == told(titles(), distances, 6)[1:]
    expect(chart.locator(".lines line")).to_have_count(10)
    expect(chart.locator(".chosen .credit")).to_contain_text("Frank-2.0, CC0 1.0")
    for side in ("last", "first"):
        chart.get_by_role("button", name=f"{side.capitalize()} layer").click()
        positions = np.array(shipped.layers[side]["positions"])
        there = expected(side, positions[index], chart)
        assert place(kingfisher) == pytest.approx(there.tolist(), abs=1)
    assert "map=first" in chart.url
    assert "picture=kingfisher" in chart.url
    go_to(chart, "Many")
    assert chart.evaluate("location.hash") == ""


def test_a_photo_of_one_s_own_lies_among_its_neighbours_until_the_view_is_left(
    chart: Page, site: str
) -> None:
    hand_over(chart, "drop", BRIDGE)
    own = chart.locator(".thumb.own")
    expect(own).to_have_attribute("aria-pressed", "true")
    shipped = Shipped("places365")
    for side in SIDES:
        name = shipped.layers[side]["name"]
        asked = f"{site}/features?model=places365" + (f"&layer={name}" if name else "")
        features = np.array(httpx.post(asked, content=BRIDGE, timeout=60).json()["features"])
        distances = shipped.distances(side, features)
        assert listed(chart, side) == told(titles(), distances, 5)
        chart.get_by_role("button", name=f"{side.capitalize()} layer").click()
        there = expected(side, shipped.between(side, distances), chart)
        assert place(own) == pytest.approx(there.tolist(), abs=1)
    notes = FilePayload(name="notes.jpg", mimeType="", buffer=b"no photograph at all")
    chart.locator("#view input[type=file]").set_input_files(files=[notes])
    expect(chart.locator("#view .state")).to_have_text(
        "notes: That file is no photograph that Booth can read."
    )
    expect_all_faults_told_until_cleared(chart)
    go_to(chart, "Many")
    go_to(chart, "Map")
    expect(thumbs(chart)).to_have_count(120)
    expect(own).to_have_count(0)


def expect_all_faults_told_until_cleared(page: Page) -> None:
    files = {"note.txt": b"text", "broken.jpg": BRIDGE[:300], "bridge.jpg": BRIDGE}
    page.locator("#view input[type=file]").set_input_files(
        files=[FilePayload(name=name, mimeType="", buffer=held) for name, held in files.items()]
    )
    own = page.locator(".thumb.own")
    expect(own).to_have_count(2)
    state = page.locator("#view .state")
    expect(state).to_contain_text("note")
    expect(state).to_contain_text("broken")
    expect(state).not_to_contain_text("notes")
    thumb(page, "Cow").click()
    clear = page.get_by_role("button", name="Clear yours")
    clear.focus()
    page.keyboard.press("Enter")
    expect(clear).to_be_hidden()
    expect(state).to_be_empty()
    expect(own).to_have_count(0)
    expect(page.get_by_role("button", name="Add your photos")).to_be_focused()
    page.get_by_role("heading", name="Cow").click()  # the focus is nowhere now
    page.keyboard.press("Escape")
    expect(page.locator(".chosen .head")).to_have_count(0)
    hand_over(page, "drop", BRIDGE)
    expect(own).to_have_count(1)


def test_the_keyboard_stays_where_neighbours_are_chosen(chart: Page) -> None:
    thumb(chart, "Cow").click()
    neighbour = chart.locator(".chosen li button").first
    title = (neighbour.get_attribute("aria-label") or "").partition(",")[0]
    neighbour.press("Enter")
    expect(thumb(chart, title)).to_be_focused()
    expect(chart.get_by_role("heading", name=title)).to_be_visible()


def test_a_closer_look_keeps_the_chosen_one_and_ends_at_photographs(chart: Page) -> None:
    cow = thumb(chart, "Cow")
    cow.click()
    around = chart.locator(".chart").bounding_box()
    assert around
    middle = (around["width"] / 2, around["height"] / 2)
    for name in ("First layer", "Last layer"):
        chart.get_by_role("button", name=name).click()
        look_closest(chart)
        assert place(cow) == pytest.approx(middle, abs=1)
        chart.get_by_role("button", name="The whole map").click()
        assert place(cow) != pytest.approx(middle, abs=1)
    chart.keyboard.press("Escape")
    for _ in range(2):
        look_closest(chart)
        seen = [place(one) for one in thumbs(chart).all()]
        assert any(0 < x < around["width"] and 0 < y < around["height"] for x, y in seen)
        chart.get_by_role("button", name="First layer").click()


def look_closest(page: Page) -> None:
    for _ in range(8):
        page.get_by_role("button", name="Closer").click()


def test_keys_go_from_one_to_the_next_and_look_closer(browser: Browser, site: str) -> None:
    with browser.new_page() as page, seeing_no_fault(page):
        page.goto(f"{site}/map#map=first&picture=owl&model=efficientnet_lite0")
        expect(thumb(page, "Owl")).to_have_attribute("aria-pressed", "true")
        expect(page.get_by_role("heading", name="Owl")).to_be_visible()
        thumb(page, "Owl").focus()
        page.keyboard.press("ArrowUp")
        there = page.evaluate("document.activeElement.getAttribute('aria-label')")
        assert there != "Owl"
        page.keyboard.press("Enter")
        expect(page.get_by_role("heading", name=there)).to_be_visible()
        small = thumbs(page).first.bounding_box()
        page.keyboard.press("+")
        large = thumbs(page).first.bounding_box()
        assert small
        assert large
        assert large["width"] == pytest.approx(1.5 * small["width"], abs=1)
        page.keyboard.press("Escape")
        expect(page).not_to_have_url(re.compile("picture="))
        before = thumb(page, "Owl").bounding_box()
        page.get_by_role("button", name="Last layer").click()
        expect(page.locator(".chart")).to_have_attribute("data-mix", "1.00")
        assert thumb(page, "Owl").bounding_box() != before


def test_what_does_not_hold_of_another_version_is_said(browser: Browser, site: str) -> None:
    served = httpx.get(f"{site}/models").json()
    scenes = next(one for one in served["models"] if one["name"] == "places365")
    cases = {
        "so your photos may lie beside their kind": [{**scenes, "version": "9"}],
        "be placed on it": [{**scenes, "name": "ours"}],
    }
    for said, models in cases.items():
        listed = json.dumps({"models": models})
        with browser.new_page() as page, seeing_no_fault(page):
            page.route("**/models", partial(answer_with, listed))
            page.goto(f"{site}/map")
            expect(thumbs(page)).to_have_count(120)
            expect(page.locator("#view .state")).to_contain_text(said)


def answer_with(text: str, route: Route) -> None:
    route.fulfill(body=text, content_type="application/json")
