from __future__ import annotations

import io
import struct
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from booth_client.errors import BadImage, TooManyPixels
from models.card import Input
from service.photo.decode import decode
from service.photo.formats import format_of
from service.photo.heic import open_heic
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

pillow_heif = pytest.importorskip("pillow_heif", reason="the extra `heic` is not installed")

WHOLE = Input(size=32, resize=32, keep_aspect=False)
FIELDS = four_fields(128, 64)
# x265 rounds up sizes that are no multiple of its blocks, and crops them again.
FINE: dict[str, Any] = {"quality": 95, "chroma": 444, "enc_params": {"preset": "ultrafast"}}


def pixels(data: bytes) -> NDArray[np.int16]:
    return decode(data, WHOLE).pixels.astype(np.int16)


def truth(image: Image.Image) -> NDArray[np.int16]:
    return pixels(saved(image, "PNG"))


@pytest.fixture(scope="module")
def fields() -> Item:
    return coded(FIELDS, "HEIC", **FINE)


def with_properties(item: Item, *properties: bytes) -> bytes:
    return container([Item(item.kind, item.data, [*item.properties, *properties])])


@pytest.mark.parametrize("quarters", range(4))
@pytest.mark.parametrize("axis", [None, 0, 1])
def test_it_is_turned_and_mirrored_as_its_boxes_say(
    fields: Item, quarters: int, axis: int | None
) -> None:
    mirror = [] if axis is None else [imir(axis)]
    data = with_properties(fields, irot(quarters), *mirror)
    assert abs(pixels(data) - truth(turned(FIELDS, quarters, axis))).max() <= 3


def test_the_orientation_of_exif_alone_is_ignored(fields: Item) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    beside = Item(b"Exif", bytes(4) + exif.tobytes()[6:])
    data = container([fields, beside], ((b"cdsc", 2, (1,)),))
    assert abs(pixels(data) - truth(FIELDS)).max() <= 3
    right = Item(fields.kind, fields.data, [*fields.properties, irot(3)])
    data = container([right, beside], ((b"cdsc", 2, (1,)),))
    assert abs(pixels(data) - truth(turned(FIELDS, 3))).max() <= 3


def test_it_is_cropped_to_its_aperture(fields: Item) -> None:
    middle = with_properties(fields, clap(64, 1, 32, 1, 0, 1, 0, 1))
    assert abs(pixels(middle) - truth(FIELDS.crop((32, 16, 96, 48)))).max() <= 3
    corner = with_properties(fields, clap(64, 1, 32, 1, -32, 1, -16, 1), irot(1))
    assert abs(pixels(corner) - truth(turned(FIELDS.crop((0, 0, 64, 32)), 1))).max() <= 3


@pytest.mark.parametrize("size", [(256, 64), (200, 50)])
def test_a_grid_is_put_together_and_cropped(fields: Item, size: tuple[int, int]) -> None:
    green = Image.new("RGB", (128, 64), (10, 200, 100))
    whole = Image.new("RGB", (256, 64))
    whole.paste(FIELDS, (0, 0))
    whole.paste(green, (128, 0))
    items = [grid(1, 2, *size), fields, coded(green, "HEIC", **FINE)]
    data = container(items, ((b"dimg", 1, (2, 3)),))
    assert decode(data, WHOLE).width == size[0]
    assert abs(pixels(data) - truth(whole.crop((0, 0, *size)))).max() <= 3


@pytest.mark.parametrize("size", [(61, 41), (65, 33), (1, 1)])
@pytest.mark.parametrize("chroma", [420, 422, 444])
def test_odd_sizes_and_subsampling(size: tuple[int, int], chroma: int) -> None:
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    data = saved(image, "HEIC", **{**FINE, "chroma": chroma})
    photo = decode(data, WHOLE)
    assert (photo.width, photo.height) == size
    assert abs(photo.pixels.astype(np.int16) - truth(image)).max() <= 6


@pytest.mark.parametrize("twelve", [False, True])
def test_deep_samples_are_scaled_to_eight_bits(
    twelve: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pillow_heif.options, "SAVE_HDR_TO_12_BIT", twelve)
    levels = np.asarray(FIELDS).astype(np.uint16) * 257
    file = io.BytesIO()
    pillow_heif.from_bytes("RGB;16", FIELDS.size, levels.tobytes()).save(file, **FINE)
    assert abs(pixels(file.getvalue()) - truth(FIELDS)).max() <= 3


