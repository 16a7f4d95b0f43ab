"""The bytes of a photograph -> the square of pixels that a model's card asks for."""

from __future__ import annotations

import logging
import re
import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from PIL import (
    ExifTags,
    Image,
    PngImagePlugin,
    WebPImagePlugin,  # noqa: F401 else Image.open imports every plugin there is to find it
)

from booth_client.errors import BadImage, BadRequest
from service.photo.avif import cropped, open_avif
from service.photo.bmp import read_bmp
from service.photo.bounds import BoundedFile, check_layout, too_costly, too_many
from service.photo.colour import is_rgb, to_rgb
from service.photo.container import picture_of
from service.photo.damage import load
from service.photo.exif import orientation as orientation_in
from service.photo.formats import FORMATS, format_of
from service.photo.header import DRAFT_MARGIN, read_header
from service.photo.heic import open_heic
from service.photo.profile import Conversion, conversion_to_srgb
from service.photo.raw import RAW, read_raw
from service.photo.resample import Box, Interpolation, region_seen, resample, resample_whole
from service.photo.tiff import read_tiff

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from numpy.typing import NDArray

    from models.card import Input

__all__ = ["DecodedPhoto", "Seen", "decode", "decode_whole", "reduced_side"]

# Pillow's remarks on odd files mean nothing to the operator, and could fill the log without end.
logging.getLogger("PIL").setLevel(logging.CRITICAL)
# What a PNG's colour profile may unpack to, where Pillow allows 1 MiB.
PngImagePlugin.MAX_TEXT_CHUNK = 8_000_000
_REMARKS = ("ignore", None, Warning, re.compile(r"PIL\."), 0)

_OPENERS: dict[str, Callable[[BoundedFile], Image.Image]] = {"AVIF": open_avif, "HEIC": open_heic}
# Their libraries may take the memory for the pixels before Pillow tells of how many.
_EAGER = {"WEBP", "AVIF", "HEIC"}

# Exif 2.32, tag 0x0112: how to turn what is stored into what was seen. It is the square that is
# turned, not the photograph, of which it is a small part.
_TURN: dict[int, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]] = {
    2: lambda square: square[:, ::-1],
    3: lambda square: square[::-1, ::-1],
    4: lambda square: square[::-1],
    5: lambda square: square.transpose(1, 0, 2),
    6: lambda square: square.transpose(1, 0, 2)[:, ::-1],
    7: lambda square: square.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda square: square.transpose(1, 0, 2)[::-1],
}
# Formats of which Pillow only unpacks the bytes.
_OWN: dict[str, Callable[[bytes, int], Image.Image]] = {
    "BMP": read_bmp,
    "TIFF": read_tiff,
    RAW: read_raw,
}

# As training enlarges (`models.training.augment`): a network that is shown sharper photographs than
# it learned from names them worse.
_ENLARGED: Interpolation = "bilinear"

_PNG_DEPTH_AT = 24  # PNG, 3rd edition, section 11.2.1: the header comes first

_SIDEWAYS = {5, 6, 7, 8}
# In which of them the seen left, and the seen top, lie at the stored right and bottom.
_MIRRORED_ACROSS = {2, 3, 7, 8}
_MIRRORED_DOWN = {3, 4, 6, 7}


class Seen(NamedTuple):
    """What the network sees of a photograph.

    Attributes:
        width: of the photograph as it is seen, which is upright, in pixels.
        height: likewise.
        box: left, top, right and bottom of the square on it.

    """

    width: int
    height: int
    box: Box


@dataclass(frozen=True, slots=True)
class DecodedPhoto:
    """A photograph as the network wants it.

    Attributes:
        pixels: S x S x 3, RGB, C-contiguous, read-only.
        width: of the photograph as sent, before orientation and scaling, in pixels.
        height: likewise.
        seen: where the pixels lie on it.

    """

    pixels: NDArray[np.uint8]
    width: int
    height: int
    seen: Seen


