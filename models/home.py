"""The user's own folders: of model files, and of what can be made again from them.

They are where the platform has them (XDG Base Directory on Linux); neither need exist yet. A folder
that the user chooses instead is a setting (`service.settings`).
"""

from __future__ import annotations

from pathlib import Path

from platformdirs import user_cache_path, user_data_path

__all__ = ["cache_folder", "default_model_folder"]

_APPLICATION = "booth"


def default_model_folder() -> Path:
    """The folder of pulled and exported models, as long as no other was chosen."""
    return user_data_path(_APPLICATION, appauthor=False) / "models"


def cache_folder() -> Path:
    """The folder of what only saves time."""
    return user_cache_path(_APPLICATION, appauthor=False)
