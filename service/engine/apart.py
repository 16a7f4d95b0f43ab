"""Costly photographs: foreseen by their headers, and decoded apart, so that no other waits."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from booth_client.errors import BadRequest
from models.card import Input
from service.engine.lane import Lane
from service.photo.decode import DecodedPhoto
from service.photo.formats import format_of
from service.photo.header import read_header

__all__ = ["Apart", "Foreseen", "Processes", "foresee"]

_UNKNOWN_S = 0.1  # of a file whose header tells nothing: most such files are damaged


class Foreseen(NamedTuple):
    """Seconds of decoding a photograph, and whether the serving threads should do it."""

    decode_s: float
    is_plain: bool


class Processes(Protocol):
    """Decodes photographs in processes of their own; see ``service.photo.apart``."""

    def decode(
        self, data: bytes, wanted: Input, *, max_pixels: int, deadline: float
    ) -> DecodedPhoto:
        """As ``service.photo.decode.decode``, until an instant of ``time.monotonic()``."""

    def close(self) -> None:
        """End the processes."""


class Apart:
    """The lane for costly photographs: threads that each have one decoded in a process.

    Args:
        processes: decode.
        threads: photographs that are decoded apart at the same time.

    """

    def __init__(self, processes: Processes, threads: int) -> None:
        self.processes = processes
        self.lane = Lane(threads)

    def close(self, timeout_s: float | None = None) -> None:
        """Do what waits, then end; where there is a time for it, give up what is decoded now."""
        if timeout_s is not None:
            self.processes.close()
        self.lane.close(timeout_s)
        self.processes.close()


def foresee(photo: bytes, side: int) -> Foreseen:
    """What decoding a photograph will cost, by its header.

    Args:
        photo: the file.
        side: that the photograph is resized to, in pixels.

    """
    header = read_header(photo)
    if header:
        return Foreseen(header.decode_s(side), header.is_plain(side))
    # What is no photograph is refused by its first bytes; a damaged one may cost anything.
    return (
        Foreseen(_UNKNOWN_S, is_plain=False)
        if _is_decodable(photo)
        else Foreseen(0.0, is_plain=True)
    )


def _is_decodable(photo: bytes) -> bool:
    try:
        return bool(format_of(photo))
    except BadRequest:
        return False
