"""The view Inside: the layers of a network, and each unit's map on the photo."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from demo.samples import FOLDER
from tests.demo.visitor import seeing_no_fault, shifts, watch_shifts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

# One worker starts the browser and the service, and all of these use them.
pytestmark = pytest.mark.xdist_group("page")

TIMES, MINUS = "\N{MULTIPLICATION SIGN}", "\N{MINUS SIGN}"
# The words of a layer's facts that are broken in two.
BROKEN = """() => [...document.querySelectorAll("dl.layer dd")].flatMap(({ firstChild: text }) =>
  [...text.data.matchAll(/\\S+/g)].filter(({ 0: word, index }) => {
    const range = document.createRange();
    range.setStart(text, index);
    range.setEnd(text, index + word.length);
    return range.getClientRects().length > 1;
  }).map(([word]) => word))"""
TRACKS = (FOLDER / "tracks.jpg").read_bytes()


@contextlib.contextmanager
def inside(browser: Browser, site: str, address: str = "sample=tracks") -> Iterator[Page]:
    """The view, opened at an address; fails if a script of it does."""
    with browser.new_page() as shown, seeing_no_fault(shown):
        watch_shifts(shown)
        shown.goto(f"{site}/inside#{address}")
        yield shown


def told(site: str, route: str, *, photo: bytes = TRACKS, **parameters: Any) -> dict[str, Any]:
    """What the service itself says: of the sample, where a route takes a photograph."""
    url = f"{site}/{route}"
    if route.startswith("models/"):
        answer = httpx.get(url, params=parameters, timeout=60)
    else:
        answer = httpx.post(url, params=parameters, content=photo, timeout=60)
    return answer.raise_for_status().json()  # type: ignore[no-any-return]


def layers_of(site: str) -> list[dict[str, Any]]:
    layers: list[dict[str, Any]] = told(site, "models/places365/layers")["layers"]
    return layers


def strip(page: Page) -> Locator:
    return page.get_by_role("listbox", name="The layers")


def units(page: Page) -> Locator:
    return page.get_by_role("listbox", name="The units of this layer").get_by_role("option")


def shape(layer: dict[str, Any]) -> str:
    height, width, channels = layer["shape"]
    return f"{height} {TIMES} {width} {TIMES} {channels:,}"


def shown(number: float) -> str:
    """As the view writes it: to four digits."""
    return f"{float(f'{number:.4g}'):,}".removesuffix(".0").replace("-", MINUS)


def named(unit: dict[str, Any]) -> re.Pattern[str]:
    return re.compile(rf"^unit {unit['unit']}(, .*)?: {re.escape(shown(unit['value']))}$")


def expect_facts(page: Page, layer: dict[str, Any]) -> None:
    facts = page.locator("dl.layer")
    for text in (shape(layer), f"{layer['parameters']:,}"):
        expect(facts.get_by_text(text, exact=True)).to_be_visible()


def test_what_is_seen_of_a_unit_is_what_the_service_says_of_it(browser: Browser, site: str) -> None:
    layer = layers_of(site)[4]
    asked = {"model": "places365", "layer": layer["name"]}
    activations = told(site, "activations", **asked, units=12, maps="none")
    first = activations["layers"][0]["units"][0]
    with inside(browser, site) as page:
        strip(page).get_by_role("option", name=f"{layer['name']},").click()
        expect_facts(page, layer)
        expect(units(page).first).to_have_attribute("aria-label", named(first))
        assert shifts(page) < 0.1
        units(page).first.click()
        sheet = page.get_by_role("region", name="The unit")
        expect(sheet.get_by_role("heading", level=2)).to_have_text(f"Unit {first['unit']}")
        row, column = (place + 1 for place in first["at"])
        numbers = sheet.locator(".map dd")
        expect(numbers.first).to_have_text(shown(first["value"]))
        expect(numbers.nth(2)).to_have_text(re.compile(f"^row {row}, column {column} of "))
        expect_box(page, first["box"], activations["view"])
        crops = sheet.locator("ol.crops:not([aria-hidden])")
        expect(crops.get_by_role("button")).to_have_count(6)
        values = [float(one.inner_text().replace(MINUS, "-")) for one in crops.locator("b").all()]
        assert values == sorted(values, reverse=True)
        assert float(f"{first['value']:.4g}") in values
        expect_really(page, told(site, "occlusion", **asked, unit=first["unit"]))
        expect_questions(page, layer)
        page.emulate_media(forced_colors="active")
        expect(sheet.locator("figcaption i").first).to_have_css(
            "background-image", re.compile("^linear-gradient")
        )


def expect_box(page: Page, box: list[float], view: dict[str, Any]) -> None:
    """The receptive field's box lies where it should, to a thousandth of the photo."""
    style = page.locator(".overlay .sight").evaluate(
        "({style}) => [style.left, style.top, style.width, style.height].map(parseFloat)"
    )
    sides = [view["width"], view["height"]] * 2
    assert style == pytest.approx([100 * x / n for x, n in zip(box, sides, strict=True)], abs=0.1)


