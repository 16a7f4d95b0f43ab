from __future__ import annotations

import importlib
import io
import random
import re
import struct
import tarfile
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from benchmarks.files.png import chunk, written
from booth_client.errors import BadImage, BadRequest, TooManyPixels, UnsupportedFormat
from models.card import Input
from service.photo.decode import DecodedPhoto, Seen, _crop, decode, decode_whole
from service.photo.profile import conversion_to_srgb
from tests.service.photo.parts import encoded

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from numpy.typing import NDArray

pytestmark = pytest.mark.usefixtures("decoder")

INPUT = Input(size=224, resize=256, interpolation="bicubic")
INPUTS = [
    Input(size=size, resize=resize, keep_aspect=keep_aspect, interpolation=interpolation)
    for size, resize in [(224, 256), (240, 272), (224, 224), (299, 320)]
    for keep_aspect in (True, False)
    for interpolation in ("bilinear", "bicubic")
]
SIZES = [(451, 300), (300, 451), (500, 375), (333, 500), (256, 256), (640, 101), (90, 61), (7, 3)]


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("RGB")


def difference(photo: DecodedPhoto, reference: NDArray[np.uint8]) -> NDArray[np.int16]:
    return np.abs(np.subtract(photo.pixels, reference, dtype=np.int16))


@pytest.fixture(scope="module")
def reference() -> Callable[[Image.Image, Input], NDArray[np.uint8]]:
    """torchvision's own Resize and CenterCrop."""
    pytest.importorskip("torch", reason="torchvision, the reference, needs torch")
    compat = importlib.import_module("models.networks.compat")
    compat.torchvision_models()
    transforms = importlib.import_module("torchvision.transforms")

    def transformed(image: Image.Image, wanted: Input) -> NDArray[np.uint8]:
        size = wanted.resize if wanted.keep_aspect else (wanted.resize, wanted.resize)
        mode = transforms.InterpolationMode(wanted.interpolation)
        steps = [transforms.Resize(size, mode), transforms.CenterCrop(wanted.size)]
        return np.asarray(transforms.Compose(steps)(image))

    return transformed


@pytest.mark.parametrize("wanted", INPUTS, ids=str)
def test_the_pixels_are_those_of_torchvision(
    wanted: Input, photos: dict[str, bytes], reference: Callable[..., NDArray[np.uint8]]
) -> None:
    for size in SIZES:
        image = opened(photos["chelsea"]).resize(size, Image.Resampling.LANCZOS)
        differences = difference(decode(encoded(image, "BMP"), wanted), reference(image, wanted))
        # Pillow holds the box in 32-bit floats, which tips a level's rounding now and then, and
        # oftener where a simple ratio of sizes puts many levels halfway between two.
        assert differences.max() <= 2
        assert differences.mean() < 0.2


@given(width=st.integers(1, 60_000), height=st.integers(1, 60_000), wanted=st.sampled_from(INPUTS))
def test_the_crop_always_lies_within_the_photograph(width: int, height: int, wanted: Input) -> None:
    left, top, right, bottom = _crop((width, height), wanted)
    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height


def test_the_pixels_are_as_a_batch_wants_them(photos: dict[str, bytes]) -> None:
    photo = decode(photos["chelsea"], INPUT)
    assert photo.pixels.shape == (224, 224, 3)
    assert photo.pixels.dtype == np.uint8
    assert photo.pixels.flags.c_contiguous
    assert (photo.width, photo.height) == (451, 300)


@pytest.mark.parametrize(
    ("size", "keep_aspect", "box"),
    [
        ((400, 200), True, (125.0, 25.0, 275.0, 175.0)),
        ((200, 400), True, (25.0, 125.0, 175.0, 275.0)),
        ((400, 200), False, (50.0, 25.0, 350.0, 175.0)),
    ],
)
def test_it_is_told_which_part_the_network_sees(
    size: tuple[int, int], keep_aspect: bool, box: tuple[float, ...]
) -> None:
    wanted = Input(size=24, resize=32, keep_aspect=keep_aspect)
    assert decode(encoded(Image.new("RGB", size)), wanted).seen == (*size, box)


