"""Work that may never end is given up, stopped, and undone."""

from __future__ import annotations

import threading

import pytest

from service.fleet.attempt import GivenUp, Stops, attempt
from tests.waiting import eventually

LONG_S = 10.0


def test_it_gives_what_the_work_gives() -> None:
    undone: list[int] = []
    assert attempt(lambda _: 7, LONG_S, undone.append) == 7
    assert undone == []


@pytest.mark.parametrize("error", [ValueError, TimeoutError])
def test_it_raises_what_the_work_raises(error: type[Exception]) -> None:
    def fail(_: Stops) -> None:
        raise error("the moon")

    with pytest.raises(error, match="the moon"):
        attempt(fail, LONG_S, lambda _: None)


def test_what_takes_too_long_is_stopped_and_its_late_result_undone() -> None:
    stopped = threading.Event()
    undone: list[str] = []

    def work(stops: Stops) -> str:
        stops.add(stopped.set)
        assert stopped.wait(LONG_S)
        return "late"

    with pytest.raises(GivenUp):
        attempt(work, 0.05, undone.append)
    assert eventually(lambda: undone) == ["late"]


def test_what_begins_after_the_end_is_stopped_at_once() -> None:
    given_up, stopped = threading.Event(), threading.Event()

    def work(stops: Stops) -> None:
        assert given_up.wait(LONG_S)
        stops.add(stopped.set)

    with pytest.raises(GivenUp):
        attempt(work, 0.05, lambda _: None)
    given_up.set()
    assert stopped.wait(LONG_S)
