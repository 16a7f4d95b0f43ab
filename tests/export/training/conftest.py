from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def corners(photos: dict[str, bytes], tmp_path: Path) -> Path:
    """The four corners of each of the five photographs, a category each."""
    for name, photo in photos.items():
        (tmp_path / "corners" / name).mkdir(parents=True)
        image = Image.open(BytesIO(photo)).convert("RGB")
        width, height = (side // 2 for side in image.size)
        for number, (x, y) in enumerate([(0, 0), (width, 0), (0, height), (width, height)]):
            corner = image.crop((x, y, x + width, y + height)).resize((96, 96))
            corner.save(tmp_path / "corners" / name / f"{number}.png")
    return tmp_path / "corners"
