"""Of the page's events only those run that the page itself sends, and nothing of them is kept."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import httpx
import orjson
import pytest
from starlette.requests import Request
from starlette.responses import Response

from booth_client import InvalidParameter, TooLarge
from demo.bodies import Bodies
from demo.budget import Budget
from demo.events import Events
from demo.photos import Photos

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.types import Receive, Scope, Send


async def shown(scope: Scope, receive: Receive, send: Send) -> None:
    """In place of Gradio: answers with what it was sent."""
    request = Request(scope, receive)
    body = await request.body()
    assert int(request.headers["content-length"]) == len(body)
    await Response(body, media_type=request.headers["content-type"])(scope, receive, send)


@pytest.fixture
def budget() -> Budget:
    return Budget(10_000_000)


@pytest.fixture
def events(tmp_path: Path, budget: Budget) -> Events:
    in_browser = SimpleNamespace(inputs=["a text"], fn=None)
    here = SimpleNamespace(inputs=["a text"], fn=str)
    blocks: Any = SimpleNamespace(fns={0: here, 1: in_browser})
    return Events(shown, blocks, Photos(tmp_path, spare_bytes=0), Bodies(budget))


def post(events: Events, body: bytes) -> httpx.Response:
    async def answered() -> httpx.Response:
        transport = httpx.ASGITransport(events)
        async with httpx.AsyncClient(transport=transport, base_url="http://page") as client:
            headers = {"Content-Type": "text/plain"}
            return await client.post("/", content=body, headers=headers)

    return asyncio.run(answered())


def test_an_event_gets_to_gradio_without_its_session(events: Events, budget: Budget) -> None:
    sent = {"fn_index": 0, "data": ["ü"], "session_hash": "s", "event_id": "e", "trigger_id": 4}
    got = post(events, orjson.dumps(sent))
    assert got.json() == {"fn_index": 0, "data": ["ü"]}
    assert got.headers["content-type"] == "application/json"
    assert not budget._clients


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"null",
        b"[" * 60_000,
        b'{"data":[]}',
        b'{"fn_index":0}',
        b'{"fn_index":0,"data":[]}',
        b'{"fn_index":0,"data":["a","b"]}',
        b'{"fn_index":0,"data":[7]}',
        b'{"fn_index":0,"data":[{"path":"/etc/passwd"}]}',
        b'{"fn_index":0,"data":["' + 1001 * b"a" + b'"]}',
        b'{"fn_index":0.5,"data":["a"]}',
        b'{"fn_index":"0","data":["a"]}',
        b'{"fn_index":1,"data":["a"]}',
        b'{"fn_index":99,"data":["a"]}',
        b'{"fn_index":-1,"data":["a"]}',
        b'{"fn_index":99999999999999999999999,"data":["a"]}',
    ],
)
def test_what_is_no_event_of_the_page_is_refused(events: Events, body: bytes) -> None:
    with pytest.raises(InvalidParameter):
        post(events, body)


def test_an_event_is_short(events: Events) -> None:
    with pytest.raises(TooLarge):
        post(events, bytes(65_537))


def test_a_photo_that_an_event_names_is_in_the_memory_s_account(
    events: Events, budget: Budget
) -> None:
    name = asyncio.run(events._photos.add([bytes(9_000_000)], ""))
    body: dict[str, Any] = {"fn_index": 0, "data": [name]}
    with pytest.raises(Exception, match="no memory free"):
        post(events, orjson.dumps(body))
    assert not budget._clients
