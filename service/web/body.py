"""The body of a request, bounded in bytes, time and memory, taken apart into photographs."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any, TypeVar

from starlette.requests import Request

from booth_client.errors import (
    BadImage,
    SlowBody,
    TooLarge,
    UnsupportedFormat,
)
from service.memory import Reservation
from service.photo.formats import is_image
from service.web.form import boundary_of, is_form, take_apart
from service.web.inflating import CODINGS, Inflating
from service.web.instances import IMAGES, JSON_COPIES, Names, Sent, is_json, read_json
from service.web.turns import Turns

__all__ = ["Sent", "apart", "check_coding", "photographs", "read_body"]

_T = TypeVar("_T")

_UNDONE = ("", "identity", *CODINGS)
_URL_ENCODED = "application/x-www-form-urlencoded"
_FIELD = re.compile(rb"[\w.%+\[\]-]{1,64}=")
# What `curl --data` takes out of a file, and what a photograph begins with afterwards.
_TAKEN_OUT = (b"\0", b"\n", b"\r")
_BEGUN = re.compile(rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF|II[*+]|MM[*+]")

# What a form and its photographs, which are copied out of it, hold together, in bodies.
_FORM_COPIES = 2

_TAKEN_APART_HERE = 262_144  # bytes; so many of JSON take 3 ms
# One at a time: it holds the interpreter, and many together would keep the event loop from it.
# It ends with the interpreter: those named "booth-" have to be gone before.
_large = ThreadPoolExecutor(1, "body")
_parting = Turns()
_REST = 2  # times as long as it took, in which the interpreter is the others'

# One step at a time: a hundred bodies of 20 kB, which unpack to 20 MB each, would else take the
# event loop from all others.
_unpacking = Turns()

_FIRST_STEP = 65_536  # of a body whose length is not known in advance


async def read_body(
    request: Request, reservation: Reservation, max_bytes: int, timeout_s: float
) -> bytes:
    """The whole body; one that comes in a coding of ``CODINGS`` is unpacked.

    Args:
        request: whose body it is.
        reservation: gets its bytes, all at once where the request says how many they are.
        max_bytes: the largest that is read, as it comes and unpacked.
        timeout_s: the longest that it is waited for.

    Raises:
        Overloaded: there is no memory free for it; as early as its length is known.
        TooLarge: it is, or says it will be, longer than ``max_bytes``.
        SlowBody: it was not there after ``timeout_s`` seconds.
        BadRequest: what it was compressed to is damaged.
        ClientDisconnect: the client went away.

    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _read_bounded(request, reservation, max_bytes)
    except TimeoutError:
        raise SlowBody(
            f"The body was not complete after {timeout_s:g} s; send it faster, or a smaller photo."
        ) from None


async def _read_bounded(request: Request, reservation: Reservation, max_bytes: int) -> bytes:
    # What comes after a refusal is discarded by the HTTP server, so the client can read it.
    announced = request.headers.get("content-length", "")
    coding = _coding(request)
    incoming = _Incoming(reservation, max_bytes)
    if announced.isdecimal():
        incoming.expect(int(announced), whole=coding not in CODINGS)
    if coding in CODINGS:
        await _inflate(request, coding, incoming)
        return incoming.whole()
    async for chunk in request.stream():
        incoming.add(chunk)
    return incoming.whole()


async def _inflate(request: Request, coding: str, incoming: _Incoming) -> None:
    """Unpack a body; others have their turn after each step of that."""
    inflating, packed = Inflating(coding), 0
    async for chunk in request.stream():
        packed += len(chunk)
        incoming.check(packed)  # much may be packed to hold nothing
        pieces = inflating.pieces(chunk) if chunk else iter(())
        piece: bytes | None = b""
        while piece is not None:
            async with _unpacking.of(incoming.client):
                piece = next(pieces, None)
                incoming.add(piece or b"")
                await asyncio.sleep(0)  # within the turn: the next step is one of the next turn
    inflating.end()


def check_coding(request: Request) -> None:
    """Look whether a body is in a coding that is not undone here.

    Raises:
        UnsupportedFormat: it is.

    """
    coding = _coding(request)
    if coding not in _UNDONE:
        raise UnsupportedFormat(
            f"The body's Content-Encoding {coding[:32]!r} is not undone here; send it in gzip, in "
            "deflate, or as it is."
        )


def _coding(request: Request) -> str:
    return request.headers.get("content-encoding", "").strip().lower()


