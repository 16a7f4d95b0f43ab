"""The page as an ASGI app: mounted by the service at ``/``, or a container of its own."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import gradio as gr
from fastapi import FastAPI
from starlette.staticfiles import StaticFiles

from booth_client import AsyncClient
from demo.access import RouteFilter
from demo.page import build_page
from demo.samples import FOLDER
from demo.views import ASSETS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["create_app"]

# Beyond every photograph; the service has its own, smaller limit and says it better.
MAX_UPLOAD = "100mb"

_FONTS = ("system-ui", "sans-serif")
_MONO = ("ui-monospace", "monospace")
_HEAD = (
    '<meta name="description" content="A photograph in, five labels out.">'
    '<meta name="color-scheme" content="light dark">'
)


def create_app(url: str, api_key: str | None = None, *, links: str = "") -> FastAPI:
    """The page.

    Whoever mounts it runs its lifespan, ``app.router.lifespan_context(app)``.

    Args:
        url: where the service runs, as this process reaches it.
        api_key: the service's key, if it wants one.
        links: where the service runs, as a browser reaches it; "" where that is this very host.

    """
    booth = AsyncClient(url, api_key=api_key)

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with booth:
            yield

    app = FastAPI(openapi_url=None, lifespan=lifespan)
    app.mount("/page/samples", StaticFiles(directory=FOLDER))
    _mount(app, build_page(booth, links))
    app.add_middleware(RouteFilter)
    return app


def _mount(app: FastAPI, page: gr.Blocks) -> None:
    # Gradio refuses paths outside its upload folder only to a page that counts as launched.
    page.has_launched = True
    gr.mount_gradio_app(
        app,
        page,
        path="/",
        footer_links=[],
        run_history=False,
        favicon_path=str(ASSETS / "favicon.svg"),
        max_file_size=MAX_UPLOAD,
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
