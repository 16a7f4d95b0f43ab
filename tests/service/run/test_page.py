"""What answers where the API has no route; the page itself is tested in tests/demo."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.responses import PlainTextResponse

from service.run.page import PageMount
from service.settings import read_settings
from service.telemetry.metrics import Metrics
from service.web import problems
from service.web.middleware import RequestMiddleware
from service.web.routes import Routes


def broken() -> None:
    raise RuntimeError("a fault of the page's own")


def get(path: str) -> httpx.Response:
    """What a service with a page answers."""
    return request("GET", path)


def request(method: str, path: str) -> httpx.Response:
    """What a service with a page (an app in an app, as Gradio's) answers."""
    shown = FastAPI(openapi_url=None)
    shown.add_api_route("/here", lambda: "shown", methods=["GET", "POST"])
    shown.add_api_route("/teapot", lambda: PlainTextResponse("no", 418))
    shown.add_api_route("/broken", broken)
    page = PageMount(read_settings({}))
    page._app = FastAPI(openapi_url=None)
    page._app.mount("/", shown)
    app = FastAPI()
    problems.install(app)
    app.router.default = page
    settings = SimpleNamespace(log_lines_per_second=100, health_route="")
    state: Any = SimpleNamespace(draining=False, settings=settings, metrics=Metrics())
    whole = RequestMiddleware(app, state, lambda _: False, lambda _: "", Routes([]))
    transport = httpx.ASGITransport(whole, raise_app_exceptions=True)

    async def ask() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://booth") as client:
            return await client.request(method, path)

    return asyncio.run(ask())


def test_the_pages_own_answers_pass_and_stay_out_of_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "booth.access")
    assert get("/here").json() == "shown"
    assert caplog.records == []


def test_a_fault_of_the_pages_own_is_told_once_and_in_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    response = get("/broken")
    assert response.status_code == 500
    assert "fault" not in response.text
    (line,) = [record for record in caplog.records if record.exc_info]
    assert "a fault of the page's own" in str(line.exc_info)


def test_what_the_page_has_not_gets_the_one_shape_of_errors(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "booth.access")
    response = get("/nothing")
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["type"] == "/problems/not-found"
    assert [record.getMessage()[:17] for record in caplog.records] == ["GET /nothing 404 "]


def opened(monkeypatch: pytest.MonkeyPatch, load: Callable[[], Any]) -> PageMount:
    """A page whose code is loaded by ``load``."""
    point = SimpleNamespace(load=load)
    monkeypatch.setattr("service.run.page.entry_points", lambda **_: [point])
    page = PageMount(read_settings({}))
    asyncio.run(page.open())
    return page


def test_an_import_error_of_the_pages_own_is_not_blamed_on_gradio(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    def load() -> Any:
        raise ImportError("cannot import name 'tpyo' from 'demo.views'")

    opened(monkeypatch, load)
    (line,) = caplog.records
    assert "Gradio" not in line.getMessage()
    assert line.exc_info is not None
    assert "tpyo" in str(line.exc_info[1])


def test_without_gradio_one_line_says_what_brings_it(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr("service.run.page.find_spec", lambda _: None)
    opened(monkeypatch, lambda: pytest.fail("it is not even tried"))
    assert [line.getMessage() for line in caplog.records] == [
        "no page at /: it needs Gradio, which Booth's extra `demo` brings"
    ]


def test_the_page_is_opened_and_ended_with_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        ended.append("ended")

    shown = FastAPI(lifespan=lifespan)
    shown.add_api_route("/", lambda: "shown")
    point = SimpleNamespace(load=lambda: lambda: shown)
    monkeypatch.setattr("service.run.page.entry_points", lambda **_: [point])
    page = PageMount(read_settings({}))

    async def visit() -> list[str]:
        transport = httpx.ASGITransport(page)
        async with httpx.AsyncClient(transport=transport, base_url="http://booth") as http:
            before, deeper = [(await http.get(path)).text for path in ("/", "/inside")]
            await page.open()
            after = (await http.get("/")).text
        assert ended == []
        await page.close()
        return [before, deeper, after]

    before, deeper, after = asyncio.run(visit())
    assert "The page is being prepared" in before
    assert deeper == before
    assert after == '"shown"'
    assert ended == ["ended"]


@pytest.mark.parametrize(("method", "path"), [("POST", "/here"), ("GET", "/teapot")])
def test_what_a_visitor_does_and_what_fails_is_in_the_log(
    caplog: pytest.LogCaptureFixture, method: str, path: str
) -> None:
    caplog.set_level(logging.INFO, "booth.access")
    request(method, path)
    assert len(caplog.records) == 1
