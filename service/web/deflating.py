"""An answer that its client takes compressed, where it is text and more than a packet or two."""

from __future__ import annotations

import asyncio
import zlib

from starlette.requests import Request
from starlette.responses import Response

__all__ = ["as_json", "compressed"]

_LEAST = 4096  # bytes; fewer are on their way as soon as they would be compressed
_HERE = 65_536  # bytes, which take 1 ms; others are answered while more are compressed
_WIDTHS = {"gzip": 31, "deflate": 15}


async def compressed(request: Request, content: bytes) -> tuple[bytes, dict[str, str]]:
    """The content of an answer in a coding that the request takes, and the headers that say so."""
    if len(content) < _LEAST:
        return content, {}
    vary = {"Vary": "Accept-Encoding"}
    coding = _coding(request.headers.get("accept-encoding", ""))
    if not coding:
        return content, vary
    if len(content) > _HERE:
        packed = await asyncio.to_thread(_packed, content, coding)
    else:
        packed = _packed(content, coding)
    return packed, {**vary, "Content-Encoding": coding}


async def as_json(request: Request, content: bytes, *, vary: str = "") -> Response:
    """An answer of JSON, compressed where that pays; `vary` names what else it depends on."""
    content, headers = await compressed(request, content)
    depends = ", ".join(filter(None, (vary, headers.get("Vary"))))
    if depends:
        headers["Vary"] = depends
    return Response(content, headers=headers, media_type="application/json")


def _coding(accepted: str) -> str:
    """The first coding of ours that is accepted; "" where none is."""
    weights = dict(_weighed(one) for one in accepted.lower().split(",")[:16])
    return next((one for one in _WIDTHS if weights.get(one, 0)), "")


def _weighed(one: str) -> tuple[str, float]:
    """A coding with its weight (RFC 9110, section 12.5.3)."""
    name, _, weight = one.partition(";")
    is_refused = weight.strip().removeprefix("q=").strip("0.") == "" and weight.strip() != ""
    return name.strip(), 0 if is_refused else 1


def _packed(content: bytes, coding: str) -> bytes:
    return zlib.compress(content, level=1, wbits=_WIDTHS[coding])
