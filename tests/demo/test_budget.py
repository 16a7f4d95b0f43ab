"""The memory of a page that is a process of its own."""

from __future__ import annotations

import pytest

from booth_client import Overloaded
from demo.budget import Budget


def test_one_client_gets_three_quarters_and_there_is_room_for_one_more() -> None:
    budget = Budget(1000)
    greedy = budget.reserve(750, "192.0.2.1")
    with pytest.raises(Overloaded) as refused:
        greedy.resize(751)
    assert refused.value.retry_after_s
    other = budget.reserve(100, "192.0.2.2")
    with pytest.raises(Overloaded):
        budget.reserve(1, "192.0.2.1")
    greedy.release()
    other.resize(700)


def test_what_is_given_back_is_free_and_forgotten() -> None:
    budget = Budget(1000)
    reservation = budget.reserve(700, "192.0.2.1")
    reservation.resize(10)
    budget.reserve(600, "192.0.2.1").release()
    reservation.release()
    assert not budget._clients
