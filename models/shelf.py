"""Where model files lie: the ones that ship with Booth, and the user's own folder."""

from __future__ import annotations

from difflib import SequenceMatcher, get_close_matches
from pathlib import Path

from models.errors import UserError
from models.sources import SOURCES

__all__ = ["ModelNotFound", "find_model", "shelf"]

ZOO = Path(__file__).parent / "zoo"
SUFFIX = ".onnx"


class ModelNotFound(UserError):
    """No model file of that name; the sentence says where to get one."""


def shelf(folder: Path) -> dict[str, Path]:
    """All model files by name: the user's ``folder`` first, then what ships.

    Hidden files are none: macOS leaves them beside what it copies.
    """
    found: dict[str, Path] = {}
    for place in (folder, ZOO):
        for path in sorted(place.glob(f"*{SUFFIX}")):
            if not path.name.startswith("."):
                found.setdefault(path.stem, path)
    return found


def find_model(name: str, folder: Path) -> Path:
    """The file of a model, by its name on the shelf or by a path to it.

    Raises:
        ModelNotFound: there is none; the sentence says what to do.

    """
    if name.endswith(SUFFIX):
        path = Path(name)
        if path.is_file():
            return path
        raise ModelNotFound(f"There is no model file {name}.")
    known = shelf(folder)
    if name in known:
        return known[name]
    if name in SOURCES:
        raise ModelNotFound(f"{name} has not been pulled yet; run `booth pull {name}`.")
    if Path(name).is_file():
        raise ModelNotFound(
            f"{name} is no model file: those end in {SUFFIX}, as `booth export`, `booth adopt` and "
            "`booth train` write them."
        )
    if Path(name).name != name:
        raise ModelNotFound(f"There is no model file {name}.")
    close = get_close_matches(name, [*known, *SOURCES], n=len(known) + len(SOURCES))
    # Of names that are as close, one that is here.
    likeliest = max(close, key=lambda one: (_likeness(name, one), one in known), default=None)
    hint = f"did you mean {likeliest}?" if likeliest else f"there is: {', '.join(known)}."
    raise ModelNotFound(f"There is no model {name!r}; {hint}")


def _likeness(name: str, other: str) -> float:
    return SequenceMatcher(None, other, name).ratio()
