"""The table of formats names the test that shows each row; those tests exist."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.conftest import ROOT

TEXT = (ROOT / "docs/formats.md").read_text(encoding="utf-8")
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", TEXT)))
TABLES = re.findall(r"(?m)^\| what \| what is done \| shown by \|\n\|[-|]+\n((?:\|.*\n)+)", TEXT)
ROWS = [row for table in TABLES for row in table.splitlines()]


@cache
def functions_of(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("path", "name"), NAMED)
def test_the_test_is_there(path: str, name: str) -> None:
    assert name in functions_of(path)


def test_every_row_names_one() -> None:
    assert len(ROWS) >= 150
    assert [row for row in ROWS if "`tests/" not in row.split(" | ")[-1]] == []
