"""The view Patches: the cells on the photo, what each says, and their average beside it."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, Route, ViewportSize, expect

from demo.samples import FOLDER
from tests.demo.visitor import choose, go_to, problem, sample, seeing_no_fault, shifts, watch_shifts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

# One worker starts the browser and the service, and all of these use them.
pytestmark = pytest.mark.xdist_group("page")

TRACKS = FOLDER / "tracks.jpg"

# The canvas's colour at the middle of a cell: red, green, blue, alpha of 0 to 255.
COLOUR = """(canvas, [row, column, rows, columns]) => {
  const x = Math.floor(((column + 0.5) / columns) * canvas.width);
  const y = Math.floor(((row + 0.25) / rows) * canvas.height);
  const copy = Object.assign(document.createElement("canvas"), { width: 1, height: 1 });
  const context = copy.getContext("2d", { willReadFrequently: true });
  context.drawImage(canvas, -x, -y);
  return [...context.getImageData(0, 0, 1, 1).data];
}"""


@contextlib.contextmanager
def patches(
    browser: Browser, site: str, address: str = "sample=tracks", **options: Any
) -> Iterator[Page]:
    """The view, opened at an address; fails if a script of it does."""
    with browser.new_page(**options) as shown, seeing_no_fault(shown):
        watch_shifts(shown)
        shown.goto(f"{site}/patches#{address}")
        yield shown


def grid(page: Page) -> Locator:
    return page.get_by_role("grid", name="The cells of the photo")


def expect_grid(page: Page, rows: int, columns: int) -> None:
    expect(grid(page)).to_have_attribute("aria-rowcount", str(rows))
    expect(grid(page)).to_have_attribute("aria-colcount", str(columns))
    expect(page.locator(".fineness output")).to_have_text(re.compile(rf"^{rows} . {columns}$"))


def told_of(site: str, route: str) -> dict[str, Any]:
    """What the service itself says of the sample."""
    answer = httpx.post(f"{site}/{route}", content=TRACKS.read_bytes(), timeout=60)
    return answer.raise_for_status().json()  # type: ignore[no-any-return]


def labels_of(cells: dict[str, Any], row: int, column: int) -> list[str]:
    return [cells["labels"][at]["label"] for at in cells["first"][row][column]]


def shown_shares(part: Locator) -> list[float]:
    """How far the bars reach, as shares of 1."""
    rows = part.locator("ol.labels li")
    expect(rows).to_have_count(5)
    return [
        float(str(row.get_attribute("style")).rpartition(":")[2].rstrip(";")) for row in rows.all()
    ]


def point_at(page: Page, row: int, column: int, rows: int, columns: int) -> None:
    box = page.locator(".cells").bounding_box()
    assert box
    x = box["x"] + (column + 0.5) / columns * box["width"]
    page.mouse.move(x, box["y"] + (row + 0.5) / rows * box["height"])


def test_the_answer_is_the_average_of_the_cells_and_each_says_its_own(
    browser: Browser, site: str
) -> None:
    told = told_of(site, "classify?explain=cells")
    cells = told["cells"]
    with patches(browser, site) as page:
        expect_grid(page, 6, 6)
        average, one = page.locator(".result"), page.locator(".one")
        expect(average).to_contain_text("the answer is the average of these 36 cells")
        confidences = [each["confidence"] for each in told["predictions"]]
        assert shown_shares(average) == pytest.approx(confidences, abs=1e-3)
        for row, column in ((0, 0), (4, 2)):
            point_at(page, row, column, 6, 6)
            expect(one).to_contain_text(f"Row {row + 1}, column {column + 1}")
            expect(one.locator("ol.labels span")).to_have_text(
                [re.compile(f"^{label}") for label in labels_of(cells, row, column)]
            )
            assert shown_shares(one) == pytest.approx(cells["confidences"][row][column], abs=1e-3)
            expect(average).not_to_be_visible()
            expect(one).to_contain_text("This cell can see the whole picture")
        page.mouse.move(2, 2)
        expect(average).to_be_visible()
        expect(one).to_be_empty()
        expect_one_label_lit(page, cells)


def expect_one_label_lit(page: Page, cells: dict[str, Any]) -> None:
    first = [labels_of(cells, row, column)[0] for row in range(6) for column in range(6)]
    button = page.get_by_role("button", name="Railroad track")
    share = 100 * first.count("Railroad track") / 36
    expect(button).to_have_text(re.compile(rf"{share:.0f}\s%$"))
    button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    for row, column in ((0, 0), (4, 2)):
        colour = page.locator(".cells canvas").evaluate(COLOUR, [row, column, 6, 6])
        dark = max(colour[:3]) < 40 and colour[3] > 150
        assert dark == (labels_of(cells, row, column)[0] != "Railroad track")
    button.click()
    expect(button).to_have_attribute("aria-pressed", "false")
    assert "label" not in page.url


def test_the_keyboard_walks_over_the_cells_and_keeps_a_label_lit(
    browser: Browser, site: str
) -> None:
    cells = told_of(site, "classify?explain=cells")["cells"]
    with patches(browser, site) as page:
        expect_grid(page, 6, 6)
        cell = grid(page).get_by_role("gridcell")
        cell.focus()
        for key, row, column in (
            ("ArrowUp", 0, 0),
            ("ArrowRight", 0, 1),
            ("PageDown", 5, 1),
            ("Home", 5, 0),
            ("Control+End", 5, 5),
            ("ArrowLeft", 5, 4),
            ("ArrowUp", 4, 4),
        ):
            page.keyboard.press(key)
            label = labels_of(cells, row, column)[0]
            name = re.compile(rf"^row {row + 1}, column {column + 1}: {label} [\d.]+\s%$")
            expect(grid(page).get_by_role("gridcell", name=name)).to_be_focused()
            expect(page.locator(".one .first")).to_contain_text(label)
        legend = page.get_by_role("group", name="Labels by the share")
        page.keyboard.press("Enter")
        expect(legend.locator("[aria-pressed=true]")).to_contain_text("Railroad track")
        assert "label=1" in page.url
        page.keyboard.press("Escape")
        expect(cell).not_to_be_focused()
        expect(page.locator(".result")).to_be_visible()


def test_the_slider_makes_more_cells_whose_average_is_shown_and_the_newest_wins(
    browser: Browser, site: str
) -> None:
    told = told_of(site, "label-map?step=16")
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    with patches(browser, site) as page:
        expect_grid(page, 6, 6)
        page.route("**/label-map?*step=8*", hold)
        slider = page.get_by_role("slider", name="Cells")
        slider.focus()
        with page.expect_request("**/label-map?*step=16*"):
            page.keyboard.press("ArrowRight")
        with page.expect_request("**/label-map?*step=8*"):
            page.keyboard.press("ArrowRight")
        with page.expect_event("requestfailed"):
            page.keyboard.press("ArrowLeft")
        expect_grid(page, 12, 16)
        assert len(held) == 1
        assert "step=16" in page.url
        expect(slider).to_have_attribute("aria-valuetext", "a cell each 16 pixels")
        expect(page.locator(".result")).to_contain_text("the average of all 192 cells")
        confidences = [each["confidence"] for each in told["predictions"]]
        assert shown_shares(page.locator(".result")) == pytest.approx(confidences, abs=1e-3)
        page.get_by_role("button", name="What the network saw").click()
        expect_grid(page, 6, 6)
        assert "step" not in page.url


def test_no_cells_stand_on_another_photo(
    browser: Browser, site: str, photos: dict[str, bytes]
) -> None:
    with patches(browser, site) as page:
        expect_grid(page, 6, 6)
        choose(page, photos["coffee"][:300])
        expect(problem(page)).to_contain_text("That file is no photograph")
        expect(grid(page)).to_have_count(0)
        sample(page, "coffee").click()
        expect(page.locator(".result .labels li").first).to_contain_text("Coffee shop")
        expect_grid(page, 6, 6)


def test_of_a_photo_that_the_model_does_not_know_no_percentage_is_shown(
    browser: Browser, site: str
) -> None:
    average, one = "#view .result", "#view .one"
    with patches(browser, site, "sample=coffee&step=32") as page:
        for part, rows, columns in (("", 6, 9), ("What the network saw", 6, 6)):
            if part:
                page.get_by_role("button", name=part).click()
            expect_grid(page, rows, columns)
            expect(page.locator(average).get_by_role("heading")).to_have_text("Nothing I know")
            expect(page.locator(average)).to_contain_text("no percentage would hold")
            point_at(page, 2, 2, rows, columns)
            expect(page.locator(one).get_by_role("heading")).to_contain_text("Nearest: ")
            cell = grid(page).get_by_role("gridcell")
            expect(cell).to_have_attribute("aria-label", re.compile(r"^[^%]+: [^%]+$"))
            for place in (average, one):
                assert shown_shares(page.locator(place)) == [0] * 5
                expect(page.locator(place)).not_to_contain_text("%")
            page.mouse.move(2, 2)
        sample(page, "tracks").click()
        expect(page.locator(average).get_by_role("heading")).to_contain_text("%")


def test_an_address_restores_the_view_at_any_width(browser: Browser, site: str) -> None:
    address = "sample=tracks&step=16&label=1"
    with patches(browser, site, address, has_touch=True) as page:
        expect_grid(page, 12, 16)
        whole = page.get_by_role("button", name="The whole photo")
        expect(whole).to_have_attribute("aria-pressed", "true")
        lit = page.locator(".legend [aria-pressed=true]")
        expect(lit).to_contain_text("Railroad track")
        assert page.evaluate("location.hash") == f"#{address}"
        assert shifts(page) <= 0.02
        for width, height in ((390, 844), (768, 1024), (844, 390), (1920, 1080)):
            page.set_viewport_size(ViewportSize(width=width, height=height))
            assert page.evaluate("document.documentElement.scrollWidth") == width
            page.locator(".cells").tap(position={"x": 150, "y": 150})
            expect(page.locator(".one .where")).to_be_in_viewport()
            canvas = page.locator(".cells canvas")
            drawn = canvas.evaluate("(one) => one.width / one.getBoundingClientRect().width")
            assert drawn == pytest.approx(1, abs=0.01)
        go_to(page, "Metrics")
        assert page.evaluate("location.hash") == "#sample=tracks&label=1"
