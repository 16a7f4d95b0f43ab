"""axe-core finds no barrier on any view: light and dark, on a desktop and on a phone."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import FilePayload, Page, ViewportSize, expect

from demo.views import VIEWS
from tests.demo.visitor import expect_labels, go_to

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# One worker starts the browser and the service, and all of these use them.
pytestmark = [pytest.mark.xdist_group("page"), pytest.mark.timeout(300)]

DESKTOP = ViewportSize(width=1280, height=800)
PHONE = ViewportSize(width=390, height=844)
# What WCAG 2.2 asks for at its levels A and AA, and what axe's makers hold for good practice.
RUN = """async (only) => {
  const options = { resultTypes: ["violations"], ...(only.length && { runOnly: only }) };
  const { violations } = await axe.run(document, options);
  return violations.map(({ id, help, nodes }) => [id, help, nodes.map((one) => one.html)]);
}"""
OF_COLOURS = ["color-contrast", "link-in-text-block"]  # alone differ between light and dark


@pytest.fixture(scope="module")
def axe() -> str:
    """The script, from the package that the dev extra installs."""
    try:
        package = distribution("axe-playwright-python")
    except PackageNotFoundError:
        pytest.skip("axe-playwright-python is not installed; the dev extra brings it")
    file = Path(str(package.locate_file("axe_playwright_python/axe.min.js")))
    return file.read_text(encoding="utf-8")


def barriers(page: Page) -> list[Any]:
    """What axe finds on the page as it is now, in light and then in dark."""
    expect(page.locator("#view [aria-busy=true]")).to_have_count(0)
    found: list[Any] = page.evaluate(RUN, [])
    page.emulate_media(color_scheme="dark")
    found += [["dark", *each] for each in page.evaluate(RUN, OF_COLOURS)]
    page.emulate_media(color_scheme="light")
    return found


@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_no_view_has_a_barrier(browser: Browser, site: str, axe: str, size: ViewportSize) -> None:
    with browser.new_page(
        viewport=size, color_scheme="light", reduced_motion="reduce", bypass_csp=True
    ) as page:
        page.goto(f"{site}/#sample=tracks")
        expect_labels(page, re.compile("^Railroad track"))
        page.evaluate(axe)
        found = {"Classify": barriers(page)}
        for view in VIEWS[1:]:
            go_to(page, view.title)
            found[view.title] = barriers(page)
        expect(page.locator("gradio-app #booth")).to_be_visible()
        found["all in Gradio's frame"] = barriers(page)
        assert [[view, *each] for view, one in found.items() for each in one] == []


def test_an_empty_page_and_a_problem_have_none_either(
    browser: Browser, site: str, axe: str
) -> None:
    with browser.new_page(reduced_motion="reduce", bypass_csp=True) as page:
        page.goto(site)
        page.evaluate(axe)
        empty = barriers(page)
        page.locator("#photo input[type=file]").set_input_files(
            files=[FilePayload(name="diary.txt", mimeType="", buffer=b"Dear diary,")]
        )
        expect(page.get_by_text("That file is no photograph")).to_be_visible()
        assert (empty, barriers(page)) == ([], [])
