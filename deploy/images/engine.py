"""A Docker Engine by its command line, which is also Podman's."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Engine", "NotSo", "expect", "say"]

ANSWERS_WITHIN_S = 180
BUILT_WITHIN_S = 3600


class NotSo(Exception):
    """Something that is promised of the images does not hold; the sentence says what."""


def say(what: str) -> None:
    """Report what was seen."""
    print(what, flush=True)


def expect(holds: bool, what: str, otherwise: str = "") -> None:
    """Report that something holds.

    Raises:
        NotSo: it does not.

    """
    if not holds:
        raise NotSo(f"Not so: {what}. {otherwise}".rstrip())
    say(what)


@dataclass(frozen=True)
class Engine:
    """An engine, and what all its commands get from outside.

    Args:
        program: its command line, ``docker`` as a rule.
        environment: of the commands; what a compose file refers to, for example.

    """

    program: str = "docker"
    environment: Mapping[str, str] | None = None

    def missing(self) -> str | None:
        """Why there is no engine to ask, in a sentence; None if there is one."""
        if not shutil.which(self.program):
            return f"{self.program} is not on the path; install Docker Engine 25 or newer."
        done = self.run("version", "--format", "{{.Server.Version}}", check=False)
        if done.returncode:
            return f"{self.program} is there, but no engine answers; start one, or set DOCKER_HOST."
        return None

    def run(
        self, *words: str, check: bool = True, within_s: float = ANSWERS_WITHIN_S, stdin: str = ""
    ) -> subprocess.CompletedProcess[str]:
        """Run a command to its end.

        Raises:
            NotSo: it failed, and ``check`` is true.
            subprocess.TimeoutExpired: it took too long.

        """
        done = subprocess.run(
            [self.program, *words],
            check=False,
            capture_output=True,
            encoding="utf-8",
            input=stdin,
            env=self.environment,
            timeout=within_s,
        )
        if check and done.returncode:
            tail = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
            raise NotSo(f"`{self.program} {' '.join(words)}` failed:\n{tail}")
        return done

    def json(self, *words: str) -> Any:
        """What a command prints, as JSON."""
        return json.loads(self.run(*words).stdout)

    def inspect(self, name: str) -> dict[str, Any]:
        """All that the engine knows of an image or a container."""
        (found,) = self.json("inspect", name)
        known: dict[str, Any] = found
        return known
