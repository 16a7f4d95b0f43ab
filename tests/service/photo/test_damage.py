"""Pictures of which a part is missing: the part that is there, or a refusal that says how much.

What is asserted of each kind is what Chromium 150 draws on a canvas, over white.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from PIL import Image

from booth_client.errors import BadImage
from models.card import Input
from service.photo.decode import decode
from tests.service.photo.parts import encoded, png_chunk, segment, with_chunks, with_segments

if TYPE_CHECKING:
    from numpy.typing import NDArray

pytestmark = pytest.mark.usefixtures("decoder")

# As large as the picture, so that rows are rows.
SIDE = 160
INPUT = Input(size=SIDE, resize=SIDE, keep_aspect=False, interpolation="bilinear")


@pytest.fixture(scope="module")
def picture(photos: dict[str, bytes]) -> Image.Image:
    """A photograph, darker than white everywhere."""
    image = Image.open(BytesIO(photos["chelsea"])).convert("RGB").resize((SIDE, SIDE))
    return image.point(lambda level: min(level, 220))


def pixels(data: bytes, wanted: Input = INPUT) -> NDArray[np.int16]:
    return decode(data, wanted).pixels.astype(np.int16)


def cut(data: bytes, share: float) -> bytes:
    return data[: int(len(data) * share)]


def rows_there(data: bytes, whole: bytes) -> int:
    """Rows that are as in the whole file, all of them above white ones; in a BMP, below."""
    some, all_ = pixels(data), pixels(whole)
    equal = (some == all_).all((1, 2))
    white = (some == 255).all((1, 2))
    if data.startswith(b"BM"):
        equal, white = equal[::-1], white[::-1]
    count = int(np.argmin(equal)) if not equal.all() else SIDE
    assert white[count + 1 :].all()
    return count


FORMS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "jpeg": ("RGB", "JPEG", {}),
    "jpeg 4:4:4": ("RGB", "JPEG", {"subsampling": 0, "quality": 95}),
    "jpeg grey": ("L", "JPEG", {}),
    "jpeg cmyk": ("CMYK", "JPEG", {}),
    "jpeg restarts": ("RGB", "JPEG", {"restart_marker_rows": 1}),
    "png": ("RGB", "PNG", {}),
    "png grey": ("L", "PNG", {}),
    "png palette": ("P", "PNG", {}),
    "png alpha": ("RGBA", "PNG", {}),
    "png bilevel": ("1", "PNG", {}),
    "png 16 bits": ("I;16", "PNG", {}),
    "gif": ("P", "GIF", {"interlace": 0}),
    "bmp": ("RGB", "BMP", {}),
    "bmp palette": ("P", "BMP", {}),
}


def form(name: str, picture: Image.Image) -> bytes:
    mode, kind, options = FORMS[name]
    if mode == "I;16":
        image = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 257)
    else:
        image = picture.quantize() if mode == "P" else picture.convert(mode)
    return encoded(image, kind, **options)


@pytest.mark.parametrize("name", FORMS)
def test_where_nine_tenths_are_there_they_are_the_picture(name: str, picture: Image.Image) -> None:
    whole = form(name, picture)
    if name == "png bilevel":  # whose white is no sign of what is missing
        assert pixels(cut(whole, 0.95)).shape == (SIDE, SIDE, 3)
        return
    assert 127 <= rows_there(cut(whole, 0.97), whole) < SIDE


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("share", [0.5, 0.85])
def test_where_less_is_there_it_says_how_much(
    name: str, share: float, picture: Image.Image
) -> None:
    kind = FORMS[name][1]
    with pytest.raises(BadImage, match=rf"The {kind} file .* only \d\d % of its picture") as caught:
        decode(cut(form(name, picture), share), INPUT)
    percent = int(caught.value.detail.partition(" %")[0].rpartition(" ")[2])
    assert 100 * share - 25 < percent < 100 * share + 5


@pytest.mark.parametrize("name", ["jpeg", "jpeg 4:4:4", "jpeg grey", "jpeg cmyk", "jpeg restarts"])
@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("wanted", [INPUT, Input(size=16, resize=16)])
def test_a_jpeg_that_lacks_only_its_end_is_whole(
    name: str, progressive: bool, wanted: Input, picture: Image.Image
) -> None:
    mode, kind, options = FORMS[name]
    whole = encoded(picture.convert(mode), kind, progressive=progressive, **options)
    assert (pixels(whole[:-2], wanted) == pixels(whole, wanted)).all()
    assert (pixels(whole[:-1], wanted) == pixels(whole, wanted)).all()
    assert (pixels(whole[:-2] + bytes(100), wanted) == pixels(whole, wanted)).all()


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("wanted", [INPUT, Input(size=16, resize=16)])
def test_a_progressive_jpeg_without_its_last_twentieth_is_nearly_whole(
    mode: str, wanted: Input, picture: Image.Image
) -> None:
    whole = encoded(picture.convert(mode), "JPEG", progressive=True, quality=90)
    differences = np.abs(pixels(cut(whole, 0.95), wanted) - pixels(whole, wanted))
    assert differences.mean() < 0.5
    with pytest.raises(BadImage, match=r"only \d\d % of its picture"):
        decode(cut(whole, 0.8), wanted)


def test_a_progressive_jpeg_of_its_first_scans_is_refused(picture: Image.Image) -> None:
    whole = encoded(picture, "JPEG", progressive=True)
    with pytest.raises(BadImage, match="before the last of its scans"):
        decode(cut(whole, 0.2), INPUT)


@pytest.mark.parametrize("name", ["jpeg", "jpeg grey", "jpeg cmyk"])
def test_a_jpeg_that_was_closed_too_early_is_found_out(name: str, picture: Image.Image) -> None:
    whole = form(name, picture)
    with pytest.raises(BadImage, match=r"only [45]\d % of its picture"):
        decode(cut(whole, 0.6) + b"\xff\xd9", INPUT)
    closed = pixels(cut(whole, 0.97) + b"\xff\xd9")
    assert (closed == pixels(whole)).all((1, 2)).sum() >= 127
    assert np.abs(closed[-1, -1] - (64 if name == "jpeg cmyk" else 128)).max() <= 2


def test_a_jpeg_padded_with_zeros_has_the_rows_that_came(picture: Image.Image) -> None:
    whole = form("jpeg", picture)
    some = cut(whole, 0.97)
    assert (pixels(some + bytes(len(whole))) == pixels(some)).all()
    with pytest.raises(BadImage, match=r"only \d\d % of its picture"):
        decode(cut(whole, 0.6) + bytes(len(whole)), INPUT)


def test_a_grey_corner_is_no_damage() -> None:
    image = Image.effect_noise((64, 64), 60).convert("RGB")
    image.paste((128, 128, 128), (32, 32, 64, 64))
    data = encoded(image, "JPEG", quality=95)
    assert np.abs(pixels(data) - pixels(encoded(image))).mean() < 6


@pytest.mark.parametrize("progressive", [False, True])
def test_what_follows_the_end_is_no_part_of_it(picture: Image.Image, progressive: bool) -> None:
    """A motion photograph's video is behind it, with whatever bytes."""
    image = picture.copy()
    image.paste((128, 128, 128), (120, 120, SIDE, SIDE))
    whole = encoded(image, "JPEG", progressive=progressive, quality=90)
    video = b"\xff\xda\0" + bytes(range(1, 200)) + b"\xff\xd9" + bytes(50)
    assert (pixels(whole + video) == pixels(whole)).all()
    with pytest.raises(BadImage, match=r"only \d\d % of its picture|last of its scans"):
        decode(cut(whole, 0.6) + b"\xff\xd9" + video, INPUT)


