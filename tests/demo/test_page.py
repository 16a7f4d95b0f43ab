"""The page as a whole, in a real browser, whatever the view, the screen and the wishes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

import httpx
import pytest
from playwright.sync_api import Page, ViewportSize, expect

from demo.views import VIEWS
from tests.demo.visitor import (
    answer,
    expect_labels,
    go_to,
    hand_over,
    is_ready,
    sample,
    seeing_no_fault,
    stage,
)
from tests.servers import proxied

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# One worker starts the browser and the service, and all of these use them.
pytestmark = pytest.mark.xdist_group("page")

PHONE = ViewportSize(width=390, height=844)
NARROW = ViewportSize(width=320, height=640)
TWICE = ViewportSize(width=640, height=400)
ON_ITS_SIDE = ViewportSize(width=844, height=390)
WIDE = ViewportSize(width=1920, height=1080)

FIRST_BAR = """() => {
  const bar = document.querySelector("#view .labels:not(.empty) i");
  const look = (part) => {
    const { backgroundColor, borderTopWidth, width } = getComputedStyle(bar, part);
    return { backgroundColor, borderTopWidth, width: parseFloat(width) };
  };
  const { printColorAdjust } = getComputedStyle(bar);
  return { track: look(null), filled: look("::before"), printColorAdjust };
}"""
MOVING = """() => document.getAnimations().length"""

TAKE_IN = """() => {
  const frame = document.body.appendChild(document.createElement("gradio-app"));
  window.booth.moveInto(frame);
}"""

# Of the styles that views bring along, those that hold now.
OWN_STYLES = """() => [...document.querySelectorAll("style[data-view]")]
  .filter((one) => !one.disabled).map((one) => one.dataset.view)"""


def open_sample(page: Page, site: str, name: str = "bridge") -> None:
    """Open the page at a sample's address, and wait for its answer."""
    page.goto(f"{site}/#sample={name}")
    expect_labels(page, re.compile(r"%$"))


@pytest.mark.parametrize("presses", ["mouse", "keyboard"])
def test_what_is_pressed_while_gradio_takes_the_page_in_is_clicked(
    browser: Browser, site: str, presses: str
) -> None:
    with browser.new_page() as page, seeing_no_fault(page):
        page.route("**/assets/**", lambda route: route.abort())  # its own frame comes later
        page.goto(site)
        is_ready(page)
        bridge = sample(page, "bridge")
        if presses == "mouse":
            bridge.hover()
            page.mouse.down()
        else:
            bridge.focus()
            page.keyboard.down("Space")
        page.evaluate(TAKE_IN)
        page.mouse.up() if presses == "mouse" else page.keyboard.up("Space")
        expect_labels(page, re.compile("^Bridge"))
        expect(page.locator("gradio-app #booth")).to_be_visible()


def test_using_all_views_asks_no_other_host_and_nothing_fails(page: Page) -> None:
    sample(page, "aqueduct").click()
    expect_labels(page, re.compile(r"%$"))
    answers: list[int] = []
    page.on("response", lambda response: answers.append(response.status))
    for view in [*VIEWS[1:], VIEWS[0]]:
        go_to(page, view.title)
        expect(page.locator(".sentence")).to_have_text(view.sentence)
        expect(page).to_have_title(f"{view.title} · Booth" if view.path else "Booth")
    expect_labels(page, re.compile(r"%$"))
    assert answers
    assert max(answers) < 400


