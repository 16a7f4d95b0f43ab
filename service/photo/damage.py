"""Pictures of which a part is missing: where nine tenths are there, that part is the picture.

What is there is measured, by decoding twice so that only what is missing comes out different: onto
canvases of two colours, or, for a JPEG, with and without noise after its end. A whole file is
decoded once.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from PIL import Image

from booth_client.errors import BadImage
from service.photo.bounds import BoundedFile
from service.photo.container import with_checksum
from service.photo.jpeg import rgb_pixels
from service.photo.segments import scans_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from service.photo.resample import Region

__all__ = ["check_share", "load"]

_LEAST_SHARE = 0.9

# Formats whose decoders write the pixels that they have, in whatever order, and leave the others.
_WRITTEN_AS_READ = {"PNG", "GIF"}
# What the two canvases hold before: levels that a picture's last pixel seldom has.
_FILLS = (0xA5, 0x5B)
_BILEVEL_FILLS = (255, 0)

_EOI = b"\xff\xd9"
# Random enough, and without the byte that begins a marker.
_NOISE = bytes(pow(3, i, 65537) % 255 for i in range(4096))
# libjpeg's for blocks of which nothing has come; CMYK is stored inverted.
_GREY = range(127, 130)
_MOST_MEASURED_SCALE = 4  # at an eighth only the mean of each block is seen

# Over white paper, as pictures are seen here.
_BLANK: dict[str, int | tuple[int, ...]] = {
    "1": 255, "L": 255, "I;16": 65535, "I": 65535, "LA": (255, 0), "RGB": (255, 255, 255),
    "RGBA": (255, 255, 255, 0), "CMYK": (0, 0, 0, 0),
}  # fmt: skip

_BLOCK = 8  # pixels of a block's side
_UNKNOWN = 16  # more bits than are ever left

_BAND_PIXELS = 1 << 20
_SAMPLE = 199
_SAMPLING_ERROR = 0.02


def load(image: Image.Image, data: bytes, scale: int) -> Image.Image | NDArray[np.uint8]:
    """Decode an opened file, as far as it goes; what is missing is white, as in a browser.

    Args:
        image: the file as Pillow opened it; no pixel has been read.
        data: the file, a JPEG's without what follows its end.
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
        extents: Region = image.tile[0].extents  # type: ignore[attr-defined]
        return _blank_outside(_written(image, data), extents)
    told = image.size
    image.load()
    if image.size != told:  # a HEIC may hold other pixels than its boxes tell
        raise ValueError("the size has changed")
    return image


def _written(image: Image.Image, data: bytes) -> Image.Image:
    """Decode onto a canvas; onto another too if part of the first may have been left as it was."""
    extents: Region = image.tile[0].extents  # type: ignore[attr-defined]
    if _load_onto(0, image) and not _looks_blank(image, extents):
        return image
    if image.format == "PNG" and (mended := with_checksum(data)) is not data:
        return _written(_opened(mended, "PNG"), mended)
    other = _opened(data, str(image.format))
    _load_onto(1, other)
    _check_sample(image, other, extents)
    missing = _differences(image, other, extents)
    check_share(str(image.format), 1 - float(missing.mean()))
    return _painted(image, missing, extents) if missing.any() else image


def _check_sample(first: Image.Image, second: Image.Image, extents: Region) -> None:
    """Of a picture that is clearly not there look at some rows: it may be a lie of any size."""
    left, top, right, bottom = extents
    if bottom - top > _SAMPLE:
        rows = np.linspace(top, bottom - 1, _SAMPLE).astype(int).tolist()
        missing = [_differences(first, second, (left, row, right, row + 1)) for row in rows]
        share = 1 - float(np.mean(missing))
        if share < _LEAST_SHARE - _SAMPLING_ERROR:
            check_share(str(first.format), share)


def _opened(data: bytes, name: str) -> Image.Image:
    return Image.open(BoundedFile(data), formats=[name])


def _load_onto(canvas: int, image: Any) -> bool:
    """Load an image onto one of two canvases; return whether the decoder came to an end."""
    prepare, (tile, *_) = image.load_prepare, image.tile

    def prepare_and_fill() -> None:
        prepare()
        image.im.paste(_fill(canvas, image), tile.extents)

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


def _fill(canvas: int, image: Image.Image) -> int | tuple[int, ...]:
    level = (_BILEVEL_FILLS if image.mode == "1" else _FILLS)[canvas]
    bands = len(image.getbands())
    return level if bands == 1 else (level,) * bands


def _looks_blank(image: Image.Image, extents: Region) -> bool:
    """Tell whether the last pixel of either of the last rows is as the canvas was.

    Of two, as every second row comes last in an interlaced picture.
    """
    _, top, right, bottom = extents
    rows = range(max(top, bottom - 2), bottom)
    return any(image.getpixel((right - 1, row)) == _fill(0, image) for row in rows)


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
    """Make the missing pixels white, or clear where pixels may be clear."""
    is_gif = image.format == "GIF"
    if image.mode == "P":
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    left, top, right, _ = extents
    mask = Image.fromarray(missing).convert("L")  # one of bits is wrong over 16 bits of grey
    image.paste(_BLANK[image.mode], (left, top), mask)
    if is_gif:
        for row in _between(np.asarray(missing.any(1))):
            above = image.crop((left, top + row - 1, right, top + row))
            image.paste(above, (left, top + row))
    return image