def decode(
    data: bytes | memoryview,
    wanted: Input,
    *,
    max_pixels: int = 64_000_000,
    formats: Collection[str] = FORMATS,
) -> DecodedPhoto:
    """Decode a photograph, the first frame of an animation; turn, resize and crop it.

    The pixels are torchvision's ``Resize`` and ``CenterCrop`` of the whole photograph in sRGB,
    to within two levels; a JPEG of several times the wanted size is decoded smaller to begin with.
    Safe to call from many threads at once.

    Args:
        data: the file.
        wanted: the square that the model's card asks for.
        max_pixels: the largest width x height that is decoded; it is checked before any pixel is.
        formats: those of ``service.photo.formats.FORMATS`` that are decoded.

    Raises:
        BadImage: no bytes, or a damaged file.
        TooManyPixels: more than ``max_pixels``.
        UnsupportedFormat: none of the ``formats``.

    """
    name = _checked(data := bytes(data), formats, max_pixels)
    with _faults_named(name, max_pixels):
        photo = _read(name, data, max_pixels, lambda _: reduced_side(wanted))
        whole, scale, turned = photo.whole, photo.scale, photo.orientation
        seen = _seen(whole, turned, wanted)
        stored = _stored(seen.box, whole, turned)
        box = stored[0] / scale, stored[1] / scale, stored[2] / scale, stored[3] / scale
        square = _square(photo.pixels, box, turned, wanted, photo.conversion)
    return DecodedPhoto(square, *photo.sent, seen)


def decode_whole(
    data: bytes | memoryview,
    fit: Callable[[int, int], tuple[int, int]],
    interpolation: Interpolation,
    *,
    coarseness: float = 1,
    max_pixels: int = 64_000_000,
    formats: Collection[str] = FORMATS,
) -> DecodedPhoto:
    """Decode a photograph as ``decode`` does, turn it and resize all of it, without a crop.

    Args:
        data: the file.
        fit: from the upright photograph's width and height to those it is resized to; may raise
            a BadRequest. It gives the same the other way round for a photograph on its side.
        interpolation: the filter.
        coarseness: how many times it is enlarged, after it was made that much smaller.
        max_pixels: the largest width x height that is decoded.
        formats: those that are decoded.

    Returns:
        The pixels, H x W x 3.

    Raises:
        BadImage, TooManyPixels, UnsupportedFormat: see ``decode``.

    """
    name = _checked(data := bytes(data), formats, max_pixels)
    with _faults_named(name, max_pixels):
        photo = _read(name, data, max_pixels, lambda whole: int(min(fit(*whole)) / coarseness))
        width, height = photo.whole[::-1] if photo.orientation in _SIDEWAYS else photo.whole
        pixels = _whole(photo, fit(width, height), interpolation, coarseness)
    return DecodedPhoto(pixels, *photo.sent, Seen(width, height, (0, 0, width, height)))


@dataclass(frozen=True, slots=True)
class _Stored:
    """A photograph that was read, as it is stored.

    ``sent`` is its size, ``whole`` that without what an AVIF crops; the pixels are of that size
    divided by ``scale``, and yet to be converted and turned.
    """

    pixels: Image.Image | NDArray[np.uint8]
    sent: tuple[int, int]
    whole: tuple[int, int]
    scale: int
    orientation: int
    conversion: Conversion | None


def _checked(data: bytes, formats: Collection[str], max_pixels: int) -> str:
    """The format of a file that is to be decoded."""
    if not data:
        raise BadImage("The photograph is empty: send the bytes of an image file.")
    name = format_of(data, formats)
    _configure_pillow(max_pixels)
    return name


def _read(
    name: str, data: bytes, max_pixels: int, resize: Callable[[tuple[int, int]], int]
) -> _Stored:
    """Read a file's pixels; ``resize`` gives the side that they will be resized to."""
    contents = picture_of(name, data)
    image = _open(name, data := contents.data, max_pixels)
    sent = image.size
    if sent[0] * sent[1] > max_pixels:
        raise too_many(max_pixels)
    check_layout(image, data, max_pixels)
    whole, scale = sent, 1 if contents.is_lossless else _draft(image, resize(sent))
    decoded = load(image, data, scale)
    conversion = conversion_to_srgb(image, data)
    if name == "AVIF":
        decoded = image = cropped(image, data)
        whole = image.size
    orientation = _orientation(image, contents.exif)
    return _Stored(decoded, sent, whole, scale, orientation, conversion)


