"""The body of a request, bounded in bytes, time and memory, taken apart into photographs."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from typing import Any, NamedTuple, TypeVar

import orjson
from starlette.requests import Request

from booth_client.errors import (
    BadImage,
    InvalidParameter,
    SlowBody,
    TooLarge,
    TooManyPhotos,
    UnsupportedFormat,
)
from service.memory import Reservation
from service.web.form import boundary_of, is_form, take_apart
from service.web.query import check_name, given_twice

__all__ = ["Sent", "photographs", "read_body"]

_T = TypeVar("_T")

_MARK = b"\xef\xbb\xbf"  # the byte order mark that some programs write before JSON
_JSON = re.compile(rb"(?:%b)?\s*\{" % _MARK)
_IMAGES = ("image", "images")
_NAME = re.compile(
    rb'"\s*:'
)  # what stands behind the name of each field of the JSON, and only there
_URL_ENCODED = "application/x-www-form-urlencoded"
_FIELD = re.compile(rb"[\w.%+\[\]-]{1,64}=")
# What `curl --data` takes out of a file, and what a photograph begins with afterwards.
_TAKEN_OUT = (b"\0", b"\n", b"\r")
_BEGUN = re.compile(rb"\xff\xd8\xff|\x89PNG|GIF8|RIFF|II[*+]|MM[*+]")

_SPACE = b" \t\r\n"  # base64 often comes in lines
_URL_SAFE = bytes.maketrans(b"-_", b"+/")  # RFC 4648, section 5

# What a body and what is made of it hold together for a moment, in bodies: a form's photographs are
# copied out of it; of JSON there is its text, and at the end a text without spaces, in two forms.
_FORM_COPIES = 2
_JSON_COPIES = 4

_TAKEN_APART_HERE = 262_144  # bytes; so many of JSON take 3 ms
# One at a time: it holds the interpreter, and many together would keep the event loop from it.
_large = ThreadPoolExecutor(1, "booth-body")

_FIRST_STEP = 65_536  # of a body whose length is not known in advance


async def read_body(
    request: Request, reservation: Reservation, max_bytes: int, timeout_s: float
) -> bytes:
    """The whole body.

    Args:
        request: whose body it is.
        reservation: gets its bytes, all at once where the request says how many they are.
        max_bytes: the largest that is read.
        timeout_s: the longest that it is waited for.

    Raises:
        Overloaded: there is no memory free for it; as early as its length is known.
        TooLarge: it is, or says it will be, longer than ``max_bytes``.
        SlowBody: it was not there after ``timeout_s`` seconds.
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
    incoming = _Incoming(reservation, max_bytes)
    if announced.isdecimal():
        incoming.expect(int(announced))
    async for chunk in request.stream():
        if chunk:  # the last one is empty
            incoming.add(chunk)
    return incoming.whole()


class _Incoming:
    """A body as it comes, in memory that was reserved before, and in no second copy of it."""

    def __init__(self, reservation: Reservation, max_bytes: int) -> None:
        self._reservation = reservation
        self._max_bytes = max_bytes
        self._room = 0
        self._length = 0
        self._first = b""  # all there is as long as there is no file
        self._file: BytesIO | None = None

    def expect(self, length: int) -> None:
        """Take the memory for all of it, of which the client says that it is so long."""
        self._check(length)
        self._reservation.resize(length)
        self._room = length

    def add(self, chunk: bytes) -> None:
        """Keep what has come."""
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
        self._check(length)
        room = min(max(length, 2 * self._room, _FIRST_STEP), self._max_bytes)
        self._reservation.resize(self._room + room)  # one is copied into the other
        if self._file is not None:
            file = _file(room)
            file.write(self._file.getbuffer()[: self._length])
            self._file = file
        self._reservation.resize(room)
        self._room = room

    def _check(self, length: int) -> None:
        if length > self._max_bytes:
            raise TooLarge(
                f"The body is larger than {self._max_bytes} bytes; send a smaller photograph."
            )


def _file(size: int) -> BytesIO:
    """A file to write so many bytes into, and to take them from, without any copy.

    It writes into the very bytes that it is made of, because nobody else has them. They are zeros
    that the system has promised but not given yet, so that a slow body takes what has come of it.
    """
    return BytesIO(bytes(size))


