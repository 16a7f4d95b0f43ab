"""A label a line, with or without an index.

Names hold numbers too (``7 eleven``, ``area 51``), so what a number is, all lines decide together.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace

from models.label_files.entries import BadLabels, Entry, counts_labels

__all__ = ["parse_lines", "with_known_shape"]

_INDEX_FIRST = re.compile(
    r"(?P<index>\d+)(?:\s*[:;,=|)\]\t]\s*|\s*(?:->|=>)\s*|\.?\s+)(?:[-\u2013]\s+)?(?P<name>\S.*)"
)
_INDEX_LAST = re.compile(r"(?P<name>.*\S(?:[:;,=|>]|\s))\s*(?P<index>\d+)")
_SEPARATORS = ("->", "=>", *":;,=|")
_INDEX_AMID = re.compile(r"(?P<name>n\d{8})\s+(?P<index>\d+)\s+(?P<rest>\S.*)")
_QUOTED = re.compile(r"""(?P<quote>["'])(?P<name>.*)(?P=quote)\s*,?""")
_SYNSET = re.compile(r"(?P<category>n\d{8})(?:[\s,:]+(?P<name>\S.*))?")
_PLACE = re.compile(r"/[a-z]/(?P<category>\S+)")
_KINDS = {1: "indoor", 2: "outdoor"}


def parse_lines(text: str, file: str) -> list[Entry]:
    """Read labels, one a line; blank lines and those that begin with ``#`` count for nothing.

    Args:
        text: Of the file.
        file: Its name, for messages.

    Raises:
        BadLabels: Numbers may be indices at the beginning of the lines or at their end.

    """
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    lines = [line for line in lines if not line.startswith("#")] or lines
    readings = [
        found
        for pattern in (_INDEX_AMID, _INDEX_FIRST, _INDEX_LAST)
        if (found := _indexed(lines, pattern))
    ]
    if len(readings) > 1 and len({_order(reading) for reading in readings}) > 1:
        raise BadLabels(
            f"{file} has numbers that could be indices at both ends of its lines; give a CSV with "
            "the columns index,name."
        )
    entries = readings[0] if readings else [Entry(line) for line in lines]
    return with_known_shape(_unquoted(entries))


def _order(entries: Sequence[Entry]) -> tuple[int | None, ...]:
    return tuple(entry.index for entry in entries)


def _indexed(lines: Sequence[str], pattern: re.Pattern[str]) -> list[Entry] | None:
    """All lines taken apart into an index and a name; None where that makes no sense of them."""
    matches = [pattern.fullmatch(line) for line in lines]
    found = [match for match in matches if match]
    if len(found) < len(lines):
        return None
    entries = [_entry(match.groupdict()) for match in found]
    numbers = [entry.index or 0 for entry in entries]
    names = {entry.name for entry in entries}
    if _are_kinds(entries):
        return [
            Entry(entry.name, kind=_KINDS[number])
            for entry, number in zip(entries, numbers, strict=True)
        ]
    # Where nothing tells the labels apart but their numbers, these are part of the names.
    return entries if len(names) == len(lines) and counts_labels(numbers) else None


def _entry(found: dict[str, str]) -> Entry:
    rest = f" {found['rest']}" if "rest" in found else ""
    return Entry(_without_separator(found["name"]) + rest, index=int(found["index"]))


def _without_separator(name: str) -> str:
    bare = name.rstrip()
    for separator in _SEPARATORS:
        if bare.endswith(separator):
            return bare.removesuffix(separator).rstrip()
    return bare


def _are_kinds(entries: Sequence[Entry]) -> bool:
    """MIT's list of scenes has 1 for indoors and 2 for outdoors behind each."""
    return len(entries) > len(_KINDS) and all(
        _PLACE.fullmatch(entry.name) and entry.index in _KINDS for entry in entries
    )


def _unquoted(entries: list[Entry]) -> list[Entry]:
    return _each(entries, _QUOTED, lambda entry, found: replace(entry, name=found["name"]))


def with_known_shape(entries: list[Entry]) -> list[Entry]:
    """Take names apart that are all WordNet's (``n01440764 tench``) or MIT's (``/a/airfield``)."""
    entries = _each(
        entries,
        _SYNSET,
        lambda entry, found: replace(
            entry, category=found["category"], name=found["name"] or found["category"]
        ),
    )
    return _each(
        entries,
        _PLACE,
        lambda entry, found: replace(entry, category=found["category"], name=found["category"]),
    )


def _each(
    entries: list[Entry],
    pattern: re.Pattern[str],
    change: Callable[[Entry, re.Match[str]], Entry],
) -> list[Entry]:
    """Change the entries where all names are of a form, and none where some are not."""
    matches = [pattern.fullmatch(entry.name) for entry in entries]
    pairs = [(entry, match) for entry, match in zip(entries, matches, strict=True) if match]
    return [change(*pair) for pair in pairs] if len(pairs) == len(entries) else entries
