"""The tests mirror the rooms: a module's tests stand in the folder and under the name it has."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import ROOT

# The packages, and where the tests of each stand.
ROOMS = {
    "benchmarks": "benchmarks",
    "client/booth_client": "client",
    "demo": "demo",
    "deploy": "deploy",
    "export": "export",
    "models": "models",
    "service": "service",
}

# Each with the reason why it has no test module of its own; a folder stands for all in it.
EXCEPTIONS = {
    "benchmarks/peers": "they run in environments of their own, with the packages of that peer; "
    "what they share is under test as the fixture `work` of tests/benchmarks",
    "benchmarks/resnet.py": "an export, which is under test in tests/export, of random weights",
    "client/booth_client/errors.py": "a class an error: each is sent and read in test_parsing, "
    "and held against docs/api.md",
    "export/adoption": "steps of one way, which tests/export/adoption/test_adopt.py and "
    "tests/export/cli/test_adopt.py go from end to end with each kind of file",
    "export/graph/file.py": "it writes every model file: tests/export/test_pipeline",
    "service/api/openapi": "one description, which tests/service/api/test_openapi*.py hold "
    "against what a running service answers",
}


def modules() -> list[str]:
    """All modules, by their paths from the repository's root, but for packages' own."""
    found = [path for room in ROOMS for path in sorted((ROOT / room).rglob("*.py"))]
    names = [path.relative_to(ROOT).as_posix() for path in found]
    return [name for name in names if not name.endswith("__init__.py") and "/." not in name]


def is_excepted(module: str) -> bool:
    path = Path(module)
    return any(one.as_posix() in EXCEPTIONS for one in (path, *path.parents))


def place_of_tests(module: str) -> Path:
    """``tests/service/web/test_body.py`` for ``service/web/body.py``; __main__'s is test_main."""
    room = next(room for room in ROOMS if module.startswith(f"{room}/"))
    path = Path(module).relative_to(room)
    return ROOT / "tests" / ROOMS[room] / path.parent / f"test_{path.stem.strip('_')}.py"


@pytest.mark.parametrize("module", [one for one in modules() if not is_excepted(one)])
def test_a_module_has_a_place_of_tests_its_name(module: str) -> None:
    expected = place_of_tests(module)
    assert expected.is_file(), f"{module} has no {expected.relative_to(ROOT)}"


def test_every_exception_is_still_one() -> None:
    for name in EXCEPTIONS:
        assert (ROOT / name).exists(), f"{name} is gone"
        if name.endswith(".py"):
            assert not place_of_tests(name).exists(), f"{name} has its test module now"


def test_a_room_without_tests_would_be_seen() -> None:
    rooms = {path.parent.relative_to(ROOT).as_posix() for path in ROOT.glob("*/*.py")}
    assert rooms - {"tests", "client"} <= set(ROOMS)
    assert len(modules()) > 100
