"""The form of a ModelInferRequest in bytes, looked at before it is parsed.

Parsed, a field of two bytes may take a hundred, and a message of the largest size a gigabyte. So
what no client sends is refused by its form: too many fields, or too many numbers one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from booth_client.errors import InvalidParameter

__all__ = ["MOST_NUMBERS", "numbers_in"]

# Bytes of numbers that stand in ``contents``: four photographs of 224 x 224 pixels.
MOST_NUMBERS = 1_000_000

_SPARE_FIELDS = 4096
_FIELDS_A_PHOTOGRAPH = 4

_VARINT, _FIXED_64, _DELIMITED, _FIXED_32 = 0, 1, 2, 5
_LONGEST_VARINT = 10

# By a field's number what is in it: further fields, or numbers without their own tags. All else
# takes no more than its own bytes.
_Form: TypeAlias = "Mapping[int, _Form | None]"
_CONTENTS: _Form = dict.fromkeys(range(1, 8))
_PARAMETERS: _Form = {2: {}}
_INPUT: _Form = {3: None, 4: _PARAMETERS, 5: _CONTENTS}
_REQUEST: _Form = {4: _PARAMETERS, 5: _INPUT, 6: {2: _PARAMETERS}}


def numbers_in(message: bytes, max_photos: int) -> int:
    """Bytes of a message that hold numbers one by one, each of which takes eight times as many.

    Raises:
        InvalidParameter: they are too many; there are too many fields; or it is no such message.

    """
    scan = _Scan(_SPARE_FIELDS + _FIELDS_A_PHOTOGRAPH * max_photos)
    try:
        scan.read(message, 0, len(message), _REQUEST)
    except IndexError:
        raise InvalidParameter(
            "The message is malformed; it must be an inference.ModelInferRequest."
        ) from None
    return scan.numbers


class _Scan:
    """Counts what is in a message.

    Args:
        most_fields: that it may have.

    """

    def __init__(self, most_fields: int) -> None:
        self.numbers = 0
        self._fields_left = most_fields

    def read(self, data: bytes, at: int, end: int, form: _Form) -> None:
        """Go over the fields from ``at`` to ``end``.

        Raises:
            IndexError: there is no such form.
            InvalidParameter: there is too much of something.

        """
        for number, start, stop in _fields(data, at, end):
            self._fields_left -= 1
            if self._fields_left < 0:
                raise InvalidParameter(
                    "The message has too many fields; send the data of all photographs in one "
                    "input, in raw_input_contents."
                )
            if number in form and start < stop:
                self._enter(data, start, stop, form[number])

    def _enter(self, data: bytes, start: int, stop: int, form: _Form | None) -> None:
        if form is not None:
            self.read(data, start, stop, form)
            return
        self.numbers += stop - start
        if self.numbers > MOST_NUMBERS:
            raise InvalidParameter(
                f"The message has more than {MOST_NUMBERS} bytes of numbers one by one; send "
                "pixels in raw_input_contents."
            )


def _fields(data: bytes, at: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Each field's number, and where its bytes begin and end; the same, if they have no length."""
    while at < end:
        tag, at = _varint(data, at, end)
        kind = tag & 7
        if kind == _DELIMITED:
            length, at = _varint(data, at, end)
            start, at = at, at + length
        elif kind == _VARINT:
            _, at = _varint(data, at, end)
            start = at
        elif kind in (_FIXED_64, _FIXED_32):
            at += 8 if kind == _FIXED_64 else 4
            start = at
        else:
            raise IndexError
        if at > end:
            raise IndexError
        yield tag >> 3, start, at


def _varint(data: bytes, at: int, end: int) -> tuple[int, int]:
    """A number of variable length, and where it ends."""
    value = 0
    for index in range(_LONGEST_VARINT):
        if at + index >= end:
            raise IndexError
        byte = data[at + index]
        value |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:  # noqa: PLR2004 (the highest bit says that there is more)
            return value, at + index + 1
    raise IndexError
