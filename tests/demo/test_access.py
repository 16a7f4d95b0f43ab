"""What of Gradio is open to visitors, and what is not; and that other sites' pages are kept out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import gradio as gr
import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse

from booth_client import Forbidden
from demo.access import EVENTS, PHOTOS, RouteFilter

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/gradio_api/file=/etc/passwd"),
        ("GET", "/gradio_api/file=http://192.0.2.1/"),
        ("GET", "/gradio_api/proxy=http://192.0.2.1/"),
        ("GET", "/gradio_api/deep_link?session_hash=x"),
        ("GET", "/gradio_api/heartbeat/x"),
        ("GET", "/gradio_api/info"),
        ("GET", "/monitoring"),
        ("GET", PHOTOS),
        ("GET", f"{PHOTOS}/{'0' * 32}"),
        ("GET", "/assets/" + 300 * "a"),
        ("GET", "/static/http://192.0.2.1/"),
        ("GET", "/page/samples/%00"),
        ("GET", "/page/samples/.%2E/app.py"),
        ("OPTIONS", PHOTOS),
        ("POST", "/gradio_api/queue/join"),
        ("POST", "/gradio_api/component_server"),
        ("POST", "/gradio_api/upload"),
        ("POST", "/config"),
    ],
)
def test_what_the_page_does_not_need_is_closed(site: str, method: str, path: str) -> None:
    got = httpx.request(method, site + path)
    assert got.status_code == 404
    assert got.headers["content-type"] == "application/problem+json"


def test_what_others_have_sent_is_not_handed_out(site: str) -> None:
    name = httpx.post(site + PHOTOS, content=b"private").json()["photo"]
    for path in (f"gradio_api/file={name}", f"page/photos/{name}", f"page/samples/{name}"):
        assert b"private" not in httpx.get(f"{site}/{path}").content


def test_no_address_is_fetched_in_place_of_a_file() -> None:
    moved = gr.HTML().async_move_resource_to_block_cache("http://192.0.2.1/photo.jpg")
    with pytest.raises(ValueError, match="fetches nothing from other hosts"):
        asyncio.run(moved)


async def told(scope: Scope, receive: Receive, send: Send) -> None:
    """A page that answers with what it was told."""
    request = Request(scope)
    fields = {"query": str(request.query_params), "headers": dict(request.headers)}
    await JSONResponse(fields)(scope, receive, send)


def ask(method: str, path: str, headers: dict[str, str]) -> httpx.Response:
    transport = httpx.ASGITransport(RouteFilter(told))

    async def answered() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(answered())


@pytest.mark.parametrize("path", [PHOTOS, EVENTS])
@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://page:81"},
        {"Origin": "null"},
        {"Origin": "http://[page"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site", "Origin": "http://page"},
    ],
)
def test_another_site_s_page_may_neither_send_nor_ask(path: str, headers: dict[str, str]) -> None:
    with pytest.raises(Forbidden):
        ask("POST", path, headers)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://page"},
        {"Origin": "https://public.example", "X-Forwarded-Host": "public.example"},
        {"Origin": "https://public.example", "Sec-Fetch-Site": "same-origin"},
    ],
)
def test_the_page_itself_may_also_behind_a_proxy_and_so_may_programs(
    headers: dict[str, str],
) -> None:
    assert ask("POST", PHOTOS, headers).is_success


def test_a_link_from_another_site_opens_the_page() -> None:
    assert ask("GET", "/", {"Sec-Fetch-Site": "cross-site"}).is_success


def test_gradio_hears_no_more_than_it_needs() -> None:
    headers = {"Origin": "http://page", "X-Gradio-Server": "http://evil.example", "Cookie": "a=b"}
    heard = ask("GET", "/?deep_link=x", headers).json()
    assert heard["query"] == ""
    assert not {"origin", "x-gradio-server", "cookie"} & set(heard["headers"])
    assert heard["headers"]["host"] == "page"


def test_another_route_is_not_there() -> None:
    with pytest.raises(HTTPException):
        ask("GET", "/gradio_api/info", {})
