"""Grey pictures of maps."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from service.inspection.png import grey, grey_png, sheet


def test_each_map_spans_black_to_white_by_itself() -> None:
    maps = np.array([[[0, 1], [2, 4]], [[-3, -3], [-3, -3]], [[10, 20], [20, 10]]], np.float32)
    assert grey(maps).tolist() == [
        [[0, 64], [128, 255]],
        [[0, 0], [0, 0]],
        [[0, 255], [255, 0]],
    ]


def test_a_picture_is_read_as_it_was_written() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 9), np.uint8)
    image = Image.open(io.BytesIO(grey_png(pixels)))
    assert (image.format, image.mode, image.size) == ("PNG", "L", (9, 5))
    assert (np.asarray(image) == pixels).all()


def test_a_sheet_has_its_tiles_row_by_row_with_gaps() -> None:
    tiles = np.array([[[1]], [[2]], [[3]], [[4]], [[5]]], np.uint8)
    assert sheet(tiles).tolist() == [[1, 0, 2, 0, 3], [0] * 5, [4, 0, 5, 0, 0]]
    assert sheet(np.ones((1, 2, 3), np.uint8)).tolist() == [[1, 1, 1], [1, 1, 1]]
