from __future__ import annotations

import io
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from benchmarks.photographs import enlarged, read_photographs


def test_a_folder_and_a_tar_file_of_it_hold_the_same(
    photos: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "notes.txt").write_text("no photograph")
    for name, photo in photos.items():
        (folder / f"{name}.jpg").write_bytes(photo)
    with tarfile.open(tmp_path / "photos.tar", "w") as archive:
        archive.add(folder, arcname="")
    assert list(read_photographs(folder, 10).values()) == list(photos.values())
    assert list(read_photographs(tmp_path / "photos.tar", 10).values()) == list(photos.values())


def test_a_sample_is_picked_evenly(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / f"{number}.jpeg").write_bytes(bytes([number]))
    assert list(read_photographs(tmp_path, 5)) == ["0.jpeg", "2.jpeg", "4.jpeg", "6.jpeg", "8.jpeg"]


def test_a_folder_without_photographs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no JPEG files"):
        read_photographs(tmp_path, 5)


def test_a_photograph_is_enlarged_to_megapixels(photos: dict[str, bytes]) -> None:
    image = Image.open(io.BytesIO(enlarged(photos["coffee"], 12)))
    assert image.format == "JPEG"
    assert image.width * image.height == pytest.approx(12e6, rel=0.01)
