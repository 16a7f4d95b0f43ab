"""A form: which of its parts are photographs, and what is no whole form."""

from __future__ import annotations

import pytest

from booth_client.errors import BadImage, InvalidParameter, TooManyPhotos
from service.web.form import MAX_FIELDS, boundary_of, files, is_form

FILE = b'Content-Disposition: form-data; name="a"; filename="a.jpg"'


def part(content: bytes, head: bytes = FILE) -> bytes:
    return b"--x\r\n" + (head + b"\r\n" if head else b"") + b"\r\n" + content + b"\r\n"


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=x", b"x"),
        ('Multipart/Form-Data; charset=utf-8; Boundary="a b"', b"a b"),
        ('multipart/form-data;boundary="a:b;c"', b"a:b;c"),
        ("multipart/form-data", b""),
        ("multipart/form-data; boundary=" + "x" * 300, b""),
        ("image/jpeg", None),
        ("", None),
    ],
)
def test_the_boundary_stands_in_the_content_type(content_type: str, boundary: bytes | None) -> None:
    assert boundary_of(content_type) == boundary


def test_a_photograph_that_is_called_a_form_is_none() -> None:
    assert not is_form(b"x", b"\xff\xd8 a photograph")
    assert not is_form(b"", b"\xff\xd8 a photograph")
    assert not is_form(None, part(b"1"))
    assert is_form(b"x", part(b"1"))
    assert is_form(b"x", b"a preamble\r\n" + part(b"1"))


@pytest.mark.parametrize(
    "head",
    [
        FILE,
        b'content-disposition:form-data;filename="a.jpg"',
        b"Content-Disposition: form-data; name=a; filename=a.jpg\r\nContent-Type: image/jpeg",
        b"Content-Disposition: form-data; name=\"a\"; filename*=UTF-8''na%C3%AFve.jpg",
        b"Content-Disposition: form-data; filename*0=a; filename*1=b",
        b'Content-Disposition: form-data; name="\\"quoted;"; filename="a;b\\".jpg"',
        b'Content-Disposition: form-data;\r\n name="a";\r\n\tfilename="a.jpg"',
        b'X-Other: 1\r\nContent-Disposition: form-data; name="a"; filename=""',
        b'Content-Disposition: form-data; name="a"\r\nContent-Type: image/webp',
        b"Content-Type: application/octet-stream",
    ],
)
def test_a_part_is_a_file_by_its_name_or_its_type(head: bytes) -> None:
    body = part(b"text", b'Content-Disposition: form-data; name="t"') + part(b"1", head)
    assert files(b"x", body + b"--x--\r\n", 4) == [b"1"]


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b'Content-Disposition: form-data; name="a"',
        b'Content-Disposition: form-data; name="a; filename=b"',
        b'Content-Disposition: form-data; name="a"\r\nContent-Type: text/plain',
        b'Content-Disposition: form-data; name="a"\r\nX-Filename: filename=a',
    ],
)
def test_a_form_of_fields_alone_holds_no_file(head: bytes) -> None:
    with pytest.raises(BadImage, match="no file"):
        files(b"x", part(b"1", head) + b"--x--", 4)


@pytest.mark.parametrize(
    "body",
    [
        b"A preamble\r\nof lines, --x among them.\r\n" + part(b"1") + b"--x--\r\n",
        b"\r\n" + part(b"1") + b"--x--",
        part(b"1") + b"--x--\r\nan epilogue\r\n--x\r\n",
        part(b"1").replace(b"--x\r\n", b"--x \t \r\n") + b"--x--  \r\n",
    ],
)
def test_preamble_epilogue_and_padding_are_passed_over(body: bytes) -> None:
    assert files(b"x", body, 4) == [b"1"]


@pytest.mark.parametrize(
    "content", [b"", b"\r\n", b"1\r\n\r\n2", b"\r\n--", b"\r", b"a\n--x\n", bytes(range(256))]
)
def test_a_file_is_what_stands_between_its_head_and_the_boundary(content: bytes) -> None:
    assert files(b"x", part(content) + part(b"2") + b"--x--", 4) == [content, b"2"]


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (part(b"1"), "cut off"),
        (part(b"1") + part(b"2"), "cut off"),
        (part(b"1") + part(b"2")[:-3], "cut off"),
        (part(b"1") + b"--x\r\nContent-Disp", "no end of its headers"),
        (part(b"1") + b"--x", "end its line"),
        (part(b"1") + b"--x-", "end its line"),
        (part(b"1").replace(b"--x", b"--xy", 1) + b"--x--", "end its line"),
        (part(b"1", FILE + b"\r\nA: " + b"a" * 20_000) + b"--x--", "no end of its headers"),
        (b"--y\r\n\r\n1\r\n--y--", "cut off"),
        (b"--x" + b" " * 300 + b"\r\n", "end its line"),
    ],
)
def test_a_form_that_is_cut_off_or_malformed_gives_nothing(body: bytes, why: str) -> None:
    with pytest.raises(InvalidParameter, match=why):
        files(b"x", body, 4)


def test_a_form_without_a_boundary_is_malformed() -> None:
    with pytest.raises(InvalidParameter, match="names no boundary"):
        files(b"", part(b"1") + b"--x--", 4)


def test_more_files_or_fields_than_are_taken_are_too_many() -> None:
    with pytest.raises(TooManyPhotos, match="at most 4"):
        files(b"x", 5 * part(b"1") + b"--x--", 4)
    field = part(b"1", b'Content-Disposition: form-data; name="a"')
    assert files(b"x", MAX_FIELDS * field + part(b"2") + b"--x--", 4) == [b"2"]
    with pytest.raises(TooManyPhotos, match="fields"):
        files(b"x", (MAX_FIELDS + 1) * field + part(b"2") + b"--x--", 4)
