"""Whether a foreign package hides one of Booth's own: their names are ones that others take too.

It needs neither models nor any other room, since that may be what is hidden.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

__all__ = ["refuse_shadows"]

PACKAGES = ("booth_client", "demo", "export", "models", "service")

_HOME = Path(__file__).resolve().parents[2]
# In a clone the client lies in a folder of its own.
_PARENTS = (_HOME, _HOME / "client")


def refuse_shadows() -> None:
    """End the process with status 1 if another package stands where Booth would import its own.

    Imports nothing: a hidden package's code, whoever's it is, is not run.
    """
    for name in PACKAGES:
        place = _found(name)
        if place is not None and place.parent not in _PARENTS:
            sys.exit(
                f"Error: The package {name!r} at {place} hides Booth's own; run booth from "
                "another folder, or install it in an environment of its own (pipx, a container)."
            )


def _found(name: str) -> Path | None:
    """The folder or the file that an import of ``name`` would take, if there is any."""
    spec = find_spec(name)
    if spec is None:
        return None
    places = spec.submodule_search_locations or [spec.origin or ""]
    return Path(places[0]).resolve()
