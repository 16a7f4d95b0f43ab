"""Work beside the serving threads: in fair turns, and what fails harms nobody."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest

from service.engine.lane import Lane

SOON = 20


def test_work_is_done_in_turns_by_client() -> None:
    lane, gate, done = Lane(1), threading.Event(), []
    started = threading.Event()

    def first() -> None:
        started.set()
        gate.wait(SOON)

    def saying(word: str) -> Callable[[], None]:
        return lambda: done.append(word)

    assert lane.put(first)
    assert started.wait(SOON)
    for word, client in [("a", "1"), ("b", "1"), ("x", "2")]:
        assert lane.put(saying(word), client)
    assert len(lane) == 3
    gate.set()
    lane.close(SOON)
    assert done == ["a", "x", "b"]


def test_work_that_fails_is_logged_and_the_next_is_done(caplog: pytest.LogCaptureFixture) -> None:
    lane, done = Lane(1), threading.Event()

    def fail() -> None:
        raise ValueError("no")

    with caplog.at_level(logging.ERROR):
        lane.put(fail)
        lane.put(done.set)
        assert done.wait(SOON)
    assert "failed" in caplog.text
    lane.close(SOON)


def test_a_lane_that_was_closed_takes_nothing() -> None:
    lane = Lane(1)
    lane.close(SOON)
    assert not lane.put(lambda: None)
