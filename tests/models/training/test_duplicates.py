from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageEnhance

from models.training.duplicates import find_duplicates

if TYPE_CHECKING:
    from numpy.typing import NDArray


def altered(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same photograph as others pass it on: smaller, brighter, and badly compressed."""
    small = Image.fromarray(photo).resize((48, 48), Image.Resampling.BICUBIC)
    file = BytesIO()
    ImageEnhance.Brightness(small).enhance(1.1).save(file, "JPEG", quality=40)
    return np.asarray(Image.open(file).resize((64, 64), Image.Resampling.BICUBIC))


def test_altered_copies_are_found_and_other_photographs_are_not(
    squares: NDArray[np.uint8],
) -> None:
    others = np.stack([altered(squares[1]), altered(squares[3])])
    assert find_duplicates(squares, others).tolist() == [False, True, False, True, False]


def test_a_mirror_image_and_a_part_are_no_copies(squares: NDArray[np.uint8]) -> None:
    parts = np.stack(
        [np.asarray(Image.fromarray(one[8:56, 8:56]).resize((64, 64))) for one in squares]
    )
    assert not find_duplicates(squares, squares[:, :, ::-1]).any()
    assert not find_duplicates(squares, parts).any()


def test_many_photographs_are_compared_in_chunks(squares: NDArray[np.uint8]) -> None:
    many = np.concatenate(
        [np.repeat(squares[:1, ::16, ::16], 2000, axis=0), squares[2:3, ::16, ::16]]
    )
    found = find_duplicates(many, squares[2:3, ::16, ::16])
    assert np.flatnonzero(found).tolist() == [2000]


def test_plain_areas_are_no_copies_of_each_other() -> None:
    plain = np.full((2, 64, 64, 3), 200, np.uint8)
    assert not find_duplicates(plain, plain).any()
