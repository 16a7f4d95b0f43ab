"""WebP, GIF, BMP and AVIF files."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from PIL import Image, features

from benchmarks.files.photograph import File, as_tiff_exif, encode, photograph, profile_of

__all__ = ["avifs", "bmps", "gifs", "webps"]


def _see_through() -> Image.Image:
    image = photograph().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    return image


def webps() -> Iterator[File]:
    """Make the WebP files."""
    for name, data in _webps():
        yield File(f"WebP/{name}", data)


def _webps() -> Iterator[tuple[str, bytes]]:
    image = photograph()
    lossy = encode(image, "WEBP", quality=90)
    lossless = encode(image, "WEBP", lossless=True)
    yield "lossy", lossy
    yield "lossless", lossless
    yield "grey", encode(image.convert("L"), "WEBP")
    yield "1 x 1", encode(photograph(1, 1), "WEBP")
    for how in ({"quality": 90}, {"lossless": True}):
        yield f"see-through, {next(iter(how))}", encode(_see_through(), "WEBP", **how)
    others = [image.rotate(180), image.rotate(90)]
    yield "animated", encode(image, "WEBP", save_all=True, append_images=others)
    for number in (1, 2, 3, 4, 5, 6, 7, 8):
        yield f"orientation {number}", encode(image, "WEBP", exif=as_tiff_exif(number))
    yield "orientation 6 behind Exif", encode(image, "WEBP", exif=b"Exif\0\0" + as_tiff_exif(6))
    yield "Exif of noise", encode(image, "WEBP", exif=bytes(range(256)))
    yield "XMP of noise", encode(image, "WEBP", xmp=bytes(range(256)))
    for space in ("sRGB", "Display P3", "swapped"):
        yield f"profile {space}", encode(image, "WEBP", quality=90, icc_profile=profile_of(space))
    yield "profile of noise", encode(image, "WEBP", icc_profile=bytes(range(256)))
    for kind, data in (("lossy", lossy), ("lossless", lossless)):
        for percent in (99, 95, 60):
            yield f"{kind}, {percent} % of it", data[: len(data) * percent // 100]
    yield "zeros after the end", lossy + bytes(3000)


def gifs() -> Iterator[File]:
    """Make the GIF files."""
    for name, data in _gifs():
        yield File(f"GIF/{name}", data)


def _gifs() -> Iterator[tuple[str, bytes]]:
    image = photograph()
    few = image.quantize(128)
    plain = encode(few, "GIF", interlace=0)
    yield "plain", plain
    yield "interlaced", encode(few, "GIF", interlace=1)
    yield "grey", encode(image.convert("L"), "GIF")
    yield "two colours", encode(image.convert("1"), "GIF")
    yield "a clear colour", encode(few, "GIF", transparency=few.getpixel((75, 50)))
    others = [frame.quantize(64) for frame in (image.rotate(180), image.rotate(90))]
    yield "animated", encode(few, "GIF", save_all=True, append_images=others, duration=50)
    yield "a comment", encode(few, "GIF", comment=b"a comment of some words " * 500)
    yield "version 87a", b"GIF87a" + plain[6:]
    yield "a frame smaller than the screen", _on_a_screen(plain, 200, 160)
    yield "a frame larger than the screen", _on_a_screen(plain, 100, 60)
    yield "a screen of nothing", _on_a_screen(plain, 0, 0)
    for percent in (99, 97, 95, 92, 60):
        yield f"{percent} % of it", plain[: len(plain) * percent // 100]
    yield "no trailer", plain[:-1]
    yield "text after the end", plain + b"text" * 99


def _on_a_screen(data: bytes, width: int, height: int) -> bytes:
    return data[:6] + struct.pack("<HH", width, height) + data[10:]


def avifs() -> Iterator[File]:
    """Make the AVIF files, where Pillow can."""
    if features.check("avif"):
        for name, data in _avifs():
            yield File(f"AVIF/{name}", data)


def _avifs() -> Iterator[tuple[str, bytes]]:
    image = photograph()
    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        yield sampling, encode(image, "AVIF", subsampling=sampling, quality=90)
    yield "grey", encode(image.convert("L"), "AVIF", quality=90)
    yield "4:0:0", encode(image.convert("L"), "AVIF", subsampling="4:0:0", quality=90)
    yield "see-through", encode(_see_through(), "AVIF", quality=90)
    yield "limited range", encode(image, "AVIF", range="limited", quality=90)
    others = [image.rotate(180), image.rotate(90)]
    yield "animated", encode(image, "AVIF", save_all=True, append_images=others)
    for number in range(1, 9):
        yield f"orientation {number}", encode(image, "AVIF", quality=90, exif=as_tiff_exif(number))
    for space in ("sRGB", "Display P3", "swapped"):
        yield f"profile {space}", encode(image, "AVIF", quality=90, icc_profile=profile_of(space))
    data = encode(image, "AVIF", quality=90)
    for percent in (99, 60):
        yield f"{percent} % of it", data[: len(data) * percent // 100]


def bmps() -> Iterator[File]:
    """Make the BMP files."""
    for name, data in _bmps():
        yield File(f"BMP/{name}", data)


_CORE, _INFO, _V2, _V3, _V4, _V5 = 12, 40, 52, 56, 108, 124
_UNPACKED, _MASKS = 0, 3
_MASKS_32 = (0xFF0000, 0xFF00, 0xFF, 0xFF000000)


def _bmp(
    rows: bytes,
    bits: int,
    *,
    header: int = _INFO,
    masks: tuple[int, ...] = (),
    palette: bytes = b"",
    compression: int | None = None,
    top_down: bool = False,
) -> bytes:
    """A BMP of rows, packed and padded, from the lowest up (Windows GDI, BITMAPV5HEADER)."""
    width, height = photograph().size
    if compression is None:
        compression = _MASKS if masks else _UNPACKED
    if header == _CORE:
        info = struct.pack("<IHHHH", header, width, height, 1, bits)
    else:
        colours = len(palette) // 4
        info = struct.pack(
            "<IiiHHIIiiII", header, width, -height if top_down else height, 1, bits,
            compression, len(rows), 2835, 2835, colours, 0,
        )  # fmt: skip
        packed = struct.pack(f"<{len(masks)}I", *masks)
        if header > _INFO:
            info += packed[: header - _INFO].ljust(header - _INFO, b"\0")
            info = _as_srgb(info, header)
        else:
            info += packed
    at = 14 + len(info) + len(palette)
    return struct.pack("<2sIHHI", b"BM", at + len(rows), 0, 0, at) + info + palette + rows


def _as_srgb(info: bytes, header: int) -> bytes:
    """Say ``sRGB`` where a header has a field for the colour space."""
    return info[:56] + b"BGRs" + info[60:] if header >= _V4 else info


def _rows(image: Image.Image, mode: str, *, top_down: bool = False) -> bytes:
    width = image.width * {"BGR": 24, "BGRA": 32, "BGRX": 32, "P": 8, "L": 8}[mode] // 8
    pixels = image.tobytes() if mode in {"P", "L"} else image.tobytes("raw", mode)
    rows = [
        pixels[at : at + width].ljust((width + 3) // 4 * 4, b"\0")
        for at in range(0, len(pixels), width)
    ]
    return b"".join(rows if top_down else reversed(rows))


def _rows_16(red: int, green: int, blue: int) -> bytes:
    """Rows of 16 bits a pixel, of which each colour has so many."""
    pixels = np.asarray(photograph()).astype(np.uint16)[::-1]
    r, g, b = (pixels[..., i] >> (8 - bits) for i, bits in enumerate((red, green, blue)))
    packed = (r << (green + blue) | g << blue | b).astype("<u2")
    return np.pad(packed, ((0, 0), (0, packed.shape[1] % 2))).tobytes()


def _few(colours: int, bits: int) -> tuple[bytes, bytes]:
    """Rows and palette of a picture of so many colours."""
    image = photograph().quantize(colours)
    flat = image.getpalette() or []
    palette = b"".join(bytes([*flat[i : i + 3][::-1], 0]) for i in range(0, 3 * colours, 3))
    indices = np.asarray(image)[::-1]
    unpacked = np.unpackbits(indices[..., None], axis=-1)[..., 8 - bits :]
    packed = np.packbits(unpacked.reshape(len(indices), -1), axis=1)
    return np.pad(packed, ((0, 0), (0, -packed.shape[1] % 4))).tobytes(), palette


def _rle8(image: Image.Image) -> bytes:
    """Runs of one pixel each, which is allowed."""
    indices = np.asarray(image)[::-1]
    lines = [b"".join(bytes([1, value]) for value in row.tolist()) + b"\0\0" for row in indices]
    return b"".join(lines) + b"\0\1"


def _bmps() -> Iterator[tuple[str, bytes]]:
    image, clear = photograph(), _see_through()
    yield "24 bits", _bmp(_rows(image, "BGR"), 24)
    yield "24 bits top-down", _bmp(_rows(image, "BGR", top_down=True), 24, top_down=True)
    yield "24 bits, core header", _bmp(_rows(image, "BGR"), 24, header=_CORE)
    yield "32 bits, fourth byte 0", _bmp(_rows(image, "BGRX"), 32)
    yield "32 bits, fourth byte used", _bmp(_rows(clear, "BGRA"), 32)
    opaque, nothing = image.convert("RGBA"), image.convert("RGBA")
    nothing.putalpha(0)
    for header in (_V3, _V4, _V5):
        for name, picture in (("opaque", opaque), ("fading", clear), ("all 0", nothing)):
            data = _bmp(_rows(picture, "BGRA"), 32, header=header, masks=_MASKS_32)
            yield f"32 bits, header of {header}, alpha {name}", data
    for header in (_INFO, _V2):
        data = _bmp(_rows(opaque, "BGRA"), 32, header=header, masks=_MASKS_32[:3])
        yield f"32 bits, masks without alpha, header of {header}", data
    yield "16 bits, 555 as it is", _bmp(_rows_16(5, 5, 5), 16)
    yield "16 bits, 555 by masks", _bmp(_rows_16(5, 5, 5), 16, masks=(0x7C00, 0x3E0, 0x1F))
    yield "16 bits, 565 by masks", _bmp(_rows_16(5, 6, 5), 16, masks=(0xF800, 0x7E0, 0x1F))
    yield "16 bits, 444 by masks", _bmp(_rows_16(4, 4, 4), 16, masks=(0xF00, 0xF0, 0xF))
    for colours, bits in ((2, 1), (16, 4), (256, 8), (100, 8)):
        rows, palette = _few(colours, bits)
        yield f"{colours} colours in {bits} bits", _bmp(rows, bits, palette=palette)
    rows, palette = _few(256, 8)
    short = b"".join(palette[i : i + 3] for i in range(0, len(palette), 4))
    yield "256 colours, core header", _bmp(rows, 8, header=_CORE, palette=short)
    runs = _rle8(photograph().quantize(256))
    yield "run lengths", _bmp(runs, 8, palette=palette, compression=1)
    yield "run lengths without their end", _bmp(runs[:-2], 8, palette=palette, compression=1)
    plain = _bmp(_rows(image, "BGR"), 24)
    for percent in (99, 95, 60):
        yield f"24 bits, {percent} % of it", plain[: len(plain) * percent // 100]
    yield "grey", encode(image.convert("L"), "BMP")
    yield "zeros after the end", plain + bytes(999)
