"""Compare: one photograph, the networks that are there, and the commands for those that are not."""

from __future__ import annotations

import json
import re
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, Response, expect

from tests.demo.visitor import Questions, sample, seeing_no_fault

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

pytestmark = pytest.mark.xdist_group("page")

# The answers of the race that can't be read in full.
CUT = """() => [...document.querySelectorAll(".lanes .said")]
  .filter((one) => one.scrollWidth > one.clientWidth)
  .map((one) => one.textContent)"""


@pytest.fixture
def responses() -> list[Response]:
    """The service's, to the page's photographs, one after the other."""
    return []


@pytest.fixture
def compare(browser: Browser, site: str, responses: list[Response]) -> Iterator[Page]:
    """The view with a sample, when all have answered."""

    def hear(response: Response) -> None:
        if "/classify?" in response.url:
            responses.append(response)

    with browser.new_page() as shown, seeing_no_fault(shown):
        shown.context.grant_permissions(["clipboard-read", "clipboard-write"])
        shown.on("response", hear)
        shown.goto(f"{site}/compare#sample=coffee")
        expect(race(shown)).to_contain_text("as long")
        yield shown


def race(page: Page) -> Locator:
    return page.locator("#view .answer h2")


def plate(page: Page, name: str) -> Locator:
    return page.locator(f"#view [data-id={name}]")


def lanes(page: Page) -> Locator:
    return page.get_by_role("list", name="Networks in the race").get_by_role("listitem")


def figures(shown: Locator) -> dict[str, str]:
    """Names and values of a plate, with plain spaces."""
    names, values = shown.locator("dt").all_inner_texts(), shown.locator("dd").all_inner_texts()
    return {name: value.replace("\u202f", " ") for name, value in zip(names, values, strict=True)}


def in_words(known: dict[str, Any]) -> dict[str, str]:
    """What a card, or an entry of /sources, says of a network, as the page writes it."""
    said = {
        "Parameters": in_three_digits(known["parameters"]),
        "Multiply-adds": in_three_digits(known["multiply_adds"]),
    }
    published = known.get("published") or {}
    measured: dict[str, Any] = next(iter(known.get("measured", [])), {})
    if not published:
        said["Published error"] = "none stated"
    for kind, accuracy in (("Published", published), ("Measured", measured)):
        for top in (1, 5) if accuracy else ():
            said[f"{kind} top-{top} error"] = in_percent(accuracy.get(f"top{top}"))
    return said


def in_three_digits(count: int) -> str:
    unit, name = (1e9, "billion") if count >= 1e9 else (1e6, "million")
    return f"{count / unit:#.3g}".removesuffix(".") + f" {name}"


def in_percent(right: float | None) -> str:
    return "not stated" if right is None else f"{100 * (1 - right):.1f} %"


def in_milliseconds(answer: dict[str, Any]) -> str:
    """As JavaScript rounds: a half goes up."""
    spent = Decimal(answer["timing_ms"]["inference"])
    shown = spent.quantize(Decimal("0.1" if spent < 10 else "1"), ROUND_HALF_UP)
    return f"{shown:,} ms"


def test_what_stands_there_is_what_the_service_says(
    compare: Page, site: str, responses: list[Response]
) -> None:
    answers = [response.json() for response in responses]
    asked = [answer["model"] for answer in answers]
    assert asked == ["places365", "efficientnet_lite0"]  # who has the least to do first
    for answer in answers:
        shown = plate(compare, answer["model"])
        labels = shown.locator(".labels li span").all_inner_texts()
        assert [label.removesuffix("†") for label in labels] == [
            one["label"] for one in answer["predictions"]
        ]
        card = httpx.get(f"{site}/models/{answer['model']}").json()
        assert figures(shown) == in_words(card) | {"Time here, int8": in_milliseconds(answer)}
        lane = lanes(compare).filter(has_text=card["title"])
        expect(lane).to_contain_text(answer["predictions"][0]["label"])
        says_nothing = not answer["known"]  # of the coffee, the scenes' model
        assert says_nothing == (answer["model"] == "places365")
        for place in (lane, shown):
            expect(place.get_by_text("Nothing I know")).to_have_count(int(says_nothing))
        shares = shown.locator(".labels b").all_inner_texts()
        assert [share == "" for share in shares] == [says_nothing] * 5
    missing = compare.locator("#view .missing")
    for source in httpx.get(f"{site}/sources").json()["sources"]:
        if source["name"] not in asked:
            one = missing.filter(has=compare.get_by_text(source["command"], exact=True))
            expect(one.locator("h3")).to_have_text(f"{source['year']}{source['title']}")
            assert figures(one) == in_words(source) | {"Licence": source["licence"]}
    expect(missing).to_have_count(14)
    for width in (1280, 768, 640, 390):
        compare.set_viewport_size({"width": width, "height": 800})
        assert compare.evaluate(CUT) == []


