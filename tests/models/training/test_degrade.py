from __future__ import annotations

import io
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from models.training.degrade import coarsened, recompressed

if TYPE_CHECKING:
    from numpy.typing import NDArray

Degrade = Callable[[torch.Tensor, float], torch.Tensor]


pytestmark = pytest.mark.usefixtures("seeded")


@pytest.fixture
def many(five: torch.Tensor) -> torch.Tensor:
    return five.repeat(40, 1, 1, 1)


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """Mean difference of two pictures' pixels, of 255 levels."""
    return (one.float() - other.float()).abs().mean().item()


def test_recompressed_photographs_are_those_that_pillow_stores(squares: NDArray[np.uint8]) -> None:
    found = recompressed(torch.from_numpy(squares), 1).numpy()
    for photo, stored in zip(squares, found, strict=True):
        file = io.BytesIO()
        Image.fromarray(photo).save(file, "JPEG", quality=75)
        assert np.array_equal(stored, np.asarray(Image.open(file)))


def test_what_was_stored_so_before_hardly_changes(five: torch.Tensor) -> None:
    once = recompressed(five, 1)
    assert distance(recompressed(once, 1), once) < distance(once, five) / 4


@pytest.mark.parametrize("degrade", [recompressed, coarsened])
class TestBoth:
    def test_only_the_share_asked_for_changes(self, degrade: Degrade, many: torch.Tensor) -> None:
        changed = (degrade(many, 0.3) != many).flatten(1).any(1)
        assert 40 < changed.sum() < 80

    def test_none_changes_where_none_is_asked_for(
        self, degrade: Degrade, five: torch.Tensor
    ) -> None:
        before = torch.get_rng_state()
        assert degrade(five, 0) is five
        assert torch.equal(torch.get_rng_state(), before)

    def test_the_photographs_given_stay_as_they_are(
        self, degrade: Degrade, five: torch.Tensor
    ) -> None:
        copy = five.clone()
        degrade(five, 1)
        assert torch.equal(five, copy)

    def test_what_they_show_stays(self, degrade: Degrade, five: torch.Tensor) -> None:
        found = degrade(five, 1)
        assert found.dtype == torch.uint8
        assert found.shape == five.shape
        assert distance(blocks(found), blocks(five)) < 4


def test_coarsened_photographs_lose_what_is_finest(five: torch.Tensor) -> None:
    found = coarsened(five, 1)
    fine_before, fine_after = (
        (photo.float() - blurred(photo)).square().mean((1, 2, 3)) for photo in (five, found)
    )
    assert (fine_after < 0.9 * fine_before).all()


def test_each_is_coarsened_by_another_share(five: torch.Tensor) -> None:
    forty = coarsened(five[:1].repeat(40, 1, 1, 1), 1)
    assert len(torch.unique(forty, dim=0)) > 10


def test_the_coarsest_have_half_of_the_side() -> None:
    stripes = torch.tensor([0, 255], dtype=torch.uint8).repeat(32)  # of one pixel each
    photo = stripes.view(1, 1, 64, 1).expand(50, 64, 64, 3)
    contrast = coarsened(photo, 1).float().std((1, 2, 3))
    assert contrast.min() < 15
    assert contrast.max() > 30


def test_one_stored_as_jpeg_and_one_that_was_not_become_alike(five: torch.Tensor) -> None:
    stored = recompressed(five, 1)
    assert distance(recompressed(stored, 1), recompressed(five, 1)) < distance(stored, five) / 4


def blocks(photos: torch.Tensor) -> torch.Tensor:
    """Means of 16 x 16 pixels."""
    return torch.nn.functional.avg_pool2d(photos.permute(0, 3, 1, 2).float(), 16)


def blurred(photos: torch.Tensor) -> torch.Tensor:
    """Means of 3 x 3 pixels."""
    x = torch.nn.functional.avg_pool2d(photos.permute(0, 3, 1, 2).float(), 3, 1, 1)
    return x.permute(0, 2, 3, 1)
