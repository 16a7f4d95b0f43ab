"""``GET /docs``: the whole API, to try; nothing of it comes from another host. And its file."""

from __future__ import annotations

from pathlib import Path

from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, JSONResponse
from starlette.staticfiles import StaticFiles

from service.web.headers import DOCS_POLICY
from service.web.scope import prefix_of

__all__ = ["router"]

FILES = Path(__file__).parent / "docs_files"
PATH, FILES_PATH, DESCRIPTION_PATH = "/docs", "/docs/files", "/openapi.json"


def router() -> APIRouter:
    """The front's routes, which stand in no description."""
    routes = APIRouter()
    routes.add_api_route(PATH, docs, methods=["GET"], include_in_schema=False)
    routes.add_api_route(DESCRIPTION_PATH, description, methods=["GET"], include_in_schema=False)
    routes.mount(FILES_PATH, StaticFiles(directory=FILES))
    return routes


async def docs() -> HTMLResponse:
    """Swagger UI, as FastAPI documents it for files of one's own."""
    # Relative, so that it works behind any path prefix.
    page = get_swagger_ui_html(
        openapi_url="openapi.json",
        title="Booth: API",
        swagger_js_url="docs/files/swagger-ui-bundle.js",
        swagger_css_url="docs/files/swagger-ui.css",
        swagger_favicon_url="favicon.ico",
    )
    page.headers["Content-Security-Policy"] = DOCS_POLICY
    return page


async def description(request: Request) -> JSONResponse:
    """The OpenAPI file; behind a path prefix it says so."""
    whole = request.app.openapi()
    prefix = prefix_of(request.scope)
    return JSONResponse({**whole, "servers": [{"url": prefix}]} if prefix else whole)
