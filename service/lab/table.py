"""A CSV that names photographs and their labels, as spreadsheets and scripts write it."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import NamedTuple

from models.errors import UserError
from service.lab.folders import printable, read_file

__all__ = ["TABLE_SUFFIXES", "TARGET_COLUMNS", "BadDataset", "Row", "Table"]

TABLE_SUFFIXES = (".csv", ".tsv")

# Columns that may name the true label, the most exact first, and those that may name the file.
TARGET_COLUMNS = ("index", "category", "synset", "places365", "label")
_OTHER_TARGETS = ("class", "class_name", "classname", "label_name", "category_name", "target")
_FILE_COLUMNS = (
    *("file", "filename", "file_name", "filepath", "file_path", "path"),
    *("image", "image_name", "image_path", "image_file", "img", "img_path", "photo", "picture"),
)
# UTF-32's mark begins with that of UTF-16.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_OLD_CODEC = "Windows-1252"
_SEPARATOR_LINE = re.compile(r'"?sep=(.)"?[^\S\r\n]*(\r\n|\r|\n)', re.IGNORECASE)
_DELIMITERS = ",;\t"


class BadDataset(UserError):
    """The labelled photographs can't be read; the sentence says how they should be."""


@dataclass(frozen=True, slots=True)
class Row:
    """A photograph: its file as the table names it, its labels, and all cells by column."""

    file: str
    targets: tuple[str, ...]
    cells: dict[str, str]


class _Header(NamedTuple):
    columns: list[str]
    file: str
    target: str


@dataclass(frozen=True)
class Table:
    """A table of photographs.

    Attributes:
        path: Of the CSV.
        columns: In small letters.
        target: The column of labels.
        rows: Each names a file.
        notes: Sentences for people, on what had to be guessed or left out.

    """

    path: Path
    columns: tuple[str, ...]
    target: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = field(default=())

    @classmethod
    def read(cls, path: Path) -> Table:
        """Read a table, in whatever encoding and with whatever separator.

        Raises:
            BadDataset: It can't be read, or has no column of files or none of labels.

        """
        text, notes = _text(path)
        try:
            header, lines = _parsed(text, path)
            rows, more = _rows(header, lines)
        except csv.Error as fault:
            raise BadDataset(f"{printable(path.name)} is no table: {fault}.") from None
        return cls(path, tuple(header.columns), header.target, rows, (*notes, *more))

    def column(self, name: str) -> dict[str, str]:
        """The cells of a column by file; empty where there is no such column.

        Of a file in several rows it is the first that counts.
        """
        wanted = _plain(name)
        if wanted not in self.columns:
            return {}
        return {row.file: row.cells[wanted] for row in reversed(self.rows)}


def _text(path: Path) -> tuple[str, list[str]]:
    try:
        data = read_file(path)
    except OSError as cause:
        raise BadDataset(f"{printable(str(path))} can't be read: {cause.strerror}.") from None
    mark, codec = next(((m, c) for m, c in _MARKS if data.startswith(m)), (b"", _unmarked(data)))
    try:
        return data[len(mark) :].decode(codec), []
    except UnicodeDecodeError:
        if mark or codec != "utf-8":
            raise BadDataset(
                f"{printable(path.name)} is no {codec.upper()} all through; save it as UTF-8."
            ) from None
    note = f"{printable(path.name)} is no UTF-8: read as {_OLD_CODEC}."
    try:
        return data.decode(_OLD_CODEC), [note]
    except UnicodeDecodeError:
        return data.decode("latin-1"), [note]  # which has a sign for the five bytes left


def _unmarked(data: bytes) -> str:
    """UTF-16 without a mark shows in its zeros."""
    head = data[:64]
    if head and head[1::2].count(0) > len(head) // 4:
        return "utf-16-le"
    return "utf-16-be" if head and head[::2].count(0) > len(head) // 4 else "utf-8"


def _parsed(text: str, path: Path) -> tuple[_Header, Iterator[list[str]]]:
    """The header, and the rows under it that hold something."""
    told = _SEPARATOR_LINE.match(text)
    body = text[told.end() :] if told else text
    seen: list[str] = []
    for delimiter in told[1] if told else _DELIMITERS:
        lines = (
            line
            for line in csv.reader(StringIO(body, newline=""), delimiter=delimiter)
            if any(line)
        )
        columns = [_plain(cell) for cell in next(lines, [])]
        header = _header(columns)
        if header:
            return header, lines
        seen = max(seen, columns, key=len)
    raise BadDataset(
        f"{printable(path.name)} needs a column `file` and one of: {', '.join(TARGET_COLUMNS)}; "
        f"it has {', '.join(map(printable, seen[:20])) or 'none'}."
    )


def _header(columns: list[str]) -> _Header | None:
    file = next((name for name in _FILE_COLUMNS if name in columns), None)
    target = next((c for c in (*TARGET_COLUMNS, *_OTHER_TARGETS) if c in columns), None)
    return _Header(columns, file, target) if file and target else None


def _plain(column: str) -> str:
    """``File Name`` -> ``file_name``."""
    return re.sub(r"[\s-]+", "_", column.strip().lower())


def _rows(header: _Header, lines: Iterator[list[str]]) -> tuple[tuple[Row, ...], list[str]]:
    rows: list[Row] = []
    unnamed = ragged = 0
    for line in lines:
        if any(cell.strip() for cell in line[len(header.columns) :]):
            ragged += 1
            continue
        cells = dict.fromkeys(header.columns, "") | dict(
            zip(header.columns, map(str.strip, line), strict=False)
        )
        if cells[header.file]:
            rows.append(Row(cells[header.file], _names(cells[header.target]), cells))
        else:
            unnamed += any(cells.values())
    return tuple(rows), _left_out(unnamed, ragged)


def _left_out(unnamed: int, ragged: int) -> list[str]:
    notes = [f"Rows without a file, left out: {unnamed}."] if unnamed else []
    return notes + ([f"Rows with more cells than columns, left out: {ragged}."] if ragged else [])


def _names(cell: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in cell.split("|") if name.strip())
