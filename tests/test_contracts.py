"""Who may import whom: each contract of import-linter fails when it is broken on purpose."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.conftest import ROOT

PACKAGES = ("models", "export", "service", "demo", "client/booth_client")

# The contract, the module, and what it must not import.
BREACHES = [
    ("distributions", "models/card.py", "service.settings"),
    ("distributions", "client/booth_client/errors.py", "models.card"),
    ("distributions", "service/settings.py", "demo.views"),
    ("rooms", "service/engine/cost.py", "service.fleet.tuning"),
    ("rooms", "service/fleet/tuning.py", "service.lab.dataset"),
    ("rooms", "service/web/body.py", "service.api.classify"),
    ("rooms", "service/api/answering.py", "service.grpc.calls"),
    ("rooms", "service/a_new_room/__init__.py", "this"),
    ("circles", "service/photo/formats.py", "service.photo.decode"),
    ("fronts", "service/api/health.py", "service.api.classify"),
    ("fronts", "service/api/a_new_front.py", "service.api.models"),
    ("page", "demo/views.py", "service.engine.cost"),
    ("page", "demo/views.py", "models.card"),
    ("web", "service/fleet/tuning.py", "starlette.types"),
    ("web", "service/photo/a_new_module.py", "httpx"),
    ("torch", "service/lab/tuner.py", "torch"),
    ("torch", "models/card.py", "torch"),
    ("networks", "models/card.py", "models.networks"),
    ("networks", "service/lab/tuner.py", "models.training.plan"),
    ("tracing", "service/web/middleware.py", "opentelemetry.trace"),
    ("grpc", "service/run/server.py", "grpc.aio"),
    ("grpc", "service/web/tensors.py", "google.protobuf.message"),
]


def contracts() -> list[str]:
    """The ids of all there are."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return [one["id"] for one in tomllib.loads(text)["tool"]["importlinter"]["contracts"]]


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages' Python files, to be broken."""
    folder = tmp_path_factory.mktemp("house")
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("[!_]*.[!p]*", "__pycache__")
        shutil.copytree(ROOT / package, folder / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", folder)
    return folder


def lint(folder: Path, contract: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()"]
    environment = {
        **os.environ,
        "PYTHONUTF8": "1",
        "PYTHONPATH": f"{folder}:{folder / 'client'}",
        "COLUMNS": "300",
    }
    return subprocess.run(
        [*command, "--no-cache", "--contract", contract],
        cwd=folder, env=environment, capture_output=True, encoding="utf-8", check=False, timeout=60,
    )  # fmt: skip


def test_every_contract_is_broken_here() -> None:
    assert {contract for contract, *_ in BREACHES} == set(contracts())


@pytest.mark.parametrize("contract", contracts())
def test_the_contract_holds(copy: Path, contract: str) -> None:
    result = lint(copy, contract)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize(("contract", "module", "imported"), BREACHES)
def test_a_breach_is_seen(copy: Path, contract: str, module: str, imported: str) -> None:
    path = copy / module
    before = path.read_text(encoding="utf-8") if path.exists() else None
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"{before or ''}\nimport {imported}\n", encoding="utf-8")
    try:
        result = lint(copy, contract)
    finally:
        path.write_text(before, encoding="utf-8") if before is not None else path.unlink()
        if not any(path.parent.iterdir()):
            path.parent.rmdir()
    assert result.returncode == 1, result.stdout
    assert (
        "BROKEN" in result.stdout
        or "Missing layer" in result.stdout
        or "not listed" in result.stdout
    )
