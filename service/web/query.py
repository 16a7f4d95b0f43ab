"""A request's parameters, in its query or its body: each is known, and given once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from difflib import get_close_matches
from urllib.parse import parse_qsl

from booth_client.errors import InvalidParameter

__all__ = [
    "check_name",
    "given_twice",
    "index",
    "indices",
    "merged",
    "parameters",
    "whole_number",
]

_MOST_DIGITS = 10
_MOST_SHOWN = 64  # characters of a stranger's name for a parameter


def parameters(query_string: bytes, known: Collection[str]) -> dict[str, str]:
    """The values by their names.

    Raises:
        InvalidParameter: one is none of those ``known``, or is given twice.

    """
    given: dict[str, str] = {}
    for name, value in parse_qsl(query_string.decode("latin-1"), keep_blank_values=True):
        check_name(name, known)
        if name in given:
            raise given_twice(name)
        given[name] = value
    return given


def check_name(name: str, known: Collection[str]) -> None:
    """Look whether there is such a parameter.

    Raises:
        InvalidParameter: there is none.

    """
    if name not in known:
        close = get_close_matches(name[:_MOST_SHOWN], known, n=1)
        hint = f"did you mean {close[0]}?" if close else "see /docs for those there are."
        raise InvalidParameter(f"There is no parameter {name[:_MOST_SHOWN]!r}; {hint}")


def given_twice(name: str) -> InvalidParameter:
    """What is raised where one is given again."""
    return InvalidParameter(f"{name} is given more than once; send it once.")


def merged(
    query: Mapping[str, str], fields: Mapping[str, str], place: str = "the address"
) -> dict[str, str]:
    """The parameters of a query and those of a body together.

    Args:
        query: the first.
        fields: the second.
        place: where the first stand, for who is told of a contradiction.

    Raises:
        InvalidParameter: they contradict each other.

    """
    for name in query.keys() & fields.keys():
        if query[name] != fields[name]:
            raise InvalidParameter(
                f"{name} is {query[name][:_MOST_SHOWN]!r} in {place} and "
                f"{fields[name][:_MOST_SHOWN]!r} in the body; send it once."
            )
    return {**fields, **query}


def whole_number(given: Mapping[str, str], name: str, *, most: int) -> int | None:
    """The value of a parameter that is a whole number from 1 to ``most``; None if not given.

    Raises:
        InvalidParameter: it is none.

    """
    text = given.get(name)
    if text is None:
        return None
    if text.isascii() and text.isdecimal() and len(text) < _MOST_DIGITS and 1 <= int(text) <= most:
        return int(text)
    raise InvalidParameter(f"{name} must be a whole number from 1 to {most}, not {text[:32]!r}.")


def index(given: Mapping[str, str], name: str, *, most: int) -> int | None:
    """The value of a parameter that counts from 0, up to ``most``; None if not given.

    Raises:
        InvalidParameter: it does not.

    """
    text = given.get(name)
    return None if text is None else _counted(text, name, most)


def indices(given: Mapping[str, str], name: str, *, most: int, count: int) -> tuple[int, ...]:
    """Likewise several, with commas between them; none if not given.

    Args:
        given: the parameters.
        name: of this one.
        most: the largest that each may be.
        count: as many at most.

    Raises:
        InvalidParameter: they are more, or one is given twice, or is no such number.

    """
    text = given.get(name)
    if text is None:
        return ()
    parts = text.split(",", count)
    if len(parts) > count:
        raise InvalidParameter(f"{name} has more than {count} numbers; ask for fewer at a time.")
    found = tuple(_counted(part, name, most) for part in parts)
    if len(set(found)) < len(found):
        raise InvalidParameter(f"{name} names a number twice; name each once.")
    return found


def _counted(text: str, name: str, most: int) -> int:
    if text.isascii() and text.isdecimal() and len(text) < _MOST_DIGITS and int(text) <= most:
        return int(text)
    raise InvalidParameter(f"{name} must be a whole number from 0 to {most}, not {text[:32]!r}.")
