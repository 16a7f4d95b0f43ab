"""A small text file that a setting names: keys, variables."""

from __future__ import annotations

from pathlib import Path

__all__ = ["read_text_file"]

_MOST_BYTES = 1_000_000


def read_text_file(file: Path, holds: str) -> str:
    """The text of a file.

    Args:
        file: its path.
        holds: what it is to hold, for the errors: ``one key a line``.

    Raises:
        OSError: it can't be read.
        ValueError: it has more than a million bytes, or is no text in UTF-8.

    """
    with file.open("rb") as opened:
        data = opened.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise ValueError(f"it must have at most {_MOST_BYTES:,} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"it must be text in UTF-8, {holds}") from None
