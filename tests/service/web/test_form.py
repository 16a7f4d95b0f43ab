"""A form: which of its parts are photographs, and what is no whole form."""

from __future__ import annotations

import pytest

from booth_client.errors import BadImage, InvalidParameter, TooManyPhotos
from service.web.form import boundary_of, is_form, take_apart

KNOWN = ("model", "top_k")
FILE = b'Content-Disposition: form-data; name="a"; filename="a.jpg"'


def files(boundary: bytes, body: bytes, most: int) -> list[bytes]:
    return take_apart(boundary, body, most, KNOWN).photos


def fields(*parts: bytes) -> dict[str, str]:
    return take_apart(b"x", b"".join(parts) + part(b"1") + b"--x--", 4, KNOWN).fields


def field(name: str, value: bytes, more: bytes = b"") -> bytes:
    return part(value, b'Content-Disposition: form-data; name="%b"%b' % (name.encode(), more))


def part(content: bytes, head: bytes = FILE) -> bytes:
    return b"--x\r\n" + (head + b"\r\n" if head else b"") + b"\r\n" + content + b"\r\n"


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ("multipart/form-data; boundary=x", b"x"),
        ('Multipart/Form-Data; charset=utf-8; Boundary="a b"', b"a b"),
        ('multipart/form-data;boundary="a:b;c"', b"a:b;c"),
        ("multipart/form-data; boundary = x ; a=b", b"x"),
        ("multipart/mixed; boundary=x", b"x"),
        ("MULTIPART/RELATED; type=image/png; boundary=----a'()+_,", b"----a'()+_"),
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
    body = part(b"text", b'Content-Disposition: form-data; name="model"') + part(b"1", head)
    assert files(b"x", body + b"--x--\r\n", 4) == [b"1"]


@pytest.mark.parametrize(
    "head",
    [
        b'Content-Disposition: form-data; name="model"',
        b'Content-Disposition: form-data; name="model"\r\nContent-Type: text/plain',
        b'Content-Disposition: form-data; name="model"\r\nX-Filename: filename=a',
        b"content-disposition:form-data;name=model",
        b"Content-Disposition : form-data ; Name = model ; other",
        b'Content-Disposition: form-data;\r\n name="mo\\del"',
    ],
)
def test_a_form_of_fields_alone_holds_no_file(head: bytes) -> None:
    with pytest.raises(BadImage, match="no file"):
        files(b"x", part(b"1", head) + b"--x--", 4)


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (part(b"1", b""), "neither a parameter's name nor a file's"),
        (part(b"1", b'Content-Disposition: form-data; name=""'), "neither"),
        (part(b"1", b'Content-Disposition: form-data; name="a; filename=b"'), "'a; filename=b'"),
        (field("topk", b"1"), "There is no parameter 'topk'; did you mean top_k?"),
        (field("photo", b"/9j/4AAQ"), "There is no parameter 'photo'; see /docs"),
        (field("model", b"a") + field("model", b"a"), "model is given more than once; send it"),
        (field("_charset_", b"utf-8") * 2, "_charset_ is given more than once"),
        (field("model", b"x" * 1001), "model is longer than 1000 bytes"),
        (field("model", b"\xff"), "model is no text in 'utf-8'; send UTF-8."),
        (field("model", b"a", b"\r\nContent-Type: text/plain; charset=zip"), "no text in 'zip'"),
        (field("_charset_", b"\xff"), "_charset_ is no text in 'ascii'"),
        (part(b"", FILE + b"\r\nContent-Type: multipart/mixed; boundary=y"), "form of its own"),
    ],
)
def test_what_is_no_parameter_or_no_text_is_refused(body: bytes, why: str) -> None:
    with pytest.raises(InvalidParameter) as refusal:
        take_apart(b"x", body + part(b"1") + b"--x--", 4, KNOWN)
    assert why in refusal.value.detail