@pytest.mark.parametrize("progressive", [False, True])
def test_bytes_of_a_profile_are_neither_scans_nor_the_end(
    picture: Image.Image, progressive: bool
) -> None:
    whole = encoded(picture, "JPEG", progressive=progressive, quality=90)
    like_markers = b"\xff\xda\0\x0c\3\1\0\2\x11\3\x11\0\x3f\0\xff\xd9"
    profile = segment(0xE2, b"ICC_PROFILE\0\1\1" + like_markers)
    some = pixels(cut(whole, 0.96))
    assert (pixels(with_segments(cut(whole, 0.96), profile)) == some).all()


def interlaced(image: Image.Image) -> bytes:
    """A PNG in seven passes (PNG, 3rd edition, section 8)."""
    passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)]
    levels = np.asarray(image)
    rows = [
        b"\0" + row.tobytes()
        for left, top, across, down in [*passes, (0, 1, 1, 2)]
        for row in levels[top::down, left::across]
    ]
    header = struct.pack(">IIBBBBB", *image.size, 8, 2, 0, 0, 1)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"".join(rows), 1)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def test_an_interlaced_png_lacks_every_second_row_at_its_end(picture: Image.Image) -> None:
    whole, image = interlaced(picture), np.asarray(picture)
    assert (pixels(whole) == image).all()
    some = pixels(cut(whole, 0.95))
    assert (some[::2] == image[::2]).all()
    white = (some == 255).all((1, 2))
    assert 4 <= white.sum() <= 16
    assert white[np.flatnonzero(white)[0] :: 2].all()
    with pytest.raises(BadImage, match=r"only [678]\d % of its picture"):
        decode(cut(whole, 0.75), INPUT)


