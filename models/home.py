"""The user's own folder of model files."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["model_home"]


def model_home() -> Path:
    """The folder of pulled and exported models: ``BOOTH_MODEL_DIR``, or the platform's data folder.

    The folder need not exist yet.
    """
    chosen = os.environ.get("BOOTH_MODEL_DIR")
    return Path(chosen).expanduser() if chosen else _data_folder() / "booth" / "models"


def _data_folder() -> Path:
    """Where programs of this platform keep a user's data (XDG Base Directory on Linux)."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
