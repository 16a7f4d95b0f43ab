"""Every table of the documents is shown as one: an empty line in it would end it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.markdown import documents, read, tables

RULE = re.compile(r"\|(?: ?:?-+:? ?\|)+")
_CELL = re.compile(r"(?<!\\)\|")


def is_shown(table: list[str]) -> bool:
    """Whether a head, a rule and rows of as many cells make it."""
    widths = {len(_CELL.findall(line)) for line in table}
    return len(table) > 2 and bool(RULE.fullmatch(table[1])) and len(widths) == 1


@pytest.mark.parametrize("document", documents(), ids=str)
def test_every_table_is_shown(document: Path) -> None:
    assert [table[0] for table in tables(read(document)) if not is_shown(table)] == []


def test_a_table_in_two_parts_is_found() -> None:
    whole = ["| a | b |", "|---|---|", "| 1 | 2 |"]
    text = "\n".join([*whole, "", "| 3 | 4 |", "", *whole, "| 5 |"])
    assert [is_shown(table) for table in tables(text)] == [True, False, False]
