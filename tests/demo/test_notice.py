"""What stands where the page will be, in a browser, until the page is there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.responses import HTMLResponse

from service.run.page import PageMount
from service.settings import read_settings
from tests.demo.listening import listening

if TYPE_CHECKING:
    from playwright.sync_api import Browser
    from starlette.types import ASGIApp, Receive, Scope, Send

PAGE = "<!doctype html><title>Booth</title><p>Here it is</p>"


def coming() -> ASGIApp:
    """A page that is prepared while two visits are answered."""
    mount, visits = PageMount(read_settings({})), iter(range(100))
    mount._loading = True

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == "/" and next(visits) == 2:
            mount._app = HTMLResponse(PAGE)
        await mount(scope, receive, send)

    return app


# Without scripts an address with a fragment can't be loaded anew: a refresh only moves there.
@pytest.mark.parametrize(("address", "script"), [("/", True), ("/", False), ("/#sample=x", True)])
def test_the_page_opens_by_itself(browser: Browser, address: str, script: bool) -> None:
    faults: list[str] = []
    with listening(coming()) as port, browser.new_page(java_script_enabled=script) as page:
        page.on("console", lambda message: faults.append(message.text))
        page.goto(f"http://127.0.0.1:{port}{address}")
        assert "The page is being prepared" in page.content()
        page.get_by_text("Here it is").wait_for(timeout=10_000)
        assert page.url.endswith(address)
    assert faults == []
