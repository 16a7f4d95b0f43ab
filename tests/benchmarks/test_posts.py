"""What the load generator sends is what a server reads."""

from __future__ import annotations

import httpx

from benchmarks.posts import bodies, post_request
from tests.benchmarks.conftest import serving


def test_a_request_says_where_it_goes_and_how_long_it_is() -> None:
    sent = post_request("http://host:81/classify?top_k=1", b"body", headers=["X-Key: 7"])
    assert sent.splitlines() == [
        b"POST /classify?top_k=1 HTTP/1.1",
        b"Host: host:81",
        b"Content-Type: image/jpeg",
        b"Content-Length: 4",
        b"X-Key: 7",
        b"",
        b"body",
    ]


def test_of_one_each_photograph_is_a_body_of_its_own(photos: dict[str, bytes]) -> None:
    supply = list(photos.values())
    assert bodies(supply, 1) == [(photo, "image/jpeg") for photo in supply]


def test_forms_take_the_photographs_in_turn_and_a_server_finds_them_all() -> None:
    forms = bodies([b"one", b"two", b"three"], 2)
    found: list[int] = []

    def answer(body: bytes) -> tuple[int, bytes]:
        found.append(body.count(b'name="photo"'))
        return 200, body

    with serving(answer) as url:
        answers = [
            httpx.post(url, content=body, headers={"Content-Type": kind}).content
            for body, kind in forms
        ]
    assert found == [2, 2]
    words = [[w for w in (b"one", b"two", b"three") if w in answer] for answer in answers]
    assert words == [[b"one", b"two"], [b"one", b"three"]]
