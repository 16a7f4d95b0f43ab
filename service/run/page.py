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

from service.settings import PAGE_VIEWS, Settings
from service.web.headers import notice_policy
from service.web.scope import mark_page, prefix_of

__all__ = ["PageMount"]

log = logging.getLogger(__name__)

GROUP = "booth.page"

_VIEWS = {"/", *(f"/{view}" for view in PAGE_VIEWS)}

# A page whose address has a fragment is not loaded anew by a refresh: it only moves to that place.
_RELOAD = "setTimeout(() => location.reload(), 1000)"

NOTICE = f"""<!doctype html><html lang="en"><meta charset="utf-8">
<noscript><meta http-equiv="refresh" content="1"></noscript><script>{_RELOAD}</script>
<meta name="viewport" content="width=device-width"><title>Booth</title>
<style>
body{{font:18px system-ui;color-scheme:light dark;display:grid;place-items:center;height:90vh}}
</style>
<p>The page is being prepared; it opens by itself in a moment.</p></html>"""


class PageMount:
    """What answers where the API has no route.

    Args:
        settings: whether the page will be opened, until when a notice stands in its place.

    Raises, when called:
        HTTPException: 404, where the page has nothing either.

    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._app: ASGIApp | None = None
        self._loading = self.is_wanted and find_spec("gradio") is not None
        self._close = contextlib.AsyncExitStack()

    @property
    def is_wanted(self) -> bool:
        """Whether it is to be shown: with keys it is not, for its visitors have none."""
        return self._settings.demo and not self._settings.asks_for_keys

    async def open(self) -> None:
        """Load the page; say in the log where it can't."""
        if find_spec("gradio") is None:
            self._loading = False
            log.info("no page at /: it needs Gradio, which Booth's extra `demo` brings")
            return
        self._loading = True
        try:
            for point in list(entry_points(group=GROUP))[:1]:
                create_app = await asyncio.to_thread(point.load)
                app = await asyncio.to_thread(create_app)
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
        elif self._loading and scope["type"] == "http" and scope["path"] in _VIEWS:
            mark_page(scope, page=True)
            headers = {
                "Cache-Control": "no-store",
                "Content-Security-Policy": notice_policy(_RELOAD),
            }
            await HTMLResponse(NOTICE, headers=headers)(scope, receive, send)
        elif scope["type"] == "http":
            raise HTTPException(404)


async def _show(page: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the page; but what it has not either gets the API's one shape of error.

    Where the page has told a browser so in HTML, that stays. Its files stay out of the log. What a
    visitor does is in it, and so is what fails.
    """
    missing = False

    async def send_on(message: Message) -> None:
        nonlocal missing
        status = message.get("status", 0)
        missing = missing or (status == 404 and not _is_html(message))  # noqa: PLR2004
        if status >= 400:  # noqa: PLR2004
            mark_page(scope, page=False)
        if not missing:
            await send(message)

    mark_page(scope, page=scope["method"] != "POST")
    prefix = prefix_of(scope)
    # As ASGI has it: the path with its prefix, and what of it is the prefix. And a copy, in which
    # the page notes that it answers, and which route.
    own = {**scope, "root_path": prefix, "path": prefix + scope["path"]}
    await page(own, receive, send_on)
    if missing:
        raise HTTPException(404)


def _is_html(start: Message) -> bool:
    return any(
        name == b"content-type" and value.startswith(b"text/html")
        for name, value in start["headers"]
    )
