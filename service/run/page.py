"""The page at ``/``: loaded after the API is ready, since it takes seconds; found by entry point,
since the service knows nothing of the page.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from importlib.metadata import entry_points
from importlib.util import find_spec

from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.web.scope import mark_page

__all__ = ["PageMount"]

log = logging.getLogger(__name__)

GROUP = "booth.page"

NOTICE = """<!doctype html><html lang="en"><meta charset="utf-8">
<meta http-equiv="refresh" content="1">
<meta name="viewport" content="width=device-width"><title>Booth</title>
<style>body{font:18px system-ui;color-scheme:light dark;display:grid;place-items:center;height:90vh}
</style>
<p>The page is being prepared; it opens by itself in a moment.</p></html>"""


class PageMount:
    """What answers where the API has no route.

    Args:
        expected: the page will be opened; until then a notice stands in its place.

    Raises, when called:
        HTTPException: 404, where the page has nothing either.

    """

    def __init__(self, *, expected: bool = False) -> None:
        self._app: ASGIApp | None = None
        self._loading = expected and find_spec("gradio") is not None
        self._close = contextlib.AsyncExitStack()

    async def open(self, url: str) -> None:
        """Load the page, which will call the service at ``url``; say in the log where it can't."""
        if find_spec("gradio") is None:
            self._loading = False
            log.info("no page at /: it needs Gradio, which Booth's extra `demo` brings")
            return
        self._loading = True
        try:
            for point in list(entry_points(group=GROUP))[:1]:
                create_app = await asyncio.to_thread(point.load)
                app = await asyncio.to_thread(create_app, url)
                await self._close.enter_async_context(app.router.lifespan_context(app))
                app.router.redirect_slashes = False  # as in the API
                self._app = app
        except Exception:
            log.exception("no page at /: it could not be loaded; the API answers all the same")
        finally:
            self._loading = False

    async def close(self) -> None:
        """End the page."""
        try:
            await self._close.aclose()
        except Exception:
            log.exception("the page did not end properly")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with the page, or with a notice that it is coming."""
        if self._app is not None:
            await _show(self._app, scope, receive, send)
        elif self._loading and scope["type"] == "http" and scope["path"] == "/":
            mark_page(scope, page=True)
            headers = {"Cache-Control": "no-store"}
            await HTMLResponse(NOTICE, headers=headers)(scope, receive, send)
        elif scope["type"] == "http":
            raise HTTPException(404)


async def _show(page: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the page; but what it has not either gets the API's one shape of error."""
    missing = False

    async def send_on(message: Message) -> None:
        nonlocal missing
        missing = missing or message.get("status") == 404  # noqa: PLR2004
        if not missing:
            await send(message)

    mark_page(scope, page=True)
    await page(scope, receive, send_on)
    if missing:
        mark_page(scope, page=False)
        raise HTTPException(404)