def test_gradio_takes_the_page_in_and_disturbs_nobody(page: Page) -> None:
    expect_focus = sample(page, "coffee")
    expect_focus.click()
    expect_focus.focus()
    expect(page.locator("gradio-app #booth")).to_be_visible()
    expect(expect_focus).to_be_focused()
    expect_labels(page, re.compile("^Coffee shop"))
    go_to(page, "Patches")
    go_to(page, "Classify")
    expect_labels(page, re.compile("^Coffee shop"))
    expect(page.locator("#booth")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_wider_than_the_screen(
    browser: Browser, site: str, scheme: Literal["light", "dark"]
) -> None:
    with browser.new_page(viewport=PHONE, color_scheme=scheme, has_touch=True) as page:
        open_sample(page, site)
        for view in [*VIEWS[1:], VIEWS[0]]:
            go_to(page, view.title)
            assert page.evaluate("document.documentElement.scrollWidth") == 390
        expect_labels(page, re.compile(r"%$"))


# Of the ways to choose a photo, those that stick out of their row.
STICKING_OUT = """() => {
  const right = (one) => one.getBoundingClientRect().right;
  return [...document.querySelectorAll("#photo .tools button")]
    .filter((one) => one.checkVisibility() && right(one) > right(one.parentElement))
    .map((one) => one.textContent);
}"""


def test_no_view_scrolls_sideways_on_a_narrow_screen_or_at_twice_the_size(
    browser: Browser, site: str
) -> None:
    """WCAG's 320 px, and a window of 1280 px at 200 %."""
    with browser.new_page() as page:
        open_sample(page, site)
        for view in [*VIEWS[1:], VIEWS[0]]:
            go_to(page, view.title)
            if view.name == "metrics":
                expect(page.locator("#view .stages .body")).to_contain_text("receive")
            expect(page.locator("#view [aria-busy=true]")).to_have_count(0)
            for size in (NARROW, TWICE):
                page.set_viewport_size(size)
                width = page.evaluate("document.documentElement.scrollWidth")
                assert (view.name, width) == (view.name, size["width"])
                assert page.evaluate(STICKING_OUT) == []


def test_a_phone_on_its_side_shows_the_photo_and_the_headline(browser: Browser, site: str) -> None:
    with browser.new_page(viewport=ON_ITS_SIDE, has_touch=True) as page:
        open_sample(page, site)
        headline = answer(page).get_by_role("heading", level=2).first
        expect(headline).to_contain_text("Bridge")
        for seen in (headline, stage(page).locator(".shown")):
            expect(seen).to_be_in_viewport(ratio=1)
        assert page.evaluate("document.documentElement.scrollWidth") == 844


def test_the_headline_is_a_heading_and_waiting_is_told(page: Page) -> None:
    busy = page.evaluate_handle(
        """() => {
          const said = [];
          const place = document.querySelector("#view .answer");
          new MutationObserver(() => said.push(place.getAttribute("aria-busy")))
            .observe(place, { attributeFilter: ["aria-busy"] });
          return said;
        }"""
    )
    sample(page, "bridge").click()
    expect(answer(page).get_by_role("heading", level=2).first).to_contain_text("Bridge")
    expect(answer(page)).to_have_attribute("aria-busy", "false")
    assert set(busy.json_value()) == {"true", "false"}
    expect(page.get_by_role("heading", level=1)).to_have_text("Booth")


def test_a_wide_screen_is_used(browser: Browser, site: str) -> None:
    with browser.new_page(viewport=WIDE) as page:
        open_sample(page, site)
        photo, view = stage(page).bounding_box(), page.locator("#view").bounding_box()
        assert photo
        assert view
        assert view["x"] + view["width"] - photo["x"] > 1500


def test_no_menu_speaks_of_how_a_network_is_stored(page: Page) -> None:
    shown = [one.inner_text() for one in page.get_by_role("option").all()]
    assert len(shown) >= 2
    for text in (
        *shown,
        page.locator("header").inner_text(),
        page.get_by_role("main").inner_text(),
    ):
        assert not re.search(r"int8|fp32|openvino", text, re.IGNORECASE)


def test_print_and_forced_colours_keep_the_bars(browser: Browser, site: str) -> None:
    with browser.new_page() as page:
        open_sample(page, site)
        page.emulate_media(media="print")
        printed = page.evaluate(FIRST_BAR)
        assert printed["printColorAdjust"] == "exact"
        assert printed["filled"]["width"] > 0
        expect(page.locator(".tools")).to_be_hidden()
        expect(stage(page).locator(".shown")).to_be_visible()
        page.emulate_media(media="screen", forced_colors="active")
        forced = page.evaluate(FIRST_BAR)
        assert forced["track"]["borderTopWidth"] == "1px"
        assert forced["filled"]["backgroundColor"] != forced["track"]["backgroundColor"]
        assert forced["filled"]["width"] > 0


# Where the system chooses colours, and shadows are gone, a line says it.
MARKED = "[aria-pressed=true], [aria-current], [role=tab][aria-selected=true]"
UNMARKED = """(marked) => [...document.querySelector("#booth").querySelectorAll(marked)]
  .filter((one) => one.checkVisibility() && !one.matches(":focus-visible"))
  .filter((one) => getComputedStyle(one).outlineStyle !== "solid")
  .map((one) => one.outerHTML)"""


def test_forced_colours_show_what_is_pressed_in_every_view(browser: Browser, site: str) -> None:
    with browser.new_page(forced_colors="active") as page:
        open_sample(page, site)
        seen = 0
        for view in VIEWS:
            go_to(page, view.title)
            expect(page.locator("#booth [aria-current]")).to_have_text(view.title)
            assert page.evaluate(UNMARKED, MARKED) == []
            seen += page.locator("#view [aria-pressed=true]").count()
        assert seen >= 3


def test_nothing_moves_for_whoever_wants_it_so(browser: Browser, site: str) -> None:
    with browser.new_page(reduced_motion="reduce") as page:
        page.goto(site)
        is_ready(page)
        sample(page, "coffee").click()
        assert page.evaluate(MOVING) == 0
        expect_labels(page, re.compile("^Coffee shop"))
        assert page.evaluate(MOVING) == 0
        behaviour = "getComputedStyle(document.documentElement).scrollBehavior"
        assert page.evaluate(behaviour) == "auto"


def test_all_of_it_is_within_reach_of_the_keyboard(page: Page) -> None:
    """By Tab alone, in the order in which it stands; and what has the focus is seen to have it."""
    reached: list[str] = []
    for _ in range(40):
        page.keyboard.press("Tab")
        name, outline = page.evaluate(
            """() => {
              const one = document.activeElement;
              const name = one.ariaLabel || one.dataset.sample || one.id || one.textContent.trim();
              return [name, getComputedStyle(one).outlineStyle];
            }"""
        )
        if name in reached or not name:
            break
        assert outline != "none", name
        reached.append(name)
    titles = [view.title for view in VIEWS]
    assert reached[: len(titles) + 1] == ["Booth", *titles]
    order = ["Choose a photo", "Use the camera", "bridge", "coffee", "model"]
    assert [one for one in reached if one in order] == order
    page.get_by_label("Views").get_by_role("link", name="Move").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("region", name="Move", exact=True)).to_be_attached()


