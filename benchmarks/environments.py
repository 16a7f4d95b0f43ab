"""The peers' virtual environments: one each, made once from its pinned ``requirements.txt``."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

__all__ = ["python_of"]

HERE = Path(__file__).resolve().parent
FOLDER = HERE / ".peers"


def python_of(peer: str) -> Path:
    """The Python of a peer's environment, which is made if it is not there.

    Raises:
        subprocess.CalledProcessError: something can't be installed.

    """
    requirements = HERE / "peers" / peer / "requirements.txt"
    environment = FOLDER / peer
    python, done = environment / "bin" / "python", environment / ".done"
    state = hashlib.sha256(requirements.read_bytes()).hexdigest()
    if not done.is_file() or done.read_text(encoding="ascii") != state:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(environment)], check=True)
        install = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps")
        subprocess.run([str(python), *install, "-r", str(requirements)], check=True)
        done.write_text(state, encoding="ascii")
    return python
