"""What of Gradio is open to visitors, and what is not."""

from __future__ import annotations

import asyncio

import gradio as gr
import httpx
import pytest
from starlette.responses import PlainTextResponse

from demo.access import UPLOAD, RouteFilter


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
        ("POST", "/gradio_api/queue/join"),
        ("POST", "/gradio_api/component_server"),
        ("POST", "/config"),
    ],
)
def test_what_the_page_does_not_need_is_closed(site: str, method: str, path: str) -> None:
    got = httpx.request(method, site + path)
    assert got.status_code == 404
    assert got.headers["content-type"] == "application/problem+json"


def test_what_others_have_uploaded_is_not_handed_out(site: str) -> None:
    (path,) = httpx.post(site + UPLOAD, files={"files": ("photo.jpg", b"private")}).json()
    assert b"private" not in httpx.get(f"{site}/gradio_api/file={path}").content


def test_no_address_is_fetched_in_place_of_a_file() -> None:
    moved = gr.HTML().async_move_resource_to_block_cache("http://192.0.2.1/photo.jpg")
    with pytest.raises(ValueError, match="fetches nothing from other hosts"):
        asyncio.run(moved)


def test_an_almost_full_disk_takes_no_uploads_but_shows_the_page() -> None:
    page = RouteFilter(PlainTextResponse("open"), spare_bytes=2**80)

    async def ask(method: str, path: str) -> int:
        transport = httpx.ASGITransport(page)
        async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
            return (await client.request(method, path)).status_code

    assert asyncio.run(ask("POST", UPLOAD)) == 507
    assert asyncio.run(ask("GET", "/")) == 200