def expect_really(page: Page, occlusion: dict[str, Any]) -> None:
    page.get_by_role("button", name="What does it really see?").click()
    centre = page.locator(".overlay .centre")
    expect(centre).to_be_visible()
    placed = centre.evaluate("({style}) => [style.left, style.top].map(parseFloat)")
    view = occlusion["view"]
    expected = [
        100 * at / view[side]
        for at, side in zip(occlusion["centre"], ("width", "height"), strict=True)
    ]
    assert placed == pytest.approx(expected, abs=0.1)


def expect_questions(page: Page, layer: dict[str, Any]) -> None:
    each, filters = (page.get_by_label(re.compile(f"^How many {what}")) for what in ("p", "f"))
    check = page.get_by_role("button", name="Check")
    height, width = layer["kernel"]
    right = height * width * layer["input_channels"] // layer["groups"] + 1
    each.fill(str(right - 1))
    check.click()
    said = page.locator(".said")
    counted = f"{height} {TIMES} {width} {TIMES} 1 weights"
    expect(said.first).to_contain_text(f"each filter has a bias too. {counted}")
    expect(said.first).to_contain_text(f"= {right}.")
    expect(said.last).to_be_empty()
    each.fill(str(right))
    filters.fill(str(layer["shape"][2]))
    filters.press("Enter")
    expect(said.first).to_have_text(re.compile("^Right: "))
    expect(said.last).to_have_text(re.compile("^Right: "))


def test_layers_of_lenet_have_the_names_of_its_paper_too(browser: Browser, site: str) -> None:
    with inside(browser, site, "sample=tracks&model=lenet5&layer=conv16") as page:
        expect(page.locator(".network h2")).to_have_text("C3 (conv16)")
        expect(page.locator("dl.layer")).to_contain_text("S2 (averagepool15)")
        expect(page.locator(".questions h3")).to_have_text("Two questions about C3 (conv16)")
        names = [
            one.get_attribute("aria-label") or "" for one in strip(page).get_by_role("option").all()
        ]
        assert [name.split()[0] for name in names] == ["C1", "S2", "C3", "S4", "C5", "F6", "Output"]


def test_of_scores_below_0_the_largest_has_the_longest_bar(browser: Browser, site: str) -> None:
    with inside(browser, site, "sample=bridge&layer=classifier") as page:
        expect(units(page)).to_have_count(12)
        bridge = (FOLDER / "bridge.jpg").read_bytes()
        answer = told(site, "activations", photo=bridge, layer="classifier", maps="none")
        largest = answer["layers"][0]["units"][0]
        assert largest["value"] < 0
        expect(units(page).first).to_have_attribute("aria-label", named(largest))
        said = page.locator(".axis").inner_text()
        assert re.fullmatch(rf"Bars begin at {MINUS}\d+; the line marks 0\.", said)
        bars = [one.bounding_box() for one in units(page).locator("span").all()]
        widths = [bar["width"] for bar in bars if bar]
        assert widths == sorted(widths, reverse=True)
        assert widths[0] > 3 * widths[-1]


def test_the_keyboard_goes_from_layer_to_layer_and_the_address_keeps_the_place(
    browser: Browser, site: str
) -> None:
    layers = layers_of(site)
    last = layers[-1]
    with inside(browser, site) as page:
        strip(page).get_by_role("option", selected=True).focus()
        for key, layer in (
            ("ArrowRight", layers[1]),
            ("ArrowLeft", layers[0]),
            ("ArrowDown", next(one for one in layers if one["shape"][0] < layers[0]["shape"][0])),
            ("End", last),
        ):
            page.keyboard.press(key)
            expect(page.locator(".network h2")).to_have_text(layer["name"])
            expect_facts(page, layer)
        answer = told(site, "activations", model="places365", layer=last["name"], maps="none")
        expected = answer["layers"][0]["units"]
        expect(units(page).nth(1)).to_have_attribute("aria-label", named(expected[1]))
        for width in (1280, 768, 390):
            page.set_viewport_size({"width": width, "height": 800})
            assert page.evaluate(BROKEN) == []  # it reads from one with a long name
        page.set_viewport_size({"width": 1280, "height": 720})
        units(page).first.focus()
        page.keyboard.press("ArrowDown")
        page.keyboard.press("Enter")
        expect(units(page).nth(1)).to_have_attribute("aria-selected", "true")
        assert f"layer={last['name']}" in page.url
        assert f"unit={expected[1]['unit']}" in page.url
        page.reload()
        heading = page.get_by_role("region", name="The unit").get_by_role("heading", level=2)
        expect(heading).to_have_text(re.compile(f"^Unit {expected[1]['unit']}"))
        page.get_by_role("button", name="All, in order").click()
        expect(page.locator(".range")).to_have_text("units 0 to 23 of 365")
        page.get_by_role("button", name="The next units").click()
        expect(units(page).first).to_have_attribute("aria-label", re.compile("^unit 24"))