@pytest.mark.parametrize(("place", "is_drawn"), [((0, 0), True), ((8, 3), False)])
def test_an_interlaced_frame_that_hides_the_png_is_drawn_in_the_corner_alone(
    picture: Image.Image, place: tuple[int, int], is_drawn: bool
) -> None:
    hidden, frame = picture.rotate(180), picture.crop((0, 0, 100, 70))
    packed = interlaced(frame)[41:-16]
    control = struct.pack(">IIIIIHHBB", 0, *frame.size, *place, 1, 10, 0, 0)
    start = png_chunk(b"acTL", struct.pack(">II", 1, 0))
    after = png_chunk(b"fcTL", control) + png_chunk(b"fdAT", bytes(4) + packed)
    paper = Image.new("RGB", picture.size, "white")
    paper.paste(frame, place)
    shown = pixels(with_chunks(interlaced(hidden), start, after=after))
    assert (shown == np.asarray(paper if is_drawn else hidden)).all()


def test_an_interlaced_gif_repeats_rows_at_its_end(picture: Image.Image) -> None:
    whole = encoded(picture.quantize(), "GIF", interlace=1)
    some, all_ = pixels(cut(whole, 0.95)), pixels(whole)
    assert (some[::2] == all_[::2]).all()
    repeated = (some[1::2] == some[::2]).all((1, 2))
    assert 4 <= repeated.sum() <= 16
    assert (some[1::2] == all_[1::2])[~repeated].all()


def test_a_gif_s_frame_smaller_than_its_screen_is_whole(picture: Image.Image) -> None:
    """What is not in the frame is not missing, but white, whatever is called the background."""
    data = bytearray(encoded(picture.quantize(), "GIF"))
    data[6:10] = struct.pack("<HH", SIDE * 2, SIDE * 2)
    wanted = INPUT.model_copy(update={"size": 2 * SIDE, "resize": 2 * SIDE})
    seen = pixels(bytes(data), wanted)
    assert (seen[:SIDE, :SIDE] == pixels(encoded(picture.quantize()))).all()
    assert (seen[SIDE:] == 255).all()
    assert (seen[:, SIDE:] == 255).all()


def png_of(rows: NDArray[np.uint8], height: int, *, spoil: int = 0) -> bytes:
    """A PNG of some rows, whose header tells ``height``; with other bytes at ``spoil``."""
    packed = bytearray(zlib.compress(b"".join(b"\0" + row.tobytes() for row in rows)))
    packed[spoil : spoil + 40] = b"\xff" * 40 if spoil else packed[:40]
    header = struct.pack(">IIBBBBB", rows.shape[1], height, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", bytes(packed)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in chunks)


def test_rows_that_a_png_promises_and_does_not_have_are_missing(picture: Image.Image) -> None:
    image = np.asarray(picture)
    some = pixels(png_of(image[:150], SIDE))
    assert (some[:150] == image[:150]).all()
    assert (some[150:] == 255).all()
    with pytest.raises(BadImage, match="only 62 % of its picture"):
        decode(png_of(image[:100], SIDE), INPUT)


def test_a_png_is_the_rows_before_it_is_damaged(picture: Image.Image) -> None:
    image = np.asarray(picture)
    packed = len(png_of(image, SIDE)) - 57
    some = pixels(png_of(image, SIDE, spoil=packed * 96 // 100))
    assert (some[:144] == image[:144]).all()
    assert (some[-2:] == 255).all()
    with pytest.raises(BadImage, match=r"only [345]\d % of its picture"):
        decode(png_of(image, SIDE, spoil=packed // 2), INPUT)


@pytest.mark.parametrize("level", [0xA5, 0x5B, 0, 255])
@pytest.mark.parametrize("mode", ["1", "L", "RGB", "RGBA", "P"])
@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP"])
def test_a_whole_picture_like_a_canvas_is_whole(level: int, mode: str, kind: str) -> None:
    image = Image.new("RGB", (40, 30), (level, level, level))
    image = image.quantize(2) if mode == "P" else image.convert(mode, dither=Image.Dither.NONE)
    expected = 255 * (level > 127) if mode == "1" else level
    assert (pixels(encoded(image, kind)) == expected).all()


def test_clear_pixels_stay_so_in_what_is_there(picture: Image.Image) -> None:
    image = picture.convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    whole = encoded(image)
    assert 144 <= rows_there(cut(whole, 0.95), whole) < SIDE
