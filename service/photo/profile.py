"""From the colours that a file says it has to sRGB, which networks are trained on.

Whatever is wrong with that is no reason to refuse the picture, which is then taken for sRGB.

LittleCMS takes 50 ns a pixel, ten times what decoding a JPEG does, so it is the square for the
network that is converted, after resizing: 2.5 ms whatever the photograph. On 60 photographs as
Display P3, Adobe RGB, ProPhoto and Rec. 2020 this moved a level by 0.2, 0.4, 0.8 and 0.6 on average
against the photograph in sRGB, a first label's confidence by 0.010 to 0.017 (0.008 to 0.015 where
all pixels were converted first), and no first label. Where it would tell, few pixels are converted
before: see ``Conversion.comes_first``.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from service.photo.colour_tags import HighRange, Stated, stated_colours
from service.photo.hdr import to_sdr
from service.photo.icc import essence, space_of

__all__ = ["Conversion", "conversion_to_srgb"]

# As browsers convert: what is white stays white, and black is not scaled.
_INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC

# Each holds up to half a megabyte. The files of one camera or program all have the same profile.
_MOST_KNOWN = 32
# A digest takes longer than a look into the dictionary, but need not be kept as a whole.
_MOST_KEPT = 1 << 16

# A profile that moves no level further is sRGB's, of which there are many, each rounded in its way.
_SAME = 2
# Middle grey is moved by 60 levels from linear light, by 19 from ProPhoto's curve.
_BENT = 32
# Converting them takes 30 ms; half of them, where they are inks.
_MOST_EARLY = 1 << 19

_GREY_MODES = {"1", "L", "La", "LA", "I", "I;16", "I;16L", "I;16B", "I;16N", "F"}


_Step = Callable[[Image.Image], Image.Image]


@dataclass(frozen=True, slots=True)
class Conversion:
    """From one profile to sRGB. Safe for many threads at once.

    Attributes:
        mode: Pillow's, of the colours that are converted: RGB, L or CMYK.
        is_needed: False where it would change nothing.
        is_bent: its curve is so far from sRGB's that it and resizing can't change places.

    """

    mode: str
    is_needed: bool
    is_bent: bool
    _convert: _Step

    def apply(self, picture: Image.Image) -> Image.Image:
        """Convert a picture in CMYK, or in RGB: one of three equal channels where grey is meant."""
        if self.mode == "L":
            picture = picture.getchannel(0)
        return self._convert(picture)

    def apply_to(self, levels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Convert H x W x 3 levels of RGB, or H x W x 4 of CMYK; read-only."""
        height, width, channels = levels.shape
        mode = "CMYK" if channels == len("CMYK") else "RGB"
        return np.asarray(self.apply(Image.frombytes(mode, (width, height), levels.tobytes())))

    def comes_first(self, pixels: float, *, blended: bool) -> bool:
        """Tell whether so many pixels are converted before they are resized.

        Args:
            pixels: those that the network sees.
            blended: with white, as they are transparent.

        """
        is_ink = self.mode == "CMYK"
        return (self.is_bent or blended or is_ink) and pixels <= _MOST_EARLY >> is_ink


def conversion_to_srgb(image: Image.Image, data: bytes) -> Conversion | None:
    """Find how the colours of a photograph become sRGB.

    Args:
        image: as Pillow opened it.
        data: the file.

    Returns:
        None where they are sRGB, or the file says nothing that can be used.

    """
    try:
        for stated in stated_colours(image, data):
            conversion = _usable(stated, image.mode)
            if conversion:
                return conversion if conversion.is_needed else None
    except Exception:  # noqa: BLE001 what is said of the colours leaves the pixels unharmed
        return None
    return None


def _usable(stated: Stated, mode: str) -> Conversion | None:
    if isinstance(stated, HighRange):
        convert = partial(to_sdr, primaries=stated.primaries, transfer=stated.transfer)
        return Conversion("RGB", is_needed=True, is_bent=False, _convert=convert)
    return _known.get(stated) if _suits(mode, stated) else None


def _suits(mode: str, profile: bytes) -> bool:
    """Whether a profile can be that of pictures in a mode; RGB's may be that of grey ones."""
    space = space_of(profile)
    if mode == "CMYK" or space == "CMYK":
        return space == mode
    return space == "RGB" or (space == "L" and mode in _GREY_MODES)


class _Known:
    """The latest conversions by their profiles: building one takes 10 to 90 ms."""

    def __init__(self) -> None:
        self._conversions: dict[bytes, Conversion | None] = {}
        self._changing = threading.Lock()

    def get(self, profile: bytes) -> Conversion | None:
        """None if the profile is of no use."""
        key = profile if len(profile) <= _MOST_KEPT else hashlib.sha256(profile).digest()
        with self._changing:
            if key in self._conversions:
                found = self._conversions[key] = self._conversions.pop(key)
                return found
        built = _build(profile)
        with self._changing:
            self._conversions[key] = built
            while len(self._conversions) > _MOST_KNOWN:
                del self._conversions[next(iter(self._conversions))]
        return built


_known = _Known()


def _build(profile: bytes) -> Conversion | None:
    """A conversion, tried on all greys and on some colours."""
    mode = space_of(profile) or "RGB"
    try:
        source = ImageCms.ImageCmsProfile(BytesIO(essence(profile)))
        target = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
        transform = ImageCms.ImageCmsTransform(source, target, mode, "RGB", _INTENT)
    except Exception:  # noqa: BLE001 Pillow has no class for what LittleCMS refuses
        return None
    if mode == "CMYK":
        return Conversion(mode, is_needed=True, is_bent=False, _convert=transform.apply)
    tried = _samples() if mode == "RGB" else _samples().getchannel(0)
    before, after = (
        np.asarray(i.convert("RGB"), np.int16)[0] for i in (tried, transform.apply(tried))
    )
    moved = np.abs(after - before)
    return Conversion(
        mode, bool(moved.max() > _SAME), bool(moved[128].mean() > _BENT), transform.apply
    )


@lru_cache(maxsize=1)
def _samples() -> Image.Image:
    """One row: 256 greys and 6 x 6 x 6 colours."""
    greys = np.arange(256)[:, None].repeat(3, 1)
    colours = np.stack(np.meshgrid(*[np.arange(0, 256, 51)] * 3), -1).reshape(-1, 3)
    return Image.fromarray(np.concatenate([greys, colours])[None].astype(np.uint8))
