"""HTTP/1.1 on one connection: uvicorn's, with bounds on how much and how slowly a client talks."""

from __future__ import annotations

import asyncio
import re
from typing import Any, ClassVar

import httptools
import orjson
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

from booth_client.errors import (
    BadRequest,
    BoothError,
    HeadTooLarge,
    Overloaded,
    SlowHead,
    UnsupportedCoding,
)
from service.run.connections import Connections
from service.settings import UNIX
from service.web.problems import MEDIA_TYPE, fields_of
from service.web.scope import DISCONNECT, Disconnect

__all__ = ["CONNECTIONS", "Protocol"]

EMPTY_LINE = b"\r\n\r\n"
FRAMING = frozenset({b"host", b"content-length", b"transfer-encoding"})
HOST = re.compile(rb"(\[[0-9A-Fa-f:.]+\]|[\w.~%!$&'()*+,;=-]*)(:\d*)?")  # RFC 3986, 3.2

# The key of the server's `Connections` in the state that all of them share.
CONNECTIONS = "connections"
# Before IPv4 addresses, where a socket takes both kinds.
MAPPED = "::ffff:"


class _Corked:
    """A transport that sends at once what is written in one turn of the loop: one system call.

    Once it is closed, the client has ``linger_s`` to take what is still to be sent.
    """

    def __init__(
        self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop, linger_s: float
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._linger_s = linger_s
        self._written: list[bytes] = []
        self._lingering: asyncio.TimerHandle | None = None
        self._is_held = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not (self._written or self._is_held):
            self._loop.call_soon(self.flush)
        self._written.append(data)

    def hold(self) -> None:
        """Send nothing before ``flush``, which is to come in this turn."""
        self._is_held = True

    def flush(self) -> None:
        self._is_held = False
        written, self._written = self._written, []
        if written and not self._transport.is_closing():  # it is, if the client has gone meanwhile
            self._transport.write(b"".join(written))

    def close(self) -> None:
        self.flush()
        self._transport.close()
        if self._lingering is None:
            self._lingering = self._loop.call_later(self._linger_s, self._transport.abort)

    def lost(self) -> None:
        self._written.clear()
        if self._lingering is not None:
            self._lingering.cancel()


class _Flow(FlowControl):
    """Flow control that can hold a client back, whatever the application wants to read."""

    held = False

    def hold(self) -> None:
        if not self._transport.is_closing():
            self.pause_reading()
        self.held = True

    def release(self) -> None:
        self.held = False
        self.resume_reading()

    def resume_reading(self) -> None:
        if not self.held and not self._transport.is_closing():
            super().resume_reading()


class Protocol(HttpToolsProtocol):
    """Answers what is no HTTP with a problem, and bounds what a client may send and hold.

    One request at a time is read and answered: what a client sends behind it is not parsed before
    that, and not read beyond what came with it.

    When there is no room for a new connection, one goes that waits for its client; if all are
    being answered, the new one is refused.

    Attributes:
        max_head_bytes: the longest head: request line and headers; likewise the trailers.
        head_timeout_s: time for a head to arrive, and for the rest of a body after its refusal.
        write_timeout_s: time to take what was sent, when no more can be sent before.
        last_call_s: at the server's end, time for the request of a connection just made.
        max_connections: of all clients.
        max_client_connections: of one client, by its address, be it loopback; a trusted proxy may
            have all.
        crumb_bytes: a piece of a request that is smaller is a crumb.
        max_crumbs: of a request; who sends more is read from only every ``crumb_pause_s``.

    """

    max_head_bytes: ClassVar[int] = 65_536
    head_timeout_s: ClassVar[float] = 10.0
    write_timeout_s: ClassVar[float] = 20.0
    last_call_s: ClassVar[float] = 1.0
    max_connections: ClassVar[int] = 1000
    max_client_connections: ClassVar[int] = 500
    crumb_bytes: ClassVar[int] = 512
    max_crumbs: ClassVar[int] = 16
    crumb_pause_s: ClassVar[float] = 0.1

    owner = ""
    since = 0.0

    _in_head = False
    _over = False
    _has_begun = False
    _moved = False
    _head_bytes = 0
    _body_left: int | None = 0
    _unread = b""
    _tail = b""
    _crumbs = 0
    _timer: asyncio.TimerHandle | None = None
    _stalled: asyncio.TimerHandle | None = None
    flow: _Flow

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Expect a request, if there is room for one more connection."""
        self._disconnect = Disconnect()
        corked = _Corked(transport, self.loop, self.write_timeout_s)
        super().connection_made(corked)  # type: ignore[arg-type]
        self.flow = _Flow(self.transport)
        if self.server and self.server[1] is None:  # a path without a port: a Unix socket
            self.client = (UNIX, 0)
        elif self.client and self.client[0].startswith(MAPPED):
            self.client = (self.client[0].removeprefix(MAPPED), self.client[1])
        self._enter()

    def _enter(self) -> None:
        self._others: Connections = self.app_state.setdefault(CONNECTIONS, Connections())
        self.owner = self._others.owner(self.client[0] if self.client else "")
        self.since = self.loop.time()
        if self._others.has_room(self.owner, self.max_connections, self.max_client_connections):
            self._others.add(self)
            self._expect()
        else:
            full = "There are too many connections; close some, or try again."
            self._refuse(Overloaded(full, retry_after_s=1))

    def connection_lost(self, exc: Exception | None) -> None:
        """Expect nothing any more."""
        self._unset_keepalive_if_required()
        self._received()
        self._taken()
        self._over = True
        self._unread = b""
        self._others.discard(self)
        self.transport.lost()  # type: ignore[attr-defined]
        super().connection_lost(exc)
        self._disconnect.happen()

    def data_received(self, data: bytes) -> None:
        """Take what came."""
        self._unread += data
        if self._is_answering():
            self.flow.hold()
        else:
            self._parse()
            if len(data) < self.crumb_bytes and not self._is_answering():
                self._pick_up_crumb()

    def go_on(self) -> None:
        """Turn to the request that waits behind the one that was answered."""
        if not self._over:
            self.flow.release()
            self._parse()

    def waits(self) -> bool:
        """Whether the client is to act: it sends nothing, half a request, or takes no answer."""
        return not self._is_answering() or self.flow.write_paused

    def give_way(self) -> None:
        """End at once."""
        self._over = True
        self.transport.abort()

    def pause_writing(self) -> None:
        """The client takes no more; it does not do so for ever."""
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(self.write_timeout_s, self.give_way)

    def resume_writing(self) -> None:
        """The client has taken what was sent."""
        self._taken()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP."""
        del msg
        self._refuse(_no_http())

    def on_message_begin(self) -> None:
        """Expect the rest of the head."""
        if self._is_answering():
            # Only a chunked body's end is not known before, so that one request is parsed with it.
            raise _Behind
        super().on_message_begin()
        self._in_head = True

    def on_headers_complete(self) -> None:
        """Start on the request."""
        if not self.parser.should_upgrade():
            self._body_left = _check(self.headers, self.parser.get_http_version())
            self._in_head = False
            self._has_begun = True
            self._move()
            self._received()
            self.scope["state"][DISCONNECT] = self._disconnect
            super().on_headers_complete()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Begin on a request at once; what is left when the application gives way is a task.

        Most of an overload is refused by its head, which takes less time than a task and the turns
        of the loop around it. (From Python 3.12 on there are eager tasks, but not in uvloop.)

        The application gives way by ``asyncio.sleep(0)`` before it waits for anything.
        """
        if not self._may_begin(cycle):
            super()._start_asgi_task(cycle, app)
            return
        beginning = cycle.run_asgi(app)
        self.transport.hold()  # type: ignore[attr-defined]
        try:
            beginning.send(None)
        except StopIteration:
            return
        finally:
            self.transport.flush()  # type: ignore[attr-defined]
        task = self.loop.create_task(beginning)
        task.add_done_callback(self.tasks.discard)
        self.tasks.add(task)

    def _may_begin(self, cycle: RequestResponseCycle) -> bool:
        """Whether an answer could be sent now, and the connection used for another after it.

        Of a body in chunks it isn't known where the next request begins.
        """
        return cycle.keep_alive and self._body_left is not None and not self.flow.write_paused

    def on_body(self, body: bytes) -> None:
        """Some of the body has come."""
        self._move()
        if self._body_left:
            self._body_left -= len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """All has come."""
        if not self.parser.should_upgrade():
            self._move()
            self._received()
            self._body_left = 0
            self._crumbs = 0
            super().on_message_complete()
            if self.cycle.response_complete and self.cycle.more_body:
                self._await_next()

    def on_response_complete(self) -> None:
        """Go on with what has come meanwhile.

        A client that still sends a body that was refused does not do so for ever.
        """
        self.since = self.loop.time()
        super().on_response_complete()
        if self.cycle.more_body:
            self._expect()
        if self._unread and not self.transport.is_closing():
            self._others.take_turns(self, self.loop)

    def shutdown(self) -> None:
        """End; a client that has just connected may still send its request, and be answered."""
        if self.cycle is None:
            self.loop.call_later(self.last_call_s, self._close_unless_begun)
        else:
            super().shutdown()

    def _close_unless_begun(self) -> None:
        """Close, but where a request has come in part: its head has a time of its own to arrive."""
        if self.cycle is None and (self._in_head or self._unread):
            self.loop.call_later(self.last_call_s, self._close_unless_begun)
        else:
            super().shutdown()

    def _await_next(self) -> None:
        """The rest of a refused body has come: from now on, the connection is idle."""
        self.cycle.more_body = False
        if self.timeout_keep_alive_task is None and not self.transport.is_closing():
            self.timeout_keep_alive_task = self.loop.call_later(
                self.timeout_keep_alive, self.timeout_keep_alive_handler
            )

    def _is_answering(self) -> bool:
        cycle = self.cycle
        return cycle is not None and not (cycle.more_body or cycle.response_complete)

    def _parse(self) -> None:
        """Parse what has come, but nothing behind a request that is still to be answered.

        Nor behind one that was refused at once: first the others have their turns.
        """
        self._unset_keepalive_if_required()
        data, self._unread = self._unread, b""
        self._has_begun = False
        start = 0
        while start < len(data) and not (self._over or self._is_answering() or self._is_through()):
            end = self._end_of_step(data, start)
            self._feed(memoryview(data)[start:end])
            start = end
        if start < len(data) and not self._over:
            self._unread = data[start:]
            self.flow.hold()
            if self._is_through() and not self.transport.is_closing():
                self._others.take_turns(self, self.loop)

    def _is_through(self) -> bool:
        """Whether a request has begun in this turn, and has been answered, and all of it read."""
        return self._has_begun and self._body_left == 0 and self.cycle.response_complete

    def _end_of_step(self, data: bytes, start: int) -> int:
        """How far data can be parsed from ``start`` on without coming to another request."""
        if self._body_left is None:  # chunked
            return len(data)
        if self._body_left:
            return min(start + self._body_left, len(data))
        seam = (self._tail + data[start : start + 3]).find(EMPTY_LINE)
        if seam >= 0:
            return start + seam + len(EMPTY_LINE) - len(self._tail)
        end = data.find(EMPTY_LINE, start)
        return len(data) if end < 0 else end + len(EMPTY_LINE)

    def _feed(self, data: memoryview | bytes) -> None:
        self._moved = False
        self._head_bytes += len(data)
        if self._body_left == 0 and self._head_bytes > self.max_head_bytes:
            self._refuse_head()
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._pass_over_upgrade()
        except httptools.HttpParserError as error:
            self._fail(error.__context__)
        if not (self._moved or self._over):
            self._await_rest(data)

    def _await_rest(self, data: memoryview | bytes) -> None:
        """More of a head, or of a body's trailers, has come, and it is still not whole."""
        if self._body_left == 0:
            self._tail = (self._tail + bytes(data[-3:]))[-3:]
            self._expect()
        elif self._head_bytes > self.max_head_bytes:
            self._refuse_head()

    def _fail(self, cause: BaseException | None) -> None:
        if isinstance(cause, _Behind):
            self._over = True
            self.cycle.keep_alive = False
        else:
            self._refuse(cause if isinstance(cause, BoothError) else _no_http())

    def _pass_over_upgrade(self) -> None:
        """Go on in HTTP/1.1, as RFC 9110 (7.8) allows: curl and Java offer HTTP/2 with a photo.

        The parser has stopped behind the head; a new one is given it again, without the offer.
        """
        method, version = self.parser.get_method(), self.parser.get_http_version()
        if method == b"CONNECT":
            self._refuse(_no_http())
            return
        head = [b"%b %b HTTP/%b" % (method, self.url, version.encode())]
        head += [b"%b: %b" % header for header in self.headers if header[0] != b"upgrade"]
        self.parser = httptools.HttpRequestParser(self)
        self._head_bytes = 0
        self._feed(b"\r\n".join(head) + EMPTY_LINE)

    def _pick_up_crumb(self) -> None:
        """Let the pieces of who sends one byte at a time gather: each costs a turn of the loop."""
        self._crumbs += 1
        if self._crumbs > self.max_crumbs and not self._over:
            self.flow.hold()
            self.loop.call_later(self.crumb_pause_s, self._look_again)

    def _look_again(self) -> None:
        if not self._unread:
            self.flow.release()

    def _move(self) -> None:
        self._moved = True
        self._head_bytes = 0
        self._tail = b""

    def _expect(self) -> None:
        """The client has ``head_timeout_s`` from the first call on, until ``_received``."""
        if self._timer is None:
            self._timer = self.loop.call_later(self.head_timeout_s, self._give_up)

    def _received(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _taken(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def _give_up(self) -> None:
        if self._in_head:
            late = f"The head was not complete after {self.head_timeout_s:g} s; send it faster."
            self._refuse(SlowHead(late))
        else:
            self._over = True
            self.transport.close()

    def _refuse_head(self) -> None:
        self._refuse(
            HeadTooLarge(
                f"The request's head is larger than {self.max_head_bytes} bytes; "
                "send a shorter address and fewer headers."
            )
        )

    def _refuse(self, error: BoothError) -> None:
        """Answer without the application, and close."""
        self._over = True
        if self.transport.is_closing():
            return
        if not self._has_begun_to_answer():
            self.transport.write(_response(error, self.server_state.default_headers))
        self.transport.close()

    def _has_begun_to_answer(self) -> bool:
        cycle = self.cycle
        return cycle is not None and cycle.response_started and not cycle.response_complete


class _Behind(Exception):
    """A request stands behind one that is still to be answered."""


def _no_http() -> BadRequest:
    return BadRequest("This is no HTTP/1.1, or malformed; see /docs for what can be sent.")


def _response(error: BoothError, default_headers: list[tuple[bytes, bytes]]) -> bytes:
    body = orjson.dumps(fields_of(error))
    headers = [
        *default_headers,
        (b"content-type", MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(body)),
        (b"connection", b"close"),
    ]
    if error.retry_after_s:
        headers.append((b"retry-after", b"%d" % error.retry_after_s))
    lines = [b"%b: %b\r\n" % header for header in headers]
    return b"".join([STATUS_LINE[error.status], *lines, b"\r\n", body])


def _check(headers: list[tuple[bytes, bytes]], version: str) -> int | None:
    """Where a request ends, and whom it is for, must be told in one way only (RFC 9112, 3.2 and 6).

    Returns:
        The length of its body in bytes; None if that is in chunks.

    Raises:
        BadRequest: it isn't.
        UnsupportedCoding: its body is in another coding than chunks.

    """
    framing = [header for header in headers if header[0] in FRAMING]
    _check_host([value for name, value in framing if name == b"host"], version)
    codings = [value for name, value in framing if name == b"transfer-encoding"]
    if codings:
        _check_coding(codings, version)
        return None
    return int(next((value for name, value in framing if name == b"content-length"), 0))


def _check_host(hosts: list[bytes], version: str) -> None:
    if version not in ("1.0", "1.1"):
        raise BadRequest(f"HTTP/{version} is not spoken here; send HTTP/1.1.")
    if len(hosts) > 1 or (version == "1.1" and not hosts):
        raise BadRequest(f"The request has {len(hosts)} headers `Host`; send one.")
    if hosts and not HOST.fullmatch(hosts[0]):
        raise BadRequest("The header `Host` is malformed; send a name, or an address and a port.")


def _check_coding(codings: list[bytes], version: str) -> None:
    if version == "1.0":
        raise BadRequest("HTTP/1.0 has no `Transfer-Encoding`; send a `Content-Length`.")
    if len(codings) > 1 or codings[0].strip().lower() != b"chunked":
        raise UnsupportedCoding("The body's transfer coding is not known here; send it `chunked`.")
