"""The bytes of a text file -> its text, in whichever encoding it was saved."""

from __future__ import annotations

import codecs
import re

from models.errors import UserError

__all__ = ["NoText", "decode"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ufffe\uffff]")
# In the languages of Windows' Western code page, hardly two letters with accents touch.
_WESTERN = re.compile(
    rb"(?:[\x00-\x7f]|(?<![\x80-\xff])[\xc0-\xd6\xd8-\xf6\xf8-\xff](?![\x80-\xff]))*"
)
_MOST_ZEROS = 0.3

_SENTENCE = "It is no text in UTF-8, UTF-16, UTF-32 or plainly Latin-1; save it in UTF-8."


class NoText(UserError):
    """It is no text, or one in an encoding that can't be told for certain."""


def decode(data: bytes) -> str:
    """Decode UTF-8, UTF-16 and UTF-32, and what is Western Latin-1 beyond doubt.

    Raises:
        NoText: It is none of these.

    """
    try:
        text = data.decode(_encoding(data))
    except UnicodeDecodeError:
        if not _WESTERN.fullmatch(data):
            raise NoText(_SENTENCE) from None
        text = data.decode("latin-1")
    if _CONTROLS.search(text):
        raise NoText(_SENTENCE)
    return text


def _encoding(data: bytes) -> str:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    half = len(data) // 2
    if half and data[1::2].count(0) > _MOST_ZEROS * half:
        return "utf-16-le"
    if half and data[::2].count(0) > _MOST_ZEROS * half:
        return "utf-16-be"
    return "utf-8"
