"""What the load generator sends: whole HTTP requests, made once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import cycle, islice
from urllib.parse import urlsplit

__all__ = ["bodies", "post_request"]

BOUNDARY = "a-photograph-ends-here"


def post_request(
    url: str, body: bytes, content_type: str = "image/jpeg", headers: Sequence[str] = ()
) -> bytes:
    """The bytes of one HTTP request."""
    parts = urlsplit(url)
    lines = [
        f"POST {parts.path or '/'}{'?' + parts.query if parts.query else ''} HTTP/1.1",
        f"Host: {parts.netloc}",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
        *headers,
    ]
    return "\r\n".join([*lines, "\r\n"]).encode() + body


def bodies(photos: Sequence[bytes], batch: int) -> list[tuple[bytes, str]]:
    """Bodies with their types: a photograph each, or forms of ``batch`` photographs in turn."""
    if batch == 1:
        return [(photo, "image/jpeg") for photo in photos]
    supply = cycle(photos)
    return [_form(list(islice(supply, batch))) for _ in range(math.ceil(len(photos) / batch))]


def _form(photos: Sequence[bytes]) -> tuple[bytes, str]:
    head = (
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="photo"; filename="photo.jpg"\r\n'
        "Content-Type: image/jpeg\r\n\r\n"
    ).encode()
    parts = b"".join(head + photo + b"\r\n" for photo in photos)
    return parts + f"--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"
