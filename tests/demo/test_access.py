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
from demo.access import RouteFilter
from demo.views import VIEWS, View

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

# One worker starts the service, and all of these use it.
pytestmark = pytest.mark.xdist_group("page")


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
        ("GET", "/login"),
        ("GET", "/assets/" + 300 * "a"),
        ("GET", "/static/http://192.0.2.1/"),
        ("GET", "/page/samples/%00"),
        ("GET", "/page/samples/.%2E/app.py"),
        ("GET", "/page/samples/__init__.py"),
        ("GET", "/page/samples/README.md"),
        ("GET", "/page/thumbnails/__init__.py"),
        ("GET", "/page/0/../shell.html"),
        ("OPTIONS", "/config"),
        ("POST", "/gradio_api/queue/join"),
        ("POST", "/gradio_api/component_server"),
        ("POST", "/gradio_api/upload"),
        ("POST", "/gradio_api/run/predict"),
        ("POST", "/page/photos"),
        ("POST", "/config"),
        ("POST", "/patches"),
        ("DELETE", "/models/places365"),
    ],
)
@pytest.mark.parametrize("place", ["site", "forwarded"])
def test_what_the_page_does_not_need_is_closed(
    request: pytest.FixtureRequest, place: str, method: str, path: str
) -> None:
    got = httpx.request(method, request.getfixturevalue(place) + path)
    assert got.status_code in ((404, 405) if path.startswith("/models") else (404,))
    assert got.headers["content-type"] == "application/problem+json"


def test_no_address_is_fetched_in_place_of_a_file() -> None:
    moved = gr.HTML().async_move_resource_to_block_cache("http://192.0.2.1/photo.jpg")
    with pytest.raises(ValueError, match="fetches nothing from other hosts"):
        asyncio.run(moved)


async def told(scope: Scope, receive: Receive, send: Send) -> None:
    """A page that answers with what it was told."""
    request = Request(scope)
    fields = {"query": str(request.query_params), "headers": dict(request.headers)}
    await JSONResponse(fields)(scope, receive, send)


def ask(method: str, path: str, headers: dict[str, str], root_path: str = "") -> httpx.Response:
    """What is answered by a page that hands questions on, to an app that tells what it heard."""
    transport = httpx.ASGITransport(RouteFilter(told, told), root_path=root_path)

    async def answered() -> httpx.Response:
        async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(answered())


@pytest.mark.parametrize(
    "path", ["/classify", "/label-map", "/activations", "/occlusion", "/features"]
)
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
def test_another_site_s_page_may_not_have_its_photos_answered(
    path: str, headers: dict[str, str]
) -> None:
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
    assert ask("POST", "/classify", headers).is_success


@pytest.mark.parametrize("path", ["/", "/patches", "/models", "/metrics"])
def test_a_link_from_another_site_opens_the_page(path: str) -> None:
    assert ask("GET", path, {"Sec-Fetch-Site": "cross-site"}).is_success


def test_gradio_hears_no_more_than_it_needs() -> None:
    headers = {"Origin": "http://page", "X-Gradio-Server": "http://evil.example", "Cookie": "a=b"}
    heard = ask("GET", "/?deep_link=x", headers).json()
    assert heard["query"] == ""
    assert not {"origin", "x-gradio-server", "cookie"} & set(heard["headers"])
    assert heard["headers"]["host"] == "page"


@pytest.mark.parametrize("view", VIEWS, ids=lambda one: one.name)
@pytest.mark.parametrize("prefix", ["", "/a/b"])
def test_every_view_is_open_under_any_prefix(view: View, prefix: str) -> None:
    assert ask("GET", f"{prefix}/{view.path}", {}, prefix).is_success


@pytest.mark.parametrize("path", ["/gradio_api/info", "/patches/", "/patches/x", "/pa"])
def test_another_route_is_not_there(path: str) -> None:
    with pytest.raises(HTTPException):
        ask("GET", path, {})


def test_the_service_s_routes_are_its_own_where_it_has_the_page() -> None:
    alone = httpx.ASGITransport(RouteFilter(told))

    async def asked() -> None:
        async with httpx.AsyncClient(transport=alone, base_url="http://page") as client:
            await client.post("/classify")

    with pytest.raises(HTTPException):
        asyncio.run(asked())
