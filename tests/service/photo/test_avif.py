from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import AvifImagePlugin, Image

from booth_client.errors import BadImage, TooManyPixels, UnsupportedFormat
from models.card import Input
from service.photo.avif import cropped, open_avif
from service.photo.decode import decode
from tests.service.photo.heif import (
    Item,
    clap,
    coded,
    container,
    four_fields,
    grid,
    imir,
    irot,
    ispe,
    saved,
    turned,
)

WHOLE = Input(size=32, resize=32, keep_aspect=False)
FIELDS = four_fields(60, 40)
LOSSLESS: dict[str, Any] = {"subsampling": "4:4:4", "quality": 100}
TURN_RIGHT = Image.Exif()
TURN_RIGHT[0x0112] = 6

# A ramp of 32 x 24 (right in red, down in green, left in blue) of 10 and of 12 bits, 4:4:4.
DEEP = {
    10: base64.b64decode(
        "AAAAIGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZk1BMUEAAADrbWV0YQAAAAAAAAAhaGRscgAAAAAAAAAAcGlj"
        "dAAAAAAAAAAAAAAAAAAAAAAOcGl0bQAAAAAAAQAAAB5pbG9jAAAAAEQAAAEAAQAAAAEAAAETAAAAZwAAAChp"
        "aW5mAAAAAAABAAAAGmluZmUCAAAAAAEAAGF2MDFDb2xvcgAAAABqaXBycAAAAEtpcGNvAAAAFGlzcGUAAAAA"
        "AAAAIAAAABgAAAAQcGl4aQAAAAADCgoKAAAADGF2MUOBIEAAAAAAE2NvbHJuY2x4AAIAAgAGgAAAABdpcG1h"
        "AAAAAAAAAAEAAQQBAoMEAAAAb21kYXQSAAoIOBE/drAgIGkyWRICQ0qAgggvIAAAizYrJrBA+3Zc+XPTfDgu"
        "WNXFNR1jn2JAKfoMcXVkVPkZaGz/rpied39/TMSQVv6+mBHSoLXN/siLfrgXa/NYpJ3VlovtL7SyidKOmbbO"
    ),
    12: base64.b64decode(
        "AAAAHGZ0eXBhdmlmAAAAAGF2aWZtaWYxbWlhZgAAAOttZXRhAAAAAAAAACFoZGxyAAAAAAAAAABwaWN0AAAA"
        "AAAAAAAAAAAAAAAAAA5waXRtAAAAAAABAAAAHmlsb2MAAAAARAAAAQABAAAAAQAAAQ8AAABsAAAAKGlpbmYA"
        "AAAAAAEAAAAaaW5mZQIAAAAAAQAAYXYwMUNvbG9yAAAAAGppcHJwAAAAS2lwY28AAAAUaXNwZQAAAAAAAAAg"
        "AAAAGAAAABBwaXhpAAAAAAMMDAwAAAAMYXYxQ4FAYAAAAAATY29scm5jbHgAAgACAAaAAAAAF2lwbWEAAAAA"
        "AAAAAQABBAECgwQAAAB0bWRhdBIACglYET92tAgIGiAyXRICQ0qAgggvIAAAizS0BTd2Wzu4qEUGoQ8QvSeR"
        "34hsUxQTAM8kfs7tn2rglazU1ol7x2nPeblsvW2meDur0bhN94pykMMnkStHh8xww7jFgcMv7rI2NUO56jj8"
        "gA=="
    ),
}


def pixels(data: bytes) -> NDArray[np.int16]:
    return decode(data, WHOLE).pixels.astype(np.int16)


def truth(image: Image.Image) -> NDArray[np.int16]:
    return pixels(saved(image, "PNG"))


def with_properties(*properties: bytes, **options: Any) -> bytes:
    item = coded(FIELDS, **(options or LOSSLESS))
    return container([Item(item.kind, item.data, [*item.properties, *properties])])


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_it_is_turned_and_mirrored_as_its_boxes_say(quarters: int, axis: int | None) -> None:
    mirror = [] if axis is None else [imir(axis)]
    expected = truth(turned(FIELDS, quarters, axis))
    for properties in ([irot(quarters), *mirror], [*mirror, irot(quarters)]):
        assert abs(pixels(with_properties(*properties)) - expected).max() <= 2


def test_the_orientation_of_exif_alone_is_ignored() -> None:
    exif = Item(b"Exif", bytes(4) + TURN_RIGHT.tobytes()[6:])
    item = coded(FIELDS, **LOSSLESS)
    data = container([item, exif], ((b"cdsc", 2, (1,)),))
    assert abs(pixels(data) - truth(FIELDS)).max() <= 2
    item.properties.append(irot(1))
    data = container([item, exif], ((b"cdsc", 2, (1,)),))
    assert abs(pixels(data) - truth(turned(FIELDS, 1))).max() <= 2


def test_pillow_writes_the_orientation_of_exif_as_boxes() -> None:
    data = saved(FIELDS, "AVIF", exif=TURN_RIGHT, **LOSSLESS)
    assert abs(pixels(data) - truth(turned(FIELDS, 3))).max() <= 2


