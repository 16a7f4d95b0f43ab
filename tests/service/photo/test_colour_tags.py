from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.card import Input
from service.photo.colour_tags import HighRange, stated_colours
from service.photo.decode import decode
from service.photo.hdr import HLG, PQ
from service.photo.icc import MOST_BYTES, PRIMARIES, matrix_profile
from tests.service.photo.heif import Item, container, ispe, nclx
from tests.service.photo.profiles import (
    COLOURS,
    DISPLAY_P3,
    SHOWN,
    SRGB,
    SRGB_CURVE,
    coloured,
    rgb_profile,
    with_chunks,
)

P3 = rgb_profile(DISPLAY_P3, SRGB_CURVE)


def encoded(name: str, **options: Any) -> bytes:
    file = io.BytesIO()
    coloured().save(file, name, **options)
    return file.getvalue()


def stated(data: bytes, name: str = "") -> list[object]:
    """What a file says; it need not be one that Pillow opens, if its format is given."""
    image = coloured() if name else Image.open(io.BytesIO(data))
    image.format = name or image.format
    return list(stated_colours(image, data))


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_profile_is_found_in_every_container(name: str) -> None:
    assert stated(encoded(name, icc_profile=P3)) == [P3]
    assert stated(encoded(name)) == []


def test_a_gif_has_no_place_for_a_profile() -> None:
    data = encoded("GIF")
    at = 13 + 3 * 2 ** ((data[10] & 7) + 1)
    blocks = (P3[i : i + 255] for i in range(0, len(P3), 255))
    packed = b"".join(bytes([len(block)]) + block for block in blocks)
    assert stated(data[:at] + b"\x21\xff\x0bICCRGBG1012" + packed + b"\0" + data[at:]) == []


def segments(profile: bytes, size: int) -> list[bytes]:
    """A profile in segments of a JPEG."""
    parts = [profile[i : i + size] for i in range(0, len(profile), size)]
    heads = (b"ICC_PROFILE\0" + bytes([i, len(parts)]) for i in range(1, len(parts) + 1))
    bodies = [head + part for head, part in zip(heads, parts, strict=True)]
    return [b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body for body in bodies]


def jpeg_of(parts: list[bytes]) -> bytes:
    data = encoded("JPEG")
    return data[:2] + b"".join(parts) + data[2:]


@pytest.mark.parametrize(("profile", "size"), [(P3, 100), (P3 + bytes(150_000), 65_519)])
def test_the_segments_of_a_jpeg_are_put_together(profile: bytes, size: int) -> None:
    parts = segments(profile, size)
    assert stated(jpeg_of(parts)) == [profile]
    assert stated(jpeg_of([*parts[1:], parts[0]])) == [profile]
    assert stated(jpeg_of([*parts, parts[1]])) == [profile]
    assert stated(jpeg_of(parts[:-1])) == [b""]


def test_a_segment_that_is_there_twice_does_not_stand_for_another() -> None:
    first, second, third = segments(P3 + bytes(150_000), 65_519)
    assert stated(jpeg_of([first, second, second])) == [b""]
    assert stated(jpeg_of([first, third, third])) == [b""]


def test_the_profile_of_a_jpeg_s_preview_is_not_the_photograph_s() -> None:
    preview = b"Exif\0\0" + jpeg_of(segments(P3, 300))
    parts = segments(P3 + bytes(150_000), 65_519)
    exif = b"\xff\xe1" + struct.pack(">H", len(preview) + 2) + preview
    assert stated(jpeg_of([exif, *parts])) == [P3 + bytes(150_000)]


def test_of_several_pictures_in_a_jpeg_the_first_counts() -> None:
    file = io.BytesIO()
    other = coloured()
    other.info["icc_profile"] = rgb_profile(SRGB, SRGB_CURVE)
    coloured().save(file, "MPO", save_all=True, append_images=[other], icc_profile=P3)
    assert stated(file.getvalue()) == [P3]


def gama(value: float) -> tuple[bytes, bytes]:
    return b"gAMA", struct.pack(">I", round(value * 100_000))


