"""High dynamic range to sRGB, as Chromium shows it on an ordinary screen.

The two transfer functions are those of ITU-R BT.2100. What is mapped to what was read off
Chromium 150: half up to the light of a diffuse white, and from there to the peak ever less.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from service.photo.icc import PRIMARIES, Chromaticities, colorants

__all__ = ["HLG", "PQ", "to_sdr"]

# ITU-T H.273, table 3.
PQ, HLG = 16, 18

_SRGB, _BT2020 = PRIMARIES[1], PRIMARIES[9]
_LUMINANCE = np.array([0.2627, 0.6780, 0.0593], np.float32)

# In nits (BT.2408): diffuse white, and the peak of a screen for HLG.
_WHITE, _PEAK = 203.0, 1000.0

# The brightest channel, 1 being diffuse white, and what it is shown as.
_LIGHT = [0.0, 1.0, 1.158, 1.558, 2.088, 2.794, 3.731, _PEAK / _WHITE]
_SHOWN = [0.0, 0.5, 0.565, 0.665, 0.761, 0.847, 0.922, 1.0]

_STEPS = 4095

_Floats = NDArray[np.float32]


def to_sdr(picture: Image.Image, primaries: Chromaticities, transfer: int) -> Image.Image:
    """Convert an RGB picture of either transfer function, ``PQ`` or ``HLG``, to sRGB."""
    light = _LIGHT_OF[transfer](np.asarray(picture)) @ _between(primaries, _BT2020)
    red, green, blue = np.moveaxis(light, -1, 0)
    brightest = np.maximum(np.maximum(red, green), np.maximum(blue, np.float32(1e-6)))
    light *= (np.interp(brightest, _LIGHT, _SHOWN) / brightest).astype(np.float32)[..., None]
    steps = (light @ _between(_BT2020, _SRGB)).clip(0, 1) * _STEPS
    return Image.fromarray(_encoded()[steps.round().astype(np.uint16)])


def _between(primaries: Chromaticities, others: Chromaticities) -> _Floats:
    """What rows of light in some primaries are multiplied with to give them in others."""
    return np.linalg.solve(colorants(others), colorants(primaries)).T.astype(np.float32)


def _pq_light(levels: NDArray[np.uint8]) -> _Floats:
    root = (np.arange(256) / 255) ** (32 / 2523)
    above = np.maximum(root - 3424 / 4096, 0) / (2413 / 128 - 2392 / 128 * root)
    curve = 10_000 / _WHITE * above ** (16384 / 2610)
    light: _Floats = curve.astype(np.float32)[levels]
    return light


def _hlg_light(levels: NDArray[np.uint8]) -> _Floats:
    signal = np.arange(256) / 255
    bright = (np.exp((signal - 0.55991073) / 0.17883277) + 0.28466892) / 12
    scene = np.where(signal <= 1 / 2, signal**2 / 3, bright).astype(np.float32)[levels]
    luminance = np.maximum(scene @ _LUMINANCE, 1e-9)[..., None]
    light: _Floats = scene * (_PEAK / _WHITE * luminance**0.2).astype(np.float32)
    return light


_LIGHT_OF: dict[int, Callable[[NDArray[np.uint8]], _Floats]] = {PQ: _pq_light, HLG: _hlg_light}


@lru_cache(maxsize=1)
def _encoded() -> NDArray[np.uint8]:
    """The level of sRGB (IEC 61966-2-1) for each step of light."""
    light = np.linspace(0, 1, _STEPS + 1)
    curve = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)  # noqa: PLR2004
    return (curve * 255).round().astype(np.uint8)
