"""Files that are small to send and would take minutes or gigabytes to decode."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import pytest
from PIL import Image

from booth_client.errors import BadImage
from models.card import Input
from service.photo import bounds as effort
from service.photo.decode import decode

INPUT = Input(size=32, resize=36)


def encoded(image: Image.Image, name: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, name, **options)
    return file.getvalue()


def refusal(data: bytes, max_pixels: int = 50_000_000) -> str:
    with pytest.raises(BadImage, match="far more than its size warrants") as caught:
        decode(data, INPUT, max_pixels=max_pixels)
    return caught.value.detail


def tiff(entries: dict[int, tuple[int, int]], strip: bytes) -> bytes:
    """An 8-bit grey, deflated TIFF; a value of -1 stands for where ``strip`` begins."""
    entries |= {258: (1, 8), 259: (1, 8), 262: (1, 1), 277: (1, 1)}
    start = 8 + 2 + 12 * len(entries) + 4
    directory = b"".join(
        struct.pack("<HHII", tag, 4, count, start if value < 0 else value)
        for tag, (count, value) in sorted(entries.items())
    )
    head = struct.pack("<2sHIH", b"II", 42, 8, len(entries))
    return head + directory + bytes(4) + strip


def tiled(side: int, tile: int) -> bytes:
    pixels = zlib.compress(b"\x80" * tile * tile)
    sizes = {256: side, 257: side, 322: tile, 323: tile, 325: len(pixels), 324: -1}
    return tiff({tag: (1, value) for tag, value in sizes.items()}, pixels)


def test_a_tiff_s_tile_may_be_larger_than_the_picture_but_not_than_the_limit() -> None:
    assert (decode(tiled(100, 512), INPUT).pixels == 128).all()
    assert refusal(tiled(100, 512), max_pixels=512 * 512 - 1).startswith("The TIFF file")


def test_a_tiff_of_countless_strips_is_refused_before_they_are_listed() -> None:
    strips = struct.pack("<I", 8) * 200_000
    sizes = {256: (1, 10), 257: (1, 10), 278: (1, 1), 279: (1, 10)}
    assert refusal(tiff(sizes | {273: (200_000, -1)}, strips)).startswith("The TIFF file")


def test_a_bigtiff_of_countless_tiles_is_refused_as_well() -> None:
    entry = struct.pack("<HHQQ", 324, 4, 200_000, 16)
    data = struct.pack("<2sHHHQQ", b"II", 43, 8, 0, 16, 1) + entry
    assert refusal(data).startswith("The TIFF file")


def test_a_jpeg_of_countless_scans_is_refused() -> None:
    data = encoded(Image.new("L", (1000, 1000), 128), "JPEG", progressive=True)
    last_scan = data[data.rindex(b"\xff\xda") : -2]
    many = data[:-2] + last_scan * 100 + data[-2:]
    assert decode(data, INPUT, max_pixels=1_000_000).width == 1000
    assert refusal(many, max_pixels=1_000_000).startswith("The JPEG file")


def test_a_run_length_bitmap_that_skips_gigabytes_is_refused() -> None:
    data = bytearray(encoded(Image.new("L", (8, 8)), "BMP"))
    data[18:26] = struct.pack("<ii", 5_000_000, 1)
    data[30:34] = struct.pack("<I", 1)  # run lengths of 8 bits
    assert refusal(bytes(data)).startswith("The BMP file")


def test_chunks_without_end_use_up_the_time_that_a_file_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = encoded(Image.new("L", (8, 8)), "PNG")
    chunk = struct.pack(">I4sI", 0, b"abCd", zlib.crc32(b"abCd"))
    endless = data[:33] + chunk * 20_000 + data[33:]
    assert decode(endless, INPUT).width == 8
    monkeypatch.setattr(effort, "_CPU_SECONDS", 0.01)
    assert refusal(endless).startswith("The PNG file")
