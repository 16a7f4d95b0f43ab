"""JPEG files: colour, layout, orientation, profiles, damage, and what is not pixels."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from PIL import Image

from benchmarks.files.photograph import File, as_tiff_exif, encode, photograph, profile_of

__all__ = ["jpegs"]

_EXIF = b"Exif\0\0"
_XMP = b"http://ns.adobe.com/xap/1.0/\0"
_ICC = b"ICC_PROFILE\0"
_END = b"\xff\xd9"


def jpegs() -> Iterator[File]:
    """Make them all."""
    for name, data in (
        *_layouts(),
        *_orientations(),
        *_profiles(),
        *_beside_the_pixels(),
        *_damaged(),
    ):
        yield File(f"JPEG/{name}", data)


def segment(marker: int, body: bytes) -> bytes:
    """One segment with its length."""
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def with_segments(data: bytes, *segments: bytes) -> bytes:
    """Put segments right after a file's first two bytes."""
    return data[:2] + b"".join(segments) + data[2:]


def _plain() -> bytes:
    return encode(photograph(), "JPEG", quality=90)


def _progressive() -> bytes:
    return encode(photograph(), "JPEG", quality=90, progressive=True)


def _layouts() -> Iterator[tuple[str, bytes]]:
    image = photograph()
    for sampling in ("4:4:4", "4:2:2", "4:2:0"):
        for progressive in (False, True):
            kind = "progressive" if progressive else "sequential"
            yield (
                f"{sampling} {kind}",
                encode(image, "JPEG", subsampling=sampling, progressive=progressive),
            )
    yield "quality 5", encode(image, "JPEG", quality=5)
    yield "restart markers", encode(image, "JPEG", restart_marker_blocks=3)
    yield "RGB, not YCbCr", encode(image, "JPEG", keep_rgb=True)
    yield "grey", encode(image.convert("L"), "JPEG")
    yield "grey progressive", encode(image.convert("L"), "JPEG", progressive=True)
    yield "CMYK", encode(image.convert("CMYK"), "JPEG")
    yield "300 dpi", encode(image, "JPEG", dpi=(300, 150))
    for width, height in ((1, 1), (1, 90), (90, 1), (7, 9), (1500, 40), (40, 1500), (900, 600)):
        yield f"{width} x {height}", encode(photograph(width, height), "JPEG")
    multi = encode(image, "MPO", save_all=True, append_images=[Image.new("RGB", image.size)])
    yield "MPO of two", multi


def _orientations() -> Iterator[tuple[str, bytes]]:
    plain = _plain()
    for number in range(10):
        exif = segment(0xE1, _EXIF + as_tiff_exif(number))
        yield f"orientation {number}", with_segments(plain, exif)
    big = as_tiff_exif(6, order=">")
    yield "orientation 6 big-endian", with_segments(plain, segment(0xE1, _EXIF + big))
    yield (
        "orientation 6 progressive",
        with_segments(_progressive(), segment(0xE1, _EXIF + as_tiff_exif(6))),
    )
    yield (
        "orientation 6 as LONG",
        with_segments(plain, segment(0xE1, _EXIF + as_tiff_exif(6, kind=4))),
    )
    yield (
        "orientation 6, count 2",
        with_segments(plain, segment(0xE1, _EXIF + as_tiff_exif(6, count=2))),
    )
    xmp = segment(0xE1, _XMP + _xmp(6))
    yield "orientation 6 in XMP alone", with_segments(plain, xmp)
    exif = segment(0xE1, _EXIF + as_tiff_exif(8))
    yield "orientation 8, XMP says 6", with_segments(plain, xmp, exif)
    yield (
        "two Exif segments, 3 then 6",
        with_segments(
            plain,
            segment(0xE1, _EXIF + as_tiff_exif(3)),
            segment(0xE1, _EXIF + as_tiff_exif(6)),
        ),
    )
    yield (
        "Exif cut short",
        with_segments(plain, segment(0xE1, _EXIF + as_tiff_exif(6)[:12])),
    )
    yield (
        "Exif without end",
        with_segments(plain, segment(0xE1, _EXIF + as_tiff_exif(6)[:-4])),
    )
    yield "Exif of noise", with_segments(plain, segment(0xE1, _EXIF + bytes(range(256)) * 20))


