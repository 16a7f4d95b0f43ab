"""What the outputs of a network of one's own mean: a file with a label for each."""

from __future__ import annotations

import csv
from pathlib import Path

from models.card import Label
from models.labels import LABEL_SETS, label_set

__all__ = ["BadLabels", "read_labels"]

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_COLUMNS = ("category", "name", "kind")


class BadLabels(ValueError):
    """The labels can't be read; the sentence says how they should be."""


def read_labels(given: str) -> tuple[Label, ...]:
    """Read labels in the order of the network's outputs.

    Args:
        given: The name of a label set that Booth has; or the path of a text file with a label a
            line; or of a ``.csv`` or ``.tsv`` file with the columns category, name and, for
            scenes, kind (indoor or outdoor), with or without a line that names them.

    Raises:
        BadLabels: It is none of these.

    """
    if given in LABEL_SETS:
        return label_set(given)
    path = Path(given)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError):
        raise BadLabels(
            f"{given} can't be read as labels; give {', '.join(LABEL_SETS)}, or a text file in "
            "UTF-8 with a label a line."
        ) from None
    return tuple(_label(row, path) for row in _rows(lines, path.suffix))


def _rows(lines: list[str], suffix: str) -> list[list[str]]:
    filled = [line for line in lines if line.strip()]
    if suffix not in _SEPARATORS:
        return [[line.strip(), line.strip()] for line in filled]
    rows = list(csv.reader(filled, delimiter=_SEPARATORS[suffix]))
    return rows[1:] if rows and tuple(rows[0]) == _COLUMNS[: len(rows[0])] else rows


def _label(row: list[str], path: Path) -> Label:
    fields = {key: cell.strip() for key, cell in zip(_COLUMNS, row, strict=False) if cell.strip()}
    try:
        return Label.model_validate(fields)
    except ValueError:
        raise BadLabels(
            f"{path.name} has the line {', '.join(row)!r}, where category, name and, for scenes, "
            "indoor or outdoor belong."
        ) from None