def chrm(primaries: Any) -> tuple[bytes, bytes]:
    red, green, blue, white = primaries
    values = (round(v * 100_000) for point in (white, red, green, blue) for v in point)
    return b"cHRM", struct.pack(">8I", *values)


def iccp(profile: bytes) -> tuple[bytes, bytes]:
    return b"iCCP", b"name\0\0" + zlib.compress(profile)


CICP_P3, SRGB_CHUNK = (b"cICP", bytes([12, 13, 0, 1])), (b"sRGB", b"\0")
CICP_PROFILE = matrix_profile(PRIMARIES[12], None)


def of_png(*chunks: tuple[bytes, bytes]) -> list[object]:
    return stated(with_chunks(encoded("PNG"), *chunks))


def test_the_chunks_of_a_png_count_in_the_standard_s_order() -> None:
    assert of_png(SRGB_CHUNK, gama(1.0), iccp(P3), CICP_P3) == [CICP_PROFILE, P3]
    assert of_png(SRGB_CHUNK, gama(1.0), chrm(DISPLAY_P3)) == []
    assert of_png(gama(1.0), chrm(DISPLAY_P3)) == [matrix_profile(DISPLAY_P3, 1.0)]
    assert of_png(gama(0.5)) == [matrix_profile(PRIMARIES[1], 2.0)]


def test_primaries_of_a_png_without_its_gamma_are_passed_over() -> None:
    assert of_png(chrm(DISPLAY_P3)) == []


@pytest.mark.parametrize("gamma", [0.44, 0.45455, 0.47, 0.0])
def test_a_usual_gamma_alone_says_nothing(gamma: float) -> None:
    assert of_png(gama(gamma)) == []


@pytest.mark.parametrize(
    "points",
    [
        [12, 13, 0, 0],  # narrow range
        [12, 13, 1, 1],  # not RGB
        [12, 13, 0],
        [2, 13, 0, 1],  # unspecified
        [12, 2, 0, 1],
        [200, 13, 0, 1],
    ],
)
def test_code_points_that_browsers_pass_over_are(points: list[int]) -> None:
    assert of_png((b"cICP", bytes(points)), iccp(P3)) == [P3]


@pytest.mark.parametrize("transfer", [1, 6, 14, 15])
def test_television_s_curves_are_a_screen_s_in_a_png(transfer: int) -> None:
    found = of_png((b"cICP", bytes([9, transfer, 0, 1])))
    assert found == [matrix_profile(PRIMARIES[9], 2.4)]


@pytest.mark.parametrize("transfer", [PQ, HLG])
def test_high_dynamic_range_is_said_by_code_points(transfer: int) -> None:
    assert of_png((b"cICP", bytes([9, transfer, 0, 1]))) == [HighRange(PRIMARIES[9], transfer)]


def test_a_damaged_profile_of_a_png_leaves_what_else_is_said() -> None:
    assert of_png((b"iCCP", b"name\0\0" + bytes(50)), gama(0.5)) == [
        b"",
        matrix_profile(PRIMARIES[1], 2.0),
    ]
    assert stated(with_chunks(encoded("PNG"), (b"iCCP", b"no end")), "PNG") == [b""]


def test_a_chunk_whose_checksum_is_wrong_is_passed_over() -> None:
    data = with_chunks(encoded("PNG"), gama(1.0))
    image = coloured()
    image.format = "PNG"
    assert list(stated_colours(image, data.replace(struct.pack(">I", 100_000), bytes(4)))) == []


def test_a_profile_of_a_png_is_unpacked_to_a_limit() -> None:
    (found,) = stated(with_chunks(encoded("PNG"), iccp(bytes(60_000_000))), "PNG")
    assert isinstance(found, bytes)
    assert len(found) == MOST_BYTES


