from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.images.__main__ import base_image
from deploy.images.engine import NotSo

ROOT = Path(__file__).resolve().parents[3]


def test_the_base_is_the_dockerfile_s() -> None:
    assert base_image("# x\nARG PYTHON=3.13-slim\nFROM python:${PYTHON}\n") == "python:3.13-slim"
    assert base_image((ROOT / "Dockerfile").read_text(encoding="utf-8")).startswith("python:3.")
    with pytest.raises(NotSo, match="ARG PYTHON"):
        base_image("FROM scratch")


def test_without_an_engine_it_says_so() -> None:
    command = [sys.executable, "-m", "deploy.images", "--program", "no-such-engine"]
    done = subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, encoding="utf-8", timeout=60
    )
    assert done.returncode == 3
    assert done.stderr.startswith("no-such-engine is not on the path")
    assert "Traceback" not in done.stderr
