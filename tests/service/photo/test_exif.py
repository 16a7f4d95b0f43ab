"""What Chromium 150 does with each of these was tried on a canvas."""

from __future__ import annotations

import pytest

from service.photo.exif import orientation
from tests.service.photo.parts import exif

SHORT, LONG = 3, 4
SIX = (0x0112, SHORT, 1, 6)

HEEDED = {
    "little endian": exif(SIX),
    "big endian": exif(SIX, order=">"),
    "a directory further on": exif(SIX, gap=12),
    "at an odd place": exif(SIX, gap=1),
    "between entries that point out of the file": exif(
        (0x010F, 2, 10_000, 0xFFFFFF), SIX, (0x8769, LONG, 1, 0xFFFFFF)
    ),
    "out of order": exif((0x8769, LONG, 1, 0xFFFF), SIX),
    "before another": exif(SIX, (0x0112, SHORT, 1, 3)),
    "fewer entries than told": exif(SIX)[:8] + b"\xff\0" + exif(SIX)[10:],
    "no offset of a second directory": exif(SIX)[:-4],
    "megabytes behind": exif(SIX) + bytes(2_000_000),
    "in the directory below": exif((0x8769, LONG, 1, 26)) + exif(SIX)[8:],
}
IGNORED = {
    "nothing": b"",
    "a byte order alone": b"II*\0",
    "no byte order": b"XX" + exif(SIX)[2:],
    "the version of BigTIFF": exif(SIX).replace(b"II*", b"II+"),
    "a directory beyond the end": exif(SIX)[:4] + b"\xff\xff\xff\xff" + exif(SIX)[8:],
    "an entry cut short": exif(SIX)[:-6],
    "a LONG": exif((0x0112, LONG, 1, 6)),
    "a big-endian LONG": exif((0x0112, LONG, 1, 6), order=">"),
    "a BYTE": exif((0x0112, 1, 1, 6)),
    "text": exif((0x0112, 2, 2, 0x36)),
    "a signed SHORT": exif((0x0112, 8, 1, 6)),
    "an unknown type": exif((0x0112, 13, 1, 6)),
    "two of them": exif((0x0112, SHORT, 2, 6)),
    "none of them": exif((0x0112, SHORT, 0, 6)),
    "nine": exif((0x0112, SHORT, 1, 9)),
    "zero": exif((0x0112, SHORT, 1, 0)),
    "the thumbnail's": exif()[:-4] + (14).to_bytes(4, "little") + exif(SIX)[8:],
    "a directory that names itself": exif((0x8769, LONG, 1, 8)),
}


@pytest.mark.parametrize("data", HEEDED.values(), ids=HEEDED)
def test_an_orientation_that_browsers_heed_is_heeded(data: bytes) -> None:
    assert orientation(data) == 6


@pytest.mark.parametrize("data", IGNORED.values(), ids=IGNORED)
def test_an_orientation_that_browsers_ignore_is_ignored(data: bytes) -> None:
    assert orientation(data) == 1


def test_each_orientation_is_read() -> None:
    assert [orientation(exif((0x0112, SHORT, 1, turn))) for turn in range(1, 9)] == [*range(1, 9)]
