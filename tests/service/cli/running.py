"""The command line, run as a user runs it."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT
from tests.servers import clean_environment

__all__ = ["PHOTOS", "booth"]

PHOTOS = ROOT / "export/photos"


def booth(
    *arguments: object, photo: bytes | None = None, environment: dict[str, str] | None = None
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "service", *map(str, arguments)],
        input=photo,
        capture_output=True,
        timeout=60,
        check=False,
        env=clean_environment(**(environment or {})),
    )
