"""How many connections there may be, who gives way, and whose turn it is."""

from __future__ import annotations

import asyncio

import pytest

from service.run.connections import Connections


class Fake:
    """A connection that only counts."""

    def __init__(self, owner: str, since: float, *, waits: bool = True) -> None:
        self.owner = owner
        self.since = since
        self.gone = False
        self.turns: list[Fake] = []
        self._waits = waits

    def waits(self) -> bool:
        return self._waits

    def give_way(self) -> None:
        self.gone = True

    def go_on(self) -> None:
        self.turns.append(self)


def filled(*connections: Fake) -> Connections:
    found = Connections()
    for one in connections:
        found.add(one)
    return found


def test_the_one_that_waited_longest_of_who_has_the_most_goes() -> None:
    old, first, second = Fake("a", 1), Fake("b", 2), Fake("b", 3)
    assert filled(old, first, second).has_room("c", most=3, most_of_client=3)
    assert [one.gone for one in (old, first, second)] == [False, True, False]


def test_one_client_takes_no_more_than_a_share_from_others() -> None:
    old, first, second = Fake("a", 1), Fake("b", 2), Fake("b", 3)
    assert filled(old, first, second).has_room("b", most=9, most_of_client=2)
    assert [one.gone for one in (old, first, second)] == [False, True, False]


def test_nobody_goes_who_is_being_answered() -> None:
    busy = Fake("a", 1, waits=False)
    assert not filled(busy).has_room("b", most=1, most_of_client=1)
    assert not busy.gone


def test_who_is_gone_is_not_counted_twice() -> None:
    one = Fake("a", 1)
    connections = filled(one)
    connections.discard(one)
    connections.discard(one)
    assert connections.has_room("a", most=1, most_of_client=1)


@pytest.mark.parametrize(
    ("host", "owner"),
    [
        ("10.1.2.3", ""),
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8::1", "2001:db8::/64"),
        ("", ""),
        ("socket", "socket"),
    ],
)
def test_a_trusted_proxy_has_no_share_and_all_others_one(host: str, owner: str) -> None:
    assert Connections(["10.0.0.0/8"]).owner(host) == owner


def test_one_goes_on_in_each_turn_of_the_loop() -> None:
    order: list[str] = []

    class Turn(Fake):
        def go_on(self) -> None:
            order.append(self.owner)

    async def take_turns() -> None:
        connections, loop = Connections(), asyncio.get_running_loop()
        for name in "abc":
            connections.take_turns(Turn(name, 0), loop)
        for count in range(1, 4):
            await asyncio.sleep(0)
            assert len(order) == count

    asyncio.run(take_turns())
    assert order == ["a", "b", "c"]
