"""The libraries that an extra brings, asked for before they are imported."""

from __future__ import annotations

from importlib.util import find_spec

from models.errors import UserError

__all__ = ["MissingLibrary", "require_onnx", "require_torch", "require_training"]

_EXPORT = ("torch", "torchvision", "onnx")


class MissingLibrary(UserError):
    """A command needs a library that is not installed; the sentence says which extra brings it."""


def require_onnx() -> None:
    """Say what to install where the library that reads ONNX files is missing.

    Raises:
        MissingLibrary: It is.

    """
    _require("adopt", "onnx")


def require_torch() -> None:
    """Say what to install where the exporter's libraries are missing.

    Raises:
        MissingLibrary: They are.

    """
    _require("export", *_EXPORT)


def require_training() -> None:
    """Say what to install where training's libraries are missing.

    Raises:
        MissingLibrary: They are.

    """
    require_torch()
    _require("train", "matplotlib")


def _require(extra: str, *libraries: str) -> None:
    missing = [name for name in libraries if find_spec(name) is None]
    if missing:
        raise MissingLibrary(
            f"This command needs {', '.join(missing)}: install Booth with its extra `{extra}`: "
            f"`pip install '.[{extra}]'` in its folder."
        )
