"""What the outputs of a network mean: the label sets that ship, and those in a file of one's own.

Booth has ImageNet's 1000 objects and Places365's 365 scenes, in plain words.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from pathlib import Path

from models.card import Label
from models.label_files.entries import BadLabels, Entry, in_order
from models.label_files.lines import parse_lines
from models.label_files.structured import parse_json, parse_label_map, parse_yaml
from models.label_files.table import parse_table
from models.label_files.text import NoText, decode

__all__ = ["LABEL_SETS", "BadLabels", "label_set", "read_labels", "sun_attributes"]

LABEL_SETS = ("imagenet", "places365")
"""The names that `label_set` takes."""

_FOLDER = Path(__file__).parent / "label_sets"
# A bracket that opens a list or a dictionary, rather than a name such as "[other]".
_STRUCTURE = re.compile(r"""^\s*[\[{]\s*(["'\[{\d\]}]|$)""", re.MULTILINE)
_LABEL_MAP = re.compile(r"\s*item\s*\{")


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

    Where a file gives its labels indices, these say the order, and may run from 0 or from 1.

    Args:
        given: The name of a label set that Booth has; or the path of a file: text with a label a
            line; a table (``.csv`` or ``.tsv``) with the columns category, name and, for scenes,
            kind (indoor or outdoor), or index and name; JSON with a list or a dictionary; YAML
            with the field ``names``; or a label map of TensorFlow's.

    Raises:
        BadLabels: It is none of these, or its indices have a gap or stand twice.

    """
    if given in LABEL_SETS:
        return label_set(given)
    path = Path(given)
    try:
        text = decode(path.read_bytes())
    except (OSError, NoText):
        raise BadLabels(
            f"{given} can't be read as labels; give {', '.join(LABEL_SETS)}, or a text file in "
            "UTF-8 with a label a line."
        ) from None
    entries = in_order(_parse(text, path), path.name)
    return _known(entries) or tuple(_label(entry, path) for entry in entries)


@cache
def sun_attributes() -> tuple[str, ...]:
    """The 102 scene attributes of Patterson and Hays (2012), in the order of MIT's matrix."""
    return tuple((_FOLDER / "sun_attributes.txt").read_text(encoding="utf-8").splitlines())


def _parse(text: str, path: Path) -> list[Entry]:
    suffix, start = path.suffix.lower(), text.lstrip()[:1]
    if suffix == ".json" or (start in ("{", "[") and _STRUCTURE.search(text)):
        return parse_json(text, path.name)
    if suffix in (".yaml", ".yml"):
        return parse_yaml(text, path.name)
    if suffix == ".pbtxt" or _LABEL_MAP.match(text):
        return parse_label_map(text, path.name)
    if suffix in (".csv", ".tsv"):
        return parse_table(text, path.name, is_tabbed=suffix == ".tsv")
    return parse_lines(text, path.name)


def _known(entries: list[Entry]) -> tuple[Label, ...] | None:
    """Booth's own labels, in plain words and with their kinds, for MIT's scenes and WordNet's ids.

    A file of these may have no names but its categories.
    """
    if any(entry.category != entry.name for entry in entries):
        return None
    for name in LABEL_SETS:
        labels = {label.category: label for label in label_set(name)}
        if all(entry.category in labels for entry in entries):
            return tuple(labels[entry.category or ""] for entry in entries)
    return None


def _label(entry: Entry, path: Path) -> Label:
    fields = {"name": entry.name, "category": entry.category or entry.name, "kind": entry.kind}
    try:
        return Label.model_validate(fields)
    except ValueError:
        raise BadLabels(
            f"{path.name} has the label {entry.name!r} of the kind {entry.kind!r}, where category, "
            "name and, for scenes, indoor or outdoor belong."
        ) from None
