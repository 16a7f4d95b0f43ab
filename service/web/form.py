"""A form with photographs, taken apart where it lies in memory: multipart/form-data, RFC 7578."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from booth_client.errors import BadImage, InvalidParameter, TooManyPhotos

__all__ = ["MAX_FIELDS", "boundary_of", "files", "is_form"]

MAX_FIELDS = 1000  # parts of a form that are no files, and are passed over

_MAX_HEAD = 16_384  # bytes of a part's headers
_MAX_PADDING = 256  # spaces behind a boundary
_BOUNDARY = re.compile(
    r';\s*boundary=(?:"([^"]{1,256})"|([^";,\s]{1,256})(?=[;,\s]|$))', re.IGNORECASE
)
_FLAGS = re.IGNORECASE | re.MULTILINE
_QUOTED = re.compile(rb'"(?:\\.|[^"\\])*"')
# As `filename`, or as RFC 5987 and RFC 2231 write it, which RFC 7578 forbids and some clients send.
_FILE_NAME = re.compile(rb"^content-disposition:.*;\s*filename(?:\*\d*\*?)?\s*=", _FLAGS)
_FILE_TYPE = re.compile(rb"^content-type:\s*(?:image/|application/octet-stream\b)", _FLAGS)


class _Part(NamedTuple):
    """One part: its headers, and where in the body its content lies."""

    head: bytes
    start: int
    end: int

    @property
    def is_file(self) -> bool:
        """Whether it has a file's name, or a file's type."""
        plain = _QUOTED.sub(b'""', self.head.replace(b"\r\n ", b" ").replace(b"\r\n\t", b" "))
        return bool(_FILE_NAME.search(plain) or _FILE_TYPE.search(plain))


def boundary_of(content_type: str) -> bytes | None:
    """The boundary that a form's Content-Type names; None where it is no form's."""
    if not content_type.lower().startswith("multipart/form-data"):
        return None
    found = _BOUNDARY.search(content_type)
    return (found[1] or found[2]).encode("latin-1") if found else b""


def is_form(boundary: bytes | None, body: bytes) -> bool:
    """Whether a body is the form that its Content-Type promises, rather than a photograph."""
    if boundary is None:
        return False
    return body.startswith(b"--") or bool(boundary and b"\r\n--" + boundary in body)


def files(boundary: bytes | None, body: bytes, max_files: int) -> list[bytes]:
    """The contents of a form's files, in its order.

    Raises:
        InvalidParameter: it is malformed, or cut off.
        TooManyPhotos: it has more than ``max_files``, or more fields beside them than are read.
        BadImage: it has none.

    """
    if not boundary:
        raise _malformed("its Content-Type names no boundary")
    found: list[_Part] = []
    for number, part in enumerate(_parts(body, b"--" + boundary), start=1):
        if part.is_file:
            found.append(part)
        _check_count(len(found), number - len(found), max_files)
    if not found:
        raise BadImage("The form holds no file; send each photograph as a file part.")
    return [body[part.start : part.end] for part in found]


def _check_count(files: int, fields: int, max_files: int) -> None:
    if files > max_files:
        raise TooManyPhotos(
            f"The form holds too many photographs; send at most {max_files} at once."
        )
    if fields > MAX_FIELDS:
        raise TooManyPhotos(
            f"The form holds more than {MAX_FIELDS} fields beside its photographs; leave them out."
        )


def _parts(body: bytes, boundary: bytes) -> Iterator[_Part]:
    """Each part between two boundaries; what is before the first and behind the last is nothing."""
    delimiter = b"\r\n" + boundary
    at = 0 if body.startswith(boundary) else _found(body, delimiter, 0) + 2
    while not body.startswith(b"--", at := at + len(boundary)):
        line_end = body.find(b"\r\n", at, at + _MAX_PADDING)
        if line_end < 0 or body[at:line_end].strip(b" \t"):
            raise _malformed("a boundary does not end its line")
        # A part without headers begins with the empty line that ends them.
        head_end = body.find(b"\r\n\r\n", line_end, line_end + _MAX_HEAD)
        if head_end < 0:
            raise _malformed(f"a part has no end of its headers within {_MAX_HEAD} bytes")
        # A part without content may lack the line end that is the boundary's.
        end = _found(body, delimiter, head_end + 2)
        yield _Part(body[line_end + 2 : head_end], head_end + 4, end)
        at = end + 2


def _found(body: bytes, delimiter: bytes, start: int) -> int:
    where = body.find(delimiter, start)
    if where < 0:
        raise _malformed("it is cut off before its closing boundary")
    return where


def _malformed(why: str) -> InvalidParameter:
    return InvalidParameter(
        f"The multipart body is malformed: {why}; send each photograph as a file part of form-data."
    )
