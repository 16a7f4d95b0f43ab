"""What a file says of one label, and the order that all of them stand in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from models.errors import UserError

__all__ = ["BadLabels", "Entry", "counts_labels", "in_order"]


class BadLabels(UserError):
    """The labels can't be read; the sentence says how they should be."""


@dataclass(frozen=True)
class Entry:
    """One label in a file.

    Attributes:
        name: For people.
        category: In the data set; None if the name is all there is.
        kind: Of a scene, in the file's words; None if the file has none.
        index: The network's output; None if the label's place in the file says it.

    """

    name: str
    category: str | None = None
    kind: str | None = None
    index: int | None = None


def counts_labels(numbers: Collection[int]) -> bool:
    """Whether numbers are meant as indices, though perhaps with a gap or a number twice.

    Years, sizes and prices in names don't run through half of 0 to N.
    """
    total = len(numbers)
    there = {number for number in numbers if 0 <= number <= total}
    return len(there) >= max(2, total / 2) or set(numbers) in ({0}, {1})


def in_order(entries: Sequence[Entry], file: str) -> list[Entry]:
    """The entries by their indices, which run from 0 or from 1; without indices, as they stand.

    Raises:
        BadLabels: There is none, or an index is missing or stands twice.

    """
    if not entries:
        raise BadLabels(f"{file} holds no labels; give a label for each output of the network.")
    indices = [entry.index for entry in entries if entry.index is not None]
    if not indices:
        return list(entries)
    if len(indices) < len(entries):
        raise BadLabels(f"{file} gives some labels an index, and others none; give each its own.")
    twice = [index for index, count in Counter(indices).items() if count > 1]
    if twice:
        raise BadLabels(f"{file} has the index {min(twice)} twice; give each label its own.")
    first = 0 if 0 in indices else 1
    missing = set(range(first, first + len(indices))) - set(indices)
    if missing:
        raise BadLabels(
            f"{file} has no label with the index {min(missing)}, though one with {max(indices)}; "
            "number the labels from 0 or from 1, without a gap."
        )
    by_index = dict(zip(indices, entries, strict=True))
    return [by_index[index] for index in sorted(by_index)]
