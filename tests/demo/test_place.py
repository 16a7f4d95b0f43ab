"""The page behind a proxy and under its prefix: nothing of it is looked for elsewhere."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from tests.demo.visitor import choose, expect_labels
from tests.servers import proxied

if TYPE_CHECKING:
    from playwright.sync_api import Browser, ConsoleMessage, Page, Response

# One worker starts the browser and the service, and all of these use them.
pytestmark = pytest.mark.xdist_group("page")


def watch(page: Page, told: list[str]) -> None:
    """Tell each address that a page asks for, and all that goes wrong on it."""

    def answered(response: Response) -> None:
        if response.status >= 400:
            told.append(f"{response.status}: {response.url}")

    def said(line: ConsoleMessage) -> None:
        if line.type == "error":
            told.append(f"says: {line.text}")

    page.on("request", lambda request: told.append(request.url))
    page.on("response", answered)
    page.on("console", said)
    page.on("pageerror", lambda error: told.append(f"raised: {error}"))


@pytest.mark.parametrize(("strips", "slash"), [(True, "/"), (True, ""), (False, "/")])
def test_a_photo_gets_its_labels_under_a_prefix(
    browser: Browser, site: str, photos: dict[str, bytes], strips: bool, slash: str
) -> None:
    told: list[str] = []
    with (
        proxied(site, "/a/booth", strips=strips, names=True) as front,
        browser.new_page() as page,
    ):
        watch(page, told)
        page.goto(f"{front}{slash}")
        choose(page, photos["coffee"])
        expect_labels(page, "Coffee shop95\u202f%")
        links = page.get_by_role("navigation").get_by_role("link").all()
        addresses = [link.evaluate("(link) => link.href") for link in links]
    assert addresses == [f"{front}/docs", f"{front}/models", f"{front}/metrics"]
    assert [one for one in told if not one.startswith((front, "blob:", "data:"))] == []


def test_the_page_names_no_host(site: str) -> None:
    page = httpx.get(site, headers={"X-Forwarded-Host": "evil.example", "Host": "other.example"})
    assert '<base href="/" />' in page.text
    assert "evil.example" not in page.text
    assert "other.example" not in page.text
    assert httpx.get(f"{site}/config").json()["root"] == ""
