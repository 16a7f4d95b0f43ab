"""Bodies are bounded in bytes, in time and in the memory of all of them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from starlette.requests import ClientDisconnect

from booth_client import Overloaded, SlowBody, TooLarge
from demo.bodies import Bodies, client_of
from demo.budget import Budget
from service.memory import MemoryBudget

if TYPE_CHECKING:
    from starlette.types import Message


def body_of(
    bodies: Bodies, *messages: Message, length: int | None = None, max_bytes: int = 100
) -> list[bytes]:
    """What is read of a request that sends these messages, and nothing after."""
    headers = [] if length is None else [(b"content-length", str(length).encode())]
    scope = {"type": "http", "headers": headers, "client": ("192.0.2.1", 1)}
    coming = list(messages)

    async def receive() -> Message:
        return coming.pop(0) if coming else await asyncio.Future()

    async def read() -> list[bytes]:
        with bodies.held(scope) as held:
            return await bodies.read(scope, receive, held, max_bytes)

    return asyncio.run(read())


def piece(content: bytes, *, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": content, "more_body": more}


def test_a_body_comes_in_its_pieces_and_its_memory_is_given_back() -> None:
    budget = Budget(1000)
    pieces = body_of(Bodies(budget), piece(b"a"), piece(b"b"), piece(b"", more=False))
    assert pieces == [b"a", b"b"]
    assert not budget._clients


def test_a_body_that_is_too_long_is_refused_before_it_comes() -> None:
    with pytest.raises(TooLarge, match="larger than 100 bytes"):
        body_of(Bodies(Budget()), length=101)


def test_a_body_of_no_known_length_is_refused_when_it_gets_too_long() -> None:
    with pytest.raises(TooLarge):
        body_of(Bodies(Budget()), piece(bytes(60)), piece(bytes(60)))


def test_half_a_body_does_not_stay() -> None:
    budget = Budget(1000)
    with pytest.raises(SlowBody, match=r"after 0\.01 s"):
        body_of(Bodies(budget, timeout_s=0.01), piece(b"half"), length=8)
    assert not budget._clients


def test_a_body_for_which_there_is_no_memory_is_refused() -> None:
    with pytest.raises(Overloaded):
        body_of(Bodies(Budget(100)), piece(bytes(90)))


def test_within_the_service_the_memory_is_the_service_s_own() -> None:
    budget = MemoryBudget(1000)
    assert body_of(Bodies(budget), piece(b"a", more=False)) == [b"a"]
    with pytest.raises(Overloaded):
        body_of(Bodies(MemoryBudget(100)), piece(bytes(90)))
    assert budget.held == 0


def test_a_client_may_leave() -> None:
    with pytest.raises(ClientDisconnect):
        body_of(Bodies(Budget()), piece(b"half"), {"type": "http.disconnect"})


@pytest.mark.parametrize(
    ("host", "client"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1:2:3", "2001:db8::/64"),
        ("a name", "a name"),
    ],
)
def test_a_client_is_an_address_or_an_ipv6_network(host: str, client: str) -> None:
    assert client_of({"client": (host, 1)}) == client
    assert client_of({}) == ""