def _whole(
    photo: _Stored, size: tuple[int, int], interpolation: Interpolation, coarseness: float
) -> NDArray[np.uint8]:
    """Convert, resize and turn all of a photograph to a size as it is seen."""
    image, conversion = photo.pixels, photo.conversion
    image = Image.fromarray(image) if isinstance(image, np.ndarray) else image
    if not is_rgb(image):
        image, conversion = to_rgb(image, (0, 0, *image.size), conversion), None
    sideways = photo.orientation in _SIDEWAYS
    width, height = size[::-1] if sideways else size
    if coarseness > 1:
        smaller = round(width / coarseness), round(height / coarseness)
        image = Image.fromarray(resample_whole(image, smaller, interpolation))
        interpolation = _ENLARGED
    pixels = resample_whole(image, (width, height), interpolation)
    if conversion:
        pixels = conversion.apply_to(pixels)
    turn = _TURN.get(photo.orientation)
    return np.ascontiguousarray(turn(pixels) if turn else pixels)


def reduced_side(wanted: Input) -> int:
    """To what side a whole photograph is resized, in pixels, before any enlarging."""
    return wanted.resize * (wanted.detail or wanted.size) // wanted.size


def _open(name: str, data: bytes, max_pixels: int) -> Image.Image:
    """Read the header; of a TIFF or BMP the pixels, too."""
    if name in _OWN:
        return _OWN[name](data, max_pixels)
    if name in _EAGER and (header := read_header(data)) and header.pixels > max_pixels:
        raise too_many(max_pixels)
    opener = _OPENERS.get(name)
    if opener:
        return opener(BoundedFile(data))
    image = Image.open(BoundedFile(data), formats=[name])
    if name == "PNG":
        _scale_clear_level(image, depth=data[_PNG_DEPTH_AT])
    return image


def _scale_clear_level(image: Image.Image, depth: int) -> None:
    """Bring the level that a PNG calls clear to the 8 bits that Pillow makes of others."""
    clear = image.info.get("transparency")
    if isinstance(clear, int) and image.mode in {"1", "L"}:
        image.info["transparency"] = clear * 255 // ((1 << depth) - 1)
    elif isinstance(clear, tuple) and depth == 16:  # noqa: PLR2004
        image.info["transparency"] = tuple(level >> 8 for level in clear)


def _square(
    decoded: Image.Image | NDArray[np.uint8],
    box: Box,
    orientation: int,
    wanted: Input,
    conversion: Conversion | None,
) -> NDArray[np.uint8]:
    """Resize and crop in one go, only what the network sees; convert and turn that little."""
    sideways = orientation in _SIDEWAYS
    pixels, box, conversion = _resizable(decoded, box, wanted, conversion)
    side = wanted.detail or wanted.size
    square = resample(pixels, side, box, wanted.interpolation, sideways=sideways)
    if conversion:
        square = conversion.apply_to(square)
    if wanted.detail:
        square = resample(square, wanted.size, (0, 0, side, side), _ENLARGED)
    return np.ascontiguousarray(_TURN[orientation](square)) if orientation in _TURN else square


def _resizable(
    decoded: Image.Image | NDArray[np.uint8],
    box: Box,
    wanted: Input,
    conversion: Conversion | None,
) -> tuple[Image.Image | NDArray[np.uint8], Box, Conversion | None]:
    """What the network sees, and little more, in RGB or for the conversion that is yet to come.

    With it come where the box lies on it, and that conversion.
    """
    left, top, right, bottom = box
    area = (right - left) * (bottom - top)
    early = conversion and conversion.comes_first(area, blended=_is_blended(decoded))
    if not early and _is_ready(decoded, conversion):
        return decoded, box, conversion
    image = Image.fromarray(decoded) if isinstance(decoded, np.ndarray) else decoded
    side = wanted.detail or wanted.size
    region = region_seen(image.size, side, box, wanted.interpolation)
    x, y, *_ = region
    rgb = to_rgb(image, region, conversion if early else None)
    box = left - x, top - y, right - x, bottom - y
    return rgb, box, None if early else conversion


