"""A body that comes compressed, unpacked in small steps: nobody waits, and no bomb goes off."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from booth_client.errors import BadRequest

__all__ = ["CODINGS", "STEP", "Inflating"]

# RFC 9110, section 8.4.1: how zlib is to read each, and how such a body begins. Deflate is always
# within zlib's own format there.
CODINGS = {"gzip": 31, "x-gzip": 31, "deflate": 15}
_GZIP, _ZLIB = 0x1F, 8

STEP = 65_536  # bytes that are unpacked at a time, in 0.2 ms


class Inflating:
    """Unpacks a body while it comes. What only says that it is compressed is left as it is.

    Args:
        coding: one of ``CODINGS``.

    """

    def __init__(self, coding: str) -> None:
        self._coding = coding
        self._began = False
        self._inflater: zlib._Decompress | None = None

    def pieces(self, chunk: bytes) -> Iterator[bytes]:
        """What is in the next ``chunk``, which is not empty, ``STEP`` bytes at a time.

        Raises:
            BadRequest: it is damaged, or goes on behind its end.

        """
        if not self._began:
            self._began = True
            self._inflater = self._begun(chunk[0])
        if self._inflater is None:
            yield chunk
            return
        while chunk:
            yield self._step(self._inflater, chunk)
            chunk = self._inflater.unconsumed_tail

    def _begun(self, first: int) -> zlib._Decompress | None:
        """No image, no form and no JSON begins like either."""
        width = CODINGS[self._coding]
        fits = first & 0xF == _ZLIB if self._coding == "deflate" else first == _GZIP
        return zlib.decompressobj(width) if fits else None

    def _step(self, inflater: zlib._Decompress, chunk: bytes) -> bytes:
        try:
            piece = inflater.decompress(chunk, STEP)
        except zlib.error:
            raise self._damaged("is damaged") from None
        if inflater.unused_data or (inflater.eof and inflater.unconsumed_tail):
            raise self._damaged("goes on behind its end")
        return piece

    def end(self) -> None:
        """Look whether all of it has come.

        Raises:
            BadRequest: it ends too early.

        """
        if self._inflater and not self._inflater.eof:
            raise self._damaged("ends too early")

    def _damaged(self, how: str) -> BadRequest:
        return BadRequest(
            f"The body in the Content-Encoding {self._coding} {how}; compress it anew, or send it "
            "as it is."
        )
