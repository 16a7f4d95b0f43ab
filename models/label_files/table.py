"""Labels in a table, as spreadsheets and programs write them: CSV and TSV."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace

from models.label_files.entries import BadLabels, Entry, counts_labels
from models.label_files.lines import with_known_shape

__all__ = ["parse_table"]

_COLUMNS = ("category", "name", "kind")
_NAMES = {
    "index": {
        "index", "idx", "id", "#", "", "no", "number", "class_id", "class_idx", "class_index",
        "classid", "label_id", "label_idx", "label_index", "labelid", "output",
    },
    "category": {"category", "synset", "synset_id", "wnid", "wordnet_id", "folder"},
    "name": {
        "name", "names", "label", "labels", "class", "classes", "class_name", "classname",
        "label_name", "labelname", "display_name", "title", "description",
    },
    "kind": {"kind"},
}  # fmt: skip

Rows = list[list[str]]


def parse_table(text: str, file: str, *, is_tabbed: bool) -> list[Entry]:
    """Read a table whose columns are an index, a category, a name and a kind, or some of them.

    Args:
        text: Of the file.
        file: Its name, for messages.
        is_tabbed: Whether tabs separate the cells; else commas, semicolons or tabs do.

    Raises:
        BadLabels: A row has other cells than the rest, or no column can hold the names.

    """
    lines = [line for line in text.splitlines() if line.strip()]
    if lines and lines[0].lower().startswith("sep="):
        del lines[0]
    rows = _rows(lines, "\t" if is_tabbed else ",;\t", file)
    head = _head(rows)
    if head:
        rows, columns = rows[1:], head
    else:
        columns = _columns(rows, file)
    return with_known_shape([_entry(row, columns, file) for row in rows])


def _rows(lines: list[str], separators: str, file: str) -> Rows:
    """The rows by the separator that gives each as many cells; else by the first, for a message."""
    try:
        read = [list(csv.reader(lines, delimiter=each, strict=False)) for each in separators]
    except csv.Error as fault:
        raise BadLabels(f"{file} is no table of labels: {fault}.") from None
    widths = [{len(row) for row in rows} for rows in read]
    even = [rows for rows, width in zip(read, widths, strict=True) if len(width) == 1]
    best = max(even, key=lambda rows: len(rows[0]), default=read[0])
    # Another separator that is nowhere makes one column of every table.
    best = read[0] if best and len(best[0]) == 1 else best
    return [[cell.strip() for cell in row] for row in best]


def _head(rows: Rows) -> list[str | None] | None:
    """The columns by the first row, if that names them."""
    if not rows:
        return None
    words = [cell.lower().replace(" ", "_") for cell in rows[0]]
    found = [
        next((kind for kind, names in _NAMES.items() if word in names), None) for word in words
    ]
    is_head = any(word and kind for word, kind in zip(words, found, strict=True))
    if not is_head or len(rows) == 1 or len(set(found)) < len(found):
        return _head_by_numbers(rows) if is_head else None
    if "name" not in found and "category" not in found:
        return None
    return list(found)


def _head_by_numbers(rows: Rows) -> list[str | None] | None:
    """A head that uses two words for names, where one of these columns holds numbers."""
    rest = rows[1:]
    numbers = [bool(rest) and all(row[at].isdigit() for row in rest) for at in range(len(rows[0]))]
    if sorted(numbers) != [False, True] or any(cell.isdigit() for cell in rows[0]):
        return None
    return ["index" if is_number else "name" for is_number in numbers]


def _columns(rows: Rows, file: str) -> list[str | None]:
    """Which column is what, by what is in them: an index has numbers, the others come in order."""
    width = min((len(row) for row in rows), default=0)
    numbers = [at for at in range(width) if all(row[at].isdigit() for row in rows)]
    indices = [at for at in numbers if counts_labels([int(row[at]) for row in rows])]
    if len(numbers) > 1 or (numbers and not indices and width > 1):
        raise BadLabels(
            f"{file} has columns of numbers that are no index from 0 or from 1; "
            "name the columns in a first line: index,name."
        )
    names = iter(_COLUMNS if width - len(indices) > 1 else _COLUMNS[1:2])
    return [
        "index" if at in indices and width > 1 else next(names, None)
        for at in range(max((len(row) for row in rows), default=0))
    ]


def _entry(row: Sequence[str], columns: Sequence[str | None], file: str) -> Entry:
    cells = {column: cell for column, cell in zip(columns, row, strict=False) if column and cell}
    index = cells.pop("index", None)
    has_gap = len(row) != len(columns) and "kind" not in columns
    if (index is None) != ("index" not in columns) or (index and not index.isdigit()):
        raise _bad(row, file)
    if (
        has_gap
        or ("name" in columns and "name" not in cells)
        or ("category" in columns and "category" not in cells)
    ):
        raise _bad(row, file)
    name = cells.get("name") or cells["category"]
    entry = Entry(name, cells.get("category"), cells.get("kind"))
    return replace(entry, index=int(index)) if index else entry


def _bad(row: Sequence[str], file: str) -> BadLabels:
    return BadLabels(
        f"{file} has the line {', '.join(row)!r}, where category, name and, for scenes, indoor or "
        "outdoor belong, or index and name."
    )
