"""What answers where the API has no route; the page itself is tested in tests/demo."""

from __future__ import annotations

import asyncio
import logging
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from service.run.page import PageMount
from service.web import problems
from service.web.middleware import RequestMiddleware


def get(path: str) -> httpx.Response:
    """What a service with a page (an app in an app, as Gradio's) answers."""
    shown = FastAPI(openapi_url=None)
    shown.add_api_route("/here", lambda: "shown")
    page = PageMount()
    page._app = FastAPI(openapi_url=None)
    page._app.mount("/", shown)
    app = FastAPI()
    problems.install(app)
    app.router.default = page
    settings = SimpleNamespace(log_lines_per_second=100)
    state: Any = SimpleNamespace(draining=False, settings=settings)
    whole = RequestMiddleware(app, state, lambda _: False)
    transport = httpx.ASGITransport(whole, raise_app_exceptions=True)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://booth") as client:
            return await client.get(path)

    return asyncio.run(ask())


def test_the_pages_own_answers_pass_and_stay_out_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "booth.access")
    assert get("/here").json() == "shown"
    assert caplog.records == []


def test_what_the_page_has_not_gets_the_one_shape_of_errors(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "booth.access")
    response = get("/nothing")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "/problems/not-found"
    assert [record.getMessage()[:17] for record in caplog.records] == ["GET /nothing 404 "]
