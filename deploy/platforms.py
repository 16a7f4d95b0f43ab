"""Whether everything that Booth needs has wheels for each platform, resolved with uv.

Nothing is downloaded but names and metadata, and nothing is installed. Where the package index
can't be reached, one line says so, and that is no failure. ``python -m deploy.platforms``; further
arguments are uv's own.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

from deploy.requirements import requirements

__all__ = ["Installation", "installations", "main", "resolve", "resolve_all"]

ROOT = Path(__file__).resolve().parents[1]
PINS = ROOT / "constraints.txt"
LIMIT_S = 120
AT_ONCE = 4

OLDEST_PYTHON, IMAGES_PYTHON = "3.11", "3.13"
# As uv names them; the C library is that of RHEL 8 and Debian 11.
PLATFORMS = ("x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "aarch64-apple-darwin")
MACOS = "14.0"  # which ONNX Runtime's wheels need
DEFAULT_EXTRAS = ("demo", "export", "train")
X86_EXTRAS = ("gpu",)  # ONNX Runtime's build for CUDA

# What uv's standard error holds if the other side doesn't answer, or not as it should.
UNREACHABLE = ("error sending request", "failed to fetch", "dns error", "timed out", "offline")


class Installation(NamedTuple):
    """What is installed where."""

    name: str
    requirements: tuple[str, ...]
    platform: str
    python: str

    def __str__(self) -> str:
        """As a line of the report begins."""
        return f"{self.name} on {self.platform}, Python {self.python}"


def installations(project: dict[str, Any]) -> Iterator[Installation]:
    """What a ``[project]`` table promises on each platform, with and without all extras."""
    default = (*requirements(project, []), *requirements(project, list(DEFAULT_EXTRAS)))
    extras = [extra for extra in project["optional-dependencies"] if extra not in X86_EXTRAS]
    everything = (*requirements(project, []), *requirements(project, extras))
    for platform in PLATFORMS:
        yield Installation("the default installation", default, platform, OLDEST_PYTHON)
        yield Installation("all extras", everything, platform, IMAGES_PYTHON)


def resolve(wanted: Installation, pins: Path, arguments: Sequence[str] = ()) -> str | None:
    """What keeps an installation from being made of wheels alone; None if nothing does.

    Raises:
        ConnectionError: The package index can't be reached.

    """
    try:
        done = _run_uv(wanted, pins, arguments)
    except subprocess.TimeoutExpired:
        raise ConnectionError(f"the package index took more than {LIMIT_S} s") from None
    if done.returncode == 0:
        return None
    told = " ".join(done.stderr.split())
    if any(sign in told.lower() for sign in UNREACHABLE):
        raise ConnectionError("the package index can't be reached")
    return f"platforms: {wanted}: {told}"


def _run_uv(
    wanted: Installation, pins: Path, arguments: Sequence[str]
) -> subprocess.CompletedProcess[str]:
    command = [
        *(sys.executable, "-m", "uv", "pip", "compile", "-", "--quiet", "--no-config"),
        *("--python", sys.executable, "--python-version", wanted.python),
        *("--python-platform", wanted.platform, "--only-binary", ":all:"),
        *("--constraints", str(pins), *arguments),
    ]
    return subprocess.run(
        command,
        input="\n".join(wanted.requirements),
        env=_environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=LIMIT_S,
        check=False,
    )


def _environment() -> dict[str, str]:
    """With pip's index, which uv does not know; its further ones hold what this doesn't ask for."""
    index = os.environ.get("PIP_INDEX_URL")
    own = {"MACOSX_DEPLOYMENT_TARGET": MACOS} | ({"UV_DEFAULT_INDEX": index} if index else {})
    return own | os.environ


def resolve_all(
    wanted: Sequence[Installation], pins: Path, arguments: Sequence[str] = ()
) -> tuple[int, str]:
    """Resolve all of them; the exit status, and what there is to say."""
    with ThreadPoolExecutor(AT_ONCE) as threads:
        try:
            faults = list(threads.map(lambda one: resolve(one, pins, arguments), wanted))
        except ConnectionError as cause:
            return 0, f"platforms: not done, for {cause}"
    if any(faults):
        return 1, "\n".join(fault for fault in faults if fault)
    platforms = sorted({one.platform for one in wanted})
    return 0, f"platforms: everything has wheels for {', '.join(platforms)}"


def main(arguments: Sequence[str]) -> int:
    """Resolve what ``pyproject.toml`` promises, as ``constraints.txt`` pins it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    status, told = resolve_all(list(installations(project)), PINS, arguments)
    print(told)
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