def _blank_outside(image: Image.Image, extents: Region) -> Image.Image:
    """Leave what a GIF's first frame does not cover white, or clear, as browsers do.

    Pillow gives it the colour that the file calls its background.
    """
    width, height = image.size
    left, top, right, bottom = extents
    if extents == (0, 0, width, height):
        return image
    if image.mode == "P":
        image = image.convert("RGBA" if image.has_transparency_data else "RGB")
    sides = (0, top, left, bottom), (right, top, width, bottom)
    for box in ((0, 0, width, top), (0, bottom, width, height), *sides):
        if box[0] < box[2] and box[1] < box[3]:
            image.paste(_BLANK[image.mode], box)
    return image


def _between(is_missing: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Missing rows between two that are there: an interlaced GIF's repeat the row above."""
    there = np.concatenate([[False], ~is_missing, [True]])
    return np.flatnonzero(is_missing & there[:-2] & there[2:])


def check_share(name: str, share: float) -> None:
    """Refuse a file in the format ``name`` of whose picture too small a share is there.

    Raises:
        BadImage: less than nine tenths.

    """
    if share < _LEAST_SHARE:
        raise BadImage(
            f"The {name} file is damaged or cut short: only {int(100 * share)} % of its picture "
            "is there, and at least 90 % is needed; send the whole file."
        )


def _jpeg(image: Image.Image, data: bytes, scale: int) -> Image.Image | NDArray[np.uint8]:
    if not data.endswith(_EOI):
        # Who allots a file before it has come leaves zeros at its end.
        return _cut_jpeg(image, data.rstrip(b"\0"), scale)
    pixels = rgb_pixels(image, data, scale)
    if pixels is None:
        image.load()
    if _ends_grey(image if pixels is None else pixels):
        body = data.removesuffix(_EOI)
        whole = image if pixels is None else Image.fromarray(pixels)
        check_share(str(image.format), _share(image, body, _end(whole, body, scale)))
    return image if pixels is None else pixels


def _ends_grey(decoded: Image.Image | NDArray[np.uint8]) -> bool:
    """Tell whether the last pixel is what a JPEG's are that ended too early."""
    if isinstance(decoded, np.ndarray):
        last = decoded[-1, -1]
    else:
        width, height = decoded.size
        last = np.asarray(decoded.crop((width - 1, height - 1, width, height)))
    return all(level in _GREY for level in last.ravel().tolist())


def _cut_jpeg(image: Image.Image, body: bytes, scale: int) -> Image.Image:
    """Decode a JPEG without an end; of one scan the rows that have not come are white."""
    decoded = _drafted(body + _EOI, scale)
    decoded.load()
    end = _end(decoded, body, scale)
    check_share(str(image.format), _share(image, body, end))
    if len(scans_of(body)) > 1 or end.row == decoded.height:
        return decoded
    missing = np.zeros(decoded.size[::-1], bool)
    missing[end.row :] = True
    return _painted(decoded, missing, (0, 0, *decoded.size))


class _End(NamedTuple):
    """Where the scan ends that a JPEG breaks off in: its first incomplete row, and its share."""

    row: int
    share: float


def _end(decoded: Image.Image, body: bytes, scale: int) -> _End:
    """Find the first of the blocks, which come row by row, that noise after the end would change.

    Args:
        decoded: what the file is without noise.
        body: the file without its end.
        scale: of ``decoded``.

    """
    if len(scans_of(body)) > 1 and scale > _MOST_MEASURED_SCALE:
        scale = _MOST_MEASURED_SCALE
        decoded = _drafted(body + _EOI, scale)
    noisy = _drafted(body + _NOISE + _EOI, scale)
    width, height = decoded.size
    differ = _differences(decoded, noisy, (0, 0, width, height))
    if not differ.any():
        return _End(height, 1.0)
    row = int(np.argmax(differ.any(1)))
    below = row + 1 + _BLOCK * max(down for _, _, down, _ in noisy.layer) // scale  # type: ignore[attr-defined]
    column = int(np.argmax(differ[row:below].any(0)))
    blocks = min(below - 1, height) - row
    return _End(row, (row * width + blocks * column) / (height * width))


def _drafted(data: bytes, scale: int) -> Image.Image:
    image = _opened(data, "JPEG")
    image.draft(None, (image.width // scale, image.height // scale))
    return image


def _share(image: Image.Image, body: bytes, end: _End) -> float:
    """Of a picture in one scan, the share of its pixels; of several scans, that of its data."""
    scans = scans_of(body)
    if len(scans) == 1:
        return end.share
    begun = len(body) - scans[-1]  # and would have gone on like that
    to_come = begun / max(end.share, 1e-3) - begun + _bytes_of_later_scans(image, body, scans)
    return len(body) / (len(body) + to_come)


def _bytes_of_later_scans(image: Image.Image, body: bytes, scans: list[int]) -> float:
    """Foresee the scans that refine what has come so far (ITU-T T.81, annex G).

    Each bit more takes about what its component took until then: 0.3 to 3 times that, and mostly
    once, in ten photographs of three qualities.
    """
    bits_left: dict[int, list[int]] = {}
    brought: dict[int, float] = {}
    for at, end in pairwise([*scans, len(body)]):
        count = body[at + 4]
        first, last, bits = body[at + 5 + 2 * count : at + 8 + 2 * count]
        if "progressive" not in image.info:
            first, last, bits = 0, 63, 0
        for component in body[at + 5 : at + 5 + 2 * count : 2]:
            left = bits_left.setdefault(component, [_UNKNOWN] * 64)
            left[first : last + 1] = [bits & 15] * (last + 1 - first)
            brought[component] = brought.get(component, 0) + (end - at) / count
    if len(bits_left) < len(image.getbands()) or any(
        _UNKNOWN in left for left in bits_left.values()
    ):
        raise BadImage(
            "The JPEG file ends before the last of its scans, so that its picture is there only "
            "roughly: send the whole file."
        )
    return sum(max(left[1:]) * brought[component] for component, left in bits_left.items())
