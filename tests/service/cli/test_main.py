"""The command `booth`: its help, and mistakes told in a sentence."""

from __future__ import annotations

import re
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from service.cli.main import GROUP
from tests.service.cli.running import PHOTOS, booth


def test_help_lists_the_commands_without_loading_any() -> None:
    result = booth("--help")
    assert result.returncode == 0
    listed = result.stdout.decode().partition("Commands:\n")[2]
    described = re.findall(r"^  ([a-z]+)  +([A-Z].*[a-z])", listed, re.MULTILINE)
    assert described[0][0] == "serve"
    assert {name for name, _ in described} == {one.name for one in entry_points(group=GROUP)}


@pytest.mark.parametrize(
    ("arguments", "environment", "sentence"),
    [
        (["classify", "x.jpg", "--model", "efficientnet"], {}, "did you mean efficientnet_lite0"),
        (["classify", "x.jpg", "--model", "resnet50"], {}, "run `booth pull resnet50`"),
        (["evaluate", PHOTOS], {}, "should hold a folder for each"),
        (["evaluate", PHOTOS, "--by", "size"], {}, "give a CSV with a column 'size'"),
        (["serve"], {"BOOTH_PROT": "1"}, "did you mean BOOTH_PORT?"),
    ],
)
def test_a_mistake_is_told_in_a_sentence(
    tmp_path: Path, arguments: list[object], environment: dict[str, str], sentence: str
) -> None:
    result = booth(*arguments, environment={"BOOTH_MODEL_DIR": str(tmp_path), **environment})
    assert result.returncode == 1
    assert sentence in result.stderr.decode()
    assert "Traceback" not in result.stderr.decode()
