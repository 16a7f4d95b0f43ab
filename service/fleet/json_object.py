"""Objects of JSON that an operator writes by hand: read strictly, and told in a sentence."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection
from difflib import get_close_matches
from typing import Any

from models.errors import UserError

__all__ = ["BadObject", "check_model", "check_version", "entries", "read_object", "shown"]

# As a model's card has them; what can't be a name is a slip, and no model to come.
_MODEL = frozenset("abcdefghijklmnopqrstuvwxyz0123456789_.-")
_VERSION = _MODEL | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_MOST_NAME, _MOST_VERSION = 64, 32
_MOST_SHOWN = 40  # characters of what is wrong
_MOST_ENTRIES = 256


class BadObject(UserError):
    """What was written won't do; the sentence says why, and what would."""


def read_object(text: str | bytes, example: str, whose: str = "It") -> dict[str, Any]:
    """The object that a text holds.

    Args:
        text: JSON.
        example: of what it should be, for who wrote something else.
        whose: it is, the start of a sentence.

    Raises:
        BadObject: it is no JSON, no object, or has a name twice.

    """
    try:
        found = json.loads(text, object_pairs_hook=_named_once)
    except (ValueError, RecursionError):  # of bytes that are no text, too
        raise BadObject(f"{whose} is no JSON; write an object such as {example}.") from None
    return entries(found, whose, example)


def entries(found: object, whose: str, example: str, known: Collection[str] = ()) -> dict[str, Any]:
    """The entries of what should be an object.

    Args:
        found: in the JSON.
        whose: it is, the start of a sentence.
        example: of what it should be.
        known: the names that there may be; any if empty.

    Raises:
        BadObject: it is none, has too many entries, or one that is not known.

    """
    if not isinstance(found, dict):
        raise BadObject(f"{whose} must be an object such as {example}, not {shown(found)}.")
    if len(found) > _MOST_ENTRIES:
        raise BadObject(f"{whose} may have {_MOST_ENTRIES} entries, not {len(found)}.")
    for name in found if known else ():
        if name not in known:
            close = get_close_matches(name[:_MOST_NAME], known, n=1)
            hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}."
            raise BadObject(f"{whose}: there is no {shown(name)}; {hint}")
    return found


def check_model(name: str) -> None:
    """Look whether a model can have that name.

    Raises:
        BadObject: none can.

    """
    if not _is_name(name, _MODEL, _MOST_NAME):
        raise BadObject(
            f"{shown(name)} is no name of a model, which has small letters, digits and _.- alone."
        )


def check_version(version: str) -> None:
    """Look whether a model can have that version.

    Raises:
        BadObject: none can.

    """
    if not _is_name(version, _VERSION, _MOST_VERSION):
        raise BadObject(
            f"{shown(version)} is no version of a model, which has letters, digits and _.- alone."
        )


def shown(value: object) -> str:
    """A value as JSON, cut where it is long."""
    try:
        text = json.dumps(value)
    except RecursionError:  # it may be nested as deep as can just be read
        text = f"a {type(value).__name__} of too many levels"
    return text if len(text) <= _MOST_SHOWN else f"{text[:_MOST_SHOWN]}..."


def _is_name(text: str, letters: frozenset[str], most: int) -> bool:
    return 0 < len(text) <= most and letters.issuperset(text) and text[0].isalnum()


def _named_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        ((twice, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise BadObject(f"{shown(twice)} stands twice in one object; write it once.")
    return found
