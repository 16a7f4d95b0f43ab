"""A Dockerfile as data, and the build context that .dockerignore leaves of a folder.

Just the language that Booth's own Dockerfile uses (https://docs.docker.com/reference/dockerfile/):
no heredocs, no escape directive, no ONBUILD.
"""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from string import Template

__all__ = ["Context", "Instruction", "Stage", "read_stages"]

FLAG = re.compile(r"--([a-z-]+)=(\S+)\s+")


@dataclass(frozen=True)
class Instruction:
    """One instruction: ``COPY --from=venv /a /b`` is ``("COPY", {"from": "venv"}, "/a /b")``."""

    keyword: str
    flags: dict[str, str]
    value: str

    @property
    def exec_form(self) -> list[str] | None:
        """The words of ``["booth", "serve"]``, or None where a shell would read the line."""
        return [str(word) for word in json.loads(self.value)] if self.value[:1] == "[" else None

    @property
    def words(self) -> list[str]:
        """The value's words, unquoted."""
        return shlex.split(self.value)

    @property
    def pairs(self) -> dict[str, str]:
        """The variables of an ENV, the names of an ARG with their defaults (``""`` without one)."""
        return {name: value for name, _, value in (word.partition("=") for word in self.words)}


@dataclass(frozen=True)
class Stage:
    """What stands from one FROM to the next."""

    name: str
    base: str
    instructions: list[Instruction] = field(default_factory=list)

    def last(self, keyword: str) -> Instruction | None:
        """The instruction of that kind that counts, since the last one does."""
        found = [one for one in self.instructions if one.keyword == keyword]
        return found[-1] if found else None


def read_stages(text: str) -> dict[str, Stage]:
    """The stages of a Dockerfile by name, in their order.

    Arguments before the first FROM are filled into the FROM lines with their defaults.
    """
    defaults: dict[str, str] = {}
    stages: dict[str, Stage] = {}
    for one in _instructions(text):
        if one.keyword == "FROM":
            base, *name = Template(one.value).substitute(defaults).split()
            stage = Stage(name[-1] if name else str(len(stages)), base)
            stages[stage.name] = stage
        elif stages:
            stage.instructions.append(one)
        else:
            defaults |= one.pairs
    return stages


def _instructions(text: str) -> Iterator[Instruction]:
    kept = [
        line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")
    ]
    for line in re.sub(r"\\\n\s*", " ", "\n".join(kept)).splitlines():
        keyword, _, rest = line.strip().partition(" ")
        rest = rest.lstrip()
        flags = {}
        while match := FLAG.match(rest):
            flags[match[1]] = match[2]
            rest = rest[match.end() :]
        yield Instruction(keyword.upper(), flags, rest)


class Context:
    """The files of a folder that a build sees.

    Args:
        folder: the folder with the Dockerfile and the ``.dockerignore``.

    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        lines = (folder / ".dockerignore").read_text(encoding="utf-8").splitlines()
        self._rules = [
            (not line.startswith("!"), _pattern(line.lstrip("!").strip("/")))
            for line in (line.strip() for line in lines)
            if line and not line.startswith("#")
        ]

    def files(self, source: str = ".") -> list[Path]:
        """The files at or below ``source``, relative to the folder, sorted."""
        start = self.folder / source
        paths = [start] if start.is_file() else _below(start)
        return sorted(
            path for path in (p.relative_to(self.folder) for p in paths) if self.has(path)
        )

    def has(self, path: Path) -> bool:
        """Whether a build sees the file: the last rule that fits it, or a folder above, decides."""
        names = [path.as_posix(), *(parent.as_posix() for parent in path.parents)]
        ignored = False
        for ignores, pattern in self._rules:
            if any(pattern.fullmatch(name) for name in names if name != "."):
                ignored = ignores
        return not ignored


def _below(folder: Path) -> Iterator[Path]:
    for root, folders, names in os.walk(folder):
        # They hold gigabytes, and no rule of ours brings anything back from there.
        folders[:] = [one for one in folders if one not in {".git", ".venv"}]
        yield from (Path(root) / name for name in names)


def _pattern(glob: str) -> re.Pattern[str]:
    """Go's ``filepath.Match`` with Docker's ``**`` for any number of folders."""
    parts = re.split(r"(\*\*/|\*\*|\*|\?|\[[^\]]+\])", glob)
    known = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    return re.compile(
        "".join(known.get(one, one if one.startswith("[") else re.escape(one)) for one in parts)
    )
