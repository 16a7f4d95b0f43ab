from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from service.photo.jpeg import rgb_pixels


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
