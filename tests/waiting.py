"""Waiting for another thread or process: never for ever, and a failure says what was seen."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Thread
from typing import TypeVar

import pytest

__all__ = ["SOON_S", "ended", "eventually"]

SOON_S = 10.0  # far longer than what is waited for takes, even on a machine that is busy
LONGEST_PAUSE_S = 0.05

Seen = TypeVar("Seen")


def eventually(
    look: Callable[[], Seen], so: Callable[[Seen], object] = bool, *, within_s: float = SOON_S
) -> Seen:
    """What ``look`` gives, as soon as it is ``so``: ``eventually(lambda: len(queue), bool)``.

    The test fails if that is not so within ``within_s`` seconds, and says what was last seen.
    """
    end = time.monotonic() + within_s
    pause_s = 0.001
    while not so(seen := look()):
        if time.monotonic() > end:
            pytest.fail(f"what was waited for did not come within {within_s:g} s; seen: {seen!s}")
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, LONGEST_PAUSE_S)
    return seen


def ended(*threads: Thread, within_s: float = SOON_S) -> None:
    """Wait for threads to end; the test fails if one does not within ``within_s`` seconds."""
    end = time.monotonic() + within_s
    for thread in threads:
        thread.join(max(0.0, end - time.monotonic()))
        if thread.is_alive():
            pytest.fail(f"the thread {thread.name} did not end within {within_s:g} s")
