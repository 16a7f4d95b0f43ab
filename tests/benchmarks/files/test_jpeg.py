from __future__ import annotations

import io

import pytest
from PIL import Image

from benchmarks.files.jpeg import jpegs

DAMAGED = ("% of it", "the header alone", "Adobe segment cut short")


@pytest.mark.filterwarnings("ignore:Corrupt EXIF", "ignore:Image appears to be a malformed MPO")
def test_what_is_whole_can_be_opened_by_pillow_too() -> None:
    for file in jpegs():
        assert file.data.startswith(b"\xff\xd8"), file.name
        if not file.name.endswith(DAMAGED):
            assert Image.open(io.BytesIO(file.data)).format in {"JPEG", "MPO"}, file.name


def test_each_is_another_file() -> None:
    files = {file.name: file.data for file in jpegs()}
    assert len(set(files.values())) == len(files)