def bmp(kind: bytes, gamma: float = 2.2, size: int = 124, profile: bytes = b"") -> bytes:
    """A BMP with BITMAPV4HEADER (108 bytes) or BITMAPV5HEADER, of primaries of Display P3."""
    pixels = coloured().transpose(Image.Transpose.FLIP_TOP_BOTTOM).tobytes("raw", "BGR")
    head = struct.pack("<IiiHHIIiiII", size, 8, 8, 1, 24, 0, len(pixels), 0, 0, 0, 0)
    ends = [round(v * 2**30) for x, y in DISPLAY_P3[:3] for v in (x, y, 1 - x - y)]
    head += bytes(16) + kind + struct.pack("<9I", *ends) + struct.pack("<I", int(gamma * 65536)) * 3
    if size == 124:
        head += struct.pack("<4I", 4, size + len(pixels), len(profile), 0)
    start = 14 + len(head)
    whole = struct.pack("<2sIHHI", b"BM", start + len(pixels), 0, 0, start) + head + pixels
    return whole + profile


@pytest.mark.parametrize("size", [108, 124])
def test_a_bmp_is_calibrated_by_primaries_and_gamma(size: int) -> None:
    gamma = int(2.2 * 65536) / 65536
    (found,) = stated(bmp(bytes(4), size=size))
    assert found == matrix_profile(DISPLAY_P3, gamma)


def test_a_bmp_has_a_profile_embedded() -> None:
    assert stated(bmp(b"DEBM", profile=P3)) == [P3]


@pytest.mark.parametrize("kind", [b"BGRs", b" niW", b"KNIL"])
def test_a_bmp_of_the_system_s_colours_or_a_file_s_says_nothing(kind: bytes) -> None:
    assert stated(bmp(kind, profile=b"C:\\colours.icc\0")) == []


def test_a_bmp_without_calibration_says_nothing() -> None:
    assert stated(bmp(bytes(4), gamma=0)) == []
    assert stated(bmp(b"DEBM", size=108)) == []
    assert stated(encoded("BMP")) == []


def test_a_bmp_is_drawn_so() -> None:
    wanted = Input(size=8, resize=8, keep_aspect=False)
    for data, shown in [
        (bmp(bytes(4), gamma=1.0), "linear Display P3"),
        (bmp(b"DEBM", profile=P3), "Display P3"),
    ]:
        assert np.abs(decode(data, wanted).pixels[4] - SHOWN[shown]).max() <= 1


@pytest.mark.parametrize("name", ["AVIF", "HEIF"])
def test_code_points_of_heif_are_read_where_there_is_no_profile(name: str) -> None:
    def box(primaries: int, transfer: int) -> bytes:
        return container([Item(b"av01", b"", [ispe(6, 4), nclx(primaries, transfer)])])

    assert stated(box(12, 13), name) == [CICP_PROFILE]
    assert stated(box(12, 2), name) == [CICP_PROFILE]
    assert stated(box(9, 1), name) == [matrix_profile(PRIMARIES[9], None)]
    assert stated(box(9, PQ), name) == [HighRange(PRIMARIES[9], PQ)]
    assert stated(box(2, 2), name) == stated(bytes(99), name) == []
    image = coloured()
    image.format, image.info["icc_profile"] = name, P3
    assert list(stated_colours(image, box(9, PQ))) == [P3]


def in_one_colour(name: str, colour: int, **options: Any) -> bytes:
    """The picture of one of COLOURS, in a container of HEIF."""
    if name == "HEIF":
        pytest.importorskip("pillow_heif").register_heif_opener()
    file = io.BytesIO()
    Image.new("RGB", (64, 64), COLOURS[colour]).save(file, name, quality=100, **options)
    return file.getvalue()


@pytest.mark.parametrize("name", ["AVIF", "HEIF"])
def test_heif_is_drawn_so(name: str) -> None:
    wanted = Input(size=8, resize=8)
    found = decode(in_one_colour(name, 0, icc_profile=P3), wanted).pixels[4, 4]
    assert np.abs(found - SHOWN["Display P3"][0]).max() <= 4


@pytest.mark.parametrize(("points", "shown"), [((9, PQ), "PQ"), ((1, 8), "linear")])
def test_avif_is_drawn_by_its_code_points(points: tuple[int, int], shown: str) -> None:
    data = in_one_colour("AVIF", 3)
    at = data.index(b"colrnclx") + 8
    data = data[:at] + struct.pack(">HH", *points) + data[at + 4 :]
    found = decode(data, Input(size=8, resize=8)).pixels[4, 4]
    assert np.abs(found - SHOWN[shown][3]).max() <= 3
