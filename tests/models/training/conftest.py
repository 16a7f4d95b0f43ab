"""What the tests of training share: real photographs as squares, and trained weights."""

from __future__ import annotations

import itertools
from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch
from PIL import Image

from models.networks import Network
from models.networks.checkpoint import load_network
from models.sources import SOURCES
from models.training.examples import Examples

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

LITE0 = SOURCES["efficientnet_lite0"]


@pytest.fixture(scope="session")
def squares(photos: dict[str, bytes]) -> NDArray[np.uint8]:
    """The five photographs of export/photos, 5 x 64 x 64 x 3, in the order of their names."""
    images = [Image.open(BytesIO(photo)).convert("RGB") for photo in photos.values()]
    return np.stack([np.asarray(one.resize((64, 64), Image.Resampling.BICUBIC)) for one in images])


@pytest.fixture
def seeded() -> None:
    """The random numbers of a test are those of its last run."""
    torch.manual_seed(0)


@pytest.fixture
def five(squares: NDArray[np.uint8]) -> torch.Tensor:
    """The same as a tensor."""
    return torch.from_numpy(squares)


@pytest.fixture(scope="session")
def network(weights: Path) -> Network:
    """Published weights, and a head for five classes that knows nothing. Not to be changed."""
    made, is_new = load_network(LITE0.architecture, 5, weights)
    assert is_new
    return made


@pytest.fixture(scope="session")
def photographs(squares: NDArray[np.uint8]) -> Examples:
    """Twenty parts of the five photographs, labelled with which they are of."""
    parts = [squares[:, y : y + 48, x : x + 48] for y, x in itertools.product((0, 16), (0, 16))]
    return Examples.labelled(np.concatenate(parts), np.tile(np.eye(5, dtype=bool), (4, 1)))
