from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from deploy.requirements import requirements

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PROGRAM = ROOT / "deploy/requirements.py"


def named(lines: list[str]) -> set[str]:
    return {re.split(r"[^\w-]", line, maxsplit=1)[0] for line in lines}


def test_serving_needs_neither_torch_nor_the_page() -> None:
    assert {"onnxruntime", "fastapi"} <= named(requirements(PROJECT, []))
    assert not named(requirements(PROJECT, [])) & {"torch", "torchvision", "onnx", "gradio"}


def test_an_extra_takes_in_the_extra_that_it_names() -> None:
    assert {"matplotlib", "torch", "onnx"} <= named(requirements(PROJECT, ["train"]))
    assert "booth" not in named(requirements(PROJECT, ["train"]))


def test_an_unknown_extra_is_refused() -> None:
    with pytest.raises(KeyError, match="trian"):
        requirements(PROJECT, ["trian"])


def test_the_program_prints_a_line_each() -> None:
    command = [sys.executable, str(PROGRAM), "demo"]
    done = subprocess.run(
        command, cwd=ROOT, check=True, capture_output=True, encoding="utf-8", timeout=30
    )
    assert done.stdout.splitlines() == PROJECT["optional-dependencies"]["demo"]


def test_what_a_gpu_needs_is_pinned_and_fits_the_extra() -> None:
    text = (ROOT / "deploy/requirements-gpu.txt").read_text(encoding="utf-8")
    pins = dict(line.split("==") for line in text.splitlines() if not line.startswith("#"))
    assert all(re.fullmatch(r"[\d.]+", version) for version in pins.values())
    (wanted,) = PROJECT["optional-dependencies"]["gpu"]
    least, below = re.findall(r"[\d.]+", wanted)
    major, minor = map(int, pins["onnxruntime-gpu[cuda,cudnn]"].split(".")[:2])
    assert tuple(map(int, least.split("."))) <= (major, minor)
    assert major < int(below)