@pytest.mark.parametrize("orientation", [1, 6])
def test_with_less_detail_the_square_is_enlarged_from_a_smaller_one(
    photos: dict[str, bytes], orientation: int
) -> None:
    wanted = Input(size=192, resize=216, interpolation="bicubic", detail=128)
    smaller = Input(size=128, resize=144, interpolation="bicubic")
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(opened(photos["coffee"]), exif=exif)
    expected = Image.fromarray(decode(data, smaller).pixels).resize(
        (192, 192), Image.Resampling.BILINEAR
    )
    photo = decode(data, wanted)
    assert difference(photo, np.asarray(expected)).max() <= 2  # the axes are rounded in turn
    assert photo.pixels.flags.c_contiguous
    whole = decode_whole(data, lambda *_: (300, 300), "bicubic", coarseness=1.5)
    small = decode_whole(data, lambda *_: (200, 200), "bicubic")
    enlarged = Image.fromarray(small.pixels).resize((300, 300), Image.Resampling.BILINEAR)
    assert difference(whole, np.asarray(enlarged)).max() <= 2


def test_a_memoryview_is_read_like_bytes(photos: dict[str, bytes]) -> None:
    whole, view = (decode(kind(photos["coffee"]), INPUT) for kind in (bytes, memoryview))
    assert (whole.pixels == view.pixels).all()


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_as_its_exif_says(
    decoder: str, name: str, orientation: int, photos: dict[str, bytes]
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(opened(photos["chelsea"]), name, exif=exif)
    upright = encoded(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    photo = decode(data, INPUT)
    # Pillow keeps a box in 32-bit floats, so what is mirrored may round otherwise.
    most = 0 if decoder == "fast" else 1
    expected = decode(upright, INPUT)
    assert difference(photo, expected.pixels).max() <= most
    assert (photo.width, photo.height) == (451, 300)
    assert photo.seen == expected.seen


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_large_jpeg_is_turned_to_the_pixel_when_it_is_decoded_smaller(
    orientation: int, photos: dict[str, bytes]
) -> None:
    wanted = Input(size=24, resize=28)  # leaves 451 x 300 pixels four times too large
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(opened(photos["chelsea"]), "JPEG", quality=95, exif=exif)
    upright = encoded(ImageOps.exif_transpose(Image.open(io.BytesIO(data))))
    differences = difference(decode(data, wanted), decode(upright, wanted).pixels)
    assert differences.max() <= 6
    assert differences.mean() < 1


@pytest.mark.parametrize("exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0MM"])
def test_damaged_exif_data_does_not_cost_the_photograph(
    exif: bytes, photos: dict[str, bytes]
) -> None:
    image = opened(photos["chelsea"])
    photo = decode(encoded(image, "JPEG", exif=exif), INPUT)
    assert (photo.pixels == decode(encoded(image, "JPEG"), INPUT).pixels).all()


def test_an_orientation_that_does_not_exist_turns_nothing(photos: dict[str, bytes]) -> None:
    image, exif = opened(photos["chelsea"]), Image.Exif()
    exif[0x0112] = 9
    photo = decode(encoded(image, "PNG", exif=exif), INPUT)
    assert (photo.pixels == decode(encoded(image), INPUT).pixels).all()


def test_decoding_a_large_jpeg_smaller_hardly_moves_a_level(
    photos: dict[str, bytes], reference: Callable[..., NDArray[np.uint8]]
) -> None:
    wanted = Input(size=64, resize=72, interpolation="bicubic")
    differences = [
        difference(decode(data, wanted), reference(opened(data), wanted))
        for data in photos.values()
    ]
    assert max(each.mean() for each in differences) < 1
    assert max(np.percentile(each, 99) for each in differences) <= 6


def test_originals_agree_with_torchvision(
    shared: Path, reference: Callable[..., NDArray[np.uint8]]
) -> None:
    with tarfile.open(shared / "photos/originals_60.tar") as archive:
        files = [archive.extractfile(member) for member in archive if member.isfile()]
        photographs = [file.read() for file in files if file]
    assert len(photographs) == 60
    means = [
        difference(decode(data, INPUT), reference(opened(data), INPUT)).mean()
        for data in photographs
        # Others are decoded smaller, or converted: torchvision leaves their colours as they are.
        if min(opened(data).size) < 1024 and not conversion_to_srgb(opened(data), data)
    ]
    assert len(means) == 50
    assert max(means) < 0.01


@pytest.mark.parametrize("wanted", [INPUT, INPUT.model_copy(update={"keep_aspect": False})])
@pytest.mark.parametrize(
    "size", [(1, 1), (1, 20_000), (20_000, 1), (1, 2_000_000), (2_000_000, 1), (3, 50_000)]
)
def test_tiny_and_thin_pictures_fill_the_square(size: tuple[int, int], wanted: Input) -> None:
    photo = decode(encoded(Image.new("RGB", size, (10, 200, 30))), wanted)
    assert (photo.pixels == (10, 200, 30)).all()
    assert (photo.width, photo.height) == size


@pytest.mark.parametrize("name", ["GIF", "WEBP", "TIFF", "PNG"])
def test_of_several_frames_the_first_counts(name: str) -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "lime")]
    options = {"lossless": True} if name == "WEBP" else {}
    data = encoded(frames[0], name, save_all=True, append_images=frames[1:], **options)
    assert (decode(data, INPUT).pixels == (255, 0, 0)).all()