class _Incoming:
    """A body as it comes, in memory that was reserved before, and in no second copy of it."""

    def __init__(self, reservation: Reservation, max_bytes: int) -> None:
        self._reservation = reservation
        self._max_bytes = max_bytes
        self._room = 0
        self._length = 0
        self._first = b""  # all there is as long as there is no file
        self._file: BytesIO | None = None

    @property
    def client(self) -> str:
        """Whose it is."""
        return self._reservation.client

    def expect(self, length: int, *, whole: bool) -> None:
        """Take the memory for the ``whole`` body, of which the client says that it is so long."""
        self.check(length)
        if whole:
            self._reservation.resize(length)
            self._room = length

    def check(self, length: int) -> None:
        """Refuse a body that is so long.

        Raises:
            TooLarge: it is too long.

        """
        if length > self._max_bytes:
            raise TooLarge(
                f"The body is larger than {_in_words(self._max_bytes)}; send a smaller photograph."
            )

    def add(self, chunk: bytes) -> None:
        """Keep what has come."""
        if not chunk:  # as the last one is
            return
        length = self._length + len(chunk)
        if length > self._room:
            self._grow(length)
        if not self._length:
            self._first = chunk
        else:
            self._opened().write(chunk)
        self._length = length

    def whole(self) -> bytes:
        """All that has come."""
        if self._file is None:
            whole = self._first
        else:
            self._file.truncate(self._length)
            whole = self._file.getvalue()
        self._reservation.resize(self._length)
        return whole

    def _opened(self) -> BytesIO:
        if self._file is None:
            self._file = _file(self._room)
            self._file.write(self._first)
            self._first = b""
        return self._file

    def _grow(self, length: int) -> None:
        """Make room in steps that double it, so that little is copied."""
        self.check(length)
        room = min(max(length, 2 * self._room, _FIRST_STEP), self._max_bytes)
        self._reservation.resize(self._room + room)  # one is copied into the other
        if self._file is not None:
            file = _file(room)
            file.write(self._file.getbuffer()[: self._length])
            self._file = file
        self._reservation.resize(room)
        self._room = room


def _in_words(size: int) -> str:
    """A number of bytes for people, rounded down: ``"20 MB"``."""
    for unit, count in (("MB", 1_000_000), ("kB", 1_000)):
        if size >= count:
            return f"{size * 10 // count / 10:g} {unit}"
    return f"{size} bytes"


def _file(size: int) -> BytesIO:
    """A file to write so many bytes into, and to take them from, without any copy.

    It writes into the very bytes that it is made of, because nobody else has them. They are zeros
    that the system has promised but not given yet, so that a slow body takes what has come of it.
    """
    return BytesIO(bytes(size))


async def photographs(
    request: Request,
    body: bytes,
    max_photos: int,
    reservation: Reservation,
    known: Collection[str] = (),
    *,
    names: Names = IMAGES,
) -> Sent:
    """The photographs in a body, and the parameters beside them.

    The body decides, not its Content-Type: ``curl --data-binary`` says "form" of a photograph.
    No image format begins with ``{`` or ``--``.

    Args:
        request: whose body it is.
        body: its bytes.
        max_photos: the most that it may hold.
        reservation: has the body's bytes, and has the photographs' afterwards.
        known: the parameters there are.
        names: those that JSON has for the photographs.

    Raises:
        InvalidParameter, BadImage, TooManyPhotos: it holds no photographs, or too many; or what is
            no parameter.
        UnsupportedFormat: it is a form that can't hold any, or in a coding that is not undone.
        Overloaded: there is no memory free to take it apart.

    """
    content_type = request.headers.get("content-type", "")
    boundary = boundary_of(content_type)
    if is_form(boundary, body):
        reservation.resize(_FORM_COPIES * len(body))
        form = await apart(
            reservation.client, len(body), take_apart, boundary, body, max_photos, known
        )
        sent = Sent(form.photos, len(form.photos) > 1, form.fields)
    elif is_json(body):
        reservation.resize(JSON_COPIES * len(body))
        sent = await apart(reservation.client, len(body), read_json, body, max_photos, known, names)
    else:
        if not is_image(body):
            check_coding(request)
        if content_type.lower().startswith(_URL_ENCODED):
            _check_url_encoded(body)
        return Sent([body], is_list=False, fields={})
    reservation.resize(sum(map(len, sent.photos)))
    return sent


def _check_url_encoded(body: bytes) -> None:
    """What ``curl`` calls a form may be a photograph, but not one that it has taken bytes out of.

    Raises:
        BadImage: it has.
        UnsupportedFormat: it is such a form.

    """
    if _FIELD.match(body):
        raise UnsupportedFormat(
            "A form in application/x-www-form-urlencoded holds no photograph; send it in "
            "multipart/form-data, in JSON, or the photograph's bytes alone."
        )
    if _BEGUN.match(body) and not any(byte in body for byte in _TAKEN_OUT):
        raise BadImage(
            "The photograph has lost its line ends and zeros, as with `curl --data`; send it with "
            "`curl --data-binary`."
        )


async def apart(client: str, size: int, work: Callable[..., _T], *of: Any) -> _T:
    """Do what takes long for a large body on a thread, so that others are answered meanwhile.

    Args:
        client: whose body it is; each has its turn.
        size: of the body, in bytes.
        work: what is done.
        of: what it is done with.

    """
    if size <= _TAKEN_APART_HERE:
        return work(*of)
    took_s: list[float] = []
    async with _parting.of(client):
        try:
            return await asyncio.get_running_loop().run_in_executor(
                _large, _timed, took_s, work, *of
            )
        finally:
            _large.submit(time.sleep, _REST * sum(took_s))


def _timed(took_s: list[float], work: Callable[..., _T], *of: Any) -> _T:
    start = time.perf_counter()  # here, since the thread may still rest from the one before
    try:
        return work(*of)
    finally:
        took_s.append(time.perf_counter() - start)
