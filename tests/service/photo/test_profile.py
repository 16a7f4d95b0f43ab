"""Pictures in other colours than sRGB come out as Chromium draws them, whatever holds them."""

from __future__ import annotations

import io
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import ExifTags, Image, ImageCms

from models.card import Input
from service.photo import profile as module
from service.photo.decode import decode, decode_whole
from service.photo.profile import conversion_to_srgb
from tests.servers import Inside
from tests.service.photo.profiles import (
    ADOBE_RGB,
    DISPLAY_P3,
    PROPHOTO,
    REC2020,
    SHOWN,
    SRGB,
    SRGB_CURVE,
    cmyk_profile,
    coloured,
    gamma,
    grey_profile,
    parametric,
    rgb_profile,
    table_profile,
    tabulated,
    with_chunks,
    written,
)

COLUMNS = Input(size=8, resize=8, keep_aspect=False)

_LEVELS = np.linspace(0, 1, 1024)
_SRGB_LIGHT = np.where(_LEVELS <= 0.04045, _LEVELS / 12.92, ((_LEVELS + 0.055) / 1.055) ** 2.4)

PROFILES = {
    "Display P3": rgb_profile(DISPLAY_P3, SRGB_CURVE),
    "Adobe RGB": rgb_profile(ADOBE_RGB, gamma(563 / 256)),
    "ProPhoto": rgb_profile(PROPHOTO, gamma(1.8)),
    "Rec. 2020": rgb_profile(
        REC2020, parametric(1 / 0.45, 1 / 1.0993, 0.0993 / 1.0993, 1 / 4.5, 0.08145)
    ),
    "linear": rgb_profile(SRGB, gamma(1.0)),
    "linear Display P3": rgb_profile(DISPLAY_P3, gamma(1.0)),
    "table": table_profile(),
}
P3, LINEAR = PROFILES["Display P3"], PROFILES["linear"]
LINEAR_GREY = grey_profile(gamma(1.0))


