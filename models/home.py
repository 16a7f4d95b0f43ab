"""The user's own folders: of model files, and of what can be made again from them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

__all__ = ["cache_home", "model_home"]


def model_home() -> Path:
    """The folder of pulled and exported models: ``BOOTH_MODEL_DIR``, or the platform's data folder.

    The folder need not exist yet.
    """
    chosen = os.environ.get("BOOTH_MODEL_DIR")
    return Path(chosen).expanduser() if chosen else _data_folder() / "booth" / "models"


def cache_home() -> Path:
    """The folder of what only saves time: the platform's cache folder. It need not exist yet."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "booth"
    if sys.platform == "win32":
        return _data_folder() / "booth" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "booth"


def _data_folder() -> Path:
    """Where programs of this platform keep a user's data (XDG Base Directory on Linux)."""
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")
