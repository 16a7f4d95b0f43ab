"""The photographs that are sent: from a folder or a tar file, and a large one made of them."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from PIL import Image

__all__ = ["enlarged", "read_photographs"]

SUFFIXES = {".jpg", ".jpeg"}


def read_photographs(place: Path, most: int) -> dict[str, bytes]:
    """JPEG files by name, evenly picked where there are more than ``most``.

    Args:
        place: a folder, searched with all its folders, or a tar file.
        most: photographs at most.

    Raises:
        SystemExit: there are none.

    """
    found = _of_tar(place) if place.is_file() else _of_folder(place)
    if not found:
        raise SystemExit(f"There are no JPEG files in {place}; name a folder or a tar file.")
    names = sorted(found)
    step = max(1, len(names) // most)
    return {name: found[name] for name in names[::step][:most]}


def enlarged(photo: bytes, megapixels: float) -> bytes:
    """The photograph at another size, as a camera's JPEG (4:2:0, quality 90)."""
    image = Image.open(io.BytesIO(photo)).convert("RGB")
    factor = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
    size = round(image.width * factor), round(image.height * factor)
    file = io.BytesIO()
    image.resize(size, Image.Resampling.BICUBIC).save(file, "JPEG", quality=90, subsampling="4:2:0")
    return file.getvalue()


def _of_folder(folder: Path) -> dict[str, bytes]:
    paths = [path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def _of_tar(file: Path) -> dict[str, bytes]:
    with tarfile.open(file) as archive:
        return {
            member.name: content.read()
            for member in archive
            if Path(member.name).suffix.lower() in SUFFIXES
            and (content := archive.extractfile(member))
        }
