"""The parameters in a request's query: each is known, and given once."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from urllib.parse import parse_qsl

from booth_client.errors import InvalidParameter

__all__ = ["parameters"]

_MOST_SHOWN = 64  # characters of a stranger's name for a parameter


def parameters(query_string: bytes, known: Collection[str]) -> dict[str, str]:
    """The values by their names.

    Raises:
        InvalidParameter: one is none of those ``known``, or is given twice.

    """
    given: dict[str, str] = {}
    for name, value in parse_qsl(query_string.decode("latin-1"), keep_blank_values=True):
        if name not in known:
            close = get_close_matches(name, known, n=1)
            hint = f"did you mean {close[0]}?" if close else "see /docs for those there are."
            raise InvalidParameter(f"There is no parameter {name[:_MOST_SHOWN]!r}; {hint}")
        if name in given:
            raise InvalidParameter(f"{name} is given more than once; send it once.")
        given[name] = value
    return given
