"""What is not pixels, whole or broken, changes neither the picture nor how it is turned."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from booth_client.errors import BadImage
from models.card import Input
from service.photo import bounds
from service.photo.container import picture_of, with_checksum
from service.photo.decode import decode
from tests.service.photo.parts import (
    encoded,
    exif,
    png_chunk,
    riff,
    segment,
    with_chunks,
    with_segments,
)

pytestmark = pytest.mark.usefixtures("decoder")

INPUT = Input(size=24, resize=24, keep_aspect=False)
TURN = exif((0x0112, 3, 1, 6))
APP_TURN = segment(0xE1, b"Exif\0\0" + TURN)
XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def picture() -> Image.Image:
    """48 x 24, a colour in each quarter."""
    image = Image.new("RGB", (48, 24), "red")
    image.paste("blue", (24, 0, 48, 12))
    image.paste("lime", (0, 12, 24, 24))
    return image


JPEG = encoded(picture(), "JPEG", quality=95, subsampling=0)
PNG = encoded(picture())
WEBP = encoded(picture(), "WEBP", lossless=True)
GIF = encoded(picture().quantize(), "GIF")
GIF_COLOURS = 13 + 3 * 2 ** ((GIF[10] & 7) + 1)
WHOLE = {"JPEG": JPEG, "PNG": PNG, "WEBP": WEBP, "GIF": GIF}


def bomb(size: int) -> bytes:
    return zlib.compress(bytes(size))


def spoilt(chunk: bytes) -> bytes:
    """With a wrong checksum."""
    return chunk[:-1] + bytes([chunk[-1] ^ 1])


def in_hex(kind: bytes) -> bytes:
    data = b"Exif\0\0" + TURN
    return b"\n%b\n%8d\n%b\n" % (kind, len(data), data.hex().encode())


def gif_with(*extensions: bytes) -> bytes:
    return GIF[:GIF_COLOURS] + b"".join(extensions) + GIF[GIF_COLOURS:]


def gif_blocks(data: bytes) -> bytes:
    blocks = [data[at : at + 255] for at in range(0, len(data), 255)]
    return b"".join(bytes([len(block)]) + block for block in blocks) + b"\0"


UPRIGHT = {
    "JPEG megabytes of comments": with_segments(JPEG, *[segment(0xFE, b"x" * 65_000)] * 40),
    "JPEG thousands of comments": with_segments(JPEG, *[segment(0xFE, b"x")] * 2000),
    "JPEG XMP alone": with_segments(JPEG, segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)),
    "JPEG broken Exif": with_segments(JPEG, segment(0xE1, b"Exif\0\0II*\0\xff\xff\xff\xff")),
    "JPEG broken Exif first": with_segments(JPEG, segment(0xE1, b"Exif\0\0XX"), APP_TURN),
    "JPEG Exif in another segment": with_segments(JPEG, segment(0xE2, b"Exif\0\0" + TURN)),
    "JPEG Exif in a comment": with_segments(JPEG, segment(0xFE, b"Exif\0\0" + TURN)),
    "JPEG Exif after the pixels": JPEG[:-2] + APP_TURN + JPEG[-2:],
    "JPEG Exif after the end": JPEG + APP_TURN,
    "JPEG broken Photoshop": with_segments(
        JPEG, segment(0xED, b"Photoshop 3.0\0" + b"8BIM\xff\xff\xff\xff\xff\xff\xff" * 100)
    ),
    "JPEG broken list of pictures": with_segments(JPEG, segment(0xE2, b"MPF\0" + b"\xff" * 50)),
    "JPEG empty profile": with_segments(JPEG, segment(0xE2, b"ICC_PROFILE\0")),
    "JPEG part of a profile": with_segments(JPEG, segment(0xE2, b"ICC_PROFILE\0\1\5" + bytes(50))),
    "JPEG short JFIF": with_segments(JPEG, segment(0xE0, b"JFIF")),
    "JPEG short Adobe": with_segments(JPEG, segment(0xEE, b"Adobe")),
    "JPEG lengths too small": with_segments(JPEG, b"\xff\xfe\0\0", b"\xff\xfe\0\1"),
    "JPEG other bytes between": with_segments(JPEG, b"hello", b"\xff\0", b"\xff\xd0", b"\xff\1"),
    "JPEG bytes after the end": JPEG + bytes(1000),
    "PNG text that unpacks to megabytes": with_chunks(
        PNG, *[png_chunk(b"zTXt", b"a\0\0" + bomb(1_000_000))] * 9
    ),
    "PNG megabytes of text": with_chunks(PNG, png_chunk(b"tEXt", b"a\0" + b"x" * 9_000_000)),
    "PNG text of two parts missing": with_chunks(PNG, png_chunk(b"iTXt", b"a")),
    "PNG profile without end": with_chunks(PNG, png_chunk(b"iCCP", b"a\0\0" + bomb(20_000_000))),
    "PNG broken profile": with_chunks(PNG, png_chunk(b"iCCP", b"a\0\0xxxx")),
    "PNG profile without a name": with_chunks(PNG, png_chunk(b"iCCP", b"aaaa")),
    "PNG empty chunks": with_chunks(
        PNG,
        *map(png_chunk, [b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"pHYs", b"sBIT", b"acTL", b"fcTL"]),
    ),
    "PNG transparency too short": with_chunks(PNG, png_chunk(b"tRNS")),
    "PNG wrong checksums": with_chunks(
        PNG, spoilt(png_chunk(b"tEXt", b"a\0b")), spoilt(png_chunk(b"eXIf", TURN))
    ),
    "PNG a chunk's name that is none": with_chunks(PNG, png_chunk(b"a1_ ", b"x")),
    "PNG a chunk too long, after": with_chunks(PNG, after=b"\xff\xff\xff\xfftEXtabc"),
    "PNG bytes after the end": PNG + bytes(100),
    "PNG no end": PNG[:-12],
    "PNG XMP alone": with_chunks(PNG, png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP)),
    "PNG Exif in hexadecimal": with_chunks(
        PNG, png_chunk(b"tEXt", b"Raw profile type exif\0" + in_hex(b"exif"))
    ),
    "PNG Exif after the pixels": with_chunks(PNG, after=png_chunk(b"eXIf", TURN)),
    "PNG Exif as a JPEG has it": with_chunks(PNG, png_chunk(b"eXIf", b"Exif\0\0" + TURN)),
    "PNG broken Exif first": with_chunks(PNG, png_chunk(b"eXIf", b"XX"), png_chunk(b"eXIf", TURN)),
    "PNG Exif of megabytes": with_chunks(PNG, png_chunk(b"eXIf", TURN + bytes(8_000_000))),
    "WEBP XMP alone": riff(WEBP, (b"XMP ", XMP), flags=4),
    "WEBP broken Exif": riff(WEBP, (b"EXIF", b"\xff" * 7), flags=8),
    "WEBP Exif that is not announced": riff(WEBP, (b"EXIF", TURN)),
    "WEBP broken profile": riff(WEBP, before=[(b"ICCP", b"xx")], flags=32),
    "WEBP flags of what is not there": riff(WEBP, flags=0x2C),
    "WEBP unknown chunk": riff(WEBP, before=[(b"ABCD", b"x" * 7)]),
    "WEBP size too large": WEBP[:4] + b"\xff\xff\xff\x7f" + WEBP[8:],
    "WEBP size too small": WEBP[:4] + bytes(4) + WEBP[8:],
    "WEBP XMP cut short": riff(WEBP, (b"XMP ", bytes(1000)), flags=4)[:-200],
    "WEBP bytes after the end": WEBP + bytes(50),
    "GIF megabytes of comments": gif_with(b"!\xfe" + gif_blocks(b"x" * 3_000_000)),
    "GIF odd extensions": gif_with(b"!\xff\x03abc\0", b"!\x42\x03abc\0", b"!\xfe\0"),
    "GIF no end": GIF[:-1],
}
TURNED = {
    "JPEG": with_segments(JPEG, APP_TURN),
    "JPEG before JFIF": JPEG[:2] + APP_TURN + JPEG[2:],
    "JPEG a byte that is not zero": with_segments(JPEG, segment(0xE1, b"Exif\0\xff" + TURN)),
    "JPEG after XMP": with_segments(
        JPEG, segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP.replace(b"6", b"3")), APP_TURN
    ),
    "JPEG first of two": with_segments(
        JPEG, APP_TURN, segment(0xE1, b"Exif\0\0" + exif((0x0112, 3, 1, 3)))
    ),
    "JPEG after megabytes": with_segments(JPEG, *[segment(0xE2, bytes(65_000))] * 40, APP_TURN),
    "JPEG after other bytes": with_segments(JPEG, b"\0\0\0\xff\xff", APP_TURN),
    "JPEG before the scan": JPEG.replace(b"\xff\xda", APP_TURN + b"\xff\xda"),
    "JPEG among broken segments": with_segments(
        JPEG, segment(0xE2, b"ICC_PROFILE\0"), APP_TURN, segment(0xED, b"Photoshop 3.0\08BIM")
    ),
    "PNG": with_chunks(PNG, png_chunk(b"eXIf", TURN)),
    "PNG first of two": with_chunks(
        PNG, png_chunk(b"eXIf", TURN), png_chunk(b"eXIf", exif((0x0112, 3, 1, 3)))
    ),
    "PNG among broken chunks": with_chunks(
        PNG, png_chunk(b"iCCP", b"a"), png_chunk(b"eXIf", TURN), spoilt(png_chunk(b"tEXt", b"a"))
    ),
    "PNG after megabytes of text": with_chunks(
        PNG, png_chunk(b"zTXt", b"a\0\0" + bomb(9_000_000)), png_chunk(b"eXIf", TURN)
    ),
    "WEBP": riff(WEBP, (b"EXIF", TURN), flags=8),
    "WEBP as a JPEG has it": riff(WEBP, (b"EXIF", b"Exif\0\0" + TURN), flags=8),
    "WEBP with broken XMP and profile": riff(
        WEBP, (b"EXIF", TURN), (b"XMP ", b"\xff"), flags=0x2C, before=[(b"ICCP", b"x")]
    ),
    "WEBP cut short": riff(WEBP, (b"EXIF", TURN + bytes(50)), flags=8)[:-30],
}


@pytest.mark.parametrize("name", UPRIGHT)
def test_damage_and_excess_beside_the_pixels_change_nothing(name: str) -> None:
    whole = decode(WHOLE[name.split(maxsplit=1)[0]], INPUT).pixels
    assert (decode(UPRIGHT[name], INPUT).pixels == whole).all()


@pytest.mark.parametrize("name", TURNED)
def test_the_orientation_is_found_wherever_it_may_stand(name: str) -> None:
    whole = decode(WHOLE[name.split(maxsplit=1)[0]], INPUT).pixels
    turned = np.rot90(whole, -1).astype(np.int16)
    assert np.abs(decode(TURNED[name], INPUT).pixels - turned).max() <= 1


@pytest.mark.parametrize("name", WHOLE)
def test_a_file_of_pixels_alone_is_not_copied(name: str) -> None:
    contents = picture_of(name, WHOLE[name])
    assert not contents.exif
    assert contents.data == WHOLE[name]
    assert name == "WEBP" or contents.data is WHOLE[name]


@pytest.mark.parametrize("before", [b"", b"\1" * 50_000])
def test_what_fills_a_jpeg_s_scan_is_one_byte(before: bytes) -> None:
    scan, end = JPEG[:-2] + before, JPEG[-2:]
    filled = scan + b"\xff" * 70_000 + b"\1" + b"\xff" * 200_000 + end
    # The end's own first byte is one of many.
    assert picture_of("JPEG", filled).data == scan + b"\xff\1" + end
    short = scan + b"\xff" * 65_534 + end
    assert picture_of("JPEG", short).data is short


def test_fill_does_not_change_the_picture() -> None:
    filled = JPEG[:-2] + b"\xff" * 70_000 + JPEG[-2:]
    assert np.array_equal(decode(filled, INPUT).pixels, decode(JPEG, INPUT).pixels)


def test_a_format_without_such_data_is_left_to_its_decoder() -> None:
    data = encoded(picture(), "BMP")
    contents = picture_of("BMP", data)
    assert contents.data is data
    assert contents.exif is None


def test_what_decides_the_colours_is_kept() -> None:
    profile, gamma = png_chunk(b"iCCP", b"a\0\0" + bomb(3000)), png_chunk(b"gAMA", bytes(4))
    assert picture_of("PNG", with_chunks(PNG, profile, gamma)).data == with_chunks(
        PNG, profile, gamma
    )
    jpeg = with_segments(JPEG, segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(50)))
    assert picture_of("JPEG", jpeg).data == jpeg
    assert b"ICCP" in picture_of("WEBP", riff(WEBP, before=[(b"ICCP", b"xx")], flags=32)).data


def test_a_png_s_pixels_may_be_interrupted() -> None:
    start = PNG.index(b"IDAT") - 4
    packed = PNG[start + 8 : -16]
    halves = png_chunk(b"IDAT", packed[:40]) + png_chunk(b"tEXt", b"a\0b")
    data = PNG[:start] + halves + png_chunk(b"IDAT", packed[40:]) + PNG[-12:]
    assert (decode(data, INPUT).pixels == decode(PNG, INPUT).pixels).all()


def test_of_an_animated_webp_the_first_frame_is_enough() -> None:
    first, second = picture(), picture().rotate(180)
    options = {"save_all": True, "append_images": [second], "lossless": True}
    data = encoded(first, "WEBP", **options)
    assert (decode(data[:-20], INPUT).pixels == decode(PNG, INPUT).pixels).all()


def chunks_of(png: bytes, kind: bytes) -> list[bytes]:
    found, at = [], 8
    while at < len(png):
        end = at + 12 + int.from_bytes(png[at : at + 4], "big")
        found += [png[at + 8 : end - 4]] if png[at + 4 : at + 8] == kind else []
        at = end
    return found


def with_a_hidden_default(
    default: Image.Image, frame: Image.Image, place: tuple[int, int], frames: int = 1
) -> bytes:
    """An animated PNG whose own pixels are not among its frames (PNG, 3rd edition, 4.9)."""
    still = encoded(default)
    packed = chunks_of(encoded(frame), b"IDAT")[0]
    control = struct.pack(">IIIIIHHBB", 0, *frame.size, *place, 1, 10, 0, 0)
    animated = [
        png_chunk(b"fcTL", control),
        png_chunk(b"fdAT", b"\0\0\0\1" + packed[:30]),
        png_chunk(b"fdAT", b"\0\0\0\2" + packed[30:]),
        png_chunk(b"fcTL", b"\0\0\0\3" + control[4:]),
        png_chunk(b"fdAT", b"\0\0\0\4" + chunks_of(still, b"IDAT")[0]),
    ]
    start = png_chunk(b"acTL", struct.pack(">II", frames, 0))
    return with_chunks(still, start, after=b"".join(animated))


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "1", "P", "I;16"])
@pytest.mark.parametrize("box", [(0, 0, 48, 24), (4, 2, 44, 20)])
def test_of_an_animated_png_the_first_frame_counts_and_not_what_it_hides(
    mode: str, box: tuple[int, int, int, int]
) -> None:
    seen = picture().quantize(8) if mode == "P" else picture().convert(mode.replace("I;16", "L"))
    stored = seen
    if mode == "I;16":
        stored = Image.fromarray(np.asarray(seen).astype(np.uint16) * 257)
    hidden = stored.transpose(Image.Transpose.ROTATE_180)
    data = with_a_hidden_default(hidden, stored.crop(box), box[:2])
    paper = Image.new("RGB", (48, 24), "white")
    paper.paste(seen.crop(box).convert("RGB"), box[:2])
    photo = decode(data, INPUT)
    assert (photo.pixels == decode(encoded(paper), INPUT).pixels).all()
    assert (photo.width, photo.height) == (48, 24)


@pytest.mark.parametrize("place", [(9, 0), (0, 7), (0xFFFFFFFF, 0)])
def test_of_a_broken_animation_the_png_s_own_pixels_count(place: tuple[int, int]) -> None:
    for data in (
        with_a_hidden_default(picture(), picture().crop((0, 0, 40, 18)), place),
        with_a_hidden_default(picture(), picture().rotate(180), (0, 0), frames=0),
    ):
        assert (decode(data, INPUT).pixels == decode(PNG, INPUT).pixels).all()


def test_of_a_frame_that_is_cut_short_the_share_that_is_there_is_told() -> None:
    noise = Image.effect_noise((48, 24), 90)
    data = with_a_hidden_default(noise.rotate(180), noise, (0, 0))
    start, end = data.index(b"fdAT"), data.rindex(b"fcTL")
    assert decode(data[: end - 24], INPUT).width == 48
    with pytest.raises(BadImage, match=r"only [45]\d % of its picture"):
        decode(data[: (start + end) // 2], INPUT)


def animated_webp(frame: Image.Image, flags: int) -> bytes:
    """A WebP of one frame on a canvas of 48 x 24, at 4, 2."""
    still = encoded(frame, "WEBP", lossless=True)
    sides = b"".join((side - 1).to_bytes(3, "little") for side in frame.size)
    place = b"\2\0\0\1\0\0" if frame.size != (48, 24) else bytes(6)
    parts = [(b"ANIM", bytes(4) + b"\0\0"), (b"ANMF", place + sides + bytes(4) + still[12:])]
    return riff(WEBP, before=parts, flags=flags)


@pytest.mark.parametrize("flags", [0b10, 0b10010])
def test_a_webp_s_first_frame_lies_on_white_whatever_its_flags(flags: int) -> None:
    frame = picture().crop((4, 2, 44, 20)).convert("RGBA")
    frame.putpixel((0, 0), (0, 0, 0, 0))
    paper = Image.new("RGB", (48, 24), "white")
    paper.paste(frame, (4, 2), frame)
    seen = decode(animated_webp(frame, flags), INPUT).pixels
    assert (seen == decode(encoded(paper), INPUT).pixels).all()
    whole = decode(animated_webp(picture(), flags), INPUT).pixels
    assert (whole == decode(PNG, INPUT).pixels).all()


def test_a_webp_without_all_its_pixels_is_refused() -> None:
    whole = encoded(Image.effect_noise((64, 64), 50), "WEBP")
    with pytest.raises(BadImage, match=r"ends after 9[45] % of its data.*send all of it"):
        decode(whole[: len(whole) * 95 // 100], INPUT)


def test_a_wrong_checksum_over_the_pixels_is_put_right() -> None:
    start = PNG.index(b"IDAT") - 4
    packed = PNG[start + 8 : -16]
    wrong = PNG[:start] + png_chunk(b"IDAT", packed[:-4] + b"abcd") + PNG[-12:]
    assert with_checksum(wrong) == PNG
    assert with_checksum(PNG) is PNG
    assert (decode(wrong, INPUT).pixels == decode(PNG, INPUT).pixels).all()


@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "WEBP"])
def test_parts_without_end_use_up_the_time_that_a_file_has(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = {
        "JPEG": with_segments(JPEG, segment(0xFE, b"") * 30_000),
        "PNG": with_chunks(PNG, png_chunk(b"tEXt") * 30_000),
        "GIF": gif_with(b"!\xfe" + b"\1x" * 60_000 + b"\0"),
        "WEBP": riff(WEBP, *[(b"ABCD", b"")] * 60_000),
    }
    assert decode(endless[name], INPUT).width == 48
    monkeypatch.setattr(bounds, "_CPU_SECONDS", 0.001)
    with pytest.raises(BadImage, match="far more than its size warrants"):
        decode(endless[name], INPUT)


def test_a_png_s_pixels_that_unpack_without_end_use_up_the_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    start = PNG.index(b"IDAT") - 4
    data = PNG[:start] + png_chunk(b"IDAT", bomb(100_000_000)) + PNG[-12:]
    monkeypatch.setattr(bounds, "_CPU_SECONDS", 0.01)
    with pytest.raises(TimeoutError):
        with_checksum(data)


def test_the_size_of_the_picture_is_read_past_other_bytes() -> None:
    data = with_segments(JPEG, struct.pack(">H", 0xFFFF), b"\xff\xff\xff", APP_TURN)
    assert picture_of("JPEG", data).exif == TURN
