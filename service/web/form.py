"""A form with photographs, taken apart where it lies in memory: RFC 2046 and RFC 7578."""

from __future__ import annotations

import binascii
import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from booth_client.errors import BadImage, InvalidParameter, TooManyPhotos
from service.photo.formats import is_image
from service.web.query import check_name, given_twice

__all__ = ["Form", "boundary_of", "is_form", "take_apart"]

_MAX_HEAD = 16_384  # bytes of a part's headers
_MAX_PADDING = 256  # spaces behind a boundary
_MAX_FIELD = 1000  # bytes of a parameter
_FIRST_BYTES = 64  # of a part, which tell whether it is a photograph
_CHARSET = "_charset_"  # the field that names the fields' encoding (RFC 7578, 4.6)

_BOUNDARY = re.compile(
    r';\s*boundary\s*=\s*(?:"([^"]{1,256})"|([^";,\s]{1,256})(?=[;,\s]|$))', re.IGNORECASE
)
_FOLD = re.compile(rb"\r?\n[ \t]+")
_HEADER = re.compile(rb"^(content-[a-z-]+)[ \t]*:(.*)$", re.IGNORECASE | re.MULTILINE)
_PARAMETER = re.compile(rb';\s*([^\s=;"]+)\s*=\s*("(?:\\.|[^"\\])*"|[^;\s]*)')
_ESCAPE = re.compile(rb"\\(.)")
_FILE_TYPE = re.compile(rb"image/|application/octet-stream\b", re.IGNORECASE)

_PLAIN = (b"", b"7bit", b"8bit", b"binary")
_BASE64 = re.compile(rb"[A-Za-z0-9+/\s]*+(?:=\s*+){0,2}")
_BAD_ESCAPE = re.compile(rb"=(?![0-9A-Fa-f]{2}|[ \t]*\r?\n)")


class Form(NamedTuple):
    """The contents of a form's files, in its order, and the parameters beside them."""

    photos: list[bytes]
    fields: dict[str, str]


def boundary_of(content_type: str) -> bytes | None:
    """The boundary that a form's Content-Type names; None where it is no form's."""
    if not content_type.lower().lstrip().startswith("multipart/"):
        return None
    found = _BOUNDARY.search(content_type)
    return (found[1] or found[2]).encode("latin-1") if found else b""


def is_form(boundary: bytes | None, body: bytes) -> bool:
    """Whether a body is the form that its Content-Type promises, rather than a photograph."""
    if boundary is None:
        return False
    return body.startswith(b"--") or bool(boundary and b"\n--" + boundary in body)


def take_apart(
    boundary: bytes | None, body: bytes, max_files: int, known: Collection[str] = ()
) -> Form:
    """The files of a form, and its fields, which are parameters.

    A part is a file by its file name, its type, or its first bytes; one without a file name and
    without content is what browsers send where no file was chosen.

    Args:
        boundary: between its parts.
        body: all of it.
        max_files: the most that it may hold.
        known: the parameters there are.

    Raises:
        InvalidParameter: it is malformed, or cut off; a field is no parameter, or given twice.
        TooManyPhotos: it has more than ``max_files``.
        BadImage: it has none.

    """
    if not boundary:
        raise _malformed("its Content-Type names no boundary")
    files: list[_Part] = []
    fields: dict[str, _Part] = {}
    for part in _parts(body, b"--" + boundary):
        if not part.is_file(known):
            _enter(fields, part, known)
        elif part.holds_something:
            files.append(part)
        if len(files) > max_files:
            raise TooManyPhotos(
                f"The form holds too many photographs; send at most {max_files} at once."
            )
    if not files:
        raise BadImage("The form holds no file; send each photograph as a file part.")
    return Form([part.content() for part in files], _texts(fields))


