"""PNG files: every colour type and depth, interlaced ones, chunks beside the pixels, damage."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.files.photograph import File, as_tiff_exif, encode, photograph, profile_of

__all__ = ["chunk", "pngs", "written"]

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_GREY, _RGB, _PALETTE, _GREY_ALPHA, _RGBA = 0, 2, 3, 4, 6
_HEADER_END = 33
# Of Adam7 (PNG, 3rd edition, table 8.1): first column, first row, and their steps.
_PASSES = (
    (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
    (0, 1, 1, 2),
)  # fmt: skip

_Samples = NDArray[np.uint16]


def pngs() -> Iterator[File]:
    """Make them all."""
    for name, data in (*_kinds(), *_pillows(), *_beside_the_pixels(), *_colours(), *_damaged()):
        yield File(f"PNG/{name}", data)


def chunk(name: bytes, body: bytes, *, right: bool = True) -> bytes:
    """One chunk, its checksum right or not."""
    checksum = zlib.crc32(name + body) ^ (not right)
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", checksum)


def with_chunks(data: bytes, *chunks: bytes) -> bytes:
    """Put chunks right after a file's header."""
    return data[:_HEADER_END] + b"".join(chunks) + data[_HEADER_END:]


def written(
    samples: _Samples, depth: int, colour: int, *chunks: bytes, interlaced: bool = False
) -> bytes:
    """A PNG of samples (H x W x channels) below 2 ** depth."""
    height, width, _ = samples.shape
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    passes = _PASSES if interlaced else ((0, 0, 1, 1),)
    rows = b"".join(
        _packed(samples[top::down, left::across], depth) for left, top, across, down in passes
    )
    pixels = chunk(b"IDAT", zlib.compress(rows))
    return _SIGNATURE + chunk(b"IHDR", header) + b"".join(chunks) + pixels + chunk(b"IEND", b"")


def _packed(samples: _Samples, depth: int) -> bytes:
    """Each row behind its filter type, which is none."""
    height, width, channels = samples.shape
    if not samples.size:
        return b""
    if depth == 16:  # noqa: PLR2004
        rows = samples.astype(">u2").reshape(height, -1).view(np.uint8)
    else:
        bits = np.unpackbits(samples.astype(np.uint8)[..., None], axis=-1)[..., 8 - depth :]
        rows = np.packbits(bits.reshape(height, width * channels * depth), axis=1)
    return np.hstack([np.zeros((height, 1), np.uint8), rows.astype(np.uint8)]).tobytes()


def _scaled(image: Image.Image, depth: int) -> _Samples:
    samples = np.asarray(image).astype(np.float64)
    samples = samples[..., None] if samples.ndim == 2 else samples  # noqa: PLR2004
    return (samples * ((1 << depth) - 1) / 255).round().astype(np.uint16)


def _see_through() -> Image.Image:
    image = photograph().convert("RGBA")
    width, height = image.size
    fade = Image.linear_gradient("L").resize((width, height))
    image.putalpha(fade)
    return image


def _palette(bits: int) -> tuple[_Samples, bytes]:
    image = photograph().quantize(1 << bits)
    colours = image.getpalette() or []
    return np.asarray(image)[..., None].astype(np.uint16), bytes(colours[: 3 << bits])


def _kinds() -> Iterator[tuple[str, bytes]]:
    grey, rgb, alpha = photograph().convert("L"), photograph(), _see_through()
    sources = {
        "grey": (_GREY, grey, (1, 2, 4, 8, 16)),
        "RGB": (_RGB, rgb, (8, 16)),
        "grey and alpha": (_GREY_ALPHA, alpha.convert("LA"), (8, 16)),
        "RGBA": (_RGBA, alpha, (8, 16)),
    }
    for interlaced in (False, True):
        how = " interlaced" if interlaced else ""
        for name, (colour, image, depths) in sources.items():
            for depth in depths:
                data = written(_scaled(image, depth), depth, colour, interlaced=interlaced)
                yield f"{name} of {depth} bits{how}", data
        for bits in (1, 2, 4, 8):
            samples, colours = _palette(bits)
            data = written(samples, bits, _PALETTE, chunk(b"PLTE", colours), interlaced=interlaced)
            yield f"palette of {bits} bits{how}", data
    yield from _half_clear()


def _half_clear() -> Iterator[tuple[str, bytes]]:
    """Palettes too short, and colours that are see-through without an alpha channel."""
    grey, rgb = photograph().convert("L"), photograph()
    samples, colours = _palette(4)
    palette = chunk(b"PLTE", colours)
    for name, clear in (
        ("half of it see-through", bytes(range(0, 128, 16))),
        ("tRNS too long", bytes(30)),
    ):
        yield f"palette, {name}", written(samples, 4, _PALETTE, palette, chunk(b"tRNS", clear))
    yield "palette too short", written(samples, 4, _PALETTE, chunk(b"PLTE", colours[:24]))
    level = struct.pack(">H", int(np.median(np.asarray(grey))))
    colour = np.asarray(rgb)[50, 75].astype(">u2").tobytes()
    for name, image, depth, kind, clear in (
        ("grey with a clear level", grey, 8, _GREY, level),
        ("grey of 1 bit with a clear level", grey, 1, _GREY, b"\0\1"),
        ("grey of 2 bits with a clear level", grey, 2, _GREY, b"\0\1"),
        ("grey of 4 bits with a clear level", grey, 4, _GREY, b"\0\5"),
        ("grey of 16 bits with a clear level", grey, 16, _GREY, level[1:] * 2),
        (
            "RGB of 16 bits with a clear colour",
            rgb,
            16,
            _RGB,
            bytes(np.repeat(list(colour[1::2]), 2).tolist()),
        ),
        ("RGB with a clear colour", rgb, 8, _RGB, colour),
    ):
        yield name, written(_scaled(image, depth), depth, kind, chunk(b"tRNS", clear))


