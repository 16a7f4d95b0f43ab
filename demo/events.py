"""The events of the page, which Gradio runs: what they bring is checked first, and nothing is kept.

Gradio keeps a copy of the page for every session that a request names, reports what it does not
expect as a fault of its own, and keeps what it reads in memory: so it gets no session, and nothing
but what the page itself sends.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import orjson

from booth_client import InvalidParameter

if TYPE_CHECKING:
    from gradio import Blocks
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from demo.bodies import Bodies
    from demo.photos import Photos

__all__ = ["Events"]

MAX_BYTES = 65_536
MAX_TEXT = 1000  # of one value: a photograph's name, or a model's


class Events:
    """ASGI app: runs an event of the page.

    Args:
        page: Gradio's app, which runs it.
        blocks: the page, whose events these are.
        photos: what visitors have sent; a photograph that an event names is read into memory.
        bodies: reads the request.

    """

    def __init__(self, page: ASGIApp, blocks: Blocks, photos: Photos, bodies: Bodies) -> None:
        self._page = page
        self._photos = photos
        self._bodies = bodies
        self._inputs = {
            index: len(one.inputs) for index, one in blocks.fns.items() if one.fn is not None
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Run one.

        Raises:
            InvalidParameter: it is no event of the page.

        """
        with self._bodies.held(scope) as held:
            body = b"".join(await self._bodies.read(scope, receive, held, MAX_BYTES))
            index, values = self._event(body)
            held.resize(len(body) + sum(map(self._photos.size, values)))
            event = json.dumps({"fn_index": index, "data": values}).encode()
            await self._page(_with_length(scope, len(event)), _whole(event, receive), send)

    def _event(self, body: bytes) -> tuple[int, list[str | None]]:
        try:
            fields = orjson.loads(body)
        except orjson.JSONDecodeError:
            raise InvalidParameter("The JSON is malformed; the page sends it itself.") from None
        match fields:
            case {"fn_index": int(index), "data": list(values)} if index in self._inputs:
                if len(values) == self._inputs[index] and all(map(_is_value, values)):
                    return index, values
        raise InvalidParameter(
            'This is no event of the page; it is {"fn_index": <one that /config lists>, '
            '"data": [<a string or null for each of its inputs>]}.'
        )


def _is_value(value: Any) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= MAX_TEXT)


def _with_length(scope: Scope, length: int) -> Scope:
    mine = (b"content-length", b"content-type", b"transfer-encoding")
    headers = [(name, value) for name, value in scope["headers"] if name not in mine]
    headers += [(b"content-length", b"%d" % length), (b"content-type", b"application/json")]
    return {**scope, "headers": headers}


def _whole(body: bytes, receive: Receive) -> Receive:
    """What gives a body that has been read; and later what else comes."""
    given = False

    async def receive_whole() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_whole
