"""Files as people have them, generated: each format in its variants, whole and damaged."""

from collections.abc import Iterator

from benchmarks.files.jpeg import jpegs
from benchmarks.files.others import avifs, bmps, gifs, webps
from benchmarks.files.photograph import File
from benchmarks.files.png import pngs

__all__ = ["File", "generated_files"]


def generated_files() -> Iterator[File]:
    """Make all files, some 280 in a second."""
    for make in (jpegs, pngs, webps, gifs, bmps, avifs):
        yield from make()
