"""Print what pyproject.toml requires, a line each: without arguments what serving needs, with names
of extras what these add.

``python3 deploy/requirements.py [EXTRA...]``. An image installs this in a layer of its own, before
the code is there: the layer stays while only the code changes.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path
from typing import Any

OWN_EXTRA = re.compile(r"booth\[(\w+)\]")


def requirements(project: dict[str, Any], extras: list[str]) -> list[str]:
    """The requirements of a ``[project]`` table: its dependencies, or those of the extras alone.

    An extra that names another of the project's own (``booth[export]``) takes its requirements in.

    Raises:
        KeyError: the project has no such extra.

    """
    if not extras:
        return list(project["dependencies"])
    return [
        line
        for extra in extras
        for entry in project["optional-dependencies"][extra]
        for line in _resolved(project, entry)
    ]


def _resolved(project: dict[str, Any], entry: str) -> list[str]:
    own = OWN_EXTRA.fullmatch(entry)
    return requirements(project, [own[1]]) if own else [entry]


if __name__ == "__main__":
    table = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    print("\n".join(requirements(table, sys.argv[1:])))