def _pillows() -> Iterator[tuple[str, bytes]]:
    image = photograph()
    yield "of Pillow", encode(image, "PNG")
    yield "of Pillow, optimised", encode(image, "PNG", optimize=True)
    yield "animated", encode(image, "PNG", save_all=True, append_images=[image.rotate(180)])
    for width, height in ((1, 1), (1, 70), (1300, 30)):
        yield f"{width} x {height}", encode(photograph(width, height), "PNG")


def _beside_the_pixels() -> Iterator[tuple[str, bytes]]:
    plain = encode(photograph(), "PNG")
    text = b"Comment\0" + bytes(range(32, 127)) * 13_000
    packed = b"Comment\0\0" + zlib.compress(bytes(3_000_000))
    yield "text of 1.2 MB", with_chunks(plain, chunk(b"tEXt", text))
    yield "zTXt that unpacks to 3 MB", with_chunks(plain, chunk(b"zTXt", packed))
    yield "twenty zTXt of 3 MB each", with_chunks(plain, *[chunk(b"zTXt", packed)] * 20)
    yield "iTXt of noise", with_chunks(plain, chunk(b"iTXt", bytes(range(256))))
    yield "text with a wrong checksum", with_chunks(plain, chunk(b"tEXt", b"a\0b", right=False))
    yield "an unknown chunk", with_chunks(plain, chunk(b"bOOt", bytes(3000)))
    yield "a private chunk of 2 MB", with_chunks(plain, chunk(b"prVt", bytes(2_000_000)))
    yield "a time cut short", with_chunks(plain, chunk(b"tIME", b"\0"))
    yield "pHYs cut short", with_chunks(plain, chunk(b"pHYs", b"\0\1"))
    yield "text after the pixels", plain[:-12] + chunk(b"tEXt", text) + plain[-12:]
    yield "zeros after the end", plain + bytes(5000)
    for number in (1, 3, 6, 8):
        turn = chunk(b"eXIf", as_tiff_exif(number))
        yield f"eXIf, orientation {number}", with_chunks(plain, turn)
    exif = as_tiff_exif(6)
    turn = chunk(b"eXIf", exif)
    yield "eXIf after the pixels", plain[:-12] + turn + plain[-12:]
    yield "eXIf behind 1.2 MB of text", with_chunks(plain, chunk(b"tEXt", text), turn)
    yield "eXIf with a wrong checksum", with_chunks(plain, chunk(b"eXIf", exif, right=False))
    yield "eXIf that opens with Exif", with_chunks(plain, chunk(b"eXIf", b"Exif\0\0" + exif))
    hexed = b"Raw profile type exif\0\0" + zlib.compress(
        b"\nexif\n%8d\n" % len(exif) + (b"Exif\0\0" + exif).hex().encode()
    )
    yield "orientation 6 as ImageMagick's text", with_chunks(plain, chunk(b"zTXt", hexed))


def _colours() -> Iterator[tuple[str, bytes]]:
    image, plain = photograph(), encode(photograph(), "PNG")
    for space in ("sRGB", "Display P3", "ProPhoto", "swapped"):
        yield f"profile {space}", encode(image, "PNG", icc_profile=profile_of(space))
    swapped = profile_of("swapped")
    for name, other in (("alpha", _see_through()), ("palette", image.quantize(64))):
        yield f"profile swapped and {name}", encode(other, "PNG", icc_profile=swapped)
    yield "profile grey gamma 1", encode(image.convert("L"), "PNG", icc_profile=profile_of("grey"))
    noise = b"ICC\0\0" + zlib.compress(bytes(range(256)))
    yield "profile of noise", with_chunks(plain, chunk(b"iCCP", noise))
    yield "profile that does not unpack", with_chunks(plain, chunk(b"iCCP", b"ICC\0\0" + bytes(99)))
    bomb = b"ICC\0\0" + zlib.compress(bytes(20_000_000))
    yield "profile that unpacks to 20 MB", with_chunks(plain, chunk(b"iCCP", bomb))
    for gamma in (45_455, 100_000, 55_556):
        yield f"gAMA {gamma}", with_chunks(plain, chunk(b"gAMA", struct.pack(">I", gamma)))
    primaries = struct.pack(">8I", 31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000)
    p3, usual, linear = (
        chunk(b"cHRM", primaries),
        *(chunk(b"gAMA", struct.pack(">I", gamma)) for gamma in (45_455, 100_000)),
    )
    yield "gAMA and cHRM of P3", with_chunks(plain, usual, p3)
    yield "cHRM alone", with_chunks(plain, p3)
    yield "sRGB and gAMA 100000", with_chunks(plain, chunk(b"sRGB", b"\0"), linear)
    yield "cICP of P3", with_chunks(plain, chunk(b"cICP", bytes([12, 13, 0, 1])))


def _damaged() -> Iterator[tuple[str, bytes]]:
    plain = encode(photograph(), "PNG")
    yield "no end", plain[:-12]
    for percent in (99, 97, 95, 92, 60):
        yield f"{percent} % of it", plain[: len(plain) * percent // 100]
    at = plain.index(b"IDAT") + 4 + len(plain) // 2
    yield "a wrong byte half way", plain[:at] + bytes([plain[at] ^ 255]) + plain[at + 1 :]
    samples = _scaled(photograph(), 8)
    interlaced = written(samples, 8, _RGB, interlaced=True)
    yield "interlaced, 95 % of it", interlaced[: len(interlaced) * 95 // 100]
    yield "the header alone", plain[:_HEADER_END]
