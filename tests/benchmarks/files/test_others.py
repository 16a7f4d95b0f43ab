from __future__ import annotations

import io
from collections.abc import Callable, Iterator

import pytest
from PIL import Image

from benchmarks.files import File, generated_files
from benchmarks.files.others import avifs, bmps, gifs, webps


@pytest.mark.parametrize(
    ("make", "format_", "least"),
    [(webps, "WEBP", 25), (gifs, "GIF", 15), (bmps, "BMP", 30), (avifs, "AVIF", 20)],
)
def test_pillow_opens_what_is_whole(
    make: Callable[[], Iterator[File]], format_: str, least: int
) -> None:
    files = [file for file in make() if "% of it" not in file.name and "444" not in file.name]
    assert len(files) >= least - 7
    for file in files:
        assert Image.open(io.BytesIO(file.data)).format == format_, file.name


def test_there_are_enough_of_them_and_no_name_twice() -> None:
    names = [file.name for file in generated_files()]
    assert len(names) >= 280
    assert len(set(names)) == len(names)
