from __future__ import annotations

import contextlib
import struct
import time

import pytest
from PIL import Image

from service.photo.boxes import Picture, Size, read_picture
from tests.service.photo.heif import (
    Item,
    box,
    clap,
    coded,
    container,
    full,
    grid,
    ispe,
    nclx,
    saved,
)

BLANK = Item(b"av01", b"", [ispe(8192, 6144)])


def item(*properties: bytes) -> bytes:
    return container([Item(b"av01", b"", [*properties])])


def test_the_size_is_that_of_the_primary_item() -> None:
    thumbnail = Item(b"av01", b"", [ispe(160, 120)])
    assert read_picture(container([BLANK, thumbnail])) == Picture(Size(8192, 6144))
    assert read_picture(container([thumbnail, BLANK])) == Picture(Size(160, 120))


def test_a_grid_is_as_large_as_all_its_tiles() -> None:
    tile = Item(b"hvc1", b"", [ispe(512, 512)], hidden=True)
    assert read_picture(container([grid(2, 2, 1000, 900), *[tile] * 4])) == Picture(Size(1000, 900))


@pytest.mark.parametrize(
    ("aperture", "left"),
    [
        ((40, 1, 20, 1, -10, 1, -10, 1), Size(40, 20)),
        ((120, 3, 40, 2, -20, 2, -30, 3), Size(40, 20)),
        ((41, 1, 20, 1, -19, 2, -10, 1), Size(41, 20)),
        ((40, 1, 20, 1, 0, 1, 0, 1), None),
        ((40, 1, 20, 1, 10, 1, 10, 1), None),
        ((70, 1, 20, 1, 5, 1, -10, 1), None),
        ((0, 1, 20, 1, -30, 1, -10, 1), None),
        ((40, 0, 20, 1, -10, 1, -10, 1), None),
        ((40, 1, 20, 1, -10, 0, -10, 1), None),
        ((41, 2, 20, 1, -10, 1, -10, 1), None),
    ],
)
def test_a_clean_aperture_counts_where_it_begins_in_the_corner(
    aperture: tuple[int, ...], left: Size | None
) -> None:
    assert read_picture(item(ispe(60, 40), clap(*aperture))) == Picture(Size(60, 40), left)


def test_primaries_and_transfer_are_those_of_its_colour_box() -> None:
    picture = Picture(Size(6, 4), None, (12, 13))
    assert read_picture(item(ispe(6, 4), nclx(12, 13))) == picture
    assert read_picture(item(ispe(6, 4), box(b"colr", b"prof" + bytes(200)))) == Picture(Size(6, 4))


def test_wide_numbers_and_sizes_are_read() -> None:
    owned = struct.pack(">IIBHH", 1, 70000, 2, 0x8001, 0x8002)
    properties = box(b"ipco", nclx(9, 16) + ispe(6, 4)) + full(b"ipma", owned, 1, 1)
    inside = full(b"pitm", struct.pack(">I", 70000), 1) + box(b"iprp", properties)
    wide = struct.pack(">I4sQ", 1, b"meta", 20 + len(inside)) + bytes(4) + inside
    assert read_picture(box(b"free") + wide) == Picture(Size(6, 4), None, (9, 16))
    to_the_end = struct.pack(">I4s", 0, b"meta") + bytes(4) + inside
    assert read_picture(to_the_end) == Picture(Size(6, 4), None, (9, 16))


def test_of_a_sequence_and_an_item_the_larger_counts() -> None:
    entry = box(b"av01", bytes(24) + struct.pack(">HH", 900, 700) + bytes(50))
    boxes = full(b"stsd", struct.pack(">I", 1) + entry)
    for kind in (b"stbl", b"minf", b"mdia", b"trak", b"moov"):
        boxes = box(kind, boxes)
    assert read_picture(boxes) == Picture(Size(900, 700))
    assert read_picture(item(ispe(6, 4)) + boxes) == Picture(Size(900, 700))
    assert read_picture(boxes + item(ispe(1000, 800))) == Picture(Size(1000, 800))


def test_pillow_s_animations_have_the_size_of_their_frames() -> None:
    frames = [Image.new("RGB", (31, 17), colour) for colour in ("red", "blue")]
    data = saved(frames[0], "AVIF", save_all=True, append_images=frames[1:])
    assert read_picture(data) == Picture(Size(31, 17), None, (1, 13))


def test_what_is_cut_anywhere_is_read_or_refused() -> None:
    data = container([coded(Image.new("RGB", (6, 4)))])
    for end in range(len(data)):
        try:
            assert read_picture(data[:end]) in (None, Picture(Size(6, 4)))
        except (IndexError, struct.error):
            continue


@pytest.mark.parametrize(
    "data",
    [
        box(b"free") * 100_000,
        full(b"meta", box(b"iprp", box(b"ipco", ispe(6, 4) * 100_000))),
        full(
            b"meta",
            full(b"pitm", b"\0\1")
            + box(b"iprp", box(b"ipco", ispe(6, 4)) + full(b"ipma", b"\xff" * 1_000_000)),
        ),
        item(*[ispe(6, 4)] * 3) + box(b"meta") * 100_000,
    ],
)
def test_a_million_boxes_take_no_time(data: bytes) -> None:
    start = time.thread_time()
    with contextlib.suppress(IndexError, struct.error):
        read_picture(data)
    assert time.thread_time() - start < 0.2