def test_a_sample_is_chosen_by_the_keyboard(page: Page) -> None:
    page.get_by_role("button", name="Use the camera").focus()
    page.keyboard.press("Tab")
    expect(sample(page, "bridge")).to_be_focused()
    page.keyboard.press("Enter")
    expect_labels(page, re.compile("^Bridge"))
    expect(sample(page, "bridge")).to_have_attribute("aria-pressed", "true")


def test_two_dropped_photos_go_to_the_view_of_many(page: Page, photos: dict[str, bytes]) -> None:
    hand_over(page, "drop", photos["coffee"], photos["chelsea"])
    expect(page.get_by_role("region", name="Many", exact=True)).to_be_attached()
    assert page.evaluate("location.pathname") == "/many"
    expect(page.locator("#view")).to_contain_text("Coffee shop")


def test_a_photo_dropped_or_pasted_in_a_view_without_one_is_seen(
    page: Page, photos: dict[str, bytes]
) -> None:
    """It is added where the view takes photos of its own, and shown in Classify elsewhere."""
    for title, kind in (("Draw", "paste"), ("Play", "drop"), ("Metrics", "paste")):
        go_to(page, title)
        hand_over(page, kind, photos["coffee"])
        expect(page.get_by_role("region", name="Classify", exact=True)).to_be_attached()
        expect_labels(page, re.compile("^Coffee shop"))
    go_to(page, "Many")
    hand_over(page, "paste", photos["coffee"], photos["chelsea"])
    expect(page.locator("#view .gallery li")).to_have_count(2)
    hand_over(page, "paste", photos["coffee"])
    expect(page.locator("#view .state")).to_have_text("3 photos")
    go_to(page, "Map")
    expect(page.get_by_role("button", name="Add your photos")).to_be_enabled()
    hand_over(page, "paste", photos["coffee"])
    expect(page.locator("#view .thumb.own")).to_have_count(1)


PASTE_INTO = """(field) => {
  const clipboardData = new DataTransfer();
  clipboardData.setData("text/plain", "7");
  field.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true }));
}"""


def test_an_address_in_place_of_a_file_is_told_in_every_view(page: Page) -> None:
    said = page.get_by_role("alert").filter(has_text="save the picture first")
    places = (("Classify", "drop"), ("Patches", "paste"), ("Map", "drop"), ("Play", "paste"))
    for title, kind in places:
        go_to(page, title)
        if title == "Play":
            page.get_by_label("Seed", exact=True).evaluate(PASTE_INTO)  # which is the field's own
        expect(said).to_have_count(0)
        hand_over(page, kind, text="https://example.com/photo.jpg")
        expect(said).to_be_visible()


def test_a_wrong_address_is_told_in_a_page_with_a_way_on(browser: Browser, site: str) -> None:
    with proxied(site, "/a/b", strips=True, names=True) as url, browser.new_page() as page:
        for start in (site, url):
            gone = page.goto(f"{start}/no/such-view")
            assert gone
            assert gone.status == 404
            expect(page.get_by_role("heading", level=2)).to_have_text(
                "There is nothing at this address"
            )
            page.get_by_role("link", name="Show Booth a photo").click()
            is_ready(page)
            assert page.url == f"{start}/"


@pytest.mark.parametrize("strips", [True, False])
def test_every_view_works_under_a_prefix(browser: Browser, site: str, strips: bool) -> None:
    with (
        proxied(site, "/a/b", strips=strips, names=True) as url,
        browser.new_page() as page,
        seeing_no_fault(page),
    ):
        answers: dict[str, int] = {}
        page.on("response", lambda one: answers.update({one.url: one.status}))
        open_sample(page, url)
        for view in [*VIEWS[1:], VIEWS[0]]:
            go_to(page, view.title)
            assert page.evaluate("location.pathname") == f"/a/b/{view.path}"
            assert page.evaluate(OWN_STYLES) == [view.name] * view.looks_inside
        expect_labels(page, re.compile(r"%$"))
        page.goto(f"{url}/patches#sample=bridge")
        expect(page.get_by_role("region", name="Patches", exact=True)).to_be_attached()
        go_to(page, "Move")
        expect(page.locator("gradio-app #booth")).to_be_visible()
    assert {one: status for one, status in answers.items() if status >= 400} == {}


@pytest.mark.parametrize("path", ["/livez", "/metrics", "/docs", "/models", "/page-that-is-none"])
def test_the_api_s_routes_come_before_the_page_s(site: str, path: str) -> None:
    assert "gradio" not in httpx.get(f"{site}{path}").text.lower()
