"""Fair turns: who sends much waits behind itself alone."""

from __future__ import annotations

import pytest

from service.engine.turns import FairQueue


def taken(queue: FairQueue[str]) -> str:
    return "".join(queue.popleft() for _ in range(len(queue)))


def test_clients_take_turns_and_each_keeps_its_order() -> None:
    queue: FairQueue[str] = FairQueue()
    for item, client in [("a", "1"), ("b", "1"), ("c", "1"), ("x", "2"), ("y", "2"), ("p", "3")]:
        queue.append(item, client)
    assert len(queue) == 6
    assert taken(queue) == "axpbyc"


def test_one_who_comes_late_waits_for_one_of_each() -> None:
    queue: FairQueue[str] = FairQueue()
    for item in "abcd":
        queue.append(item, "1")
    assert queue.popleft() == "a"
    queue.append("x", "2")
    assert taken(queue) == "bxcd"


def test_without_clients_it_is_a_queue() -> None:
    queue: FairQueue[str] = FairQueue()
    for item in "abc":
        queue.append(item)
    assert taken(queue) == "abc"


def test_nobody_waits() -> None:
    queue: FairQueue[str] = FairQueue()
    with pytest.raises(IndexError):
        queue.popleft()
    queue.append("a", "1")
    queue.popleft()
    with pytest.raises(IndexError):
        queue.popleft()
