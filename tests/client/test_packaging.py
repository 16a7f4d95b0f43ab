"""Both distributions as they are built: what is in them, and what they require."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import Distribution, PathDistribution
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import Path as ZipPath
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
CLIENT = ROOT / "client"


def project(folder: Path) -> dict[str, Any]:
    text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    table: dict[str, Any] = tomllib.loads(text)["project"]
    return table


def built(folder: Path, out: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (wheel,) = out.glob("*.whl")
    return wheel


@pytest.fixture(scope="module")
def client_wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(CLIENT, tmp_path_factory.mktemp("client"))


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(ROOT, tmp_path_factory.mktemp("root"))


def contents(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def metadata(wheel: Path) -> Distribution:
    (folder,) = (one for one in ZipPath(wheel).iterdir() if one.name.endswith(".dist-info"))
    return PathDistribution(folder)


def required(wheel: Path) -> list[Requirement]:
    return [Requirement(line) for line in metadata(wheel).requires or []]


def imported(source: str) -> Iterator[str]:
    """The top-level packages that a module imports, wherever in it."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").partition(".")[0]


def test_the_client_has_booth_s_version_and_terms() -> None:
    client, booth = project(CLIENT), project(ROOT)
    for name in ("version", "license", "requires-python"):
        assert client[name] == booth[name]
    assert (CLIENT / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()


def test_the_client_s_wheel_is_the_typed_package_alone(client_wheel: Path) -> None:
    names = contents(client_wheel)
    assert {name.partition("/")[0] for name in names} == {
        "booth_client",
        f"booth_client-{project(CLIENT)['version']}.dist-info",
    }
    assert "booth_client/py.typed" in names


def test_the_client_requires_httpx_alone(client_wheel: Path) -> None:
    assert [one.name for one in required(client_wheel)] == ["httpx"]


def test_booth_s_wheel_brings_the_client(wheel: Path, client_wheel: Path) -> None:
    names = contents(wheel)
    package = {name for name in contents(client_wheel) if name.startswith("booth_client/")}
    assert package <= names
    assert {name.partition("/")[0] for name in names} == {
        *("booth_client", "demo", "export", "models", "service"),
        f"booth-{project(ROOT)['version']}.dist-info",
    }


def test_booth_requires_no_package_of_its_own_name(wheel: Path) -> None:
    assert not [one for one in required(wheel) if one.name.startswith("booth")]


def test_the_client_imports_nobody_but_httpx() -> None:
    modules = list((CLIENT / "booth_client").rglob("*.py"))
    known = {*sys.stdlib_module_names, "booth_client", "httpx"}
    assert modules
    for module in modules:
        assert set(imported(module.read_text(encoding="utf-8"))) <= known, module.name


@pytest.mark.parametrize(("name", "brings"), [("errors", False), ("wire", False), ("client", True)])
def test_httpx_comes_with_the_client_alone(name: str, brings: bool) -> None:
    program = f"import sys, booth_client.{name}; print('httpx' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True, cwd=ROOT
    )
    assert done.stdout.strip() == str(brings)
