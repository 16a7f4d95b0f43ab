from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from benchmarks.files.png import chunk, pngs

FILES = {file.name: file.data for file in pngs()}
INTERLACED = [name for name in FILES if name.endswith(" interlaced")]


@pytest.mark.parametrize("name", INTERLACED)
def test_interlaced_it_shows_the_same(name: str) -> None:
    first, second = (
        np.asarray(Image.open(io.BytesIO(FILES[one])))
        for one in (name, name.removesuffix(" interlaced"))
    )
    assert np.array_equal(first, second)
    assert first.std() > 0


def test_all_kinds_are_there_twice() -> None:
    assert len(INTERLACED) == 15


def test_a_checksum_can_be_wrong() -> None:
    right, wrong = chunk(b"tEXt", b"a\0b"), chunk(b"tEXt", b"a\0b", right=False)
    assert right[:-4] == wrong[:-4]
    assert right != wrong
