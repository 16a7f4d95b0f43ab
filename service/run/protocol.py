"""HTTP/1.1 on one connection: uvicorn's, with bounds on how much and how slowly a client talks."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import httptools
import orjson
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

from booth_client.errors import BadRequest, HeadTooLarge, SlowHead
from service.web.problems import MEDIA_TYPE, fields_of
from service.web.scope import DISCONNECT, Disconnect

__all__ = ["Protocol"]


class _Corked:
    """A transport that sends at once what is written in one turn of the loop: one system call."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._written: list[bytes] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._written:
            self._loop.call_soon(self.flush)
        self._written.append(data)

    def flush(self) -> None:
        written, self._written = self._written, []
        if written:
            self._transport.write(b"".join(written))

    def close(self) -> None:
        self.flush()
        self._transport.close()


class Protocol(HttpToolsProtocol):
    """Answers what is no HTTP with a problem, and bounds a request's head in bytes and time.

    Attributes:
        max_head_bytes: the longest head: request line and headers; likewise the trailers.
        head_timeout_s: time for a head to arrive, and for the rest of a body after its refusal.
        last_call_s: at the server's end, time for the request of a connection just made.

    """

    max_head_bytes: ClassVar[int] = 65_536
    head_timeout_s: ClassVar[float] = 10.0
    last_call_s: ClassVar[float] = 0.5

    _in_head = False
    _moved = False
    _head_bytes = 0
    _timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request."""
        self._disconnect = Disconnect()
        super().connection_made(_Corked(transport, self.loop))  # type: ignore[arg-type]
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing any more."""
        self._received()
        super().connection_lost(exc)
        self._disconnect.happen()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        self._unset_keepalive_if_required()
        self._moved = False
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as stopped:
            self._pass_over_upgrade(data[stopped.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("")
        if not self._moved:
            self._bound_head(len(data))

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        del msg
        self._refuse(
            BadRequest("This is no HTTP/1.1, or malformed; see /docs for what can be sent.")
        )

    def on_message_begin(self) -> None:
        """Expect the rest of the head."""
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Start on the request."""
        if not self.parser.should_upgrade():
            self._in_head = False
            self._move()
            self._received()
            super().on_headers_complete()
            self.scope["state"][DISCONNECT] = self._disconnect

    def on_body(self, body: bytes) -> None:
        """Some of the body has come."""
        self._move()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All has come."""
        if not self.parser.should_upgrade():
            self._move()
            self._received()
            super().on_message_complete()

    def on_response_complete(self) -> None:
        """A client that still sends a body that was refused does not do so for ever."""
        super().on_response_complete()
        if self.cycle.more_body:
            self._expect()

    def shutdown(self) -> None:
        """End; a client that has just connected may still send its request, and be answered."""
        if self.cycle is None:
            self.loop.call_later(self.last_call_s, super().shutdown)
        else:
            super().shutdown()

    def _pass_over_upgrade(self, rest: bytes) -> None:
        """Go on in HTTP/1.1, as RFC 9110 (7.8) allows: curl and Java offer HTTP/2 with a photo.

        The parser has stopped behind the head; a new one is given it again, without the offer.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT":
            self.send_400_response("")
            return
        head = [b"%b %b HTTP/%b" % (method, self.url, version.encode())]
        head += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self.data_received(b"\r\n".join(head) + b"\r\n\r\n" + rest)

    def _bound_head(self, received: int) -> None:
        """More of a head, or of a body's trailers, has come, and it is still not whole."""
        if self._in_head:
            self._expect()
        self._head_bytes += received
        if self._head_bytes > self.max_head_bytes:
            self._refuse(
                HeadTooLarge(
                    f"The request's head is larger than {self.max_head_bytes} bytes; "
                    "send a shorter address and fewer headers."
                )
            )

    def _move(self) -> None:
        self._moved = True
        self._head_bytes = 0

    def _expect(self) -> None:
        """The client has ``head_timeout_s`` from the first call on, until ``_received``."""
        if self._timer is None:
            self._timer = self.loop.call_later(self.head_timeout_s, self._give_up)

    def _received(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.keep_alive = False  # half a request behind one that is still being answered
        elif self._in_head:
            late = f"The head was not complete after {self.head_timeout_s:g} s; send it faster."
            self._refuse(SlowHead(late))
        else:
            self.transport.close()

    def _refuse(self, error: BadRequest) -> None:
        """Answer without the application, and close."""
        if self.transport.is_closing():
            return
        body = orjson.dumps(fields_of(error))
        headers = [
            *self.server_state.default_headers,
            (b"content-type", MEDIA_TYPE.encode()),
            (b"content-length", b"%d" % len(body)),
            (b"connection", b"close"),
        ]
        lines = [b"%b: %b\r\n" % header for header in headers]
        self.transport.write(b"".join([STATUS_LINE[error.status], *lines, b"\r\n", body]))
        self.transport.close()