class _Part:
    """One part: its headers, and where in the body its content lies."""

    __slots__ = ("_body", "_disposition", "_end", "_headers", "_start")

    def __init__(self, body: bytes, head: bytes, start: int, end: int) -> None:
        self._headers: dict[bytes, bytes] = {
            name.lower(): value.strip()
            for name, value in reversed(_HEADER.findall(_FOLD.sub(b" ", head)))
        }
        self._disposition = _parameters(self._headers.get(b"content-disposition", b""))
        self._body, self._start, self._end = body, start, end

    @property
    def type(self) -> bytes:
        """Its Content-Type; empty where it has none."""
        return self._headers.get(b"content-type", b"")

    @property
    def name(self) -> str:
        """The field's; empty where it has none."""
        return self._disposition.get(b"name", b"").decode("utf-8", "replace")

    @property
    def holds_something(self) -> bool:
        """Whether it is more than a file that nobody chose."""
        return self._end > self._start or self._disposition.get(b"filename") != b""

    def is_file(self, known: Collection[str]) -> bool:
        """Whether it is a file, and no parameter.

        Raises:
            InvalidParameter: it is a form of its own.

        """
        if self.type[:10].lower() == b"multipart/":
            raise _malformed("one of its parts is a form of its own")
        # As `filename`, or as RFC 5987 and RFC 2231 write it, which RFC 7578 forbids and some send.
        if any(one.split(b"*")[0] == b"filename" for one in self._disposition):
            return True
        if _FILE_TYPE.match(self.type):
            return True
        first = self._body[self._start : min(self._end, self._start + _FIRST_BYTES)]
        return self.name not in known and is_image(first)

    def content(self) -> bytes:
        """What stands in it, decoded where it says that it is encoded.

        Raises:
            InvalidParameter: it isn't what its headers say.

        """
        encoding = self._headers.get(b"content-transfer-encoding", b"").lower()
        if encoding in _PLAIN:
            return self._body[self._start : self._end]
        if encoding == b"base64":
            return self._from_base64()
        if encoding == b"quoted-printable":
            return self._from_quoted_printable()
        shown = encoding[:32].decode("latin-1")
        raise _malformed(f"a part's Content-Transfer-Encoding is {shown!r}, and is not known here")

    def text(self, charset: str) -> str:
        """What stands in it, as a parameter's value.

        Raises:
            InvalidParameter: it is too long, or not in the encoding that it names.

        """
        if self._end - self._start > _MAX_FIELD:
            raise InvalidParameter(f"{self.name} is longer than {_MAX_FIELD} bytes; send less.")
        own = _parameters(self.type).get(b"charset", b"").decode("latin-1")
        try:
            return self.content().decode(own or charset)
        except (LookupError, ValueError):
            shown = (own or charset)[:32]
            raise InvalidParameter(f"{self.name} is no text in {shown!r}; send UTF-8.") from None

    # Both look first, for Python's decoders pass over what is wrong; and copy once, not twice.
    def _from_base64(self) -> bytes:
        try:
            if _BASE64.fullmatch(self._body, self._start, self._end):
                return binascii.a2b_base64(memoryview(self._body)[self._start : self._end])
        except binascii.Error:
            pass
        raise _malformed("a part is no base64, as its Content-Transfer-Encoding says")

    def _from_quoted_printable(self) -> bytes:
        if _BAD_ESCAPE.search(self._body, self._start, self._end):
            raise _malformed(
                "a part is not quoted-printable, as its Content-Transfer-Encoding says"
            )
        return binascii.a2b_qp(memoryview(self._body)[self._start : self._end])


def _parameters(header: bytes) -> dict[bytes, bytes]:
    """Those behind a header's value, by their names in lower case; the first of each name."""
    return {name.lower(): _unquoted(value) for name, value in reversed(_PARAMETER.findall(header))}


def _unquoted(value: bytes) -> bytes:
    if value[:1] != b'"' or len(value) < 2:  # noqa: PLR2004
        return value
    inner = value[1:-1]
    return _ESCAPE.sub(rb"\1", inner) if b"\\" in inner else inner


def _enter(fields: dict[str, _Part], part: _Part, known: Collection[str]) -> None:
    if not part.name:
        raise _malformed("a part has neither a parameter's name nor a file's")
    if part.name != _CHARSET:
        check_name(part.name, known)
    if part.name in fields:
        raise given_twice(part.name)
    fields[part.name] = part


def _texts(fields: dict[str, _Part]) -> dict[str, str]:
    named = fields.pop(_CHARSET, None)
    charset = named.text("ascii") if named else "utf-8"
    return {name: part.text(charset) for name, part in fields.items()}


def _parts(body: bytes, boundary: bytes) -> Iterator[_Part]:
    """Each part between two boundaries; what is before the first and behind the last is nothing."""
    at = 0 if body.startswith(boundary) else _found(body, b"\n" + boundary, 0) + 1
    # As the first boundary's line ends, all do: with LF alone where a program wrote it by hand.
    first_end = body.find(b"\n", at, at + len(boundary) + _MAX_PADDING)
    line_end = b"\r\n" if body[first_end - 1 : first_end] == b"\r" or first_end < 0 else b"\n"
    while not body.startswith(b"--", at := at + len(boundary)):
        head = body.find(line_end, at, at + _MAX_PADDING)
        if head < 0 or body[at:head].strip(b" \t"):
            raise _malformed("a boundary does not end its line")
        # A part without headers begins with the empty line that ends them.
        head_end = body.find(2 * line_end, head, head + _MAX_HEAD)
        if head_end < 0:
            raise _malformed(f"a part has no end of its headers within {_MAX_HEAD} bytes")
        # A part without content may lack the line end that is the boundary's.
        end = _found(body, line_end + boundary, head_end + len(line_end))
        start = head_end + 2 * len(line_end)
        yield _Part(body, body[head + len(line_end) : head_end], start, max(start, end))
        at = end + len(line_end)


def _found(body: bytes, delimiter: bytes, start: int) -> int:
    where = body.find(delimiter, start)
    if where < 0:
        raise _malformed("it is cut off before its closing boundary")
    return where


def _malformed(why: str) -> InvalidParameter:
    return InvalidParameter(
        f"The multipart body is malformed: {why}; send each photograph as a file part of form-data."
    )
