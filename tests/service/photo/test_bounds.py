"""Files that are small to send and would take minutes or gigabytes to decode."""

from __future__ import annotations

import struct
import tracemalloc
import zlib

import pytest
from PIL import Image, PngImagePlugin

from booth_client.errors import BadImage, UnsupportedFormat
from models.card import Input
from service.photo import bounds as effort
from service.photo.decode import decode
from tests.service.photo.bmps import bmp
from tests.service.photo.parts import encoded

INPUT = Input(size=32, resize=36)


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


def test_scans_of_a_tiny_jpeg_are_counted_without_a_list_of_them() -> None:
    whole = encoded(Image.new("RGB", (8, 8)), "JPEG")
    data = whole[:-2] + b"\xff\xda\0" * 1_000_000 + whole[-2:]
    tracemalloc.start()
    with pytest.raises(BadImage, match="laid out"):
        decode(data, INPUT)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * len(data)


def test_what_looks_like_scans_behind_the_end_costs_nothing() -> None:
    data = encoded(Image.new("RGB", (8, 8)), "JPEG") + b"\xff\xda\0" * 1_000_000
    assert decode(data, INPUT).width == 8


def test_a_run_length_bitmap_that_skips_gigabytes_takes_no_more_than_its_picture() -> None:
    skipping = b"\0\2\xff\xff" * 1000 + b"\0\1"
    data = bmp((5_000_000, 1), 8, skipping, compression=1)
    tracemalloc.start()
    assert (decode(data, INPUT).pixels == 255).all()
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 100_000_000


def test_chunks_without_end_use_up_the_time_that_a_file_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = encoded(Image.new("L", (8, 8)), "PNG")
    chunk = struct.pack(">I4sI", 0, b"abCd", zlib.crc32(b"abCd"))
    endless = data[:33] + chunk * 20_000 + data[33:]
    assert decode(endless, INPUT).width == 8
    monkeypatch.setattr(effort, "_CPU_SECONDS", 0.01)
    assert refusal(endless).startswith("The PNG file")


def png(colour_type: int, row: bytes, *extra: tuple[bytes, bytes], height: int = 20) -> bytes:
    """A PNG of 8 bits, 20 pixels wide, each of whose rows is ``row``."""
    header = struct.pack(">IIBBBBB", 20, height, 8, colour_type, 0, 0, 0)
    pixels = zlib.compress(row * height)
    chunks = [(b"IHDR", header), *extra, (b"IDAT", pixels), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def test_a_png_with_a_palette_s_type_and_no_palette_is_refused() -> None:
    with pytest.raises(BadImage, match="damaged, incomplete or of a rare kind"):
        decode(png(3, bytes(21)), INPUT)


def test_transparency_longer_than_the_palette_does_no_harm() -> None:
    longer = png(3, b"\0" + b"\1" * 20, (b"PLTE", bytes(6)), (b"tRNS", bytes([255] * 200)))
    assert decode(longer, INPUT).pixels.max() == 0


def test_what_does_not_fit_into_memory_is_told(
    photos: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("service.photo.decode.resample", no_room)
    with pytest.raises(BadImage, match="far more than its size warrants"):
        decode(photos["chelsea"], INPUT)


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_fax_is_refused_before_a_row_of_it_is_decoded(
    compression: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(Image.new("1", (64, 64)), "TIFF", compression=compression)
    monkeypatch.setattr(Image.Image, "load", lambda _self: pytest.fail("it is decoded"))
    with pytest.raises(UnsupportedFormat, match=r"compression is not decoded here.*LZW"):
        decode(data, INPUT)


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "tiff_deflate", "packbits"])
def test_the_usual_compressions_are_decoded(compression: str | None) -> None:
    data = encoded(Image.new("RGB", (64, 64), "red"), "TIFF", compression=compression)
    assert decode(data, INPUT).pixels[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
def test_exif_data_that_points_to_itself_a_thousandfold_is_not_followed(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = struct.pack("<HHII", 700, 1, 60_000, 0)
    head = b"Exif\0\0" + struct.pack("<2sHIH", b"II", 42, 8, 1000)
    data = encoded(Image.new("RGB", (8, 8), "red"), name, exif=head + entry * 1000 + bytes(40_000))
    monkeypatch.setattr(Image.Exif, "load", lambda *_: pytest.fail("it is read"))
    assert decode(data, INPUT).width == 8


def test_text_that_unpacks_to_megabytes_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    text = (b"zTXt", b"title\0\0" + zlib.compress(bytes(1_000_000)))
    monkeypatch.setattr(PngImagePlugin.PngStream, "chunk_zTXt", lambda *_: pytest.fail("it is"))
    assert decode(png(0, bytes(21), *[text] * 9), INPUT).width == 20
