from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from service.photo import resample as module
from service.photo.resample import Interpolation, region_seen, resample

pytestmark = pytest.mark.usefixtures("decoder")

BOXES = [(0.0, 0.0, 451.0, 300.0), (75.5, 0.0, 375.5, 300.0), (10.25, 20.5, 300.75, 200.0)]
FILTERS = {"bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


@pytest.fixture
def chelsea(photos: dict[str, bytes]) -> Image.Image:
    return Image.open(io.BytesIO(photos["chelsea"])).convert("RGB")


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("side", [32, 224, 512])
def test_it_is_pillow_s_resizing_to_a_rounding_now_and_then(
    interpolation: Interpolation,
    box: tuple[float, float, float, float],
    side: int,
    chelsea: Image.Image,
) -> None:
    pillow = np.asarray(chelsea.resize((side, side), FILTERS[interpolation], box=box))
    for image in (chelsea, np.asarray(chelsea)):
        differences = np.abs(
            np.subtract(resample(image, side, box, interpolation), pillow, dtype=int)
        )
        assert differences.max() <= 2
        assert differences.mean() < 0.02


def test_an_image_that_will_be_turned_gives_what_it_would_give_turned(chelsea: Image.Image) -> None:
    turned = chelsea.transpose(Image.Transpose.TRANSPOSE)
    left, top, right, bottom = box = BOXES[1]
    pixels = resample(chelsea, 224, box, "bicubic", sideways=True).transpose(1, 0, 2)
    expected = resample(turned, 224, (top, left, bottom, right), "bicubic")
    assert np.abs(np.subtract(pixels, expected, dtype=int)).max() <= 1


def test_a_large_image_gives_the_same_by_pillow(
    chelsea: Image.Image, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = resample(chelsea, 224, BOXES[1], "bicubic")
    monkeypatch.setattr(module, "_MOST_PIXELS", 1000)
    for image in (chelsea, np.asarray(chelsea)):
        large = resample(image, 224, BOXES[1], "bicubic")
        assert np.abs(np.subtract(large, small, dtype=int)).max() <= 2


@pytest.mark.parametrize("interpolation", ["bilinear", "bicubic"])
@pytest.mark.parametrize("box", BOXES)
@pytest.mark.parametrize("side", [32, 224])
def test_what_is_not_seen_makes_no_difference(
    interpolation: Interpolation,
    box: tuple[float, float, float, float],
    side: int,
    chelsea: Image.Image,
) -> None:
    region = region_seen(chelsea.size, side, box, interpolation)
    across, down = region[:2]
    moved = box[0] - across, box[1] - down, box[2] - across, box[3] - down
    part = resample(chelsea.crop(region), side, moved, interpolation)
    whole = resample(chelsea, side, box, interpolation)
    assert np.abs(np.subtract(part, whole, dtype=int)).max() <= 1


def test_a_squashed_strip_is_averaged_before_it_is_made_wide(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_across_then_down", lambda *_: pytest.fail("it is made wide"))
    strip = Image.new("RGB", (1, 100_000), "red")
    pixels = resample(strip, 224, (0, 0, 1, 100_000), "bilinear")
    assert (pixels == (255, 0, 0)).all()
