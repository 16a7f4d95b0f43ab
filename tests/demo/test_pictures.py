"""Each view at each width, light and dark: nothing is cut off, and a picture of it is kept.

The pictures are in ``build/pictures``, for whoever wants to see what a change did.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import pytest
from playwright.sync_api import Page, ViewportSize, expect

from demo.views import VIEWS
from tests.conftest import ROOT
from tests.demo.visitor import go_to, seeing_no_fault

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# One worker starts the browser and the service, and all of these use them.
pytestmark = pytest.mark.xdist_group("page")

PICTURES = ROOT / "build/pictures"
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
WIDTHS = {390: 844, 1280: 800, 1920: 1080}
SIDEWAYS = "document.scrollingElement.scrollWidth - document.scrollingElement.clientWidth"


@pytest.mark.parametrize("width", WIDTHS)
def test_every_view_fits_its_screen(browser: Browser, site: str, width: int) -> None:
    view = ViewportSize(width=width, height=WIDTHS[width])
    PICTURES.mkdir(parents=True, exist_ok=True)
    with browser.new_page(viewport=view) as page, seeing_no_fault(page):
        page.goto(f"{site}/#sample=tracks")
        for one in VIEWS:
            if one.path:
                go_to(page, one.title)
            for scheme in SCHEMES:
                page.emulate_media(color_scheme=scheme)
                _settled(page)
                name = f"{one.name}-{width}-{scheme}.png"
                page.screenshot(path=PICTURES / name, animations="disabled")
                assert page.evaluate(SIDEWAYS) <= 0, name
            nav = page.get_by_role("navigation", name="Views")
            expect(nav.get_by_role("link", name=one.title)).to_be_visible()


def _settled(page: Page) -> None:
    """Wait until what the view asks for is there."""
    expect(page.locator("#view [aria-busy=true]")).to_have_count(0)
    shown = page.locator("#view :is(.labels:not(.empty), .none, .pick, .tiles [role=option])")
    expect(shown.filter(visible=True).first).to_be_visible()
