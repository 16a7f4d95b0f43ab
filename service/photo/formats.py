"""What a file is, by its first bytes: the formats that Booth decodes, and names for the others."""

from __future__ import annotations

import re
from collections.abc import Collection
from importlib.util import find_spec

from booth_client.errors import UnsupportedFormat
from service.photo.raw import RAW, is_raw

__all__ = ["FORMATS", "format_of", "is_image"]

# libavif is in each wheel of Pillow, and may be missing where Pillow was built from its sources;
# libheif comes with the extra `heic`, which is looked for here and imported where it decodes.
_LIBRARIES = {"AVIF": "PIL._avif", "HEIC": "pillow_heif"}

FORMATS = (
    *("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"),
    *(name for name, library in _LIBRARIES.items() if find_spec(library)),
)

_DECODED = re.compile(
    rb"(?P<JPEG>\xff\xd8\xff)"
    rb"|(?P<PNG>\x89PNG\r\n\x1a\n(?!....CgBI))"
    rb"|(?P<WEBP>RIFF....WEBP)"
    rb"|(?P<GIF>GIF8[79]a)"
    rb"|(?P<BMP>BM(?!.{14}(?!\0\0)..|[\s -~]{1,15}\Z))"  # a header of below 64 KiB, and no text
    rb"|(?P<TIFF>II[*+]\0|MM\0[*+])",
    re.DOTALL,
)

# AV1's (av1-avif, section 6) and HEVC's (ISO/IEC 23008-12, annex B), with those of their profiles.
_BRANDS = {
    "AVIF": {b"avif", b"avis", b"MA1A", b"MA1B"},
    "HEIC": {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"hevm", b"hevs"}
    | {b"MiHA", b"MiHB", b"MiHE"},
}
_MOST_BRANDS = 256  # bytes; files have three to ten brands
_CALLED = {"AVIF": "an AVIF image", "HEIC": "a HEIC photograph"}

# Truevision's, version 2: colours from a map or none, its kind, a size that is not 0, the bits of a
# pixel, and of its last byte two bits that are 0.
_TARGA = (
    rb".(\x01[\x01\x09]..(?!\0\0)..[\x0f\x10\x18\x20]|\0[\x02\x03\x0a\x0b]\0{5})"
    rb"....(?!\0\0)..(?!\0\0)..[\x08\x0f\x10\x18\x20][\0-\x3f]"
)

# The order matters: an HTML page may hold a drawing, and both are text.
_FOREIGN = tuple(
    (name, re.compile(pattern, re.DOTALL | re.IGNORECASE))
    for name, pattern in (
        (
            "a HEIF image that says neither AVIF nor HEIC",
            rb"....ftyp(mi[af]\w|msf1|avc[is]|vvi[cs])",
        ),
        ("a Canon raw photograph", rb"....ftypcrx"),
        ("a video", rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI |FLV\x01|\0\0\x01[\xb3\xba]"),
        ("a JPEG XL image", rb"\xff\x0a|\0\0\0\x0cJXL "),
        ("a JPEG 2000 image", rb"\0\0\0\x0cjP  |\xff\x4f\xff\x51"),
        ("a Photoshop document", rb"8BPS"),
        ("a PDF document", rb"%PDF-"),
        ("a PostScript document", rb"%!PS|\xc5\xd0\xd3\xc6"),
        ("a PNG as Xcode packs it into apps for iOS (CgBI)", rb"\x89PNG\r\n\x1a\n....CgBI"),
        ("an icon", rb"\0\0[\x01\x02]\0(?!\0\0)"),
        ("a Targa (TGA) image", _TARGA),
        ("an OpenEXR image", rb"v/1\x01"),
        ("a raw photograph", rb"FUJIFILM|IIRO|IIRS|IIU\0"),
        ("a sound", rb"ID3[\x02-\x04]|OggS\0|fLaC\0|RIFF....WAVE"),
        ("an archive", rb"PK\x03\x04|\x1f\x8b|7z\xbc\xaf|Rar!"),
        ("an HTML page", rb"(\xef\xbb\xbf)?\s*(<!doctype html|<html|<head)"),
        ("an SVG drawing", rb"(\xef\xbb\xbf)?\s*<(svg|[?!].*<svg)"),
        ("base64 text, not yet decoded", rb"data:image/|/9j/|iVBORw0KGgo|R0lGODlh|UklGR"),
        ("a Netpbm image", rb"P[1-6]\s+[#\d]|P7\s"),
        ("a Radiance image", rb"#\?R"),
        ("text", rb"(\xef\xbb\xbf)?[\t\n\f\r -~]+\Z"),
    )
)


def format_of(data: bytes | memoryview, allowed: Collection[str] = FORMATS) -> str:
    """Tell which of ``FORMATS`` a file is, by its first bytes alone; ``RAW`` for bare pixels.

    Raises:
        UnsupportedFormat: it is none of those ``allowed``; the text names what it looks like, where
            that shows.

    """
    known = _DECODED.match(data)
    if not known and is_raw(data):
        return RAW
    name = known.lastgroup if known else _heif(bytes(data[:_MOST_BRANDS]))
    if name and name in allowed and name in FORMATS:
        return name
    looks = _called(name) if name else _foreign(bytes(data[:1024]))
    if looks:
        raise UnsupportedFormat(f"This is {looks}, which is not decoded here: {_ask(allowed)}.")
    raise UnsupportedFormat(f"These bytes are in no known image format: {_ask(allowed)}.")


def is_image(data: bytes | memoryview) -> bool:
    """Whether a file is one of ``FORMATS``, by its first bytes."""
    return bool(_DECODED.match(data)) or _heif(bytes(data[:_MOST_BRANDS])) in FORMATS


def _heif(head: bytes) -> str | None:
    """Tell AVIF and HEIC by their brands (ISO/IEC 14496-12, section 4.3), as browsers do.

    The first is often ``mif1``, which is any coding: one of the others names it.
    """
    if head[4:8] != b"ftyp":
        return None
    size = int.from_bytes(head[:4])
    brands = {head[8:12], *(head[at : at + 4] for at in range(16, min(size, len(head)), 4))}
    return next((name for name, own in _BRANDS.items() if brands & own), None)


def _foreign(head: bytes) -> str | None:
    """What a file that is never decoded looks like."""
    return next((name for name, pattern in _FOREIGN if pattern.match(head)), None)


def _ask(allowed: Collection[str]) -> str:
    *others, last = map(_shown, allowed)
    return f"send a {', '.join(others)} or {last}" if others else f"send a {last}"


def _called(name: str) -> str:
    """A format with its article, and the word for what is in such a file."""
    return _CALLED.get(name) or f"a {_shown(name)} image"


def _shown(name: str) -> str:
    return "WebP" if name == "WEBP" else name
