"""What the fronts share that look inside a network."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from booth_client.wire import Timing
from service.api.inspecting import asks_to_inspect, prefers, server_timing, timing


@pytest.mark.parametrize(
    ("method", "path", "what"),
    [
        ("POST", "/label-map", "label-map"),
        ("POST", "/features", "features"),
        ("GET", "/label-map", ""),
        ("POST", "/classify", ""),
    ],
)
def test_a_request_is_known_by_its_path(method: str, path: str, what: str) -> None:
    assert asks_to_inspect({"method": method, "path": path}) == what


def test_what_is_neither_decoding_nor_the_network_is_waiting() -> None:
    times = timing(0.001, 0.0025, 0.01)
    assert times == Timing(decode=1, queue=6.5, inference=2.5, total=10)
    assert server_timing(times)["Server-Timing"] == (
        "decode;dur=1.00, queue;dur=6.50, inference;dur=2.50, total;dur=10.00"
    )


@pytest.mark.parametrize(
    ("accept", "preferred"),
    [
        ("image/png", True),
        ("Image/PNG;q=0.9, application/json", True),
        ("application/json, image/png", False),
        ("image/png;q=0", False),
        ("image/png; Q = 0.000, */*", False),
        ("image/png;v=1;q=0.001", True),
        ("*/*", False),
        ("", False),
    ],
)
def test_another_type_than_json_has_to_be_named_first(accept: str, preferred: bool) -> None:
    headers = [(b"accept", accept.encode())] if accept else []
    assert prefers(Request({"type": "http", "headers": headers}), "image/png") is preferred