def test_a_phone_s_several_pictures_in_one_jpeg_give_the_first(photos: dict[str, bytes]) -> None:
    first, second = opened(photos["chelsea"]), opened(photos["coffee"])
    data = encoded(first, "MPO", save_all=True, append_images=[second])
    assert (decode(data, INPUT).pixels == decode(encoded(first, "JPEG"), INPUT).pixels).all()


def test_nothing_at_all_is_called_empty() -> None:
    with pytest.raises(BadImage, match="is empty"):
        decode(b"", INPUT)


def test_other_formats_are_refused_by_name() -> None:
    with pytest.raises(UnsupportedFormat, match="PDF"):
        decode(b"%PDF-1.7 ...", INPUT)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_a_truncated_file_is_called_so(name: str, photos: dict[str, bytes]) -> None:
    data = encoded(opened(photos["coffee"]), name)
    said = r"(can't be decoded: it )?is damaged|ends after \d\d % of its data"
    with pytest.raises(BadImage, match=f"The {name} file ({said})"):
        decode(data[: len(data) // 2], INPUT)


@pytest.mark.parametrize("name", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
def test_the_pixel_limit_counts_every_pixel(name: str) -> None:
    data = encoded(Image.new("RGB", (40, 30)), name)
    assert decode(data, INPUT, max_pixels=1200).width == 40
    with pytest.raises(TooManyPixels, match="more than 1,199 pixels"):
        decode(data, INPUT, max_pixels=1199)


@pytest.mark.parametrize("limit", [50_000_000, 100_000_000, 600_000_000])
def test_the_pixel_limit_is_ours_whatever_pillow_s_is(
    limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 89_478_485)
    bitmap = bytearray(encoded(Image.new("RGB", (8, 8)), "BMP"))
    bitmap[18:26] = (30_000).to_bytes(4, "little") * 2
    with pytest.raises(TooManyPixels, match=f"{limit:,}"):
        decode(bytes(bitmap), INPUT, max_pixels=limit)
    with pytest.raises(BadImage):  # within this limit; now its pixels are missed
        decode(bytes(bitmap), INPUT, max_pixels=900_000_000)


def test_a_gif_s_frame_larger_than_its_screen_counts() -> None:
    screen, frame = b"\1\0\1\0", b"\x60\xea\x60\xea"
    gif = b"GIF89a" + screen + b"\x80\0\0" + bytes(6) + b"," + bytes(4) + frame + b"\0\2\2D\1\0;"
    with pytest.raises(TooManyPixels):
        decode(gif, INPUT)


# A TIFF of 1 x 1 pixel with 99 samples, over which Pillow writes an error into its log.
TOO_MANY_SAMPLES = struct.pack("<2sHIH", b"II", 42, 8, 5) + b"".join(
    struct.pack("<HHII", tag, 4, 1, value)
    for tag, value in [(256, 1), (257, 1), (258, 8), (262, 2), (277, 99)]
)


def test_pillow_s_remarks_reach_nobody(
    photos: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    image = opened(photos["chelsea"]).quantize()
    data = encoded(image, "PNG", transparency=bytes(range(256)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        decode(data, INPUT)
        with pytest.raises(BadImage):
            decode(encoded(image, "TIFF")[:200], INPUT)
        with pytest.raises(UnsupportedFormat):
            decode(TOO_MANY_SAMPLES, INPUT)
    assert caught == []
    assert caplog.records == []


def test_many_threads_get_each_its_own_pixels(photos: dict[str, bytes]) -> None:
    alone = {name: decode(data, INPUT).pixels for name, data in photos.items()}
    names = list(photos) * 12
    with ThreadPoolExecutor(8) as pool:
        together = list(pool.map(lambda name: decode(photos[name], INPUT).pixels, names))
    assert all((alone[name] == pixels).all() for name, pixels in zip(names, together, strict=True))


def specimens(photograph: Image.Image) -> dict[str, bytes]:
    small, exif = photograph.resize((48, 36)), Image.Exif()
    exif[0x0112] = 6
    clear = small.convert("RGBA")
    clear.putalpha(Image.linear_gradient("L").resize(small.size))
    grey = Image.fromarray(np.asarray(small.convert("L")).astype(np.uint16) * 257)
    return {
        "jpeg": encoded(small, "JPEG", exif=exif),
        "jpeg progressive": encoded(small, "JPEG", progressive=True),
        "jpeg cmyk": encoded(small.convert("CMYK"), "JPEG"),
        "mpo": encoded(small, "MPO", save_all=True, append_images=[small]),
        "png": encoded(clear, exif=exif),
        "png palette": encoded(small.quantize(), transparency=bytes(9)),
        "png 16-bit": encoded(grey),
        "webp": encoded(small, "WEBP", exif=exif.tobytes()),
        "webp lossless": encoded(clear, "WEBP", lossless=True),
        "webp animated": encoded(small, "WEBP", save_all=True, append_images=[clear]),
        "gif": encoded(small, "GIF", save_all=True, append_images=[small.rotate(90)]),
        "bmp": encoded(small, "BMP"),
        "bmp palette": encoded(small.quantize(), "BMP"),
        "tiff": encoded(small, "TIFF", exif=exif),
        "tiff lzw": encoded(clear, "TIFF", compression="tiff_lzw"),
        "tiff jpeg": encoded(small, "TIFF", compression="jpeg"),
        "tiff float": encoded(small.convert("F"), "TIFF"),
    }


def damaged(data: bytes, dice: random.Random) -> bytes:
    if dice.random() < 0.3:
        return data[: dice.randrange(len(data))]
    spoilt = bytearray(data)
    reach = len(data) if dice.random() < 0.5 else min(len(data), 400)  # the header, oftener
    for _ in range(dice.choice([1, 1, 2, 4, 16])):
        spoilt[dice.randrange(reach)] = dice.choice([0, 255, dice.randrange(256)])
    return bytes(spoilt)


# No other wording than ours: a library's own would be a stranger to this list.
SENTENCES = re.compile(
    r"(The (JPEG|PNG|WEBP|GIF|BMP|TIFF) file (can't be decoded|is laid out|is damaged|ends)"
    r"|The photograph has more|Th(e|is) (BMP|TIFF)('s)? (has|holds|compression) |This is "
    r"|These bytes are in no known ).*\."
)


def photo_or_refusal(data: bytes, wanted: Input) -> DecodedPhoto | BadRequest:
    try:
        return decode(data, wanted, max_pixels=1_000_000)
    except BadRequest as error:
        return error


def test_damage_anywhere_gives_a_photo_or_a_clear_refusal(photos: dict[str, bytes]) -> None:
    dice, wanted, refused = random.Random(20), Input(size=24, resize=28), 0  # noqa: S311
    for data in specimens(opened(photos["chelsea"])).values():
        assert decode(data, wanted).pixels.shape == (24, 24, 3)
        for _ in range(250):
            outcome = photo_or_refusal(damaged(data, dice), wanted)
            if isinstance(outcome, DecodedPhoto):
                assert outcome.pixels.shape == (24, 24, 3)
            else:
                refused += 1
                assert SENTENCES.fullmatch(outcome.detail)
    assert refused > 1000


@pytest.mark.parametrize(
    ("colour", "depth"), [(0, 1), (0, 2), (0, 4), (0, 8), (0, 16), (2, 8), (2, 16)]
)
def test_a_level_that_is_clear_is_white_at_each_depth(colour: int, depth: int) -> None:
    """The left half of the picture is clear, by its level, and the right one black."""
    level, channels = (1 << depth) * 3 // 4 or 1, 3 if colour else 1
    samples = np.zeros((16, 16, channels), np.uint16)
    samples[:, :8] = level
    clear = chunk(b"tRNS", level.to_bytes(2, "big") * channels)
    seen = decode(written(samples, depth, colour, clear), Input(size=16, resize=16)).pixels
    assert (seen[:, :7] == 255).all()
    assert (seen[:, 9:] == 0).all()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_the_whole_photograph_is_turned_and_resized(
    orientation: int, photos: dict[str, bytes]
) -> None:
    image = opened(photos["chelsea"])
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = ImageOps.exif_transpose(opened_with(image, exif))
    width, height = upright.size
    asked = []

    def fit(*size: int) -> tuple[int, int]:
        asked.append(size)
        return size[0] // 3, size[1] // 2

    photo = decode_whole(encoded(image, exif=exif), fit, "bilinear")
    assert asked[-1] == upright.size
    assert photo.seen == Seen(width, height, (0, 0, width, height))
    expected = upright.resize((width // 3, height // 2), Image.Resampling.BILINEAR)
    assert difference(photo, np.asarray(expected)).max() <= 1


def opened_with(image: Image.Image, exif: Image.Exif) -> Image.Image:
    return Image.open(io.BytesIO(encoded(image, exif=exif)))


def test_the_whole_of_a_picture_that_is_not_rgb_is_made_so(photos: dict[str, bytes]) -> None:
    image = opened(photos["chelsea"]).convert("L").resize((60, 40))
    photo = decode_whole(encoded(image), lambda width, height: (width, height), "bicubic")
    assert (photo.pixels == np.asarray(image)[..., np.newaxis]).all()


def test_the_whole_of_a_large_jpeg_is_decoded_at_a_fraction(photos: dict[str, bytes]) -> None:
    image = opened(photos["chelsea"]).resize((1800, 1200))
    photo = decode_whole(encoded(image, "JPEG"), lambda *_: (90, 60), "bilinear")
    assert photo.seen[:2] == (1800, 1200)
    reference = np.asarray(image.resize((90, 60), Image.Resampling.BILINEAR))
    assert difference(photo, reference).mean() < 2