def _is_blended(decoded: Image.Image | NDArray[np.uint8]) -> bool:
    return isinstance(decoded, Image.Image) and decoded.has_transparency_data


def _is_ready(decoded: Image.Image | NDArray[np.uint8], conversion: Conversion | None) -> bool:
    """Whether it can be resized as it is: RGB, or ink whose profile says what it looks like."""
    if isinstance(decoded, np.ndarray) or is_rgb(decoded):
        return True
    return conversion is not None and conversion.mode == decoded.mode == "CMYK"


def _draft(image: Image.Image, resize: int) -> int:
    """Have a JPEG decoded at a fraction of its size; return by what it is divided: 1, 2, 4 or 8."""
    width, side = image.width, DRAFT_MARGIN * resize
    drafted = image.draft(None, (side, side))
    return round(width / drafted[1][2]) if drafted else 1


def _orientation(image: Image.Image, exif: bytes | None) -> int:
    """The orientation, 1 to 8; by what was made of the file, where the container was not read."""
    if exif is not None:
        return orientation_in(exif)
    if made := image.info.get("exif"):
        return orientation_in(bytes(made).removeprefix(b"Exif\0\0"))
    return int(image.getexif().get(ExifTags.Base.Orientation, 1))


def _seen(whole: tuple[int, int], orientation: int, wanted: Input) -> Seen:
    """What the network sees of a photograph whose stored size is ``whole``."""
    upright = (whole[1], whole[0]) if orientation in _SIDEWAYS else whole
    return Seen(*upright, _crop(upright, wanted))


def _crop(whole: tuple[int, int], wanted: Input) -> Box:
    """Where torchvision's centre crop lies on the photograph before it is resized, in pixels."""
    (left, right), (top, bottom) = (
        (start * old / new, (start + wanted.size) * old / new)
        for old, new in zip(whole, _resized(whole, wanted), strict=True)
        for start in [round((new - wanted.size) / 2)]
    )
    return left, top, right, bottom


def _resized(whole: tuple[int, int], wanted: Input) -> tuple[int, int]:
    """The size that torchvision's ``Resize`` gives a photograph."""
    if not wanted.keep_aspect:
        return wanted.resize, wanted.resize
    shorter = min(whole)
    width, height = (int(wanted.resize * side / shorter) for side in whole)
    return width, height


def _stored(box: Box, whole: tuple[int, int], orientation: int) -> Box:
    """Find a box of the photograph as it is seen on the photograph as it is stored."""
    left, top, right, bottom = box
    if orientation in _SIDEWAYS:
        left, top, right, bottom = top, left, bottom, right
    width, height = whole
    if orientation in _MIRRORED_ACROSS:
        left, right = width - right, width - left
    if orientation in _MIRRORED_DOWN:
        top, bottom = height - bottom, height - top
    return left, top, right, bottom


def _configure_pillow(max_pixels: int) -> None:
    """Quieten Pillow, and raise its own limit to ours.

    Both belong to the process. They are set without a lock and never taken back: setting them
    twice is setting them once.
    """
    if warnings.filters[0] != _REMARKS:
        warnings.filterwarnings("ignore", module=r"PIL\.")
    if Image.MAX_IMAGE_PIXELS is not None and max_pixels > Image.MAX_IMAGE_PIXELS:
        Image.MAX_IMAGE_PIXELS = max_pixels


@contextmanager
def _faults_named(name: str, max_pixels: int) -> Iterator[None]:
    """Put whatever Pillow raises over foreign bytes into words for who sent them."""
    try:
        yield
    except Image.DecompressionBombError:
        raise too_many(max_pixels) from None
    except (MemoryError, TimeoutError):
        raise too_costly(name) from None
    except BadRequest:
        raise
    except Exception:  # noqa: BLE001 its plugins raise what they like, from OSError to struct.error
        raise BadImage(
            f"The {name} file can't be decoded: it is damaged, incomplete or of a rare kind; "
            "save it anew, or send a plain JPEG or PNG."
        ) from None
