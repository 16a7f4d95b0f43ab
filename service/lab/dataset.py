"""Labelled photographs on disk: a folder for each category, or a table."""

from __future__ import annotations

import csv
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from models.card import Label
from models.errors import UserError

__all__ = ["BadDataset", "Labelled", "categories_of", "read_dataset", "table_of"]

# Columns of a CSV that may name the true label, the most exact first.
TARGET_COLUMNS = ("index", "category", "synset", "places365", "label")

_Row: TypeAlias = dict[str, str]


class BadDataset(UserError):
    """The labelled photographs can't be read; the sentence says how they should be."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """A photograph's bytes, the indices of the labels that are right for it, and its group.

    ``name`` is that in the CSV, or the path in the folder.
    """

    name: str
    photo: bytes
    targets: frozenset[int]
    group: str | None = None


def read_dataset(
    path: Path, labels: Sequence[Label], *, by: str | None = None, unlabelled: bool = False
) -> tuple[int, Iterator[Labelled]]:
    """The labelled photographs at ``path``, and how many there are.

    ``path`` is a folder with a folder per category; or a CSV with a column ``file`` and one of
    ``index``, ``category``, ``synset``, ``places365``, ``label`` (several right labels separated by
    ``|``), its files in a tar or a folder of the CSV's name, or beside the CSV; or a folder with
    one such CSV. Rows without a label are left out, unless ``unlabelled`` asks for them. ``by``
    names the CSV's column that holds each photograph's group.

    Raises:
        BadDataset: it is none of these, names a label that the model doesn't have, or has no
            column ``by``.

    """
    index = {label.category: i for i, label in enumerate(labels)}
    table = table_of(path)
    if table is None:
        return _read_folders(path, index, by)
    return _Table(table, by).read(index, len(labels), unlabelled=unlabelled)


def categories_of(path: Path) -> list[str]:
    """The categories that a data set names, in alphabetical order.

    Raises:
        BadDataset: ``path`` is no data set, or names labels by their index alone.

    """
    table = table_of(path)
    if table is None:
        return sorted(folder.name for folder in path.iterdir() if folder.is_dir())
    return _Table(table, None).categories()


def table_of(path: Path) -> Path | None:
    """The CSV of a data set, or None where it is a folder of folders.

    Raises:
        BadDataset: ``path`` is neither a folder nor a CSV, or holds several.

    """
    if not path.is_dir():
        if path.suffix != ".csv":
            raise BadDataset(f"{path} is no folder and no CSV of labelled photographs.")
        return path
    tables = sorted(path.glob("*.csv"))
    if len(tables) > 1:
        raise BadDataset(f"There are several CSV files in {path}; name the one to use.")
    return next(iter(tables), None)


def _read_folders(
    path: Path, index: dict[str, int], by: str | None
) -> tuple[int, Iterator[Labelled]]:
    if by is not None:
        raise BadDataset(f"{path} has no columns: give a CSV with a column {by!r}.")
    folders = {folder: folder.name for folder in sorted(path.iterdir()) if folder.is_dir()}
    # "/" can't stand in a folder's name: "booth/indoor" lies in "booth-indoor" or "booth_indoor".
    spelt = {c.replace("/", sign): i for c, i in index.items() for sign in "/-_"}
    unknown = [name for name in folders.values() if name not in spelt]
    if unknown or not folders:
        named = f"; {unknown[0]!r} is none" if unknown else ""
        raise BadDataset(f"{path} should hold a folder for each of the model's categories{named}.")
    files = [
        (file, spelt[name])
        for folder, name in folders.items()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    ]
    read = (
        Labelled(str(file.relative_to(path)), file.read_bytes(), frozenset({i}))
        for file, i in files
    )
    return len(files), read


class _Table:
    """A CSV that names photographs, their labels, and perhaps the group of each.

    Raises:
        BadDataset: a column is not there.

    """

    def __init__(self, path: Path, by: str | None) -> None:
        self._path = path
        self._by = by
        with path.open(encoding="utf-8", newline="") as lines:
            self._rows: list[_Row] = list(csv.DictReader(lines))
        columns = self._rows[0].keys() if self._rows else ()
        column = next((c for c in TARGET_COLUMNS if c in columns), None)
        if column is None or "file" not in columns:
            raise BadDataset(
                f"{path.name} needs a column `file` and one of: {', '.join(TARGET_COLUMNS)}."
            )
        if by is not None and by not in columns:
            raise BadDataset(
                f"{path.name} has no column {by!r} to group by; it has {', '.join(columns)}."
            )
        self._column = column

    def categories(self) -> list[str]:
        """Every label that a row names."""
        if self._column == "index":
            raise BadDataset(
                f"{self._path.name} names labels by index alone, which needs a list of labels."
            )
        return sorted({name for row in self._rows for name in _names(row[self._column])})

    def read(
        self, index: dict[str, int], outputs: int, *, unlabelled: bool
    ) -> tuple[int, Iterator[Labelled]]:
        known = {str(i): i for i in range(outputs)} if self._column == "index" else index
        wanted = {
            row["file"]: (
                self._targets(row[self._column], known),
                row[self._by] if self._by else None,
            )
            for row in self._rows
            if row[self._column] or unlabelled
        }
        return len(wanted), self._photographs(wanted)

    def _targets(self, cell: str, known: dict[str, int]) -> frozenset[int]:
        try:
            return frozenset(known[name] for name in _names(cell))
        except KeyError as missing:
            raise BadDataset(
                f"{self._path.name} names the label {missing.args[0]!r}, "
                "which the model doesn't have."
            ) from None

    def _photographs(
        self, wanted: dict[str, tuple[frozenset[int], str | None]]
    ) -> Iterator[Labelled]:
        with ExitStack() as stack:
            read = _reader(self._path, stack)
            for name, (targets, group) in wanted.items():
                try:
                    yield Labelled(name, read(name), targets, group)
                except (KeyError, OSError):
                    raise BadDataset(
                        f"{self._path.name} names {name}, which is not there."
                    ) from None


def _names(cell: str) -> list[str]:
    return [name.strip() for name in cell.split("|") if name.strip()]


def _reader(path: Path, stack: ExitStack) -> Callable[[str], bytes]:
    """How to get a photograph's bytes by the name that the CSV gives it."""
    tar, folder = path.with_suffix(".tar"), path.with_suffix("")
    if not tar.is_file():
        root = folder if folder.is_dir() else path.parent
        return lambda name: (root / name).read_bytes()
    archive = stack.enter_context(tarfile.open(tar))  # noqa: SIM115 (the stack closes it)
    members = {member.name.removeprefix("./"): member for member in archive if member.isfile()}

    def read(name: str) -> bytes:
        file = archive.extractfile(members[name])
        return file.read() if file else b""

    return read
