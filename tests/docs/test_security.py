"""SECURITY.md names programs that are there, and no sample of a key that could be one."""

from __future__ import annotations

import re

from service.settings import digest_of
from tests.conftest import ROOT
from tests.docs.markdown import read

PAGE = read("SECURITY.md")
ROW = re.compile(r"^\| \d+\w? \|(.*)\|$", re.MULTILINE)


def test_every_attack_has_what_was_what_is_and_what_shows_it() -> None:
    rows = ROW.findall(PAGE)
    assert len(rows) > 30
    assert [row for row in rows if len(row.split(" | ")) != 4] == []


def test_what_shows_it_is_there() -> None:
    programs = set(re.findall(r"`(tests/[\w/]+\.py)`", PAGE))
    assert "tests/attack/test_keys.py" in programs
    assert [one for one in sorted(programs) if not (ROOT / one).is_file()] == []


def test_the_digests_of_the_example_are_digests() -> None:
    digests = re.findall(r"^(sha256:\S+)", PAGE, re.MULTILINE)
    assert len(digests) == 2
    assert [digest_of(one) for one in digests] == digests
