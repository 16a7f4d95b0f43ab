"""Where the photographs of a table lie: in a tar or a folder of its name, or beside it."""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from unicodedata import normalize

from service.lab.folders import printable, read_file
from service.lab.table import BadDataset

__all__ = ["FileSource", "Source", "TableSources"]


class Source(Protocol):
    """A photograph that is there, but not read."""

    @property
    def size(self) -> int:
        """In bytes; -1 where it has gone."""

    def read(self) -> bytes:
        """Its bytes.

        Raises:
            OSError: They can't be had, or no longer.

        """


@dataclass(frozen=True, slots=True)
class FileSource:
    """A file of its own."""

    path: Path

    @property
    def size(self) -> int:
        """In bytes; -1 where it has gone."""
        try:
            return self.path.stat().st_size
        except OSError:
            return -1

    def read(self) -> bytes:
        """Its bytes."""
        return read_file(self.path)


@dataclass(frozen=True, slots=True)
class _MemberSource:
    """A file in a tar, which is not compressed: its bytes stand there as they are."""

    tar: Path
    offset: int
    size: int

    def read(self) -> bytes:
        with self.tar.open("rb") as file:
            file.seek(self.offset)
            return file.read(self.size)


class TableSources:
    """Finds photographs by the names that a table gives them.

    Raises:
        BadDataset: The tar of its name is none.

    """

    def __init__(self, table: Path) -> None:
        tar, folder = table.with_suffix(".tar"), table.with_suffix("")
        self._members = _members(tar) if tar.is_file() else None
        self._roots = [folder, table.parent] if folder.is_dir() else [table.parent]

    def find(self, name: str) -> Source | None:
        """The photograph of that name, however the table spells it; None if it is not there."""
        found = (self._exactly(spelling) for spelling in _spellings(name))
        return next((source for source in found if source), None)

    def _exactly(self, name: str) -> Source | None:
        if self._members is not None:
            return self._members.get(name.removeprefix("./"))
        paths = (root / name for root in self._roots)
        return next((FileSource(path) for path in paths if _is_file(path)), None)


def _members(tar: Path) -> dict[str, Source]:
    try:
        # Without "r:" a compressed one would be opened, in which nothing stands as it is.
        with tarfile.open(tar, "r:") as archive:
            return {
                member.name.removeprefix("./"): _MemberSource(tar, member.offset_data, member.size)
                for member in archive
                if member.isreg() and not member.issparse()
            }
    except (OSError, tarfile.TarError):
        raise BadDataset(
            f"{printable(tar.name)} can't be read; give an uncompressed tar."
        ) from None


def _is_file(path: Path) -> bool:
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return False


def _spellings(name: str) -> Iterator[str]:
    """As it stands; with Windows' separators; composed or not (macOS); in Windows' bytes."""
    for spelt in dict.fromkeys((name, name.replace("\\", "/"))):
        yield spelt
        yield from {normalize("NFC", spelt), normalize("NFD", spelt)} - {spelt}
        if not spelt.isascii():
            yield os.fsdecode(spelt.encode("cp1252", "replace"))
