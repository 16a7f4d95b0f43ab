"""What the outputs of a network mean: the label sets that ship, and those in a file of one's own.

Booth has ImageNet's 1000 objects and Places365's 365 scenes, in plain words.
"""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

from models.card import Label
from models.errors import UserError

__all__ = ["LABEL_SETS", "BadLabels", "label_set", "read_labels", "sun_attributes"]

LABEL_SETS = ("imagenet", "places365")
"""The names that `label_set` takes."""

_FOLDER = Path(__file__).parent / "label_sets"
_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_COLUMNS = ("category", "name", "kind")


class BadLabels(UserError):
    """The labels can't be read; the sentence says how they should be."""


@cache
def label_set(name: str) -> tuple[Label, ...]:
    """The labels of a data set, in the order of the outputs of networks trained on it.

    Args:
        name: One of `LABEL_SETS`. ``imagenet`` is ILSVRC 2012 (Russakovsky et al. 2015), with
            WordNet ids as categories; ``places365`` is Places365 (Zhou et al. 2017), with MIT's
            own categories and their kind, indoor or outdoor.

    Raises:
        ValueError: There is no such set.

    """
    if name not in LABEL_SETS:
        raise ValueError(f"no label set is called {name!r}; there are {' and '.join(LABEL_SETS)}")
    with (_FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as rows:
        return tuple(Label.model_validate(row) for row in csv.DictReader(rows))


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
    try:
        rows = _rows(lines, path.suffix)
    except csv.Error as fault:
        raise BadLabels(f"{path.name} is no table of labels: {fault}.") from None
    return tuple(_label(row, path) for row in rows)


@cache
def sun_attributes() -> tuple[str, ...]:
    """The 102 scene attributes of Patterson and Hays (2012), in the order of MIT's matrix."""
    return tuple((_FOLDER / "sun_attributes.txt").read_text(encoding="utf-8").splitlines())


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
