from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageCms

from benchmarks.files.photograph import as_tiff_exif, encode, photograph, profile_of


def test_the_photograph_looks_different_whichever_way_it_is_turned() -> None:
    image = photograph()
    turned = {image.transpose(way).tobytes() for way in Image.Transpose}
    assert len(turned | {image.tobytes()}) == len(Image.Transpose) + 1


@pytest.mark.parametrize("order", "<>")
def test_pillow_reads_the_orientation(order: str) -> None:
    exif = Image.Exif()
    exif.load(b"Exif\0\0" + as_tiff_exif(6, order=order))
    assert dict(exif) == {ExifTags.Base.Orientation: 6}


@pytest.mark.parametrize("space", ["sRGB", "grey", "Display P3", "Adobe RGB", "ProPhoto"])
def test_little_cms_takes_the_profiles(space: str) -> None:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(profile_of(space)))
    assert profile.profile.xcolor_space.strip() == ("GRAY" if space == "grey" else "RGB")


def test_a_swapped_profile_swaps_red_and_blue() -> None:
    profile = ImageCms.ImageCmsProfile(io.BytesIO(profile_of("swapped")))
    pure = Image.new("RGB", (4, 4), (255, 0, 0))
    seen = ImageCms.profileToProfile(pure, profile, ImageCms.createProfile("sRGB"))
    assert seen is not None
    red, _, blue = np.asarray(seen)[0, 0]
    assert blue > 200
    assert red < 60


def test_a_file_is_saved_in_the_format_asked_for() -> None:
    assert Image.open(io.BytesIO(encode(photograph(), "WEBP"))).format == "WEBP"
