"""The page as an ASGI app: mounted by the service at ``/``, or a container of its own."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

import gradio as gr
from fastapi import FastAPI
from gradio.utils import get_upload_folder
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from booth_client import AsyncClient
from demo import place  # noqa: F401 (it changes Gradio)
from demo.access import EVENTS, PHOTOS, RouteFilter
from demo.bodies import Bodies, client_of
from demo.budget import Budget
from demo.events import Events
from demo.headers import SecurityHeaders
from demo.page import build_page
from demo.photos import Photos
from demo.problems import Problems, on_unforeseen
from demo.samples import FOLDER
from demo.views import ASSETS
from demo.visits import RateLimit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from starlette.types import Receive, Scope, Send

    from demo.bodies import Memory

__all__ = ["create_app"]

_FONTS = ("system-ui", "sans-serif")
_MONO = ("ui-monospace", "monospace")
_HEAD = (
    '<meta name="description" content="A photograph in, five labels out.">'
    '<meta name="color-scheme" content="light dark">'
)


def create_app(
    url: str,
    api_key: str | None = None,
    *,
    links: str = "",
    max_body_bytes: int = 20_000_000,
    body_timeout_s: float = 10,
    rate_limit_per_minute: int = 0,
    memory: Memory | None = None,
    transport: httpx.AsyncBaseTransport | None = None,
) -> Starlette:
    """The page.

    Whoever mounts it runs its lifespan, ``app.router.lifespan_context(app)``.

    Args:
        url: where the service runs, as this process reaches it.
        api_key: the service's key, if it wants one.
        links: where the service runs, as a browser reaches it; "" where that is this very host.
        max_body_bytes: of a photograph.
        body_timeout_s: seconds that a request's body may take to arrive.
        rate_limit_per_minute: events and photographs from one client; 0 for no limit here.
        memory: what requests take their memory from; else the page has a budget of its own.
        transport: what carries the page's own requests to the service, in place of the network.

    """
    booth = AsyncClient(url, api_key=api_key, transport=transport)
    photos = Photos(Path(get_upload_folder()) / "booth")
    blocks = build_page(booth, photos, links)
    shown = _app_of(blocks)
    bounded = Bodies(memory or Budget(), max_body_bytes, body_timeout_s)

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with booth, shown.router.lifespan_context(shown), _swept(photos):
            yield

    app = Starlette(
        routes=[
            Route(PHOTOS, _Upload(photos, bounded), methods=["POST"]),
            Route(EVENTS, Events(shown, blocks, photos, bounded), methods=["POST"]),
            Mount("/page/samples", StaticFiles(directory=FOLDER)),
            Mount("/", shown),
        ],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(Problems),
            Middleware(RateLimit, rate_limit_per_minute),
            Middleware(RouteFilter),
        ],
        exception_handlers={Exception: on_unforeseen},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


class _Upload:
    """ASGI app: takes a photograph, and gives the name under which an event may ask of it."""

    def __init__(self, photos: Photos, bounded: Bodies) -> None:
        self._photos = photos
        self._bodies = bounded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._bodies.held(scope) as held:
            pieces = await self._bodies.read(scope, receive, held, self._bodies.max_bytes)
            name = await self._photos.add(pieces, client_of(scope))
        await JSONResponse({"photo": name})(scope, receive, send)


@contextlib.asynccontextmanager
async def _swept(photos: Photos) -> AsyncIterator[None]:
    """Remove what is kept long enough as long as the page runs, and then the rest."""
    sweep = asyncio.create_task(photos.sweep())
    try:
        yield
    finally:
        sweep.cancel()
        photos.close()


def _app_of(page: gr.Blocks) -> FastAPI:
    app = FastAPI(openapi_url=None)
    # Gradio refuses paths outside its upload folder only to a page that counts as launched.
    page.has_launched = True
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        footer_links=[],
        run_history=False,
        favicon_path=str(ASSETS / "favicon.svg"),
        show_error=False,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        theme=gr.themes.Base(font=_FONTS, font_mono=_MONO).set(
            body_background_fill="#f6f2ec", body_background_fill_dark="#171412"
        ),
        head=f"{_HEAD}<style>{(ASSETS / 'page.css').read_text(encoding='utf-8')}</style>",
    )
    return app