def test_it_is_cropped_where_the_aperture_begins_in_the_corner() -> None:
    corner = with_properties(clap(40, 1, 20, 1, -10, 1, -10, 1), irot(1))
    assert abs(pixels(corner) - truth(turned(FIELDS.crop((0, 0, 40, 20)), 1))).max() <= 2
    middle = with_properties(clap(40, 1, 20, 1, 0, 1, 0, 1))
    assert abs(pixels(middle) - truth(FIELDS)).max() <= 2


def test_boxes_that_cannot_be_read_crop_nothing() -> None:
    assert cropped(FIELDS, b"\0\0\0\x10meta" + bytes(8)) is FIELDS


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0", "4:0:0"])
@pytest.mark.parametrize("levels", ["full", "limited"])
@pytest.mark.parametrize("size", [(60, 40), (61, 41), (3, 7), (1, 1)])
def test_odd_sizes_subsampling_and_limited_range(
    subsampling: str, levels: str, size: tuple[int, int]
) -> None:
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    data = saved(image, "AVIF", subsampling=subsampling, range=levels, quality=100)
    assert abs(pixels(data) - truth(image)).max() <= 3


@pytest.mark.parametrize("bits", DEEP)
def test_deep_samples_are_scaled_to_eight_bits(bits: int) -> None:
    down, right = np.mgrid[:24, :32]
    ramp = np.stack([right / 31, down / 23, 1 - right / 31], -1)
    expected = truth(Image.fromarray((ramp * 255).round().astype(np.uint8)))
    assert abs(pixels(DEEP[bits]) - expected).mean() < 1.5


@pytest.mark.parametrize("premultiplied", [False, True])
@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_what_is_transparent_lies_on_white(mode: str, premultiplied: bool) -> None:
    image = FIELDS.convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image = image.convert(mode)
    data = saved(image, "AVIF", alpha_premultiplied=premultiplied, **LOSSLESS)
    assert abs(pixels(data) - truth(image)).max() <= 4


def test_of_an_animation_the_first_frame_counts() -> None:
    frames = {"save_all": True, "append_images": [Image.new("RGB", FIELDS.size, "red")]}
    assert abs(pixels(saved(FIELDS, "AVIF", **frames, **LOSSLESS)) - truth(FIELDS)).max() <= 2


@pytest.mark.parametrize("size", [(128, 64), (100, 50)])
def test_a_grid_is_put_together_and_cropped(size: tuple[int, int]) -> None:
    tiles = [four_fields(64, 64), Image.new("RGB", (64, 64), (10, 200, 100))]
    whole = Image.new("RGB", (128, 64))
    for left, tile in zip((0, 64), tiles, strict=True):
        whole.paste(tile, (left, 0))
    items = [grid(1, 2, *size), *(coded(tile, **LOSSLESS) for tile in tiles)]
    data = container(items, ((b"dimg", 1, (2, 3)),))
    assert decode(data, WHOLE).width == size[0]
    assert abs(pixels(data) - truth(whole.crop((0, 0, *size)))).max() <= 2


@pytest.mark.parametrize(
    "brands",
    [
        (b"avif",),
        (b"mif1", b"avif"),
        (b"miaf", b"mif1", b"avif"),
        (b"MA1B", b"avif"),
        (b"mp42", b"avif"),
        (b"heic", b"mif1", b"avif"),
    ],
)
def test_any_of_its_brands_may_say_what_it_is(brands: tuple[bytes, ...]) -> None:
    data = container([coded(FIELDS, **LOSSLESS)], brands=brands)
    assert abs(pixels(data) - truth(FIELDS)).max() <= 2


def test_what_browsers_do_not_take_for_avif_is_refused() -> None:
    with pytest.raises(UnsupportedFormat, match="neither AVIF nor HEIC"):
        decode(container([coded(FIELDS)], brands=(b"mif1",)), WHOLE)
    with pytest.raises(BadImage, match="AVIF file can't be decoded"):
        decode(container([coded(FIELDS)], brands=(b"avis", b"avif")), WHOLE)


def test_what_is_cut_shows_nothing_and_is_refused() -> None:
    data = saved(FIELDS, "AVIF")
    for end in (20, 100, len(data) // 2, len(data) * 9 // 10, len(data) - 1):
        with pytest.raises(BadImage, match="AVIF file can't be decoded"):
            decode(data[:end], WHOLE)


def test_too_many_pixels_are_refused_by_the_boxes_alone() -> None:
    item = coded(FIELDS)
    wide = Item(item.kind, item.data, [ispe(32000, 32000), *item.properties[1:]])
    with pytest.raises(TooManyPixels, match="more than 64,000,000 pixels"):
        decode(container([wide]), WHOLE)
    assert decode(saved(FIELDS, "AVIF"), WHOLE, max_pixels=2400).height == 40
    with pytest.raises(TooManyPixels):
        decode(saved(FIELDS, "AVIF"), WHOLE, max_pixels=2399)


def test_samples_are_scaled_to_the_size_that_the_boxes_tell() -> None:
    item = coded(FIELDS, **LOSSLESS)
    data = container([Item(item.kind, item.data, [ispe(120, 80), *item.properties[1:]])])
    assert decode(data, WHOLE).width == 120
    assert abs(pixels(data) - truth(FIELDS)).mean() < 3


def test_the_library_starts_no_threads_of_its_own() -> None:
    assert AvifImagePlugin.DEFAULT_MAX_THREADS == 1
    assert open_avif(io.BytesIO(saved(FIELDS, "AVIF"))).size == (60, 40)
