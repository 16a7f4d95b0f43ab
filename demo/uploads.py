"""The photographs that visitors have uploaded, while they are kept."""

from __future__ import annotations

from pathlib import Path

from gradio.utils import get_upload_folder

from booth_client import InvalidParameter

__all__ = ["KEPT_S", "uploaded"]

# A photo is needed for a moment, and once more if its sender chooses another model.
KEPT_S = 600


def uploaded(path: object) -> Path:
    """The file at a path that the browser named: only one that was uploaded may be read.

    Raises:
        InvalidParameter: it is none, or is no longer kept.

    """
    folder = Path(get_upload_folder()).resolve()
    # NUL ends a path for the system, so Python takes none that holds it.
    file = Path(str(path).replace("\0", "")).resolve()
    if not (file.is_relative_to(folder) and file.is_file()):
        raise InvalidParameter("the photo is no longer kept here; choose it again")
    return file
