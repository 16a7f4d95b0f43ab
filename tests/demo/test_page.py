"""The page as a whole, in a real browser."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import Page, ViewportSize, expect

from tests.demo.visitor import answer, choose, expect_labels

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# One worker starts the browser and the service, and all of these use them.
pytestmark = pytest.mark.xdist_group("page")


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


@pytest.mark.parametrize("path", ["/livez", "/metrics", "/docs", "/models", "/page-that-is-none"])
def test_the_api_s_routes_come_before_the_page_s(site: str, path: str) -> None:
    got = httpx.get(f"{site}{path}")
    assert "gradio" not in got.text.lower().replace("/gradio_api", "")
