"""Whatever fails in the page is answered in the one shape of errors."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import httpx
import pytest
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse, PlainTextResponse

from booth_client import InvalidParameter, Overloaded, SlowBody
from demo.problems import MEDIA_TYPE, Problems, on_unforeseen, problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


BROWSERS = "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"


def get(app: ASGIApp, *, raises: bool = False, accept: str = "*/*") -> httpx.Response:
    transport = httpx.ASGITransport(app, raise_app_exceptions=raises)

    async def answered() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
            return await client.get("/", headers={"Accept": accept})

    return asyncio.run(answered())


def raising(error: Exception) -> ASGIApp:
    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        raise error

    return app


@pytest.mark.parametrize(
    ("app", "status", "kind"),
    [
        (PlainTextResponse("Not found.", 404), 404, "not-found"),
        (JSONResponse({"error": None}, 500), 500, "internal-server-error"),
        (PlainTextResponse("Whatever.", 418), 418, "i'm-a-teapot"),
        (raising(HTTPException(405)), 405, "method-not-allowed"),
        (raising(InvalidParameter("Send something else.")), 422, "invalid-parameter"),
        (raising(Overloaded("Later.", retry_after_s=7)), 503, "overloaded"),
        (problem(SlowBody("Faster.")), 408, "slow-body"),
    ],
)
def test_every_error_has_one_shape(app: ASGIApp, status: int, kind: str) -> None:
    got = get(Problems(app), raises=True)
    assert (got.status_code, got.headers["content-type"]) == (status, MEDIA_TYPE)
    fields = got.json()
    assert fields["type"] == f"/problems/{kind}"
    assert fields["status"] == status
    assert fields["detail"] == fields["error"]


@pytest.mark.parametrize("status", [404, 418, 500])
def test_a_browser_gets_a_page_to_read(status: int) -> None:
    got = get(Problems(PlainTextResponse("<Whatever>", status)), accept=BROWSERS)
    assert (got.status_code, got.headers["vary"]) == (status, "Accept")
    assert got.headers["content-type"].startswith("text/html")
    assert '<a href="./">' in got.text
    assert "Whatever" not in got.text


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("", MEDIA_TYPE),
        ("application/json", MEDIA_TYPE),
        ("image/avif,image/*,*/*;q=0.8", MEDIA_TYPE),
        ("text/html,application/json", MEDIA_TYPE),
        ("application/json;q=0.9, text/html;q=0.8", MEDIA_TYPE),
        ("text/html;q=0, */*", MEDIA_TYPE),
        ("text/html", "text/html; charset=utf-8"),
        ("Text/HTML;level=1;q=0.5, application/json;q=0.4", "text/html; charset=utf-8"),
    ],
)
def test_html_is_for_whoever_prefers_it(accept: str, kind: str) -> None:
    assert get(Problems(PlainTextResponse("", 404)), accept=accept).headers["content-type"] == kind


def test_what_is_no_error_passes() -> None:
    assert get(Problems(PlainTextResponse("A page."))).text == "A page."


def test_whoever_left_is_no_fault() -> None:
    assert get(Problems(raising(ClientDisconnect())), raises=True).status_code == 499


def test_headers_say_when_to_come_again_and_that_a_slow_connection_ends() -> None:
    assert get(problem(Overloaded("Later.", retry_after_s=7))).headers["retry-after"] == "7"
    assert get(problem(SlowBody("Faster."))).headers["connection"] == "close"


def test_what_nobody_foresaw_is_told_to_the_server_and_not_to_the_visitor() -> None:
    handlers = {Exception: on_unforeseen}
    app = Starlette(exception_handlers=handlers)
    app.router.default = Problems(raising(RuntimeError("the moon")))
    got = get(app)
    assert (got.status_code, got.headers["content-type"]) == (500, MEDIA_TYPE)
    assert "moon" not in got.text
    with pytest.raises(RuntimeError, match="the moon"):
        get(app, raises=True)
