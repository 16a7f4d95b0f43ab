"""What the first bytes say, held against what Pillow makes of the whole file."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from service.photo.formats import FORMATS
from service.photo.header import Header, read_header
from tests.service.photo.costly import blank_webp
from tests.service.photo.heif import Item, container, grid, ispe, saved
from tests.service.photo.parts import encoded
from tests.service.photo.tiffs import Storage, tiff

SIDE = 256


def photograph(mode: str = "RGB", size: tuple[int, int] = (120, 90)) -> Image.Image:
    noise = np.random.default_rng(1).integers(0, 256, (size[1], size[0], 3), np.uint8)
    return Image.fromarray(noise).convert(mode)


def animated(name: str) -> bytes:
    return encoded(photograph(), name, save_all=True, append_images=[photograph().rotate(90)])


EXIF = Image.Exif()
EXIF[0x0112] = 6

FILES = {
    "jpeg": encoded(photograph(), "JPEG"),
    "jpeg grey": encoded(photograph("L"), "JPEG"),
    "jpeg cmyk": encoded(photograph("CMYK"), "JPEG"),
    "jpeg progressive": encoded(photograph(), "JPEG", progressive=True),
    "jpeg exif": encoded(photograph(), "JPEG", exif=EXIF, comment=b"a booth"),
    "jpeg mpo": animated("MPO"),
    "png": encoded(photograph(), "PNG"),
    "png rgba": encoded(photograph("RGBA"), "PNG"),
    "png 1": encoded(photograph("1"), "PNG"),
    "png 16": encoded(photograph("I;16"), "PNG"),
    "webp": encoded(photograph(), "WEBP"),
    "webp alpha": encoded(photograph("RGBA"), "WEBP", exif=EXIF),
    "webp lossless": encoded(photograph(), "WEBP", lossless=True),
    "webp animated": animated("WEBP"),
    "gif": encoded(photograph(), "GIF"),
    "gif animated": animated("GIF"),
    "gif comment": encoded(photograph(), "GIF", comment=b"a booth" * 100),
    "bmp": encoded(photograph(), "BMP"),
    "bmp palette": encoded(photograph("P"), "BMP"),
    "tiff": encoded(photograph(), "TIFF"),
    "tiff lzw": encoded(photograph("RGBA"), "TIFF", compression="tiff_lzw"),
    "tiff big": encoded(photograph(), "TIFF", big_tiff=True),
    "tiff f": encoded(photograph("F"), "TIFF", exif=EXIF),
    "avif": encoded(photograph(), "AVIF"),
    "avif alpha": encoded(photograph("RGBA"), "AVIF", exif=EXIF),
    "avif animated": animated("AVIF"),
    "heic": container([Item(b"hvc1", b"", [ispe(120, 90)])]),
    "heic grid": container([grid(1, 2, 120, 90), *[Item(b"hvc1", b"", [ispe(64, 96)])] * 2]),
}


APART = ("tiff", "avif", "heic")


def header_of(data: bytes) -> Header:
    header = read_header(data)
    assert header
    return header


@pytest.mark.parametrize("kind", [bytes, memoryview])
@pytest.mark.parametrize("name", FILES)
def test_the_first_bytes_tell_format_and_size(name: str, kind: type[bytes | memoryview]) -> None:
    header = read_header(kind(FILES[name]))
    assert header
    assert header.format == name.split(maxsplit=1)[0].upper()
    assert (header.width, header.height) == (120, 90)
    assert header.size == len(FILES[name])
    assert header.pixels == 120 * 90


def test_a_gif_s_frame_may_be_larger_than_its_screen() -> None:
    screen, frame = b"\1\0\1\0", b"\x60\xea\x60\xea"
    gif = b"GIF89a" + screen + b"\x80\0\0" + bytes(6) + b"," + bytes(4) + frame + b"\0\2\2D\1\0;"
    assert header_of(gif).pixels == 60_000**2


@pytest.mark.parametrize(
    ("name", "plain"),
    [(name, not name.startswith(APART)) for name in FILES],
)
def test_small_photographs_are_plain_but_for_those_that_hide_their_cost(
    name: str, plain: bool
) -> None:
    assert header_of(FILES[name]).is_plain(SIDE) is plain


def test_an_ordinary_jpeg_is_plain_up_to_the_pixel_limit() -> None:
    start = FILES["jpeg"].index(b"\xff\xc0")
    data = bytearray(FILES["jpeg"])
    data[start + 5 : start + 9] = struct.pack(">HH", 8000, 8000)
    assert header_of(bytes(data)).is_plain(SIDE)
    data[start + 5 : start + 9] = struct.pack(">HH", 762, 65_000)  # too low to be decoded smaller
    assert not header_of(bytes(data)).is_plain(SIDE)


def progressive(width: int, height: int) -> bytes:
    """One whose header tells of other sizes than it has."""
    data = bytearray(FILES["jpeg progressive"])
    start = data.index(b"\xff\xc2")
    data[start + 5 : start + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def test_a_jpeg_of_several_scans_is_plain_while_they_are_few_and_soon_decoded() -> None:
    data = FILES["jpeg progressive"]
    scans = data.count(b"\xff\xda")
    assert scans == 10
    assert header_of(data + b"\xff\xda" * 2).is_plain(SIDE)
    assert not header_of(data + b"\xff\xda" * 3).is_plain(SIDE)
    assert header_of(progressive(2000, 1500)).is_plain(SIDE)
    assert not header_of(progressive(4000, 3000)).is_plain(SIDE)
    assert not header_of(data + bytes(600_000)).is_plain(SIDE)


def test_a_jpeg_in_arithmetic_coding_is_not_plain() -> None:
    data = FILES["jpeg progressive"].replace(b"\xff\xc2", b"\xff\xca")
    assert not header_of(data).is_plain(SIDE)


@pytest.mark.parametrize("kind", [b"av01", b"hvc1"])
def test_avif_and_heic_are_priced_by_their_boxes(kind: bytes) -> None:
    header = header_of(container([Item(kind, b"", [ispe(8192, 6144)])]))
    assert (header.format, header.pixels) == ({b"av01": "AVIF", b"hvc1": "HEIC"}[kind], 50_331_648)
    assert 1 < header.decode_s(SIDE) < 5
    assert 600_000_000 < header.memory_bytes(SIDE) < 1_000_000_000
    assert not header.is_plain(SIDE)


def test_a_webp_of_38_bytes_is_priced_by_its_pixels() -> None:
    header = header_of(blank_webp(7000))
    assert not header.is_plain(SIDE)
    assert header.decode_s(SIDE) > 0.5
    assert header.memory_bytes(SIDE) > 500_000_000


def test_a_thin_png_is_priced_by_its_rows() -> None:
    data = bytearray(FILES["png rgba"])
    data[16:26] = struct.pack(">IIBB", 1, 50_000_000, 16, 6)
    assert not header_of(bytes(data)).is_plain(SIDE)
    assert header_of(bytes(data)).memory_bytes(SIDE) > 1_500_000_000


def test_chunks_beside_the_pixels_have_their_price() -> None:
    data = FILES["png"] + bytes(500_000)
    assert not header_of(data).is_plain(SIDE)


@pytest.mark.parametrize("data", [b"", b"\xff\xd8\xff", b"%PDF-1.7", b"GIF89a", b"BM", b"II*\0"])
def test_what_says_nothing_has_no_header(data: bytes) -> None:
    assert read_header(data) is None


def test_segments_without_end_are_not_followed() -> None:
    assert read_header(b"\xff\xd8" + b"\xff\xe0\0\2" * 1_000_000) is None
    assert read_header(FILES["gif"][:13] + b"!\xfe" + b"\1a" * 1_000_000) is None


@pytest.mark.parametrize("name", FILES)
def test_damage_anywhere_raises_nothing(name: str) -> None:
    dice = random.Random(20)  # noqa: S311
    for _ in range(300):
        data = bytearray(FILES[name][: dice.randrange(len(FILES[name]))])
        for _ in range(dice.choice([0, 1, 4])):
            if data:
                data[dice.randrange(min(len(data), 200))] = dice.randrange(256)
        header = read_header(bytes(data))
        if header:
            assert header.memory_bytes(SIDE) > 0
            assert header.decode_s(SIDE) > 0


# Decodes each file in a process of its own, and prints the bytes that it held at its peak.
MEASURE = """
import json, os, sys
from models.card import Input
from service.photo.decode import decode
from tests.service.photo.parts import encoded

