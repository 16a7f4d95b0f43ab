"""What ``booth pull`` and ``booth verify`` have in common, by the former."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from export.cli.pull import pull
from tests.export.cli.invoking import refused, run

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.usefixtures("home")
def test_a_file_of_ones_own_must_be_the_published_one_or_have_the_hash_one_gives(
    tmp_path: Path,
) -> None:
    mine = tmp_path / "mine.pth"
    mine.write_bytes(b"mine")
    found = hashlib.sha256(b"mine").hexdigest()

    sentence = refused(run(pull, "resnet18", "--weights", mine))
    assert f"mine.pth has SHA-256 {found}, where f37072fd was expected" in sentence

    words = ("--weights", mine, "--sha256", found[:10].upper())
    assert "mine.pth is no checkpoint" in refused(run(pull, "resnet18", *words))


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize(
    ("name", "hint"), [("resnet81", "did you mean resnet18?"), ("zzz", "there are efficientnet")]
)
def test_an_unknown_name_is_told_with_the_nearest_known(name: str, hint: str) -> None:
    assert hint in refused(run(pull, name))