@pytest.mark.parametrize("mode", ["L", "LA", "RGBA"])
def test_grey_and_what_is_transparent(mode: str) -> None:
    image = FIELDS.convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    image = image.convert(mode)
    assert abs(pixels(saved(image, "HEIC", **FINE)) - truth(image)).max() <= 4


@pytest.mark.parametrize("primary", [0, 1])
def test_of_several_pictures_the_primary_one_counts(primary: int) -> None:
    images = [FIELDS, Image.new("RGB", (64, 128), "red")]
    file = io.BytesIO()
    several = pillow_heif.HeifFile()
    for image in images:
        several.add_from_pillow(image)
    several.save(file, primary_index=primary, **FINE)
    assert abs(pixels(file.getvalue()) - truth(images[primary])).max() <= 3


@pytest.mark.parametrize(
    "brands",
    [
        (b"heix", b"mif1"),
        (b"mif1", b"heic"),
        (b"mif1", b"MiHB"),
        (b"hevc", b"heic", b"mif1"),
        (b"heim", b"mif1"),
        (b"miaf", b"heic"),
    ],
)
def test_any_of_its_brands_may_say_what_it_is(fields: Item, brands: tuple[bytes, ...]) -> None:
    data = container([fields], brands=brands)
    assert format_of(data) == "HEIC"
    assert abs(pixels(data) - truth(FIELDS)).max() <= 3


def test_what_is_cut_is_refused(fields: Item) -> None:
    data = container([fields])
    for end in (20, 100, len(data) // 2):
        with pytest.raises(BadImage, match="HEIC file can't be decoded"):
            decode(data[:end], WHOLE)


def test_another_coding_than_hevc_is_refused() -> None:
    data = container([coded(FIELDS, "AVIF")], brands=(b"heic", b"mif1"))
    with pytest.raises(BadImage, match="HEIC file can't be decoded"):
        decode(data, WHOLE)


def test_too_many_pixels_are_refused_by_the_boxes_alone(fields: Item) -> None:
    wide = Item(fields.kind, fields.data, [ispe(32000, 32000), *fields.properties[1:]])
    with pytest.raises(TooManyPixels, match="more than 64,000,000 pixels"):
        decode(container([wide]), WHOLE)
    assert decode(container([fields]), WHOLE, max_pixels=8192).height == 64
    with pytest.raises(TooManyPixels):
        decode(container([fields]), WHOLE, max_pixels=8191)


def test_a_grid_larger_than_its_boxes_tell_is_refused(fields: Item) -> None:
    layout = struct.pack(">BBBBHH", 0, 0, 0, 1, 256, 64)
    false = Item(b"grid", layout, [ispe(32, 32)])
    with pytest.raises(BadImage, match="HEIC file can't be decoded"):
        decode(container([false, fields, fields], ((b"dimg", 1, (2, 3)),)), WHOLE)


def test_the_library_is_bounded_and_has_one_thread_a_photograph(fields: Item) -> None:
    image = open_heic(io.BytesIO(container([fields])))
    assert image.size == (128, 64)
    assert pillow_heif.options.DECODE_THREADS == 1
    assert not pillow_heif.options.THUMBNAILS
    assert not pillow_heif.options.DISABLE_SECURITY_LIMITS


def run(code: str) -> str:
    return subprocess.check_output([sys.executable, "-c", code], encoding="utf-8").strip()


def test_it_is_loaded_with_the_first_heic_alone() -> None:
    assert run("import service.photo.decode, sys; print('pillow_heif' in sys.modules)") == "False"


def test_without_the_extra_it_is_named_and_refused() -> None:
    said = run(
        "import sys; sys.modules['pillow_heif'] = None\n"
        "from service.photo.formats import format_of\n"
        "try: format_of(b'\\0\\0\\0\\x14ftypmif1\\0\\0\\0\\0heic')\n"
        "except Exception as error: print(error.status, error.detail)"
    )
    assert said == (
        "415 This is a HEIC photograph, which is not decoded here: "
        "send a JPEG, PNG, WebP, GIF, BMP, TIFF or AVIF."
    )
