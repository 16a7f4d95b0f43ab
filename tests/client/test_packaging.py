"""Both distributions as they are built: what is in them, and what they require."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import tomllib
import venv
from importlib.metadata import Distribution, PathDistribution, distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import Path as ZipPath
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.servers import clean_environment, free_port

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
        [sys.executable, "-c", program], check=True, capture_output=True, encoding="utf-8", cwd=ROOT
    )
    assert done.stdout.strip() == str(brings)


def closure(requirements: list[Requirement]) -> dict[str, Distribution]:
    """What these requirements bring, each with what it requires itself."""
    found: dict[str, Distribution] = {}
    left = [one.name for one in requirements]
    while left:
        name = canonicalize_name(left.pop())
        if name not in found:
            found[name] = distribution(name)
            below = [Requirement(line) for line in found[name].requires or []]
            left += [one.name for one in below if not one.marker or one.marker.evaluate()]
    return found


@pytest.fixture(scope="module")
def alone(client_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment that has the client and what it requires, no more."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, symlinks=True)
    python = folder / "bin/python"
    (packages,) = folder.glob("lib/python*/site-packages")
    for one in closure(required(client_wheel)).values():
        for top in {file.parts[0] for file in one.files or []} - {"..", "__pycache__"}:
            (packages / top).symlink_to(Path(str(one.locate_file(top))))
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install", "--quiet"]
    subprocess.run([*pip, "--no-index", "--no-deps", str(client_wheel)], check=True)
    return python


def test_the_client_is_one_small_package_beside_httpx(client_wheel: Path) -> None:
    brought = closure(required(client_wheel))
    assert set(brought) == set(closure([Requirement("httpx")]))
    assert len(brought) < 9
    with ZipFile(client_wheel) as archive:
        assert sum(entry.file_size for entry in archive.infolist()) < 150_000


OWN = ("models", "service", "demo", "export")
PROGRAM = """
import asyncio, importlib, json, sys
import booth_client
own = [importlib.import_module(name).WHOSE for name in sys.argv[2:]]
once = booth_client.Retry(attempts=1)
with booth_client.Client(sys.argv[1], retry=once) as booth:
    results = [type(one).__name__ for one in booth.classify_many([b"", b""])]
    ready = booth.ready()
async def ask():
    async with booth_client.AsyncClient(sys.argv[1], retry=once) as booth:
        return await booth.ready()
json.dump([own, results, ready, asyncio.run(ask())], sys.stdout)
"""


def test_the_client_runs_beside_a_project_with_packages_named_as_booth_s(
    alone: Path, tmp_path: Path
) -> None:
    for name in OWN:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("WHOSE = 'the project'")
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [str(alone), "-W", "error", "program.py", f"http://127.0.0.1:{free_port()}", *OWN]
    done = subprocess.run(
        command,
        cwd=tmp_path,
        env=clean_environment(),
        check=True,
        capture_output=True,
        encoding="utf-8",
    )
    assert json.loads(done.stdout) == [
        ["the project"] * 4,
        ["ServiceUnreachable"] * 2,
        False,
        False,
    ]