def _xmp(orientation: int) -> bytes:
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description '
        f'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="{orientation}"/>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


def _profiles() -> Iterator[tuple[str, bytes]]:
    image = photograph()
    for space in ("sRGB", "Display P3", "Adobe RGB", "ProPhoto", "swapped"):
        profile = profile_of(space)
        yield f"profile {space}", encode(image, "JPEG", quality=90, icc_profile=profile)
        yield (
            f"profile {space} progressive",
            encode(image, "JPEG", quality=90, icc_profile=profile, progressive=True),
        )
    yield (
        "profile grey gamma 1",
        encode(image.convert("L"), "JPEG", quality=90, icc_profile=profile_of("grey")),
    )
    swapped, plain = profile_of("swapped"), _plain()
    yield (
        "grey profile on RGB",
        encode(image, "JPEG", quality=90, icc_profile=profile_of("grey")),
    )
    yield (
        "RGB profile on grey",
        encode(image.convert("L"), "JPEG", quality=90, icc_profile=swapped),
    )
    first, second = swapped[:200], swapped[200:]
    parts = [
        segment(0xE2, _ICC + bytes([number, 2]) + part)
        for number, part in ((1, first), (2, second))
    ]
    yield "profile in two parts", with_segments(plain, *parts)
    yield "profile's parts swapped", with_segments(plain, *reversed(parts))
    yield "profile's second part missing", with_segments(plain, parts[0])
    yield (
        "profile cut short",
        with_segments(plain, segment(0xE2, _ICC + b"\1\1" + swapped[:300])),
    )
    yield (
        "profile of noise",
        with_segments(plain, segment(0xE2, _ICC + b"\1\1" + bytes(range(256)))),
    )
    turned = with_segments(
        encode(image, "JPEG", icc_profile=swapped), segment(0xE1, _EXIF + as_tiff_exif(6))
    )
    yield "profile and orientation 6", turned


def _beside_the_pixels() -> Iterator[tuple[str, bytes]]:
    plain = _plain()
    yield "comments of 1.3 MB", with_segments(plain, *[segment(0xFE, bytes(65_000))] * 20)
    yield "APP4 of 2 MB", with_segments(plain, *[segment(0xE4, bytes(65_000))] * 32)
    yield "empty comment", with_segments(plain, segment(0xFE, b""))
    yield "XMP of noise", with_segments(plain, segment(0xE1, _XMP + bytes(range(1, 256)) * 9))
    photoshop = b"Photoshop 3.0\x008BIM" + bytes(range(256))
    yield "Photoshop data of noise", with_segments(plain, segment(0xED, photoshop))
    yield "MPF of noise", with_segments(plain, segment(0xE2, b"MPF\0" + bytes(range(256))))
    yield "Adobe segment cut short", with_segments(plain, segment(0xEE, b"Adobe"))
    yield "fill bytes before markers", plain[:2] + b"\xff" * 8 + plain[2:]
    yield "a text after the end", plain + b"<script>alert(1)</script>" * 40
    yield "zeros after the end", plain + bytes(100_000)
    yield "a second photograph after the end", plain + _progressive()


def _damaged() -> Iterator[tuple[str, bytes]]:
    for kind, data in (("sequential", _plain()), ("progressive", _progressive())):
        yield f"{kind}, no end marker", data.removesuffix(_END)
        yield f"{kind}, an end marker of zeros", data.removesuffix(_END) + bytes(2)
        for percent in (99, 97, 95, 92):
            yield f"{kind}, {percent} % of it", data[: len(data) * percent // 100]
        yield f"{kind}, 60 % of it", data[: len(data) * 60 // 100]
        yield f"{kind}, the header alone", data[: data.index(b"\xff\xda")]
    large = encode(photograph(900, 600), "JPEG", quality=90)
    for percent in (99, 95, 60):
        yield f"900 x 600, {percent} % of it", large[: len(large) * percent // 100]
    cut = encode(photograph(), "JPEG", quality=90, restart_marker_blocks=3)
    yield "restart markers, 95 % of it", cut[: len(cut) * 95 // 100]
    grey = encode(photograph().convert("L"), "JPEG", quality=90)
    yield "grey, 95 % of it", grey[: len(grey) * 95 // 100]
