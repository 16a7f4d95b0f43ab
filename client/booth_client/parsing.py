"""JSON values as the dataclasses of ``booth_client.wire``, each field checked.

By hand, since msgspec takes no union of two dataclasses, and a prediction is one.
"""

from __future__ import annotations

import functools
from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import TYPE_CHECKING, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["parse"]

_T = TypeVar("_T")


def parse(kind: type[_T], value: Any) -> _T:
    """What ``json.loads`` gave, as a ``kind``: a dataclass, or a list of them.

    A field with a default may be missing. What else an object holds is ignored: a newer service
    says more.

    Raises:
        TypeError: the value is no ``kind``.

    """
    parsed: _T = _parse(kind, value)
    return parsed


def _parse(kind: Any, value: Any) -> Any:
    if type(value) is kind:
        return value
    if is_dataclass(kind):
        return _object(kind, value)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin in {list, tuple}:
        return origin(_parse(arguments[0], item) for item in _exactly(list, value))
    if origin in {Union, UnionType}:
        return _first_that_fits(arguments, value)
    if origin is Literal:
        return _one_of(arguments, value)
    return float(value) if kind is float and type(value) is int else _exactly(kind, value)


def _object(kind: Any, value: Any) -> Any:
    given = _exactly(dict, value)
    return kind(
        **{
            name: _parse(field_kind, given.get(name, MISSING))
            for name, field_kind, optional in _fields(kind)
            if name in given or not optional
        }
    )


@functools.cache
def _fields(kind: Any) -> list[tuple[str, Any, bool]]:
    """Name and kind of each field, and whether it may be missing."""
    hints = get_type_hints(kind)
    return [(one.name, hints[one.name], one.default is not MISSING) for one in fields(kind)]


def _first_that_fits(kinds: Iterable[Any], value: Any) -> Any:
    for kind in kinds:
        try:
            return _parse(kind, value)
        except TypeError:
            continue
    raise TypeError(f"a {type(value).__name__} is none of {kinds}")


def _one_of(choices: tuple[Any, ...], value: Any) -> Any:
    if value not in choices:
        raise TypeError(f"{value!r} is none of {choices}")
    return value


def _exactly(kind: Any, value: Any) -> Any:
    """The value, if it is of that very type: True is no whole number here."""
    if type(value) is not kind:
        raise TypeError(f"a {type(value).__name__} is no {kind.__name__}")
    return value
