"""A Dockerfile's steps, run for real: each stage becomes a root folder. Linux, as root."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from deploy.chroot import Root
from deploy.dockerfile import Context, Instruction, Stage

__all__ = ["Build", "StepFailed", "say"]

PACKAGES = "ca-certificates,python3,python3-pip"
# pip's own settings and a proxy's reach the steps, as build arguments do.
PASSED_ON = ("PIP_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")


class StepFailed(Exception):
    """A step of the Dockerfile, or what the container was asked afterwards, went wrong."""


class Build:
    """Stages of a Dockerfile as root folders, each made once.

    Args:
        stages: the stages by name.
        context: the files that COPY sees.
        work: where the roots come to lie.

    """

    def __init__(self, stages: dict[str, Stage], context: Context, work: Path) -> None:
        self._stages, self._context, self._work = stages, context, work
        self._done: dict[str, Root] = {}

    def root(self, name: str) -> Root:
        """The root of a stage, or of the base image of that name."""
        if name not in self._done:
            stage = self._stages.get(name)
            self._done[name] = self._made(stage) if stage else self._base(name)
        return self._done[name]

    def _made(self, stage: Stage) -> Root:
        root = self.root(stage.base).copy(self._work / stage.name)
        for one in stage.instructions:
            started = time.monotonic()
            self._step(root, one)
            if one.keyword in {"RUN", "COPY"}:
                say(f"{stage.name}: {one.keyword} {one.value[:90]}", time.monotonic() - started)
        return root

    def _step(self, root: Root, one: Instruction) -> None:
        if one.keyword == "RUN":
            _run(root, one.value)
        elif one.keyword == "COPY":
            self._copy(root, one)
        elif one.keyword == "WORKDIR":
            root.cwd = one.value
            root.inside(".").mkdir(parents=True, exist_ok=True)
        elif one.keyword == "ENV":
            for name, value in one.pairs.items():
                root.env[name] = value.replace("$PATH", root.env["PATH"])

    def _copy(self, root: Root, one: Instruction) -> None:
        *sources, target = one.words
        for source in sources:
            if stage := one.flags.get("from"):
                _merge(self.root(stage).inside(source), root.inside(target))
            else:
                self._copy_files(source, target, root)

    def _copy_files(self, source: str, target: str, root: Root) -> None:
        files = self._context.files(source)
        if not files:
            raise StepFailed(f"COPY {source}: .dockerignore leaves nothing of it.")
        for file in files:
            name = file.relative_to(source).as_posix()
            below = file.name if name == "." and target.endswith("/") else name
            place = root.inside(f"{target}/{below}")
            place.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(self._context.folder / file, place)

    def _base(self, image: str) -> Root:
        """A Debian of the release in ``python:3.13-slim-trixie``, with its own Python."""
        version, _, release = image.removeprefix("python:").split("-")
        path = self._work / f"base-{release}"
        if not (path / "usr/bin/pip").exists():
            started = time.monotonic()
            _bootstrap(release, path)
            say(f"{image}: debootstrap {release}", time.monotonic() - started)
        root = Root(path, {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"})
        found = root.run(["python3", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
        if found.stdout.strip() != version:
            raise StepFailed(f"Debian {release} has Python {found.stdout.strip()}, not {version}.")
        return root


def _bootstrap(release: str, path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", release, str(path)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    for file in ("etc/resolv.conf", "etc/ssl/certs/ca-certificates.crt"):
        shutil.copy(f"/{file}", path / file)


def _run(root: Root, script: str) -> None:
    passed = {name: v for name, v in os.environ.items() if name.upper().startswith(PASSED_ON)}
    done = Root(root.path, root.env | passed, root.cwd).run(["/bin/sh", "-c", script])
    if done.returncode:
        raise StepFailed(f"RUN {script} ended with {done.returncode}:\n{done.stdout}{done.stderr}")


def _merge(source: Path, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    subprocess.run(["cp", "--archive", f"{source}/.", target], check=True)


def say(what: str, seconds: float | None = None) -> None:
    """Print a line of the report."""
    print(what if seconds is None else f"{what}  ({seconds:.1f} s)", flush=True)
