"""A body, on a real socket: what of it is a photograph, and what is refused."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import socket
import tracemalloc
import zlib
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson
import pytest
from starlette.requests import Request

from booth_client.errors import (
    BadImage,
    InvalidParameter,
    Overloaded,
    TooLarge,
    TooManyPhotos,
    UnsupportedFormat,
)
from service.memory import MemoryBudget
from service.web.body import Sent, photographs, read_body
from service.web.inflating import STEP
from tests.service.asking import BLUE, RED, coloured, first, problem


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "image/png",
        "application/x-www-form-urlencoded",
        "application/json",
        "multipart/form-data",
    ],
)
def test_a_body_that_is_a_photograph_is_one_whatever_its_type_says(
    tiny_server: str, content_type: str | None
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    response = httpx.post(f"{tiny_server}/classify", content=RED, headers=headers)
    assert first(response.json()) == "Red"


def test_one_file_of_a_form_gives_an_answer_and_several_give_results(tiny_server: str) -> None:
    one = httpx.post(f"{tiny_server}/classify", files={"anything": RED})
    assert first(one.json()) == "Red"
    several = httpx.post(f"{tiny_server}/classify", files=[("a", BLUE), ("a", RED), ("b", BLUE)])
    assert [first(answer) for answer in several.json()["results"]] == ["Blue", "Red", "Blue"]


@pytest.mark.parametrize(
    "prefix", ["", "data:image/png;base64,", "data:;base64,", "DATA:image/png;BASE64,"]
)
def test_json_takes_base64_and_data_urls(tiny_server: str, prefix: str) -> None:
    text = prefix + base64.b64encode(RED).decode()
    one = httpx.post(f"{tiny_server}/classify", json={"image": text})
    assert first(one.json()) == "Red"
    several = httpx.post(f"{tiny_server}/classify", json={"images": [text]})
    assert [first(answer) for answer in several.json()["results"]] == ["Red"]


def test_json_is_known_by_its_brace_even_as_curl_sends_it(tiny_server: str) -> None:
    body = json.dumps({"image": base64.b64encode(BLUE).decode()})
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    response = httpx.post(f"{tiny_server}/classify", content=body, headers=headers)
    assert first(response.json()) == "Blue"


@pytest.mark.parametrize(
    ("body", "status", "kind"),
    [
        (b"", 400, "bad-image"),
        (RED[:50], 400, "bad-image"),
        (b"some text", 415, "unsupported-format"),
        (b"%PDF-1.7 and so on", 415, "unsupported-format"),
        (coloured("red", side=1001), 413, "too-many-pixels"),
        (b"x" * 300_001, 413, "too-large"),
        (b"{", 422, "invalid-parameter"),
        (b"{}", 422, "invalid-parameter"),
        (b'{"image": 7}', 422, "invalid-parameter"),
        (b'{"image": "???"}', 422, "invalid-parameter"),
        (b'{"image": "data:image/png,plain"}', 422, "invalid-parameter"),
        (b'{"images": []}', 422, "invalid-parameter"),
        (b'{"images": [1]}', 422, "invalid-parameter"),
        (b'{"image": "aGk=", "surplus": 1}', 422, "invalid-parameter"),
        (b'{"image": "aGk="}', 415, "unsupported-format"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_a_bad_body_gets_a_clear_problem(
    tiny_server: str, body: bytes, status: int, kind: str
) -> None:
    problem(httpx.post(f"{tiny_server}/classify", content=body), status, kind)


def test_a_chunked_body_is_bounded_too(tiny_server: str) -> None:
    chunks = (b"x" * 10_000 for _ in range(31))
    problem(httpx.post(f"{tiny_server}/classify", content=chunks), 413, "too-large")


def test_a_form_without_a_file_and_a_broken_form_are_refused(tiny_server: str) -> None:
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    text = b'--x\r\nContent-Disposition: form-data; name="top_k"\r\n\r\n1\r\n--x--\r\n'
    url = f"{tiny_server}/classify"
    problem(httpx.post(url, content=text, headers=form), 400, "bad-image")
    broken = b"--x\r\nContent-Disposition\r\n\r\nhello\r\n"
    problem(httpx.post(url, content=broken, headers=form), 422, "invalid-parameter")


def test_too_many_photographs_are_refused(tiny_server: str) -> None:
    response = httpx.post(f"{tiny_server}/classify", files=[("a", RED)] * 5)
    assert "at most 4" in problem(response, 413, "too-many-photos")


@pytest.mark.parametrize("value", [b'"AA=="', b"{}", b"1"])
def test_a_json_of_countless_values_is_refused_before_it_is_parsed(
    tiny_server: str, monkeypatch: pytest.MonkeyPatch, value: bytes
) -> None:
    body = b'{"images": [' + b",".join([value] * 10_000) + b"]}"
    problem(httpx.post(f"{tiny_server}/classify", content=body), 413, "too-many-photos")
    monkeypatch.delattr(orjson, "loads")
    request = Request({"type": "http", "headers": []})
    with pytest.raises(TooManyPhotos):
        asyncio.run(photographs(request, body, 64, MemoryBudget(1 << 20).reserve(0)))


def test_the_commas_of_a_list_are_no_photographs() -> None:
    units = ",".join(map(str, range(2048)))
    body = json.dumps({"image": base64.b64encode(RED).decode(), "unit": units}).encode()
    request = Request({"type": "http", "headers": []})
    reservation = MemoryBudget(1 << 20).reserve(0)
    sent = asyncio.run(photographs(request, body, 4, reservation, ("unit",)))
    assert sent.photos == [RED]
    assert sent.fields == {"unit": units}


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_takes_its_memory_before_it_comes_and_no_second_copy(announced: bool) -> None:
    size, budget = 3_000_000, MemoryBudget(1 << 30)
    chunks = [bytes([number]) * 50_000 for number in range(60)]
    held: list[int] = []

    async def receive() -> dict[str, object]:
        held.append(budget.held)
        body = chunks[len(held) - 1]
        return {"type": "http.request", "body": body, "more_body": len(held) < len(chunks)}

    headers = [(b"content-length", b"%d" % size)] if announced else []
    request = Request({"type": "http", "headers": headers}, receive)

    async def measured() -> tuple[bytes, int]:
        tracemalloc.start()
        try:
            body = await read_body(request, reservation, 20_000_000, 10)
            return body, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    with budget.reserve(0) as reservation:
        body, peak = asyncio.run(measured())
        assert body == b"".join(chunks)
        assert budget.held == size
    if announced:
        assert set(held) == {size}
    assert all(before >= 50_000 * number for number, before in enumerate(held))
    assert peak < max(size, budget.take_peak()) + 100_000


def test_a_body_that_is_one_chunk_is_not_copied() -> None:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": RED, "more_body": False}

    request = Request({"type": "http", "headers": []}, receive)
    with MemoryBudget(1 << 20).reserve(0) as reservation:
        assert asyncio.run(read_body(request, reservation, 1 << 20, 10)) is RED


def test_a_body_without_room_is_refused_at_its_head_and_leaves_nothing_held() -> None:
    async def receive() -> dict[str, object]:
        pytest.fail("it was read")

    budget = MemoryBudget(100)
    headers = [(b"content-length", b"101")]
    request = Request({"type": "http", "headers": headers}, receive)
    with budget.reserve(0) as reservation, pytest.raises(Overloaded):
        asyncio.run(read_body(request, reservation, 1000, 10))
    assert budget.held == 0


@pytest.mark.parametrize(
    ("most", "told"), [(999, "999 bytes"), (1_590_000, "1.5 MB"), (20_000_000, "20 MB")]
)
def test_the_largest_body_is_told_in_a_size_that_people_read(most: int, told: str) -> None:
    async def receive() -> dict[str, object]:
        pytest.fail("it was read")

    headers = [(b"content-length", b"%d" % (most + 1))]
    request = Request({"type": "http", "headers": headers}, receive)
    sentence = f"^The body is larger than {told}; send a smaller photograph"
    with MemoryBudget(100).reserve(0) as reservation, pytest.raises(TooLarge, match=sentence):
        asyncio.run(read_body(request, reservation, most, 10))


def test_taking_a_form_or_json_apart_takes_memory_for_a_moment() -> None:
    budget = MemoryBudget(1 << 20)
    text = base64.b64encode(RED).decode()
    body = json.dumps({"images": [text, text]}).encode()
    request = Request({"type": "http", "headers": []})
    with budget.reserve(len(body)) as reservation:
        sent = asyncio.run(photographs(request, body, 4, reservation))
        assert sent == Sent([RED, RED], True, {}, "images")
        assert budget.held == 2 * len(RED)
        assert budget.take_peak() == 4 * len(body)
    form = b'--x\r\nContent-Disposition: form-data; filename="a"\r\n\r\n%b\r\n--x--' % RED
    headers = [(b"content-type", b"multipart/form-data; boundary=x")]
    request = Request({"type": "http", "headers": headers})
    with budget.reserve(len(form)) as reservation:
        budget.take_peak()
        assert asyncio.run(photographs(request, form, 4, reservation)) == Sent([RED], False, {})
        assert budget.held == len(RED)
        assert budget.take_peak() == 2 * len(form)
    small = MemoryBudget(len(form))
    with small.reserve(len(form)) as reservation, pytest.raises(Overloaded):
        asyncio.run(photographs(request, form, 4, reservation))


def test_base64_may_come_in_lines(tiny_server: str) -> None:
    text = base64.encodebytes(RED).decode()
    assert "\n" in text.strip()
    assert first(httpx.post(f"{tiny_server}/classify", json={"image": text}).json()) == "Red"
    foreign = httpx.post(f"{tiny_server}/classify", json={"image": "caf\u00e9"})
    assert "not valid base64" in problem(foreign, 422, "invalid-parameter")


def test_a_body_that_stops_coming_is_given_up(tiny_server: str) -> None:
    address = urlsplit(tiny_server)
    with socket.create_connection((address.hostname, address.port), 10) as connection:
        connection.sendall(b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nhalf")
        answer = b""
        while piece := connection.recv(4096):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"/problems/slow-body" in answer


def test_base64_may_be_for_urls_and_without_padding(tiny_server: str) -> None:
    behind = bytes(-len(BLUE) % 3) + b"\xfb\xef\xbe\xff\xff\xff\0"  # after the image's end
    photo = BLUE + behind
    text = base64.urlsafe_b64encode(photo).decode().rstrip("=")
    assert {"-", "_"} <= set(text)
    assert len(text) % 4
    answer = httpx.post(f"{tiny_server}/classify", json={"image": text})
    assert first(answer.json()) == "Blue"


def test_json_may_have_a_byte_order_mark(tiny_server: str) -> None:
    body = json.dumps({"image": base64.b64encode(BLUE).decode()}).encode("utf-8-sig")
    assert first(httpx.post(f"{tiny_server}/classify", content=body).json()) == "Blue"


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"surplus": 1}, "There is no parameter 'surplus'; see /docs for those there are."),
        ({"imagez": "aGk="}, "There is no parameter 'imagez'; did you mean image?"),
        ({"top_k": None}, "top_k must be a string or a whole number in the JSON."),
        ({"top_k": True}, "top_k must be a string or a whole number in the JSON."),
        ({"top_k": 2.0}, "top_k must be a string or a whole number in the JSON."),
        ({"images": ["aGk="]}, "nothing else but parameters"),
    ],
)
def test_what_else_stands_in_json_is_no_parameter(fields: Any, sentence: str) -> None:
    body = json.dumps({"image": "aGk=", **fields}).encode()
    with pytest.raises(InvalidParameter) as refusal:
        sent_in(body)
    assert sentence in refusal.value.detail


def test_json_holds_parameters_beside_its_photographs_each_once() -> None:
    body = b'{"top_k":3, "image" : "aGk=" , "model":"tiny"}'
    assert sent_in(body) == Sent([b"hi"], False, {"top_k": "3", "model": "tiny"}, "image")
    with pytest.raises(InvalidParameter, match="given more than once"):
        sent_in(b'{"top_k":3, "image":"aGk=", "top_k" :3}')
    with pytest.raises(InvalidParameter, match="given more than once"):
        sent_in(b'{"image":"aGk=", "image":"aGk="}')


def test_a_form_that_can_hold_no_photograph_or_that_spoils_it_is_named() -> None:
    with pytest.raises(UnsupportedFormat, match="x-www-form-urlencoded holds no photograph"):
        sent_in(b"image=aGk%3D&top_k=3", "application/x-www-form-urlencoded; charset=utf-8")
    lost = RED.translate(None, b"\r\n\0")
    with pytest.raises(BadImage, match="--data-binary"):
        sent_in(lost, "Application/X-WWW-form-urlencoded")
    assert sent_in(RED, "application/x-www-form-urlencoded").photos == [RED]


def sent_in(body: bytes, content_type: str = "") -> Sent:
    request = Request({"type": "http", "headers": [(b"content-type", content_type.encode())]})
    with MemoryBudget(1 << 20).reserve(len(body)) as reservation:
        return asyncio.run(photographs(request, body, 4, reservation, ("model", "top_k")))


@pytest.mark.parametrize("coding", ["br", "deflate, gzip", "zstd"])
def test_an_unknown_coding_is_named_and_a_photograph_is_one_all_the_same(
    tiny_server: str, coding: str
) -> None:
    url, headers = f"{tiny_server}/classify", {"Content-Encoding": coding}
    sentence = problem(
        httpx.post(url, content=gzip.compress(RED), headers=headers), 415, "unsupported-format"
    )
    assert (
        sentence == f"The body's Content-Encoding {coding!r} is not undone here; send it in gzip, "
        "in deflate, or as it is."
    )
    assert first(httpx.post(url, content=RED, headers=headers).json()) == "Red"


@pytest.mark.parametrize(
    ("coding", "pack"),
    [("gzip", gzip.compress), ("GZIP", gzip.compress), ("deflate", zlib.compress)],
)
def test_a_compressed_body_is_unpacked_whatever_is_in_it(
    tiny_server: str, coding: str, pack: Callable[[bytes], bytes]
) -> None:
    url, headers = f"{tiny_server}/classify", {"Content-Encoding": coding}
    text = orjson.dumps({"image": base64.b64encode(BLUE).decode()})
    form = httpx.Request("POST", url, files={"photo": BLUE})
    form_headers = {**headers, "Content-Type": form.headers["content-type"]}
    for content, given in ((BLUE, headers), (text, headers), (form.read(), form_headers)):
        answer = httpx.post(url, content=pack(content), headers=given)
        assert first(answer.json()) == "Blue"
    assert first(httpx.post(url, content=RED, headers=headers).json()) == "Red"


def test_a_bomb_does_not_go_off(tiny_server: str) -> None:
    url, headers = f"{tiny_server}/classify", {"Content-Encoding": "gzip"}
    for body in (gzip.compress(bytes(300_001)), gzip.compress(bytes(300_000))[:-9]):
        response = httpx.post(url, content=body, headers=headers)
        assert response.status_code in (400, 413)
    empty_blocks = gzip.compress(b"")[:10] + b"\0\0\0\xff\xff" * 60_001
    sentence = problem(httpx.post(url, content=empty_blocks, headers=headers), 413, "too-large")
    assert sentence.startswith("The body is larger than 300 kB; send")
    chunks = (empty_blocks[at : at + 10_000] for at in range(0, len(empty_blocks), 10_000))
    assert httpx.post(url, content=chunks, headers=headers).status_code == 413


def test_many_bodies_are_unpacked_one_step_in_each_turn_of_the_loop() -> None:
    packed, bodies, size = gzip.compress(bytes(1_000_000)), 20, 1_000_000
    scope = {"type": "http", "headers": [(b"content-encoding", b"gzip")]}
    memory = MemoryBudget(1 << 30)

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": packed, "more_body": False}

    async def read() -> int:
        with memory.reserve(0, "client") as reservation:
            return len(await read_body(Request(scope, receive), reservation, size, 60))

    async def turns_that_others_had() -> int:
        reading, turns = [asyncio.create_task(read()) for _ in range(bodies)], 0
        while not all(one.done() for one in reading):
            turns += 1
            await asyncio.sleep(0)
        assert [await one for one in reading] == [size] * bodies
        return turns

    assert asyncio.run(turns_that_others_had()) >= bodies * size // STEP


def test_what_is_unpacked_has_its_memory_first() -> None:
    packed = gzip.compress(bytes(5_000_000))

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": packed, "more_body": False}

    budget = MemoryBudget(1_000_000)
    request = Request(
        {"type": "http", "method": "POST", "headers": [(b"content-encoding", b"gzip")]}, receive
    )
    tracemalloc.start()
    try:
        with budget.reserve(0) as reservation, pytest.raises(Overloaded):
            asyncio.run(read_body(request, reservation, 10_000_000, 5))
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()
    assert budget.held == 0


@pytest.mark.parametrize(
    "content_type",
    ["image/jpg", "IMAGE/PNG ; q=1", "text/plain", "video/mp4", "; x", 'multipart/form-data; a="'],
)
def test_the_bytes_decide_and_not_what_they_are_called(tiny_server: str, content_type: str) -> None:
    headers = {"Content-Type": content_type}
    assert (
        first(httpx.post(f"{tiny_server}/classify", content=RED, headers=headers).json()) == "Red"
    )