def test_fields_are_parameters_wherever_they_stand_in_whatever_encoding() -> None:
    assert fields(field("model", b"tiny"), field("top_k", b"")) == {"model": "tiny", "top_k": ""}
    behind = part(b"1") + field("top_k", b"3") + b"--x--"
    assert take_apart(b"x", behind, 4, KNOWN) == ([b"1"], {"top_k": "3"})
    assert fields(field("model", "\u00f6".encode())) == {"model": "\u00f6"}
    latin = field("model", b"\xf6", b"\r\nContent-Type: text/plain; charset=ISO-8859-1")
    assert fields(latin) == {"model": "\u00f6"}
    assert fields(field("model", b"\xf6"), field("_charset_", b"latin-1")) == {"model": "\u00f6"}
    encoded = field("model", b"dGlueQ==", b"\r\nContent-Transfer-Encoding: BASE64")
    assert fields(encoded) == {"model": "tiny"}


@pytest.mark.parametrize(
    ("coding", "content", "photo"),
    [
        (b"binary", b"\xff=\r\n", b"\xff=\r\n"),
        (b"8BIT", b"1", b"1"),
        (b"base64", b"/+8A\r\n/w= =\r\n", b"\xff\xef\0\xff"),
        (b"Base64 ", b"", b""),
        (b"quoted-printable", b"=FF=\r\n1=3d\r\n2", b"\xff1=\r\n2"),
    ],
)
def test_a_part_is_decoded_where_it_says_that_it_is_encoded(
    coding: bytes, content: bytes, photo: bytes
) -> None:
    body = part(content, FILE + b"\r\nContent-Transfer-Encoding: " + coding)
    assert files(b"x", body + b"--x--", 4) == [photo]


@pytest.mark.parametrize(
    ("coding", "content", "why"),
    [
        (b"base64", b"/+8A?", "no base64"),
        (b"base64", b"/+8", "no base64"),
        (b"base64", b"_-8A", "no base64"),
        (b"base64", b"AA==AAAA", "no base64"),
        (b"quoted-printable", b"=FX", "not quoted-printable"),
        (b"quoted-printable", b"1=", "not quoted-printable"),
        (b"gzip", b"1", "'gzip'"),
    ],
)
def test_a_part_that_is_not_encoded_as_it_says_is_refused(
    coding: bytes, content: bytes, why: str
) -> None:
    body = part(content, FILE + b"\r\nContent-Transfer-Encoding: " + coding)
    with pytest.raises(InvalidParameter, match=why):
        files(b"x", body + b"--x--", 4)


def test_a_field_is_a_photograph_by_its_first_bytes_and_a_parameter_by_its_name() -> None:
    bare = field("image", b"\x89PNG\r\n\x1a\n1") + part(b"GIF89a", b"")
    assert files(b"x", bare + b"--x--", 4) == [b"\x89PNG\r\n\x1a\n1", b"GIF89a"]
    assert fields(field("model", b"BMW")) == {"model": "BMW"}


def test_a_file_that_nobody_chose_is_none() -> None:
    empty = part(b"", b'Content-Disposition: form-data; name="b"; filename=""')
    assert files(b"x", empty + part(b"1") + empty + b"--x--", 1) == [b"1"]
    with pytest.raises(BadImage, match="no file"):
        files(b"x", empty + b"--x--", 4)


@pytest.mark.parametrize("before", [b"", b"a preamble\n", b"\n"])
def test_lines_may_end_in_line_feeds_alone(before: bytes) -> None:
    body = before + (field("top_k", b"3") + part(b"?") + b"--x--\r\n").replace(b"\r\n", b"\n")
    assert is_form(b"x", body)
    photo = b"1\r\n\n2\r\n\r\n"
    form = take_apart(b"x", body.replace(b"?", photo), 4, KNOWN)
    assert form == ([photo], {"top_k": "3"})


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


def test_more_files_than_are_taken_are_too_many() -> None:
    with pytest.raises(TooManyPhotos, match="at most 4"):
        files(b"x", 5 * part(b"1") + b"--x--", 4)
