"""A file of variables, ``NAME=value`` a line, as Docker, Compose and systemd have them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from service.text_file import read_text_file

__all__ = ["Variable", "read_env_file"]

_LINE = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)")
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"')
_ESCAPED = re.compile(r'\\([\\"$`])')
_COMMENT = re.compile(r"(^|\s)#.*")  # a value may hold the sign itself


class Variable(NamedTuple):
    """What a file says of a variable, and in which line."""

    value: str
    line: int


def read_env_file(file: Path) -> dict[str, Variable]:
    """The variables of a file, by name; the last line of a name counts.

    Empty lines and those that begin with ``#`` or ``;`` are passed over, and so is ``export``. In
    single quotes a value stands as it is; in double quotes a backslash makes a quote, a backslash,
    a dollar sign or a grave accent plain. Without quotes, a ``#`` behind a space begins a comment.
    No other variable is put into a value.

    Raises:
        OSError: the file can't be read.
        ValueError: it is too long, no text in UTF-8, or a line is no variable; what is in the line
            is not told.

    """
    found: dict[str, Variable] = {}
    for number, line in enumerate(read_text_file(file, "one NAME=value a line").split("\n"), 1):
        text = line.strip()
        if text and text[0] not in "#;":
            name, value = _variable(text, number)
            found[name] = Variable(value, number)
    return found


def _variable(text: str, number: int) -> tuple[str, str]:
    found = _LINE.fullmatch(text)
    if not found:
        raise ValueError(f"line {number} must be NAME=value, a comment behind #, or empty")
    name, rest = found[1], found[2]
    if rest[:1] not in ("'", '"'):
        return name, _COMMENT.sub("", rest).rstrip()
    quoted = _SINGLE.match(rest) or _DOUBLE.match(rest)
    if not quoted or _COMMENT.sub("", rest[quoted.end() :]).strip():
        raise ValueError(f"in line {number}, the value's quote must end, and the line with it")
    return name, quoted[1] if rest[0] == "'" else _ESCAPED.sub(r"\1", quoted[1])
