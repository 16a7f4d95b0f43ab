"""Real photographs as small squares, and a file of labels."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from export.photographs import shipped_photographs
from models.card import Input
from tests.export.adoption.networks import CLASSES, SIDE

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from numpy.typing import NDArray


@pytest.fixture(scope="session")
def squares() -> NDArray[np.uint8]:
    """Twenty views of five photographs, N x 32 x 32 x 3."""
    return shipped_photographs(Input(size=SIDE, resize=SIDE)).proof


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    file = tmp_path / "labels.txt"
    file.write_text("".join(f"label {i}\n" for i in range(CLASSES)))
    return file
