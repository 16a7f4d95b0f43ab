"""CONTRIBUTING.md and the documents name files that are there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.docs.markdown import documents, read

ROOMS = ("benchmarks", "client", "demo", "deploy", "docs", "export", "models", "service", "tests")
# In code, from the root of the repository; NAME stands for what the reader chooses.
PATH = re.compile(rf"`((?:{'|'.join(ROOMS)})/[\w./-]*)`")
# What an operator writes, and what a run makes.
MADE = {"deploy/booth.env", "benchmarks/results/", "benchmarks/.peers/"}


@pytest.mark.parametrize("document", documents(), ids=str)
def test_a_document_names_no_file_that_is_not_there(document: Path) -> None:
    if not (ROOT / "service/api/answering.py").exists():
        pytest.skip("the rooms are not where CONTRIBUTING.md says yet")
    named = {path for path in PATH.findall(read(document)) if "NAME" not in path} - MADE
    assert [path for path in sorted(named) if not (ROOT / path).exists()] == []


@pytest.mark.parametrize(
    ("change", "file"),
    [
        ("an HTTP front", "service/api/NAME.py"),
        ("an image format", "service/photo/formats.py"),
        ("a metric", "service/telemetry/metrics.py"),
        ("a setting", "service/settings.py"),
        ("a view of the page", "demo/views.py"),
        ("a command", "service/cli/NAME.py"),
        ("an error", "client/booth_client/errors.py"),
        ("an alert", "deploy/prometheus/rules/"),
    ],
)
def test_the_map_says_where_a_change_goes(change: str, file: str) -> None:
    row = re.search(rf"^\| {change}\b[^|]*\| ([^|]+) \|", read("CONTRIBUTING.md"), re.MULTILINE)
    assert row
    assert row[1].startswith(f"`{file}`")


def test_every_room_is_on_the_map() -> None:
    text = read("CONTRIBUTING.md")
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    rooms |= {path.parent.name for path in ROOT.glob("service/*/__init__.py")}
    assert [room for room in sorted(rooms) if f"`{room}/" not in text] == []
