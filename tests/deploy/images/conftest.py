from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from deploy.images.engine import Engine

# Answers the first of its patterns that is in the command line: [pattern, output, exit status].
PROGRAM = """#!{python}
import json, sys
said = " ".join(sys.argv[1:])
for pattern, output, status in json.loads({answers!r}):
    if pattern in said:
        print(output)
        sys.exit(status)
print("unexpected: " + said, file=sys.stderr)
sys.exit(99)
"""

Said = Callable[[Mapping[str, tuple[object, int]]], Engine]


@pytest.fixture
def said(tmp_path: Path) -> Said:
    """An engine that says to a command, known by a part of it, what is told: (output, status)."""

    def make(answers: Mapping[str, tuple[object, int]]) -> Engine:
        rows = [
            (part, output if isinstance(output, str) else json.dumps(output), status)
            for part, (output, status) in answers.items()
        ]
        program = tmp_path / "docker"
        program.write_text(PROGRAM.format(python=sys.executable, answers=json.dumps(rows)))
        program.chmod(0o755)
        return Engine(str(program))

    return make
