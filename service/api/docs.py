"""``GET /docs``: the whole API, to try; nothing of it comes from another host. And its file."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import orjson
from fastapi import APIRouter, Request
from fastapi.openapi.docs import get_swagger_ui_html
from starlette.responses import HTMLResponse, Response
from starlette.staticfiles import StaticFiles

from service.api.openapi.document import document, security
from service.web.deflating import as_json
from service.web.headers import DOCS_POLICY
from service.web.scope import prefix_of
from service.web.state import ServiceState

__all__ = ["router"]

FILES = Path(__file__).parent / "docs_files"
PATH, FILES_PATH, DESCRIPTION_PATH = "/docs", "/docs/files", "/openapi.json"


def router(state: ServiceState, fronts: Sequence[APIRouter]) -> APIRouter:
    """The front's routes, which stand in no description; that is of ``fronts``."""
    routes = APIRouter()
    description = _Description(state, fronts)
    routes.add_api_route(PATH, docs, methods=["GET"], include_in_schema=False)
    routes.add_api_route(
        DESCRIPTION_PATH, description.answer, methods=["GET"], include_in_schema=False
    )
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


class _Description:
    """The OpenAPI file, which says where it is asked for and whether that takes a key."""

    def __init__(self, state: ServiceState, fronts: Sequence[APIRouter]) -> None:
        self._state = state
        routes = [route for front in fronts for route in front.routes]
        self._whole = document(routes, version("booth"))

    async def answer(self, request: Request) -> Response:
        """The file; its address of the service is relative to its own if no prefix is known."""
        told = {
            **self._whole,
            "servers": [{"url": prefix_of(request.scope) or "."}],
            "security": security(has_keys=bool(self._state.api_keys)),
        }
        return await as_json(request, orjson.dumps(told))
