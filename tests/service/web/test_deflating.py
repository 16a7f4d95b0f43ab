"""An answer is compressed for who asks for it, where that pays."""

from __future__ import annotations

import asyncio
import gzip
import zlib

import pytest
from starlette.requests import Request

from service.web.deflating import compressed

CONTENT = b"0.000012," * 1000


def answered(accepted: str | None, content: bytes = CONTENT) -> tuple[bytes, str | None]:
    headers = [] if accepted is None else [(b"accept-encoding", accepted.encode())]
    request = Request({"type": "http", "headers": headers})
    packed, told = asyncio.run(compressed(request, content))
    assert told.get("Vary") == ("Accept-Encoding" if len(content) >= 4096 else None)
    return packed, told.get("Content-Encoding")


@pytest.mark.parametrize(
    "accepted", ["gzip", "gzip, deflate", "deflate, GZIP;q=0.5", "br;q=1, gzip"]
)
def test_gzip(accepted: str) -> None:
    packed, coding = answered(accepted)
    assert (gzip.decompress(packed), coding) == (CONTENT, "gzip")
    assert len(packed) < len(CONTENT) / 10


@pytest.mark.parametrize("accepted", ["deflate", "gzip;q=0, deflate", "gzip;q=0.000,deflate;q=0.1"])
def test_deflate(accepted: str) -> None:
    packed, coding = answered(accepted)
    assert (zlib.decompress(packed), coding) == (CONTENT, "deflate")


@pytest.mark.parametrize("accepted", [None, "", "identity", "br", "gzip;q=0", "gzip; q=0.0, *;q=0"])
def test_as_it_is(accepted: str | None) -> None:
    assert answered(accepted) == (CONTENT, None)


def test_what_is_small_is_not_worth_it_and_what_is_large_is_compressed_beside() -> None:
    assert answered("gzip", CONTENT[:4095]) == (CONTENT[:4095], None)
    assert gzip.decompress(answered("gzip", CONTENT * 10)[0]) == CONTENT * 10
