"""The command `booth`: its help, and mistakes told in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.service.cli.running import PHOTOS, booth


def test_help_lists_the_commands_without_loading_any() -> None:
    result = booth("--help")
    assert result.returncode == 0
    for command in (b"serve", b"classify", b"models", b"pull", b"export", b"evaluate", b"verify"):
        assert command in result.stdout


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
