"""A call's head as an ASGI scope."""

from __future__ import annotations

from typing import Any

import pytest

from service.grpc.connection import address_of, connection_of, seconds_left


class Context:
    """As much of a call as is looked at."""

    def __init__(self, left: float | None = None) -> None:
        self._left = left

    def peer(self) -> str:
        return "ipv4:127.0.0.1:5000"

    def invocation_metadata(self) -> Any:
        return (("authorization", "Bearer k"), ("odd", "é✓"), ("trace-bin", b"\0"))

    def time_remaining(self) -> float | None:
        return self._left


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("ipv4:127.0.0.1:5000", ("127.0.0.1", 5000)),
        ("ipv6:%5B::1%5D:5000", ("::1", 5000)),
        ("ipv6:[fe80::1]:80", ("fe80::1", 80)),
        ("unix:/run/booth.sock", None),
        ("unix:", None),
        ("", None),
    ],
)
def test_the_address_of_a_peer(peer: str, address: tuple[str, int] | None) -> None:
    assert address_of(peer) == address


def test_the_metadata_are_the_headers() -> None:
    connection = connection_of(Context(), "/service/Method")
    assert connection.headers["authorization"] == "Bearer k"
    assert connection.headers["odd"] == "é?"
    assert connection.headers["content-type"] == "application/grpc"
    assert "trace-bin" not in connection.headers
    assert (connection.scope["method"], connection.scope["path"]) == ("POST", "/service/Method")
    assert connection.client == ("127.0.0.1", 5000)


@pytest.mark.parametrize(
    ("left", "seconds"), [(None, None), (9.2e18, None), (3600, 60), (2.5, 2.5), (0, 0)]
)
def test_the_deadline_of_a_call(left: float | None, seconds: float | None) -> None:
    assert seconds_left(Context(left), 60) == seconds
