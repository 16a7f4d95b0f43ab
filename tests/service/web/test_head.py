"""HEAD is 200 wherever GET is: monitors ask so."""

from __future__ import annotations

import httpx
import pytest


@pytest.mark.parametrize(
    "path",
    [
        "/livez",
        "/readyz",
        "/models",
        "/models/tiny",
        "/models/tiny/labels",
        "/docs",
        "/openapi.json",
    ],
)
def test_head_is_get_without_the_body(tiny_server: str, path: str) -> None:
    got = httpx.get(f"{tiny_server}{path}")
    head = httpx.head(f"{tiny_server}{path}")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert head.headers["content-length"] == got.headers["content-length"]


def test_head_of_the_metrics(tiny_server: str) -> None:
    head = httpx.head(f"{tiny_server}/metrics")
    assert (head.status_code, head.content) == (200, b"")


def test_what_is_not_there_is_not_there_for_head(tiny_server: str) -> None:
    assert httpx.head(f"{tiny_server}/nothing").status_code == 404
    assert httpx.head(f"{tiny_server}/classify").status_code == 405