def test_the_command_for_one_that_is_missing_is_copied(compare: Page) -> None:
    compare.get_by_role("button", name="Copy: booth pull vgg16").click()
    clipboard = "navigator.clipboard.readText()"
    assert compare.evaluate(clipboard) == "booth pull vgg16"
    compare.get_by_role("button", name="Copy: BOOTH_MODELS=").click()
    served = "places365,efficientnet_lite0"
    assert re.fullmatch(f"BOOTH_MODELS={served}.*,vgg16 booth serve", compare.evaluate(clipboard))


def test_another_photograph_starts_the_race_anew_and_one_is_asked_at_a_time(
    compare: Page,
) -> None:
    questions = Questions(compare)
    sample(compare, "windmill").click()
    expect(lanes(compare).filter(has_text="Coffee shop")).to_have_count(0)
    expect(race(compare)).to_contain_text("as long")
    expect(lanes(compare).filter(has_text="Scenes")).to_contain_text("Windmill")
    compare.get_by_role("button", name="Race again").click()
    expect(race(compare)).to_contain_text("as long")
    assert len(questions.byte_counts()) == 4
    assert questions.most == 1


def test_the_address_holds_who_sits_out(browser: Browser, site: str) -> None:
    with browser.new_page() as page, seeing_no_fault(page):
        page.goto(f"{site}/compare#sample=coffee&without=places365")
        expect(race(page)).to_have_text(re.compile(r"^EfficientNet-Lite0 took [\d.]+\sms$"))
        box = page.get_by_role("checkbox", name="Scenes")
        expect(box).not_to_be_checked()
        expect(plate(page, "places365")).to_be_hidden()
        box.press("Space")
        expect(plate(page, "places365").locator(".labels li").first).to_contain_text("Coffee shop")
        assert page.url.endswith("#sample=coffee")
        page.get_by_text("The figures as a table").click()
        rows = page.get_by_role("table").get_by_role("row")
        for year, who, error in (
            (2012, "ISI", 26.2),
            (2012, "AlexNet", 16.4),
            (2014, "VGG", 7.3),
            (2015, "ResNet", 3.6),
        ):
            expect(rows.filter(has_text=re.compile(f"^{year}{who}{error}"))).to_have_count(1)
        expect(
            rows.filter(has_text=re.compile("^2020EfficientNet-Lite0not stated"))
        ).to_be_visible()
        expect_no_place_in_the_chart(page, "EfficientNet-Lite0 (2020)")


def expect_no_place_in_the_chart(page: Page, name: str) -> None:
    """It is named below the chart, however narrow that is, and nothing in it stands for it."""
    history = page.locator(".history")
    for width in (1280, 390):
        page.set_viewport_size({"width": width, "height": 800})
        expect(history.get_by_text(f"Here too, no top-5 error stated: {name}")).to_be_visible()
    expect(history.locator("svg")).not_to_contain_text("EfficientNet")
    expect(history.locator("svg :is(.leader, .own)")).to_have_count(0)
    expect(history.get_by_text("one network that is here")).to_be_hidden()


def test_a_network_whose_error_is_published_has_a_diamond(browser: Browser, site: str) -> None:
    card = httpx.get(f"{site}/models/efficientnet_lite0").json()
    stated = json.dumps({**card, "published": {**card["published"], "top5": 0.92}})
    with browser.new_page() as page, seeing_no_fault(page):
        page.route(
            "**/models/efficientnet_lite0?*",
            lambda route: route.fulfill(body=stated, content_type="application/json"),
        )
        page.goto(f"{site}/compare")
        history = page.locator(".history")
        expect(history.locator("svg .own")).to_have_count(1)
        expect(history.locator("svg")).to_contain_text("EfficientNet-Lite0 8.0")
        expect(history.get_by_text("one network that is here")).to_be_visible()
        expect(history.locator(".unstated")).to_be_empty()
