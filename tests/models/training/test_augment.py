from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from models.normalisation import Normalisation
from models.training.augment import augmented, cut_mixed, normalised, resized

if TYPE_CHECKING:
    from numpy.typing import NDArray


pytestmark = pytest.mark.usefixtures("seeded")


@pytest.mark.parametrize("side", [32, 48, 96])
def test_whole_photographs_are_those_of_pillow(squares: NDArray[np.uint8], side: int) -> None:
    found = resized(torch.from_numpy(squares), side).permute(0, 2, 3, 1).numpy()
    images = [Image.fromarray(photo) for photo in squares]
    wanted = [one.resize((side, side), Image.Resampling.BILINEAR) for one in images]
    differences = np.abs(found - np.stack(list(map(np.asarray, wanted))))
    # Pillow rounds and clips once more, between rows and columns.
    assert np.quantile(differences, 0.99) < 1.5
    assert differences.max() < 8
    assert found.min() >= 0
    assert found.max() <= 255


def test_whole_photographs_of_the_right_side_stay_as_they_are(five: torch.Tensor) -> None:
    assert torch.equal(resized(five, 64), five.permute(0, 3, 1, 2).float())


def test_parts_have_the_side_asked_for_and_the_range_of_pixels(five: torch.Tensor) -> None:
    found = augmented(five, 32, smallest_area=0.2, colour=0.9)
    assert found.shape == (5, 3, 32, 32)
    assert found.min() >= 0
    assert found.max() <= 255
    assert found.std() > 10


def test_the_largest_part_without_colours_is_the_photograph_or_its_mirror_image(
    five: torch.Tensor,
) -> None:
    many = five[1:2].repeat(40, 1, 1, 1)
    found = augmented(many, 64, smallest_area=1, colour=0)
    # A part of the whole area is as wide or as high as the photograph, not always both.
    photo = resized(five[1:2], 64)[0]
    straight, mirrored = (
        torch.stack([correlation(one, other) for one in found]) for other in (photo, photo.flip(2))
    )
    is_mirrored = mirrored > straight
    assert 10 < is_mirrored.sum() < 30
    assert torch.maximum(straight, mirrored).min() > 0.5
    assert torch.maximum(straight, mirrored).max() > 0.95


def correlation(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    return torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1]


def test_small_parts_show_less_than_large_ones() -> None:
    ramp = torch.arange(64, dtype=torch.uint8).view(1, 64, 1, 1).expand(200, 64, 64, 3)
    small, large = (
        (part.amax((1, 2, 3)) - part.amin((1, 2, 3)))
        for part in (
            augmented(ramp, 64, smallest_area=0.1, colour=0),
            augmented(ramp, 64, smallest_area=0.9, colour=0),
        )
    )
    assert small.min() < 0.5 * 64
    assert large.min() > 0.7 * 63


def test_colours_change_by_the_share_asked_for() -> None:
    white = torch.full((100, 64, 64, 3), 100, dtype=torch.uint8)
    levels = augmented(white, 32, smallest_area=0.5, colour=0.2).mean((1, 2, 3))
    assert 80 <= levels.min() < 90
    assert 110 < levels.max() <= 120
    kept = augmented(white, 32, smallest_area=0.5, colour=0)
    torch.testing.assert_close(kept, torch.full_like(kept, 100))


def test_the_same_seed_gives_the_same_parts(five: torch.Tensor) -> None:
    first = augmented(five, 32, 0.4, 0.25)
    second = augmented(five, 32, 0.4, 0.25)
    torch.manual_seed(0)
    assert torch.equal(augmented(five, 32, 0.4, 0.25), first)
    assert not torch.equal(first, second)


@pytest.fixture
def plain() -> torch.Tensor:
    """500 photographs; each has its own number at each pixel."""
    return torch.arange(500.0).view(500, 1, 1, 1).expand(500, 3, 32, 32)


def test_a_mixed_photograph_is_its_own_but_for_one_rectangle(plain: torch.Tensor) -> None:
    found = cut_mixed(plain, 1)
    for number, (photo, partner, share) in enumerate(zip(*found, strict=True)):
        own = photo == number
        assert torch.equal(photo[~own], torch.full_like(photo[~own], float(partner)))
        if partner != number:
            assert own.float().mean() == pytest.approx(share)
            rows, columns = (~own[0]).any(1), (~own[0]).any(0)
            assert torch.equal(~own[0], rows[:, None] & columns)
            assert all((part.int().diff() == 1).sum() <= 1 for part in (rows, columns))


def test_partners_are_all_photographs_and_rectangles_are_of_any_size(plain: torch.Tensor) -> None:
    _, partners, shares = cut_mixed(plain, 1)
    assert torch.equal(partners.sort().values, torch.arange(500))
    assert shares.min() < 0.2
    assert shares.max() > 0.95
    # A rectangle of extent e keeps (e - e^2 / 4)^2 of the area; its e^2 is as likely to be any.
    assert shares.mean() == pytest.approx(1 - 0.321, abs=0.04)


@pytest.mark.parametrize("probability", [0, 0.3])
def test_as_many_are_mixed_as_were_asked_for(plain: torch.Tensor, probability: float) -> None:
    photos, _, shares = cut_mixed(plain, probability)
    changed = (photos != plain).flatten(1).any(1)
    assert changed.float().mean() == pytest.approx(probability, abs=0.06)
    assert torch.equal(shares[~changed], torch.ones(int((~changed).sum())))


def test_pixels_are_scaled_channel_by_channel() -> None:
    pixels = torch.tensor([10.0, 20.0, 30.0]).view(1, 3, 1, 1).expand(2, 3, 4, 4)
    found = normalised(pixels, Normalisation((10, 10, 10), (1, 2, 4)))
    assert torch.equal(found[0, :, 0, 0], torch.tensor([0.0, 5.0, 5.0]))
    assert found.is_contiguous(memory_format=torch.channels_last)
