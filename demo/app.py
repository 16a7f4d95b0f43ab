"""The page as an ASGI app: mounted by the service at ``/``, or a container of its own."""

from __future__ import annotations

import contextlib
import warnings
from typing import TYPE_CHECKING

import gradio as gr
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import FileResponse
from starlette.routing import Mount, Route

from demo import shell
from demo.access import RouteFilter
from demo.assets import ASSETS, FOLDER
from demo.headers import SecurityHeaders
from demo.page import build_page
from demo.problems import Problems, on_unforeseen
from demo.samples import send_sample, send_thumbnail
from demo.visits import RateLimit

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from demo.forward import Forward

__all__ = ["create_app"]


def create_app(
    forward: Forward | None = None, *, links: str = "", rate_limit_per_minute: int = 0
) -> Starlette:
    """The page.

    Whoever mounts it runs its lifespan, ``app.router.lifespan_context(app)``.

    Args:
        forward: answers what the page asks the service; None where the service does so itself, at
            the page's own address.
        links: where the service runs, as a browser reaches it; "" where that is this very host.
        rate_limit_per_minute: photographs from one client; 0 for no limit here.

    """
    shell.install(links)
    shown = _app_of(build_page())

    @contextlib.asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with shown.router.lifespan_context(shown), contextlib.AsyncExitStack() as stack:
            if forward:
                stack.push_async_callback(forward.close)
            yield

    app = Starlette(
        routes=[
            Route("/page/thumbnails/{name}", send_thumbnail),
            Route("/page/samples/{name}", send_sample),
            Mount("/page", ASSETS),
            Route("/manifest.json", FileResponse(FOLDER / "manifest.json")),
            Mount("/", GZipMiddleware(shown)),
        ],
        middleware=[
            Middleware(SecurityHeaders),
            Middleware(Problems),
            Middleware(RateLimit, rate_limit_per_minute),
            Middleware(RouteFilter, forward),
        ],
        exception_handlers={Exception: on_unforeseen},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    return app


def _app_of(page: gr.Blocks) -> FastAPI:
    app = FastAPI(openapi_url=None)
    # Gradio refuses paths outside its upload folder only to a page that counts as launched.
    page.has_launched = True
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that there is no rendering on the server, as is said here
        gr.mount_gradio_app(
            app,
            page,
            path="/",
            footer_links=[],
            run_history=False,
            favicon_path=str(FOLDER / "favicon.svg"),
            show_error=False,
            ssr_mode=False,
            enable_monitoring=False,
            pwa=False,
            mcp_server=False,
        )
    return app
