from __future__ import annotations

import subprocess
import sys

import pytest

from export.cli import libraries
from export.cli.libraries import MissingLibrary, require_torch, require_training


def _without(monkeypatch: pytest.MonkeyPatch, *missing: str) -> None:
    monkeypatch.setattr(libraries, "find_spec", lambda name: None if name in missing else name)


@pytest.mark.parametrize(
    ("missing", "sentence"),
    [
        (("torch",), r"^This command needs torch: install Booth with its extra `export`"),
        (
            ("torch", "onnx"),
            r"^This command needs torch, onnx: install Booth with its extra `export`",
        ),
    ],
)
def test_the_extra_that_brings_the_exporters_libraries_is_named(
    missing: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _without(monkeypatch, *missing)
    with pytest.raises(MissingLibrary, match=sentence):
        require_torch()


def test_training_needs_more_than_the_export(monkeypatch: pytest.MonkeyPatch) -> None:
    _without(monkeypatch, "matplotlib")
    require_torch()
    with pytest.raises(
        MissingLibrary, match=r"needs matplotlib: install Booth with its extra `train`"
    ):
        require_training()


@pytest.mark.parametrize("command", ["export", "pull", "train", "verify"])
def test_a_command_is_there_without_torch(command: str) -> None:
    """Its help can be read, and it can say itself what is missing."""
    program = f"import sys; sys.modules['torch'] = None; import export.cli.{command}"
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60)
