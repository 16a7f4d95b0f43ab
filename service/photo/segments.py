"""The segments of a JPEG, in the order in which libjpeg goes from one to the next."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from service.photo.bounds import Allowance

__all__ = ["EOI", "LOSSLESS", "SOS", "Segment", "end_of", "scans_of", "segments"]

# ITU-T T.81, table B.1: start of scan, end of image, and the frames that predict each sample from
# its neighbours.
SOS, EOI = 0xDA, 0xD9
LOSSLESS = {0xC3, 0xC7, 0xCB, 0xCF}
_EOI = re.compile(rb"\xff\xd9")  # in Python 3.11, `find` takes five times as long

# All but those without a length. Among a scan's bytes 0xFF has a zero behind it, or is a restart.
_MARKER = re.compile(rb"\xff[\x02-\xcf\xd9-\xfe]")


class Segment(NamedTuple):
    """From its marker at ``start`` to ``end``, of which ``body`` on are its data."""

    marker: int
    start: int
    body: int
    end: int


def segments(data: bytes, at: int) -> Iterator[Segment]:
    """Walk over the segments, and over what lies between them, up to the image's end.

    The end is the last of them, if there is one. What follows it is no part of the picture: a phone
    puts a second one there, or a video, whose bytes may look like any marker.

    Args:
        data: the file.
        at: where to begin.

    Raises:
        TimeoutError: there are more than can be looked at in time.

    """
    allowance = Allowance()
    while found := _MARKER.search(data, at):
        allowance.check()
        start, body = found.start(), found.end() + 2
        marker = data[start + 1]
        if marker == EOI:
            yield Segment(marker, start, found.end(), found.end())
            return
        if body > len(data):
            return
        at = body - 2 + max(2, data[body - 2] << 8 | data[body - 1])
        yield Segment(marker, start, body, at)


def end_of(data: bytes, at: int) -> int | None:
    """Where the image ends whose first scan is at ``at``; None if the file ends before."""
    first = _EOI.search(data, at)
    if first and first.end() == len(data):
        return len(data)  # as nearly every file's, and found faster than by a walk
    return next((one.end for one in segments(data, at) if one.marker == EOI), None)


def scans_of(data: bytes) -> list[int]:
    """Where a file's scans begin."""
    return [one.start for one in segments(data, 2) if one.marker == SOS]
