"""What the tests of training share: real photographs as squares, and trained weights."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from models.sources import SOURCES

if TYPE_CHECKING:
    from numpy.typing import NDArray

LITE0 = SOURCES["efficientnet_lite0"]


@pytest.fixture(scope="session")
def squares(photos: dict[str, bytes]) -> NDArray[np.uint8]:
    """The five photographs of tests/photos, 5 x 64 x 64 x 3, in the order of their names."""
    images = [Image.open(BytesIO(photo)).convert("RGB") for photo in photos.values()]
    return np.stack([np.asarray(one.resize((64, 64), Image.Resampling.BICUBIC)) for one in images])