def encoded(image: Image.Image, name: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    lossless: dict[str, dict[str, Any]] = {
        "WEBP": {"lossless": True, "exact": True},
        "JPEG": {"quality": 100},
    }
    image.save(file, name, **lossless.get(name, {}), **options)
    return file.getvalue()


def moved(data: bytes, shown: str) -> int:
    """By how many levels a picture of COLOURS differs from what Chromium draws, at most."""
    return int(np.abs(decode(data, COLUMNS).pixels[4] - SHOWN[shown]).max())


@pytest.mark.parametrize("name", ["PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("profile", PROFILES)
def test_the_colours_are_those_of_chromium(name: str, profile: str) -> None:
    data = encoded(coloured(), name, icc_profile=PROFILES[profile])
    assert moved(data, profile) <= (3 if profile == "table" else 1)


@pytest.mark.parametrize("profile", ["Display P3", "Adobe RGB", "linear"])
@pytest.mark.parametrize("progressive", [False, True])
def test_those_of_a_jpeg_are(profile: str, progressive: bool) -> None:
    options = {"subsampling": 0, "progressive": progressive}
    data = encoded(coloured(), "JPEG", icc_profile=PROFILES[profile], **options)
    assert moved(data, profile) <= 6  # its own rounding, which black multiplies


@pytest.mark.parametrize(
    ("chunk", "shown"),
    [
        ((b"gAMA", struct.pack(">I", 100_000)), "linear"),
        ((b"cICP", bytes([12, 13, 0, 1])), "Display P3"),
        ((b"cICP", bytes([9, 1, 0, 1])), "video"),
        ((b"cICP", bytes([9, 16, 0, 1])), "PQ"),
        ((b"cICP", bytes([9, 18, 0, 1])), "HLG"),
        ((b"sRGB", b"\0"), "sRGB"),
    ],
)
def test_those_of_a_png_s_chunks_are(chunk: tuple[bytes, bytes], shown: str) -> None:
    assert moved(with_chunks(encoded(coloured()), chunk), shown) <= 2


@pytest.mark.parametrize("name", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("profile", [LINEAR_GREY, LINEAR])
def test_grey_may_have_a_profile_of_grey_or_of_rgb(name: str, profile: bytes) -> None:
    reds = Image.fromarray(np.asarray(coloured())[..., 0])
    assert moved(encoded(reds, name, icc_profile=profile), "linear grey") <= 6


def with_alpha(image: Image.Image) -> Image.Image:
    alpha = np.array([[255, 255, 128, 128, 128, 64, 200, 0]] * 8, np.uint8)
    image.putalpha(Image.fromarray(alpha))
    return image


def test_what_is_transparent_is_converted_before_it_goes_over_white() -> None:
    data = encoded(with_alpha(coloured()), icc_profile=PROFILES["ProPhoto"])
    assert moved(data, "half ProPhoto") <= 1
    reds = Image.fromarray(np.asarray(coloured())[..., 0])
    assert moved(encoded(with_alpha(reds), icc_profile=LINEAR_GREY), "half linear grey") <= 1


def test_a_palette_and_16_bits_are_converted_too() -> None:
    palette = coloured().quantize(8)
    assert moved(encoded(palette, icc_profile=P3), "Display P3") <= 1
    deep = Image.fromarray(np.asarray(coloured())[..., 0].astype(np.uint16) * 257)
    assert moved(encoded(deep, icc_profile=LINEAR_GREY), "linear grey") <= 1


@pytest.mark.parametrize("name", ["JPEG", "TIFF"])
def test_ink_is_what_its_profile_says(name: str) -> None:
    # By the profile's L*a*b*: paper 100, 0, 0; black 0, 0, 0; cyan 65, -40, -40; red 45, 60, 70.
    inks = [(0, 0, 0, 0), (0, 0, 0, 255), (255, 0, 0, 0), (0, 255, 255, 0)]
    seen = [(255, 255, 255), (0, 0, 0), (0, 179, 228), (200, 43, 0)]
    for ink, colour in zip(inks, seen, strict=True):
        data = encoded(Image.new("CMYK", (8, 8), ink), name, icc_profile=cmyk_profile())
        assert np.abs(decode(data, COLUMNS).pixels[4, 4] - np.array(colour)).max() <= 3


def test_much_ink_is_resized_before_it_is_converted() -> None:
    image = Image.new("CMYK", (700, 700), (255, 0, 0, 0))
    data = encoded(image, "TIFF", icc_profile=cmyk_profile(), compression="packbits")
    assert np.abs(decode(data, COLUMNS).pixels[4, 4] - np.array((0, 179, 228))).max() <= 3


@pytest.mark.parametrize(
    ("mode", "profile"),
    [
        ("RGB", LINEAR_GREY),
        ("RGB", cmyk_profile()),
        ("L", cmyk_profile()),
        ("CMYK", P3),
        ("CMYK", LINEAR_GREY),
    ],
)
def test_a_profile_of_other_colours_is_passed_over(mode: str, profile: bytes) -> None:
    image = coloured(mode)
    tagged, plain = (encoded(image, "TIFF", icc_profile=p) for p in (profile, None))
    assert (decode(tagged, COLUMNS).pixels == decode(plain, COLUMNS).pixels).all()


BROKEN = {
    "none": b"",
    "cut short": P3[:300],
    "head": P3[:128],
    "zeros": bytes(5000),
    "no curve": P3.replace(b"bTRC", b"none"),
    "curve of 4 GB": rgb_profile(SRGB, b"curv" + bytes(4) + b"\xff\xff\xff\xff"),
    "unknown curve": rgb_profile(SRGB, b"para" + bytes(4) + b"\0\x09" + bytes(30)),
    "table of 1.5 GB": written(
        {b"A2B0": b"mft1" + bytes(4) + bytes([4, 3, 150, 0]) + bytes(99)},
        space=b"CMYK",
        pcs=b"Lab ",
    ),
    "15 inks": written(
        {b"A2B0": b"mft1" + bytes(4) + bytes([15, 15, 2, 0]) + bytes(999_999)}, pcs=b"Lab "
    ),
    "unsigned": P3[:36] + b"none" + P3[40:],
    "of L*a*b*": P3[:16] + b"Lab " + P3[20:],
}


@pytest.mark.parametrize("profile", BROKEN)
@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_broken_profile_leaves_the_picture_as_it_is(name: str, profile: str) -> None:
    tagged = encoded(coloured(), name, icc_profile=BROKEN[profile])
    plain = decode(encoded(coloured(), name), COLUMNS)
    assert (decode(tagged, COLUMNS).pixels == plain.pixels).all()


def test_steps_without_end_in_a_profile_are_not_taken() -> None:
    steps = struct.pack(">4s4xHHI", b"mpet", 3, 3, 60_000) + bytes(900_000)
    data = encoded(coloured(), icc_profile=rgb_profile(DISPLAY_P3, SRGB_CURVE, {b"D2B0": steps}))
    assert moved(data, "Display P3") <= 1


@pytest.mark.parametrize(
    "curve",
    [SRGB_CURVE, tabulated(_SRGB_LIGHT), parametric(2.4, *[1 / 1.055, 0.0521, 0.0774, 0.04])],
)
def test_profiles_of_srgb_need_no_conversion(curve: bytes) -> None:
    data = encoded(coloured(), "JPEG", icc_profile=rgb_profile(SRGB, curve))
    assert conversion_to_srgb(Image.open(io.BytesIO(data)), data) is None


def test_few_conversions_are_kept_and_the_latest_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    known = module._Known()
    monkeypatch.setattr(module, "_MOST_KNOWN", 2)
    first, second, third = (rgb_profile(DISPLAY_P3, gamma(g)) for g in (1.8, 2.0, 2.2))
    kept, gone = known.get(first), known.get(second)
    assert known.get(first) is kept
    known.get(third)
    assert known.get(first) is kept
    assert known.get(second) is not gone
    assert len(known._conversions) == 2


def test_a_large_profile_is_known_by_its_digest() -> None:
    known = module._Known()
    large = cmyk_profile(grid=13)
    assert known.get(large) is known.get(bytes(bytearray(large)))
    assert [len(key) for key in known._conversions] == [32]


def test_many_threads_share_one_conversion() -> None:
    data = [
        encoded(coloured(), icc_profile=PROFILES[name]) for name in ("Display P3", "linear")
    ] * 40
    with ThreadPoolExecutor(8) as threads:
        squares = [photo.pixels for photo in threads.map(lambda d: decode(d, COLUMNS), data)]
    assert all((square == squares[i % 2]).all() for i, square in enumerate(squares))


def test_fine_patterns_of_linear_light_are_converted_before_they_are_resized() -> None:
    board = np.indices((64, 64)).sum(0) % 2 * np.uint8(255)
    data = encoded(
        Image.fromarray(board[..., None].repeat(3, 2).astype(np.uint8)), icc_profile=LINEAR
    )
    wanted = Input(size=8, resize=8)
    assert abs(decode(data, wanted).pixels[4, 4, 0].astype(int) - 128) <= 1  # 188 the other way


def photograph(photos: dict[str, bytes]) -> Image.Image:
    return Image.open(io.BytesIO(photos["chelsea"])).convert("RGB")


def as_tagged(image: Image.Image, profile: bytes, name: str, **options: Any) -> bytes:
    """The same picture in a profile's colours."""
    target = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    source = ImageCms.createProfile("sRGB")
    mode = ImageCms.Intent.RELATIVE_COLORIMETRIC
    turned = ImageCms.profileToProfile(image, source, target, mode)
    assert turned is not None
    return encoded(turned, name, icc_profile=profile, **options)


@pytest.mark.parametrize("profile", ["Display P3", "Adobe RGB", "ProPhoto", "Rec. 2020"])
def test_a_photograph_is_the_same_in_other_colours(profile: str, photos: dict[str, bytes]) -> None:
    image, wanted = photograph(photos), Input(size=224, resize=256, interpolation="bicubic")
    srgb = decode(encoded(image), wanted).pixels.astype(int)
    found = decode(as_tagged(image, PROFILES[profile], "PNG"), wanted).pixels
    taken_for_srgb = decode(encoded(untagged(image, PROFILES[profile])), wanted).pixels
    assert np.abs(found - srgb).mean() < 1
    assert np.abs(taken_for_srgb - srgb).mean() > 2


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_the_whole_of_a_photograph_is_the_same_in_other_colours(
    name: str, orientation: int, photos: dict[str, bytes]
) -> None:
    """Of one that is not square, too: lying, and standing."""
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    options = {"exif": exif}
    image = photograph(photos)
    tagged = as_tagged(image, PROFILES["Display P3"], name, **options)
    expected, found = (
        decode_whole(one, lambda width, height: (width // 2, height // 2), "bilinear").pixels
        for one in (encoded(image, name, **options), tagged)
    )
    assert found.shape == ((150, 225, 3) if orientation == 1 else (225, 150, 3))
    assert np.abs(found.astype(int) - expected).mean() < 1.5


def untagged(image: Image.Image, profile: bytes) -> Image.Image:
    opened = Image.open(io.BytesIO(as_tagged(image, profile, "PNG"))).copy()
    opened.info.clear()
    return opened


def answer(url: str, data: bytes) -> tuple[str, NDArray[np.float64]]:
    predictions = httpx.post(f"{url}/classify", content=data).raise_for_status().json()
    scores = {each["label"]: each["confidence"] for each in predictions["predictions"]}
    return predictions["predictions"][0]["label"], np.array([scores[n] for n in sorted(scores)])


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("JPEG", {"quality": 95, "subsampling": 0}),
        ("JPEG", {"quality": 95, "subsampling": 0, "progressive": True}),
        ("PNG", {}),
        ("WEBP", {}),
        ("TIFF", {}),  # decoded apart
    ],
)
def test_answers_are_those_to_the_lossless_copy_in_srgb(
    inside: Inside, name: str, options: dict[str, Any], photos: dict[str, bytes]
) -> None:
    image = photograph(photos)
    label, confidences = answer(inside.url, encoded(image))
    options = {k: v for k, v in options.items() if k != "quality"}
    found, others = answer(inside.url, as_tagged(image, PROFILES["ProPhoto"], name, **options))
    _, untold = answer(inside.url, encoded(untagged(image, PROFILES["ProPhoto"])))
    assert found == label
    assert np.abs(others - confidences).max() < 0.02
    assert np.abs(untold - confidences).max() > 0.05
