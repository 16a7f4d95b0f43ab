"""Work beside the serving threads: in fair turns, and what fails harms nobody."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

import pytest

from service.engine.lane import Lane
from tests.waiting import eventually

SOON = 20


def put(lane: Lane, work: Callable[[], bool], client: str = "") -> bool:
    """Admit a second of work, and have it done."""
    lane.backlog.admit([1.0], 0.0, 1000.0, client)
    return lane.put(work, 1.0, client)


def test_work_is_done_in_turns_by_client() -> None:
    lane, gate, started = Lane(1), threading.Event(), threading.Event()
    done: list[str] = []

    def first() -> bool:
        started.set()
        return gate.wait(SOON)

    def saying(word: str) -> Callable[[], bool]:
        def say() -> bool:
            done.append(word)
            return True

        return say

    assert put(lane, first)
    assert started.wait(SOON)
    for word, client in [("a", "1"), ("b", "1"), ("x", "2")]:
        assert put(lane, saying(word), client)
    assert len(lane) == 3
    gate.set()
    lane.close(SOON)
    assert done == ["a", "x", "b"]


def test_what_is_worked_on_counts_until_it_is_over_whoever_still_waits_for_it() -> None:
    lane, gate, started = Lane(1), threading.Event(), threading.Event()

    def work() -> bool:
        started.set()
        gate.wait(SOON)
        return False  # nobody wanted it any more

    put(lane, work)
    assert started.wait(SOON)
    assert lane.backlog.predicted_s() > 0
    gate.set()
    eventually(lane.backlog.predicted_s, lambda seconds: seconds == 0)
    lane.close(SOON)


def test_work_that_fails_is_logged_and_the_next_is_done(caplog: pytest.LogCaptureFixture) -> None:
    lane, done = Lane(1), threading.Event()

    def fail() -> bool:
        raise ValueError("no")

    def succeed() -> bool:
        done.set()
        return True

    with caplog.at_level(logging.ERROR):
        put(lane, fail)
        put(lane, succeed)
        assert done.wait(SOON)
    assert "failed" in caplog.text
    lane.close(SOON)
    assert lane.backlog.predicted_s() == 0


def test_a_lane_that_was_closed_takes_nothing_and_holds_nothing() -> None:
    lane = Lane(1)
    lane.close(SOON)
    assert not put(lane, lambda: True)
    assert lane.backlog.predicted_s() == 0


def test_without_a_thread_nothing_is_held_and_later_there_may_be_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lane, done = Lane(1), threading.Event()

    def no_room(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    def work() -> bool:
        done.set()
        return True

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", no_room)
        assert not put(lane, work)
    assert lane.backlog.predicted_s() == 0
    assert put(lane, work)
    assert done.wait(SOON)
    lane.close(SOON)
