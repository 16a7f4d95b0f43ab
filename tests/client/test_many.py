"""Many at once: in order, never more than wanted, and none that nobody waits for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator

import pytest

from booth_client.many import in_order, in_order_async
from tests.waiting import ended, eventually

SHORT_S = 0.005


class Busy:
    """How many are at it, and the most that were at a time."""

    def __init__(self) -> None:
        self.now = self.most = 0
        self._lock = threading.Lock()

    def change(self, by: int) -> None:
        with self._lock:
            self.now += by
            self.most = max(self.most, self.now)


def clients() -> list[threading.Thread]:
    return [one for one in threading.enumerate() if one.name.startswith("booth-client")]


def test_answers_keep_their_order_and_the_bound_holds() -> None:
    busy = Busy()

    def ask(item: int, pause: Callable[[float], None]) -> int:
        busy.change(1)
        pause(SHORT_S * (3 - item % 3))
        busy.change(-1)
        return 2 * item

    assert list(in_order(ask, range(30), 4)) == list(range(0, 60, 2))
    assert busy.most == 4


def test_items_are_taken_as_answers_are() -> None:
    taken: list[int] = []

    def endless() -> Iterator[int]:
        while True:
            taken.append(len(taken))
            yield taken[-1]

    answers = in_order(lambda item, _: item, endless(), 2)
    assert [next(answers) for _ in range(20)] == list(range(20))
    assert len(taken) <= 24
    answers.close()
    ended(*clients())


def test_who_stops_early_waits_for_no_pause() -> None:
    def ask(item: int, pause: Callable[[float], None]) -> int:
        if item:
            pause(60)
        return item

    answers = in_order(ask, range(9), 3)
    assert next(answers) == 0
    answers.close()
    ended(*clients())


def test_an_error_that_is_no_value_ends_all() -> None:
    def ask(item: int, _: object) -> int:
        return 1 // item

    with pytest.raises(ZeroDivisionError):
        list(in_order(ask, [1, 0, 1], 2))
    eventually(clients, lambda threads: not threads)


def test_a_loop_s_answers_keep_their_order_and_the_bound_holds() -> None:
    busy = Busy()

    async def ask(item: int) -> int:
        busy.change(1)
        await asyncio.sleep(SHORT_S * (3 - item % 3))
        busy.change(-1)
        return 2 * item

    async def asked() -> list[int]:
        return [one async for one in in_order_async(ask, range(30), 4)]

    assert asyncio.run(asked()) == list(range(0, 60, 2))
    assert busy.most == 4


def test_who_leaves_a_loop_s_answers_leaves_no_task() -> None:
    async def ask(item: int) -> int:
        await asyncio.sleep(60 if item else 0)
        return item

    async def asked() -> int:
        answers = in_order_async(ask, range(9), 3)
        assert await anext(answers) == 0
        await answers.aclose()
        return len(asyncio.all_tasks())

    assert asyncio.run(asked()) == 1
