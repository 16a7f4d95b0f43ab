from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from service.photo.icc import MOST_BYTES, PRIMARIES, colorants, essence, matrix_profile, space_of
from tests.service.photo.profiles import (
    DISPLAY_P3,
    SRGB,
    SRGB_CURVE,
    cmyk_profile,
    gamma,
    grey_profile,
    rgb_profile,
    written,
)

P3 = rgb_profile(DISPLAY_P3, SRGB_CURVE)


def converted(profile: bytes, colour: tuple[int, int, int]) -> tuple[int, ...]:
    """What LittleCMS makes of a colour."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    target = ImageCms.createProfile("sRGB")
    transform = ImageCms.buildTransform(source, target, "RGB", "RGB", ImageCms.Intent(1))
    picture = ImageCms.applyTransform(Image.new("RGB", (1, 1), colour), transform)
    assert picture is not None
    return tuple(np.asarray(picture)[0, 0].tolist())


@pytest.mark.parametrize(
    ("profile", "mode"),
    [(P3, "RGB"), (grey_profile(gamma(2.2)), "L"), (cmyk_profile(), "CMYK")],
)
def test_the_mode_is_that_of_the_pictures(profile: bytes, mode: str) -> None:
    assert space_of(profile) == mode


@pytest.mark.parametrize(
    "profile",
    [
        b"",
        P3[:16] + b"Lab " + P3[20:],
        P3[:36] + b"psca" + P3[40:],
        P3[:8] + b"\5" + P3[9:],  # iccMAX, which browsers don't read either
        P3 + bytes(MOST_BYTES),
    ],
)
def test_what_is_no_profile_of_a_picture_has_none(profile: bytes) -> None:
    assert space_of(profile) is None


def test_matrix_and_curves_are_all_that_is_kept() -> None:
    more = {b"D2B0": bytes(3000), b"B2A0": bytes(5000), b"meta": bytes(900)}
    kept = essence(rgb_profile(DISPLAY_P3, SRGB_CURVE, more))
    assert len(kept) == 128 + 4 + 6 * 12 + 3 * 20 + 32
    assert converted(kept, (200, 60, 40)) == converted(P3, (200, 60, 40)) == (217, 42, 23)


def test_of_two_tables_the_perceptual_one_is_kept_for_both() -> None:
    inks = cmyk_profile()
    table = inks[inks.index(b"mft1") :]
    both = written({b"A2B1": bytes(48), b"A2B0": table}, space=b"CMYK", pcs=b"Lab ")
    kept = essence(both)
    assert kept.count(b"mft1") == 1
    first, second = (struct.unpack_from(">4sII", kept, 132 + 12 * i) for i in range(2))
    assert (first[0], second[0]) == (b"A2B0", b"A2B1")
    assert first[1:] == second[1:]


def test_a_wrong_kind_or_size_in_the_header_does_not_matter() -> None:
    for odd in (P3[:12] + b"link" + P3[16:], struct.pack(">I", 9) + P3[4:], P3 + b"more"):
        assert essence(odd) == essence(P3)


@pytest.mark.parametrize(
    "profile",
    [
        P3[:-30],
        P3.replace(b"gTRC", b"none"),
        P3.replace(b"bXYZ", b"none"),
        P3[:40],
        cmyk_profile()[:-100],
        written({}),
    ],
)
def test_a_profile_that_lacks_something_is_refused(profile: bytes) -> None:
    with pytest.raises(ValueError, match="it has neither a table nor all curves"):
        essence(profile)


def test_greys_that_are_no_levels_of_light_are_refused() -> None:
    with pytest.raises(ValueError, match="levels of light"):
        essence(grey_profile(gamma(1.8)).replace(b"XYZ ", b"Lab "))


@pytest.mark.parametrize("kind", [b"mft1", b"mft2", b"mAB "])
def test_a_grid_that_is_larger_than_the_profile_is_refused(kind: bytes) -> None:
    table = kind + bytes(4) + bytes([4, 3, 200, 0])
    if kind == b"mAB ":
        table += struct.pack(">5I", 0, 0, 0, 32, 0) + bytes([200] * 4 + [0] * 12) + b"\2\0\0\0"
    profile = written({b"A2B0": table + bytes(5000)}, space=b"CMYK", pcs=b"Lab ")
    with pytest.raises(ValueError, match="cut short"):
        essence(profile)


def test_as_many_tags_as_there_is_room_for_are_looked_at() -> None:
    claimed = P3[:128] + b"\xff\xff\xff\xff" + P3[132:]
    assert essence(claimed) == essence(P3)


def test_a_profile_is_made_of_primaries_and_a_curve() -> None:
    assert converted(matrix_profile(PRIMARIES[12], None), (200, 60, 40)) == (217, 42, 23)
    assert converted(matrix_profile(PRIMARIES[12], 2.2), (200, 60, 40)) == (219, 37, 12)
    assert converted(matrix_profile(PRIMARIES[1], 1.0), (200, 60, 40)) == (229, 133, 110)


def test_the_primaries_are_those_of_srgb() -> None:
    xyz = [[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]]
    assert np.abs(colorants(SRGB) - xyz).max() < 0.0002  # IEC 61966-2-1, adapted to D50


@pytest.mark.parametrize("corner", [(0.3, 0.0), (0.3, 0.3)])
def test_primaries_of_which_no_colours_are_made_are_refused(corner: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="primaries"):
        matrix_profile([corner, corner, corner, (0.3127, 0.3290)], 2.2)
