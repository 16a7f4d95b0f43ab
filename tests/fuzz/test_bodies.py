"""Whatever bytes come as a form or as JSON: photographs, or an error of one sentence."""

from __future__ import annotations

import asyncio
import base64
import json
from email.mime.application import MIMEApplication
from email.mime.multipart import MIMEMultipart

from hypothesis import example, given
from hypothesis import strategies as st
from starlette.requests import Request

from booth_client.errors import BoothError
from service.memory import MemoryBudget
from service.web.body import photographs
from service.web.form import take_apart
from tests.fuzz.fuzzing import damaged, fuzzed, outcome

FORM = (
    b'--x\r\nContent-Disposition: form-data; name="a"; filename="a.jpg"\r\n'
    b"Content-Type: image/jpeg\r\n\r\n\xff\xd8 a photograph\r\n"
    b'--x\r\nContent-Disposition: form-data; name="b"\r\n\r\ntext\r\n--x--\r\n'
)
TEXT = base64.b64encode(b"a photograph").decode()
JSONS = [
    json.dumps({"image": TEXT}).encode(),
    json.dumps({"image": f"data:image/png;base64,{TEXT}"}, indent=1).encode(),
    json.dumps({"images": [TEXT, f" {TEXT}\n"]}).encode(),
]
CONTENT_TYPES = st.sampled_from(
    [b"multipart/form-data; boundary=x", b'multipart/form-data; boundary="x"', b"image/png", b""]
) | st.binary(max_size=80).map(lambda rest: b"multipart/form-data" + rest)

some_json = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text() | st.just(TEXT),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["image", "images"]), inner),
    max_leaves=20,
)


def holds_or_says_why(content_type: bytes, body: bytes) -> None:
    request = Request({"type": "http", "headers": [(b"content-type", content_type)]})
    budget = MemoryBudget(1 << 20)
    with budget.reserve(len(body)) as reservation:
        found = outcome(lambda: asyncio.run(photographs(request, body, 4, reservation)), BoothError)
        if isinstance(found, BoothError):
            assert 400 <= found.status < 500
            assert found.detail.endswith((".", "?"))
            assert len(found.detail) < 300
        else:
            photos = found.photos
            assert 1 <= len(photos) <= 4
            assert budget.held == sum(map(len, photos)) <= len(body)
    assert budget.held == 0


@fuzzed
@given(CONTENT_TYPES, damaged([FORM, FORM + FORM, b"a preamble\r\n" + FORM]))
@example(b"multipart/form-data", FORM)
@example(b"multipart/form-data; boundary=x", FORM[:-8])
def test_a_damaged_form_holds_photographs_or_is_refused(content_type: bytes, body: bytes) -> None:
    holds_or_says_why(content_type, body)


@fuzzed
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4), st.text("xyz-'+", min_size=1))
def test_a_form_gives_back_what_was_put_in(contents: list[bytes], boundary: str) -> None:
    delimiter = f"\r\n--{boundary}".encode()
    sound = [one for one in contents if delimiter not in b"\r\n" + one + b"\r\n"]
    body = b"".join(
        b'--%b\r\nContent-Disposition: form-data; filename="a"\r\n\r\n%b\r\n'
        % (boundary.encode(), one)
        for one in sound
    )
    if sound:
        form = take_apart(boundary.encode(), body + b"--%b--" % boundary.encode(), 4)
        assert form.photos == sound


@fuzzed
@given(st.lists(st.binary(max_size=60), min_size=1, max_size=4))
def test_a_form_reads_as_the_standard_library_writes_one(contents: list[bytes]) -> None:
    form = MIMEMultipart("form-data", "a-boundary")
    for content in contents:
        part = MIMEApplication(content, "octet-stream")  # in base64
        part.add_header("Content-Disposition", "form-data", name="a", filename="ä.jpg")
        form.attach(part)
    body = form.as_bytes().partition(b"\n\n")[2].replace(b"\n", b"\r\n")
    assert take_apart(b"a-boundary", body, 4).photos == contents


@fuzzed
@given(damaged(JSONS) | some_json.map(lambda value: json.dumps(value).encode()))
@example(b'{"image":' + b"[" * 100_000)
@example(b'{"image":"\\ud800"}')
@example(b'{"image":"data:;base64"}')
def test_json_holds_photographs_or_is_refused(body: bytes) -> None:
    holds_or_says_why(b"application/json", b"{" + body if body[:1] != b"{" else body)
