"""Pictures of which a part is missing: where nine tenths are there, that part is the picture.

What is there is measured, by decoding twice so that only what is missing comes out different: onto
canvases of two colours, or, for a JPEG, with and without noise after its end. A whole file is
decoded once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from booth_client.errors import BadImage
from service.photo.bounds import SCAN, BoundedFile
from service.photo.colour import is_rgb, to_rgb
from service.photo.jpeg import rgb_pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from service.photo.resample import Region

__all__ = ["load"]

_LEAST_SHARE = 0.9

# Formats whose decoders write the pixels that they have, in whatever order, and leave the others.
_WRITTEN_AS_READ = {"PNG", "GIF", "BMP"}
# What a canvas holds before: levels that a picture's last pixel seldom has.
_FILLS = (0xA5, 0x5B)

_EOI = b"\xff\xd9"
# Random enough, and without the byte that begins a marker.
_NOISE = bytes(pow(3, i, 65537) % 255 for i in range(4096))
# libjpeg's for blocks of which nothing has come; CMYK is stored inverted.
_GREY = range(127, 130)
_MOST_MEASURED_SCALE = 4  # at an eighth only the mean of each block is seen

_BAND_PIXELS = 1 << 20


def load(image: Image.Image, data: bytes, scale: int) -> Image.Image | NDArray[np.uint8]:
    """Decode an opened file, as far as it goes; what is missing is white, as in a browser.

    Args:
        image: the file as Pillow opened it; no pixel has been read.
        data: the file.
        scale: by what a JPEG's width and height are divided: 1, 2, 4 or 8.

    Returns:
        the loaded image, or its pixels, H x W x 3.

    Raises:
        BadImage: less than nine tenths of the picture are there.
        Exception: what Pillow raises over other damage.

    """
    if image.format == "JPEG":
        return _jpeg(image, data, scale)
    if image.format in _WRITTEN_AS_READ and image.tile:  # type: ignore[attr-defined]
        return _written(image, data)
    image.load()
    return image


def _written(image: Image.Image, data: bytes) -> Image.Image:
    """Decode onto a canvas; onto another too if part of the first may have been left as it was."""
    extents: Region = image.tile[0].extents  # type: ignore[attr-defined]
    if _load_onto(_FILLS[0], image) and not _looks_blank(image, extents):
        return image
    other = Image.open(BoundedFile(data), formats=[str(image.format)])
    _load_onto(_FILLS[1], other)
    missing = _differences(image, other, extents)
    _check_share(image, 1 - float(missing.mean()))
    return _painted(image, missing, extents) if missing.any() else image


def _load_onto(fill: int, image: Any) -> bool:
    """Load an image onto one level; return whether the decoder came to an end."""
    prepare, (tile, *_) = image.load_prepare, image.tile

    def prepare_and_fill() -> None:
        prepare()
        bands = len(image.getbands())
        image.im.paste(fill if bands == 1 else (fill,) * bands, tile.extents)

    image.load_prepare = prepare_and_fill
    try:
        image.load()
    except (MemoryError, TimeoutError):
        raise
    except Exception:  # noqa: BLE001 its plugins raise what they like; what is missing is measured
        image.tile = []
        return False
    finally:
        del image.load_prepare
    return True


def _looks_blank(image: Image.Image, extents: Region) -> bool:
    """Tell whether the last pixel of either of the last rows is as the canvas was.

    Of two, as every second row comes last in an interlaced picture.
    """
    _, top, right, bottom = extents
    filled = {255} if image.mode == "1" else {_FILLS[0]}
    return any(
        set(_levels(image, right - 1, row)) == filled for row in range(max(top, bottom - 2), bottom)
    )


def _levels(image: Image.Image, x: int, y: int) -> tuple[float, ...]:
    levels = image.getpixel((x, y))
    return levels if isinstance(levels, tuple) else (levels or 0,)


def _differences(first: Image.Image, second: Image.Image, extents: Region) -> NDArray[np.bool_]:
    """Where two pictures differ, H x W of ``extents``."""
    left, top, right, bottom = extents
    differ = np.zeros((bottom - top, right - left), bool)
    for begin, end in _bands(extents):
        box = left, begin, right, end
        unequal = np.asarray(first.crop(box)) != np.asarray(second.crop(box))
        differ[begin - top : end - top] = unequal.any(2) if unequal.ndim > 2 else unequal  # noqa: PLR2004
    return differ


def _bands(extents: Region) -> Iterator[tuple[int, int]]:
    left, top, right, bottom = extents
    rows = max(1, _BAND_PIXELS // (right - left))
    return ((begin, min(begin + rows, bottom)) for begin in range(top, bottom, rows))


def _painted(image: Image.Image, missing: NDArray[np.bool_], extents: Region) -> Image.Image:
    """In RGB, with white where pixels are missing."""
    rgb = image if is_rgb(image) else to_rgb(image, (0, 0, *image.size))
    left, top, right, _ = extents
    rgb.paste("white", (left, top), Image.fromarray(missing))
    if image.format == "GIF":
        for row in _between(np.asarray(missing.all(1))):
            above = rgb.crop((left, top + row - 1, right, top + row))
            rgb.paste(above, (left, top + row))
    return rgb


def _between(is_missing: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Missing rows between two that are there: an interlaced GIF's repeat the row above."""
    there = np.concatenate([[False], ~is_missing, [True]])
    return np.flatnonzero(is_missing & there[:-2] & there[2:])


