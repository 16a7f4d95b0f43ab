"""A compressed body is unpacked in steps, whatever pieces it comes in, and damage is told."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest

from booth_client.errors import BadRequest
from service.web.inflating import STEP, Inflating

CONTENT = random.Random(1).randbytes(20_000) + bytes(300_000)  # noqa: S311 (no secret)
# The time would give the cases another name in each worker.
PACKED = gzip.compress(CONTENT, mtime=0)


def unpacked(coding: str, body: bytes, size: int) -> list[bytes]:
    inflating = Inflating(coding)
    chunks = [body[at : at + size] for at in range(0, len(body), size)]
    pieces = [piece for chunk in chunks for piece in inflating.pieces(chunk)]
    inflating.end()
    return pieces


@pytest.mark.parametrize("size", [1, 13, 1000, 1_000_000])
@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", PACKED),
        ("x-gzip", gzip.compress(CONTENT, 1, mtime=0)),
        ("deflate", zlib.compress(CONTENT)),
        ("gzip", CONTENT),
        ("deflate", b"{}"),
    ],
)
def test_whatever_pieces_it_comes_in(coding: str, body: bytes, size: int) -> None:
    pieces = unpacked(coding, body, size)
    assert b"".join(pieces) == (body if body in (CONTENT, b"{}") else CONTENT)
    assert max(map(len, pieces)) <= max(STEP, size)


@pytest.mark.parametrize(
    ("body", "how"),
    [
        (PACKED[:-1], "ends too early"),
        (PACKED[:5], "ends too early"),
        (PACKED + b"more", "goes on behind its end"),
        (2 * PACKED, "goes on behind its end"),
        (gzip.compress(b"", mtime=0)[:10] + b"\7damaged", "is damaged"),
        (PACKED[:-8] + bytes(8), "is damaged"),
        (b"\x1f\0", "is damaged"),
    ],
)
@pytest.mark.parametrize("size", [7, 1_000_000])
def test_damage_is_told(body: bytes, how: str, size: int) -> None:
    with pytest.raises(BadRequest, match=f"The body in the Content-Encoding gzip {how}"):
        unpacked("gzip", body, size)


def test_nothing_is_nothing() -> None:
    Inflating("gzip").end()
