"""The Dockerfile as data, for what can be told of an image without building it."""

from __future__ import annotations

import json
import re
import shlex
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

from dockerfile_parse import DockerfileParser  # type: ignore[import-untyped]

__all__ = ["STAGES", "Instruction", "Stage"]

ROOT = Path(__file__).resolve().parents[2]
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
        """The variables of an ENV."""
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


def _stages(content: bytes) -> dict[str, Stage]:
    parser = DockerfileParser(fileobj=BytesIO(content))
    bases = iter(parser.parent_images)  # with the defaults of the arguments before the first FROM
    stages: list[Stage] = []
    for one in parser.structure:
        keyword, value = one["instruction"], one["value"]
        if keyword == "FROM":
            stages.append(Stage(value.split()[-1], next(bases)))
        elif stages and keyword != "COMMENT":
            stages[-1].instructions.append(_instruction(keyword, value))
    return {stage.name: stage for stage in stages}


def _instruction(keyword: str, value: str) -> Instruction:
    flags = {}
    while match := FLAG.match(value):
        flags[match[1]] = match[2]
        value = value[match.end() :]
    return Instruction(keyword, flags, value)


STAGES = _stages((ROOT / "Dockerfile").read_bytes())
