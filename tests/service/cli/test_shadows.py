"""Booth beside foreign packages of its packages' names, each in a folder of the test's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from service.cli.shadows import PACKAGES, _found, refuse_shadows
from tests.conftest import ROOT

BOOTH = "from service.cli.main import main; main()"
OTHERS = [name for name in PACKAGES if name != "service"]


def booth(folder: Path, *start: str) -> subprocess.CompletedProcess[str]:
    """``booth models`` with ``folder`` as the current one."""
    return subprocess.run(
        [sys.executable, *start, "models"],
        cwd=folder,
        env={**os.environ, "BOOTH_MODEL_DIR": str(folder)},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("file", ["{}.py", "{}/__init__.py"])
def test_a_package_that_hides_booth_s_own_is_named(tmp_path: Path, name: str, file: str) -> None:
    foreign = tmp_path / file.format(name)
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_text("raise RuntimeError('run')\n", encoding="utf-8")
    result = booth(tmp_path, "-m", "service")
    place = foreign.parent if foreign.name == "__init__.py" else foreign
    assert result.returncode == 1
    assert result.stderr == (
        f"Error: The package {name!r} at {place} hides Booth's own; run booth from another folder, "
        "or install it in an environment of its own (pipx, a container).\n"
    )


def test_a_folder_that_is_no_package_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    (tmp_path / "demo").mkdir()
    result = booth(tmp_path, "-m", "service")
    assert (result.returncode, result.stderr) == (0, "")
    assert "places365" in result.stdout


def test_a_foreign_package_that_is_not_on_the_path_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "models.py").touch()
    result = booth(tmp_path, "-P", "-c", BOOTH)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("name", PACKAGES)
def test_booth_s_own_packages_hide_nothing(name: str) -> None:
    place = _found(name)
    assert place
    assert place.is_relative_to(ROOT)
    refuse_shadows()
