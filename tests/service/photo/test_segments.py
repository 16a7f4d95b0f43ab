"""Where a JPEG's scans are, and where it ends."""

from __future__ import annotations

import pytest
from PIL import Image

from service.photo import bounds
from service.photo.segments import EOI, SOS, end_of, scans_of, segments
from tests.service.photo.parts import encoded, segment, with_segments

NOISE = Image.effect_noise((64, 64), 60).convert("RGB")
JPEG = encoded(NOISE, "JPEG", restart_marker_blocks=3)
PROGRESSIVE = encoded(NOISE, "JPEG", progressive=True)
LIKE_MARKERS = b"\xff\xda\0\x08\xff\xd9\xff\xd9"


@pytest.mark.parametrize("whole", [JPEG, PROGRESSIVE])
def test_the_end_is_the_image_s_own(whole: bytes) -> None:
    first = scans_of(whole)[0]
    assert end_of(whole, first) == len(whole)
    assert end_of(whole + LIKE_MARKERS, first) == len(whole)
    between = whole[:-2] + segment(0xE1, LIKE_MARKERS) + b"\xff\xff\xff" + whole[-2:]
    assert end_of(between, first) == len(between)
    for byte in range(1, 5):
        assert end_of(whole[:-byte], first) is None


def test_scans_are_counted_between_the_segments_and_up_to_the_end() -> None:
    assert len(scans_of(JPEG)) == 1
    scans = scans_of(PROGRESSIVE)
    assert len(scans) == PROGRESSIVE.count(b"\xff\xda\0") == 10
    assert scans_of(PROGRESSIVE + JPEG) == scans
    before = segment(0xE2, LIKE_MARKERS)
    assert scans_of(with_segments(PROGRESSIVE, before)) == [at + len(before) for at in scans]


def test_a_segment_has_its_length_whatever_lies_between() -> None:
    data = b"\xff\xd8" + b"\0\xff\0\xff\xd0\xff\1\xff\xff" + segment(0xFE, b"hello")
    found = list(segments(data + segment(SOS, b"") + b"\x12\xff\xd9\xff\xd9", 2))
    assert [one.marker for one in found] == [0xFE, SOS, EOI]
    assert data[found[0].body : found[0].end] == b"hello"


def test_segments_without_end_use_up_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounds, "_CPU_SECONDS", 0.001)
    with pytest.raises(TimeoutError):
        end_of(segment(0xFE, b"") * 100_000, 0)
