"""The body of a request, bounded in bytes and time, taken apart into photographs."""

from __future__ import annotations

import asyncio
import base64
import binascii
from collections.abc import AsyncGenerator

import orjson
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request

from booth_client.errors import BadImage, InvalidParameter, SlowBody, TooLarge, TooManyPhotos

__all__ = ["photographs", "read_body"]

_SPACE = b" \t\r\n"  # base64 often comes in lines


async def read_body(request: Request, max_bytes: int, timeout_s: float) -> bytes:
    """The whole body.

    Raises:
        TooLarge: it is, or says it will be, longer than ``max_bytes``.
        SlowBody: it was not there after ``timeout_s`` seconds.
        ClientDisconnect: the client went away.

    """
    try:
        async with asyncio.timeout(timeout_s):
            return await _read_bounded(request, max_bytes)
    except TimeoutError:
        raise SlowBody(
            f"The body was not complete after {timeout_s:g} s; send it faster, or a smaller photo."
        ) from None


async def _read_bounded(request: Request, max_bytes: int) -> bytes:
    # What comes after a refusal is discarded by the HTTP server, so the client can read it.
    refusal = TooLarge(f"The body is larger than {max_bytes} bytes; send a smaller photograph.")
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise refusal
    chunks: list[bytes] = []
    received = 0
    async for chunk in request.stream():
        received += len(chunk)
        if received > max_bytes:
            raise refusal
        if chunk:  # the last one is empty, and joining one with nothing copies it
            chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def photographs(request: Request, body: bytes, max_photos: int) -> tuple[list[bytes], bool]:
    """The photographs in a body, and whether they are a list (that is, want ``results``).

    The body decides, not its Content-Type: ``curl --data-binary`` says "form" of a photograph.
    No image format begins with ``{`` or ``--``.

    Raises:
        InvalidParameter, BadImage, TooManyPhotos: it holds no photographs, or too many.

    """
    if _is_multipart(request, body):
        found = await _from_multipart(request, body)
        is_list = len(found) > 1
    elif body.lstrip()[:1] == b"{":
        found, is_list = _from_json(body, max_photos)
    else:
        found, is_list = [body], False
    if len(found) > max_photos:
        raise _too_many(max_photos)
    return found, is_list


def _is_multipart(request: Request, body: bytes) -> bool:
    content_type = request.headers.get("content-type", "")
    return content_type.lower().startswith("multipart/form-data") and body[:2] == b"--"


async def _from_multipart(request: Request, body: bytes) -> list[bytes]:
    async def whole() -> AsyncGenerator[bytes, None]:
        yield body

    try:
        parser = MultiPartParser(request.headers, whole(), max_files=1000, max_fields=1000)
        form = await parser.parse()
    except (MultiPartException, HTTPException, KeyError):
        raise InvalidParameter(
            "The multipart body is malformed; send each photograph as a file part of form-data."
        ) from None
    try:
        files = [part for _, part in form.multi_items() if isinstance(part, UploadFile)]
        found = [await part.read() for part in files]
    finally:
        await form.close()
    if not found:
        raise BadImage("The form holds no file; send each photograph as a file part.")
    return found


def _from_json(body: bytes, max_photos: int) -> tuple[list[bytes], bool]:
    # A photograph has a comma before it, and a data: URL one in it. What has more is not even
    # parsed: millions of small values would hold up everybody for seconds.
    if body.count(b",") > 2 * max_photos:
        raise _too_many(max_photos)
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise InvalidParameter(
            'The JSON is malformed; send {"image": "<base64>"} or {"images": ["<base64>"]}.'
        ) from None
    match fields:
        case {"image": str(image), **rest} if not rest:
            return [_from_base64(image, "image")], False
        case {"images": [_, *_] as images, **rest} if not rest:
            if len(images) > max_photos:
                raise _too_many(max_photos)
            return [_from_base64(text, f"images[{i}]") for i, text in enumerate(images)], True
    raise InvalidParameter(
        'The JSON must be {"image": "<base64 or data: URL>"} or {"images": [...]}, nothing else.'
    )


def _from_base64(text: object, where: str) -> bytes:
    if not isinstance(text, str):
        raise InvalidParameter(f"{where} must be a string: base64, or a data: URL.")
    data = text
    if text.startswith("data:"):
        head, comma, data = text.partition(",")
        if not comma or not head.endswith(";base64"):
            raise InvalidParameter(f"{where} is no base64 data: URL (data:image/jpeg;base64,...).")
    try:
        return base64.b64decode(data.encode("ascii").translate(None, _SPACE), validate=True)
    except (binascii.Error, UnicodeError):
        raise InvalidParameter(f"{where} is not valid base64.") from None


def _too_many(max_photos: int) -> TooManyPhotos:
    return TooManyPhotos(
        f"The request holds too many photographs; send at most {max_photos} at once."
    )