class Sent(NamedTuple):
    """What stands in a body.

    ``is_list`` says whether the photographs are a list (that is, want ``results``); ``fields`` are
    the parameters that stand beside them.
    """

    photos: list[bytes]
    is_list: bool
    fields: dict[str, str]


async def photographs(
    request: Request,
    body: bytes,
    max_photos: int,
    reservation: Reservation,
    known: Collection[str] = (),
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

    Raises:
        InvalidParameter, BadImage, TooManyPhotos: it holds no photographs, or too many; or what is
            no parameter.
        UnsupportedFormat: it is a form that can't hold any.
        Overloaded: there is no memory free to take it apart.

    """
    content_type = request.headers.get("content-type", "")
    boundary = boundary_of(content_type)
    if is_form(boundary, body):
        reservation.resize(_FORM_COPIES * len(body))
        form = await _apart(len(body), take_apart, boundary, body, max_photos, known)
        sent = Sent(form.photos, len(form.photos) > 1, form.fields)
    elif _JSON.match(body):
        reservation.resize(_JSON_COPIES * len(body))
        sent = await _apart(len(body), _from_json, body, max_photos, known)
    else:
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


async def _apart(size: int, work: Callable[..., _T], *of: Any) -> _T:
    """Do what takes long for a large body on a thread, so that others are answered meanwhile."""
    if size <= _TAKEN_APART_HERE:
        return work(*of)
    return await asyncio.get_running_loop().run_in_executor(_large, work, *of)


def _from_json(body: bytes, max_photos: int, known: Collection[str]) -> Sent:
    # A photograph has a comma before it, and a data: URL one in it. What has more is not even
    # parsed: millions of small values would hold up everybody for seconds.
    if body.count(b",") > 2 * max_photos + len(known):
        raise _too_many(max_photos)
    try:
        fields = orjson.loads(body.removeprefix(_MARK))
    except orjson.JSONDecodeError:
        raise InvalidParameter(
            'The JSON is malformed; send {"image": "<base64>"} or {"images": ["<base64>"]}.'
        ) from None
    for name in fields:
        check_name(name, (*known, *_IMAGES))
    if len(_NAME.findall(body)) > len(fields):
        raise given_twice("A field of the JSON")
    given = {name: _text(name, value) for name, value in fields.items() if name not in _IMAGES}
    match [fields[name] for name in _IMAGES if name in fields]:
        case [str(image)] if "image" in fields:
            return Sent([_from_base64(image, "image")], is_list=False, fields=given)
        case [[_, *_] as images] if "images" in fields:
            if len(images) > max_photos:
                raise _too_many(max_photos)
            photos = [_from_base64(text, f"images[{i}]") for i, text in enumerate(images)]
            return Sent(photos, is_list=True, fields=given)
    raise InvalidParameter(
        'The JSON must have either {"image": "<base64 or data: URL>"} or {"images": [...]}, and '
        "nothing else but parameters."
    )


def _text(name: str, value: object) -> str:
    """A parameter as it stands in a query."""
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise InvalidParameter(f"{name} must be a string or a whole number in the JSON.")


def _from_base64(text: object, where: str) -> bytes:
    if not isinstance(text, str):
        raise InvalidParameter(f"{where} must be a string: base64, or a data: URL.")
    data = text
    if text[:5].lower() == "data:":
        head, comma, data = text.partition(",")
        if not comma or not head.lower().endswith(";base64"):
            raise InvalidParameter(f"{where} is no base64 data: URL (data:image/jpeg;base64,...).")
    try:
        plain = data.encode("ascii").translate(_URL_SAFE, _SPACE)
        if len(plain) % 4:  # many leave the padding out
            plain += b"=" * (-len(plain) % 4)
        return base64.b64decode(plain, validate=True)
    except (binascii.Error, UnicodeError):
        raise InvalidParameter(f"{where} is not valid base64.") from None


def _too_many(max_photos: int) -> TooManyPhotos:
    return TooManyPhotos(
        f"The request holds too many photographs; send at most {max_photos} at once."
    )
