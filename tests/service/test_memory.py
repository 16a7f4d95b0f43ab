"""One budget: taken before the bytes are, given back, and no client has all of it."""

from __future__ import annotations

import threading

import pytest

from booth_client.errors import Overloaded
from service.memory import MemoryBudget


def test_what_is_reserved_is_held_until_it_is_given_back() -> None:
    budget = MemoryBudget(100)
    with budget.reserve(60) as reservation:
        assert budget.held == 60
        reservation.resize(20)
        assert budget.held == 20
        reservation.resize(90)
        assert budget.held == 90
    assert budget.held == 0


def test_the_most_that_was_held_is_told_once() -> None:
    budget = MemoryBudget(100)
    with budget.reserve(60):
        budget.reserve(10)
    assert budget.take_peak() == 70
    assert budget.take_peak() == 10


def test_beyond_the_budget_nothing_is_taken() -> None:
    budget = MemoryBudget(100)
    reservation = budget.reserve(60)
    with pytest.raises(Overloaded, match="no memory free") as caught:
        budget.reserve(41)
    assert caught.value.retry_after_s == 1
    with pytest.raises(Overloaded):
        reservation.resize(101)
    assert (budget.held, reservation.size) == (60, 60)
    reservation.release()
    assert budget.reserve(100).size == 100


def test_a_client_alone_gets_three_quarters_and_leaves_room_for_others() -> None:
    budget = MemoryBudget(100)
    budget.reserve(75, "a")
    with pytest.raises(Overloaded, match="one client may"):
        budget.reserve(1, "a")
    budget.reserve(18, "b")
    with pytest.raises(Overloaded, match="one client may"):
        budget.reserve(2, "b")
    budget.reserve(5, "c")


def test_a_share_that_was_given_back_counts_no_longer() -> None:
    budget = MemoryBudget(100)
    for _ in range(3):
        with budget.reserve(75, "a"):
            pass
    assert budget.held == 0


def test_threads_lose_nothing() -> None:
    budget = MemoryBudget(1000)

    def reserve() -> None:
        for _ in range(1000):
            budget.reserve(3, "a").release()

    threads = [threading.Thread(target=reserve) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert budget.held == 0
