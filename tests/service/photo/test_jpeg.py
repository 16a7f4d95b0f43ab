from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.card import Input
from service.photo.container import picture_of
from service.photo.decode import decode, decode_whole
from service.photo.jpeg import rgb_pixels
from tests.service.photo.lossless import lossless_jpeg
from tests.service.photo.parts import encoded, segment


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def again(data: bytes, **options: Any) -> bytes:
    file = io.BytesIO()
    opened(data).convert(options.pop("mode", "RGB")).save(file, "JPEG", **options)
    return file.getvalue()


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("scale", [1, 2, 4, 8])
def test_the_pixels_are_pillow_s(subsampling: str, scale: int, photos: dict[str, bytes]) -> None:
    for photograph in photos.values():
        data = again(photograph, quality=85, subsampling=subsampling)
        image = opened(data)
        image.draft(None, (image.width // scale, image.height // scale))
        pixels = rgb_pixels(image, data, scale)
        assert pixels is not None
        assert (pixels == np.asarray(image)).all()


@pytest.mark.parametrize(
    "options", [{"progressive": True}, {"mode": "L"}, {"mode": "CMYK"}], ids=str
)
def test_what_is_out_of_the_ordinary_is_left_to_pillow(
    options: dict[str, Any], photos: dict[str, bytes]
) -> None:
    data = again(photos["chelsea"], **options)
    assert rgb_pixels(opened(data), data, 1) is None


def test_a_damaged_file_is_left_to_pillow(photos: dict[str, bytes]) -> None:
    data = again(photos["chelsea"])
    image = opened(data)
    assert rgb_pixels(image, data[: len(data) // 2], 1) is None
    assert rgb_pixels(image, data[:600] + bytes(600) + data[1200:], 1) is None


def test_more_pixels_than_can_be_stopped_in_time_are_left_to_pillow() -> None:
    file = io.BytesIO()
    Image.new("RGB", (8000, 8001)).save(file, "JPEG")
    assert rgb_pixels(opened(file.getvalue()), file.getvalue(), 1) is None


@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_a_lossless_file_is_decoded_whole_and_then_made_small(
    mode: str, photos: dict[str, bytes]
) -> None:
    """At a fraction of its size, libjpeg would write beyond the end of its caller's memory."""
    image = opened(photos["chelsea"]).convert(mode)
    data = lossless_jpeg(np.asarray(image).reshape(image.height, image.width, -1))
    png = encoded(image)
    assert picture_of("JPEG", data).is_lossless
    assert (np.asarray(opened(data)) == np.asarray(image)).all()
    for side in (300, 64, 24):
        wanted = Input(size=side, resize=side)
        assert (decode(data, wanted).pixels == decode(png, wanted).pixels).all()
    whole = [decode_whole(one, lambda *_: (45, 30), "bilinear") for one in (data, png)]
    assert (whole[0].pixels == whole[1].pixels).all()


def test_that_a_file_is_lossless_is_read_as_libjpeg_reads_it(photos: dict[str, bytes]) -> None:
    """Not by what stands within a segment; and whatever is skipped between two."""
    levels = np.full((4, 4, 3), 90, np.uint8)
    thumbnail = segment(0xE1, photos["chelsea"][:3000])
    odd = lossless_jpeg(levels, thumbnail, b"skipped", b"\xff\x01", b"\xff\xff")
    assert picture_of("JPEG", odd).is_lossless
    inside = segment(0xE1, lossless_jpeg(levels))
    ordinary = again(photos["chelsea"])
    for data in (ordinary[:2] + inside + ordinary[2:], ordinary[:2] + b"\xff" * 9, b"\xff\xd8"):
        assert not picture_of("JPEG", data).is_lossless
