"""Two checkouts in turns: which code each server runs, and how rounds are compared."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from benchmarks.pair import booth_of, ratios
from benchmarks.systems import ROOT


def test_each_server_runs_the_code_of_its_own_checkout(tmp_path: Path) -> None:
    (tmp_path / ".venv/bin").mkdir(parents=True)
    (tmp_path / ".venv/bin/python").symlink_to(ROOT / ".venv/bin/python")
    (tmp_path / "service").mkdir()
    (tmp_path / "service/__init__.py").touch()
    (tmp_path / "service/__main__.py").write_text("import sys; sys.exit('the other one')")
    other = booth_of(tmp_path, "there")
    environment = {"PYTHONPATH": other.environment["PYTHONPATH"]}
    ended = subprocess.run(
        list(other.command), cwd=ROOT, env=environment, capture_output=True, check=False, timeout=60
    )
    assert (ended.returncode, ended.stderr.decode().strip()) == (1, "the other one")


def test_rounds_are_compared_one_by_one() -> None:
    assert ratios([2.0, 3.0, 8.0], [1.0, 3.0, 2.0]) == pytest.approx((2.0, 1.0, 4.0))
