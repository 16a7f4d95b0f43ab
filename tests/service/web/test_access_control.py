"""Keys and rates: what gets by, what does not, and what the gate remembers."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from booth_client.errors import RateLimited, Unauthorized
from service.settings import read_settings
from service.web.access_control import AccessControl, RateLimiter, network


def request(key: bytes = b"", client: str = "192.0.2.1") -> Request:
    headers = [(b"authorization", key)] if key else []
    return Request({"type": "http", "headers": headers, "client": (client, 1)})


@pytest.mark.parametrize("key", [b"Bearer one", b"bearer  one ", "Bearer zw\u00f6".encode()])
def test_a_key_opens(key: bytes) -> None:
    AccessControl(read_settings({"BOOTH_API_KEYS": "one,zw\u00f6"})).check(request(key))


@pytest.mark.parametrize("key", [b"", b"one", b"Bearer", b"Bearer one two", b"Basic one"])
def test_anything_else_does_not(key: bytes) -> None:
    gate = AccessControl(read_settings({"BOOTH_API_KEYS": "one,two"}))
    with pytest.raises(Unauthorized):
        gate.check(request(key))


def test_guessing_keys_has_its_limit_too() -> None:
    gate = AccessControl(
        read_settings({"BOOTH_API_KEYS": "one", "BOOTH_RATE_LIMIT_PER_MINUTE": "2"})
    )
    for _ in range(2):
        with pytest.raises(Unauthorized):
            gate.check(request(b"Bearer guess"))
    with pytest.raises(RateLimited):
        gate.check(request(b"Bearer one"))
    gate.check(request(b"Bearer one", client="192.0.2.2"))


def test_the_window_slides() -> None:
    rate_limiter = RateLimiter()
    assert [rate_limiter.add("a", 4, 30.0) for _ in range(5)] == [0, 0, 0, 0, 30.0]
    assert rate_limiter.add("b", 4, 30.0) == 0
    assert rate_limiter.add("a", 4, 60.0) == 60.0  # all four are still in the window
    assert rate_limiter.add("a", 4, 90.0) == 0  # two of them are
    assert rate_limiter.add("a", 4, 90.0) == 0
    assert rate_limiter.add("a", 4, 90.0) == 30.0
    assert rate_limiter.add("a", 1, 240.0) == 0  # minutes later none is


def test_two_minutes_of_clients_are_remembered() -> None:
    rate_limiter = RateLimiter()
    for number in range(1000):
        rate_limiter.add(str(number), 4, number)
    assert len(rate_limiter._current) + len(rate_limiter._previous) <= 120


def test_who_has_a_network_of_addresses_is_one_client() -> None:
    assert network("2001:db8:1:2:3::4") == network("2001:db8:1:2:ffff::") == "2001:db8:1:2::/64"
    assert network("192.0.2.7") == "192.0.2.7"
    assert network("") == ""