def status(name):
    with open("/proc/self/status") as lines:
        return next(int(line.split()[1]) for line in lines if line.startswith(name)) * 1024

wanted, names = Input(size=224, resize=224, keep_aspect=False), sys.argv[1:]
with open(names[0], "rb") as file:
    decode(file.read(), wanted)
for name in names[1:]:
    if os.fork() == 0:
        with open(name, "rb") as file:
            data = file.read()
        before = status("VmRSS")
        decode(data, wanted)
        print(json.dumps([os.path.basename(name), status("VmHWM") - before]), flush=True)
        os._exit(0)
    os.wait()
"""


def sixteen(side: int, how: Storage, dtype: type = np.uint16) -> bytes:
    samples: np.ndarray[Any, Any] = np.full((side, side, 3), 1000, dtype)
    return tiff(samples, 8 * samples.itemsize, 2, how)


def large_files(side: int) -> dict[str, bytes]:
    image = Image.new("RGB", (side, side), (10, 200, 30))
    clear = Image.new("RGBA", (side, side), (10, 200, 30, 100))
    grey, palette = image.convert("L"), image.quantize(4)
    levels = Image.fromarray(np.full((side, side), 1000, np.uint16))
    lzw, deflate = {"compression": "tiff_lzw"}, {"compression": "tiff_deflate"}
    return {
        "jpeg": encoded(image, "JPEG"),
        "jpeg cmyk": encoded(image.convert("CMYK"), "JPEG"),
        "jpeg progressive": encoded(image, "JPEG", progressive=True, subsampling=0),
        "png": encoded(image, "PNG"),
        "png rgba": encoded(clear, "PNG"),
        "png la": encoded(clear.convert("LA"), "PNG"),
        "png grey": encoded(grey, "PNG"),
        "png 1": encoded(grey.convert("1"), "PNG"),
        "png 16": encoded(levels, "PNG"),
        "png 16 transparent": encoded(levels, "PNG", transparency=5),
        "png transparent": encoded(image, "PNG", transparency=(1, 2, 3)),
        "png palette": encoded(palette, "PNG", transparency=bytes(4)),
        "webp": encoded(image, "WEBP", method=0),
        "webp alpha": encoded(clear, "WEBP", method=0),
        "webp lossless": encoded(clear, "WEBP", method=0, lossless=True),
        "gif": encoded(palette, "GIF", transparency=1),
        "bmp": encoded(image, "BMP"),
        "bmp rgba": encoded(clear, "BMP"),
        "bmp palette": encoded(palette, "BMP"),
        "tiff": encoded(image, "TIFF", exif=EXIF),
        "tiff one strip": encoded(clear, "TIFF", strip_size=1 << 30, **deflate),
        "tiff 16 one strip": sixteen(side, Storage(rows=None, compression=8)),
        "tiff 16 rgb": sixteen(side, Storage(rows=None)),
        "tiff 16 planar": sixteen(side, Storage(rows=9, planar=True, compression=8)),
        "tiff 16 tiled": sixteen(side, Storage(tile=(512, 512), compression=8, predictor=2)),
        "tiff 16 one tile": sixteen(side, Storage(tile=(side, side), compression=8)),
        "tiff float rgb": sixteen(side, Storage(compression=8), np.float32),
        "tiff double rgb": sixteen(side, Storage(tile=(160, 160)), np.float64),
        "tiff f": encoded(grey.convert("F"), "TIFF"),
        "tiff i": encoded(grey.convert("I"), "TIFF", **lzw),
        "tiff 16": encoded(levels, "TIFF", **lzw),
        "tiff cmyk": encoded(image.convert("CMYK"), "TIFF"),
        "tiff jpeg": encoded(image, "TIFF", compression="jpeg"),
        "avif": encoded(image, "AVIF", speed=10),
        "avif alpha": encoded(clear, "AVIF", speed=10, subsampling="4:4:4"),
        **(
            {"heic": large_heic(image), "heic alpha": large_heic(clear)}
            if "HEIC" in FORMATS
            else {}
        ),
    }


def large_heic(image: Image.Image) -> bytes:
    return saved(image, "HEIC", enc_params={"preset": "ultrafast"})


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells what was held")
def test_no_file_takes_more_memory_than_was_foreseen(tmp_path: Path) -> None:
    files = {"first": FILES["jpeg"], **large_files(1600)}
    files["png thin"] = encoded(Image.new("RGBA", (1, 2_000_000)), "PNG")
    files["png wide"] = encoded(Image.new("RGBA", (2_000_000, 1)), "PNG")
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    command = [sys.executable, "-c", MEASURE, *(str(tmp_path / name) for name in files)]
    done = subprocess.run(command, env=environment, capture_output=True, check=True, timeout=100)
    held = dict(json.loads(line) for line in done.stdout.splitlines())
    assert set(held) == set(files) - {"first"}
    foreseen = {name: header_of(files[name]).memory_bytes(224) for name in held}
    assert {name: bytes_ for name, bytes_ in held.items() if bytes_ > foreseen[name]} == {}
    most = 10 * 1600 * 1600 + 8_000_000
    # libwebp holds its canvas twice beside Pillow's image, libavif and libheif theirs in two forms;
    # a pointer a row, and rows, come on top; a strip or a row of tiles is unpacked at once.
    others = ("webp", "avif", "heic", "png thin", "png wide", "tiff 16", "tiff double")
    frugal = {name: bytes_ for name, bytes_ in held.items() if not name.startswith(others)}
    assert {name: each for name, each in frugal.items() if each > most} == {}
