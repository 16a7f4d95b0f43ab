"""Which of Gradio's routes are open: those that the page needs; and to whom: not to other sites.

Gradio has many more: for a visitor it fetches a file from any public address, hands out what others
have uploaded, keeps queues and links. None of it is needed to see five labels.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from gradio import processing_utils
from starlette.exceptions import HTTPException

from booth_client import Forbidden
from demo.forward import FORWARDED
from demo.views import VIEWS

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["OPEN", "RouteFilter"]

_VIEWS = "|".join(re.escape(view.path) for view in VIEWS)
OPEN = re.compile(
    rf"(GET|HEAD) /({_VIEWS}|config|theme\.css|favicon\.ico|manifest\.json"
    r"|(assets|static|page)/[\w./-]{1,200})"
)
# What the page's files depend on. Gradio believes more of what it is told: an Origin, and which
# server stands before it.
HEADERS = frozenset(
    b"host accept accept-encoding content-length content-type transfer-encoding range if-range "
    b"if-none-match if-modified-since".split()
)


class RouteFilter:
    """ASGI middleware: lets in what the page itself asks for, and of that only what it needs.

    Args:
        app: the page.
        forward: what answers the service's own routes, where the service stands elsewhere.

    Raises, when called:
        HTTPException: 404 for a route that is not open.
        Forbidden: the request comes from another site's page.

    """

    def __init__(self, app: ASGIApp, forward: ASGIApp | None = None) -> None:
        self._app = app
        self._forward = forward

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let one request in, or not."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = f"{scope['method']} {scope['path'].removeprefix(scope.get('root_path', ''))}"
        if self._forward and FORWARDED.fullmatch(asked):
            if scope["method"] == "POST" and _is_of_another_site(dict(scope["headers"])):
                raise Forbidden("Only the page itself may ask for this, and this is another site.")
            await self._forward(scope, receive, send)
            return
        if not OPEN.fullmatch(asked):
            raise HTTPException(404)
        headers = [(name, value) for name, value in scope["headers"] if name in HEADERS]
        await self._app({**scope, "query_string": b"", "headers": headers}, receive, send)


def _is_of_another_site(headers: dict[bytes, bytes]) -> bool:
    """By what browsers say, and no page can forge; a program that is none can't be misled."""
    site = headers.get(b"sec-fetch-site")  # which browsers leave out where there is no TLS
    if site is not None:
        return site not in (b"same-origin", b"none")
    origin = headers.get(b"origin")
    forwarded = headers.get(b"x-forwarded-host", b"").split(b",")  # of each proxy, the first first
    hosts = (headers.get(b"host"), *map(bytes.strip, forwarded))
    return origin is not None and _host(origin) not in hosts


def _host(origin: bytes) -> bytes:
    """The host and port of an origin; of ``null`` none."""
    try:
        return urlsplit(origin).netloc or origin
    except ValueError:
        return origin


async def _refuse_to_fetch(url: str, cache_dir: str) -> NoReturn:
    """Instead of fetching what a request names by its address where a file is meant."""
    del cache_dir
    raise ValueError(f"The page fetches nothing from other hosts, so not {url[:200]!r}.")


processing_utils.async_ssrf_protected_download = _refuse_to_fetch