def _check_share(image: Image.Image, share: float) -> None:
    if share < _LEAST_SHARE:
        raise BadImage(
            f"The {image.format} file is damaged or cut short, and only {int(100 * share)} % of "
            "its picture are there, where 90 % would do: send the whole file."
        )


def _jpeg(image: Image.Image, data: bytes, scale: int) -> Image.Image | NDArray[np.uint8]:
    end = data.rfind(_EOI)
    if end < 0:
        # Who allots a file before it has come leaves zeros at its end.
        return _cut_jpeg(image, data.rstrip(b"\0"), scale)
    pixels = rgb_pixels(image, data, scale)
    if pixels is None:
        image.load()
    if _ends_grey(image if pixels is None else pixels):
        body = data[:end]
        _check_share(image, _share(image, body, _missing_rows(body, scale)))
    return image if pixels is None else pixels


def _ends_grey(decoded: Image.Image | NDArray[np.uint8]) -> bool:
    """Tell whether the last pixel is what a JPEG's are that ended too early."""
    if isinstance(decoded, np.ndarray):
        return all(level in _GREY for level in decoded[-1, -1].tolist())
    return all(level in _GREY for level in _levels(decoded, decoded.width - 1, decoded.height - 1))


def _cut_jpeg(image: Image.Image, body: bytes, scale: int) -> Image.Image:
    """Decode a JPEG without an end; of one scan the rows that have not come are white."""
    decoded = _opened(body + _EOI, scale)
    decoded.load()
    missing = _missing_rows(body, scale)
    _check_share(image, _share(image, body, missing))
    if len(_scans(body)) > 1 or not missing.any():
        return decoded
    across = np.repeat(missing[:, None], decoded.width, 1)
    return _painted(decoded, across, (0, 0, *decoded.size))


def _missing_rows(body: bytes, scale: int) -> NDArray[np.bool_]:
    """Of the scan in which a JPEG ends: the rows after the first that noise would change."""
    if len(_scans(body)) > 1:
        scale = min(scale, _MOST_MEASURED_SCALE)
    plain, noisy = (_opened(body + end, scale) for end in (_EOI, _NOISE + _EOI))
    return np.logical_or.accumulate(_differences(plain, noisy, (0, 0, *plain.size)).any(1))


def _opened(data: bytes, scale: int) -> Image.Image:
    image = Image.open(BoundedFile(data), formats=["JPEG"])
    image.draft(None, (image.width // scale, image.height // scale))
    return image


def _share(image: Image.Image, body: bytes, missing: NDArray[np.bool_]) -> float:
    """Of a picture in one scan, the share of its rows; of several scans, that of its data.

    The scan in which the data end would have gone on as it began.
    """
    there = 1 - float(missing.mean())
    scans = _scans(body)
    if len(scans) == 1:
        return there
    if not _has_all_scans(image, body, scans):
        return 0.0
    begun = len(body) - scans[-1]
    return len(body) / (scans[-1] + begun / max(there, 1e-3))


def _scans(body: bytes) -> list[int]:
    return [found.start() for found in SCAN.finditer(body)]


def _has_all_scans(image: Image.Image, body: bytes, scans: list[int]) -> bool:
    """Tell whether they bring every coefficient to its last bit (ITU-T T.81, annex G)."""
    missing_bits: dict[int, list[int]] = {}
    for at in scans:
        count = body[at + 4]
        first, last, bits = body[at + 5 + 2 * count : at + 8 + 2 * count]
        if "progressive" not in image.info:
            first, last, bits = 0, 63, 0
        for component in body[at + 5 : at + 5 + 2 * count : 2]:
            bits_of = missing_bits.setdefault(component, [8] * 64)
            bits_of[first : last + 1] = [bits & 15] * (last + 1 - first)
    return len(missing_bits) == len(image.getbands()) and not any(map(any, missing_bits.values()))
