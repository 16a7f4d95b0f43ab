from __future__ import annotations

import numpy as np
import pytest

from models.normalisation import Normalisation


def test_pixels_are_centred_and_scaled_channel_by_channel() -> None:
    photos = np.full((2, 3, 3, 3), (10, 20, 30), np.uint8)
    found = Normalisation((10, 10, 10), (1, 2, 4))(photos)
    assert found.shape == (2, 3, 3, 3)
    assert found.dtype == np.float32
    assert found[1, :, 0, 0].tolist() == [0, 5, 5]
    assert found.flags.c_contiguous


def test_channels_come_first_and_rows_stay_rows(photos: dict[str, bytes]) -> None:
    photo = np.frombuffer(photos["coffee"][:24], np.uint8).reshape(1, 2, 4, 3)
    found = Normalisation((0, 0, 0), (1, 1, 1))(photo)
    assert found.shape == (1, 3, 2, 4)
    assert np.array_equal(found[0, 2], photo[0, :, :, 2])


@pytest.mark.parametrize(
    ("mean", "std", "answer"),
    [
        ((127, 127, 127), (128, 128, 128), True),
        ((127.5, 127.5, 127.5), (127.5, 127.5, 127.5), False),
        ((127, 127, 120), (128, 128, 128), False),
        ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), False),
    ],
)
def test_which_normalisation_is_a_quantisation(
    mean: tuple[float, float, float], std: tuple[float, float, float], answer: bool
) -> None:
    assert Normalisation(mean, std).is_quantisation is answer
