"""How long until a request is sent again, and when it no more is."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from booth_client import Retry, calls
from booth_client.retry import Tries
from tests.client.contract import PHOTO

REFUSED = httpx.ConnectError("refused")


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def tries(clock: Clock | None = None, timeout_ms: int | None = None, **retry: Any) -> Tries[Any]:
    call = calls.classify(PHOTO, model=None, top_k=5, timeout_ms=timeout_ms, explain=())
    begun: Tries[Any] = Tries(call, Retry(**retry), clock or Clock())
    begun.next()
    return begun


def told(status: int, retry_after: str = "") -> httpx.Response:
    return httpx.Response(status, headers={"Retry-After": retry_after} if retry_after else {})


@pytest.mark.parametrize("status", [429, 502, 503])
def test_what_passes_is_asked_again_when_retry_after_says(status: int) -> None:
    for _ in range(20):
        pause_s = tries().pause_after(told(status, "3"))
        assert pause_s is not None
        assert 3 <= pause_s <= 3.75


@pytest.mark.parametrize("status", [200, 304, 400, 401, 404, 413, 422, 500, 504])
def test_what_another_time_would_not_change_is_not_asked_again(status: int) -> None:
    assert tries().pause_after(told(status, "3")) is None


def test_retry_after_may_be_a_date() -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=20), usegmt=True)
    pause_s = tries().pause_after(told(503, date))
    assert pause_s is not None
    assert 15 < pause_s <= 25


@pytest.mark.parametrize("text", ["", "0", "-5", "soon", "Fri, 27 Nov 2015 00:00:00 GMT"])
def test_without_a_time_to_come_pauses_double_up_to_the_longest(text: str) -> None:
    begun = tries(attempts=9, first_s=0.2, longest_s=1)
    for longest in (0.2, 0.4, 0.8, 1, 1):
        pause_s = begun.pause_after(told(503, text))
        assert pause_s is not None
        assert longest / 2 <= pause_s <= longest
        begun.next()


def test_the_attempts_are_counted() -> None:
    begun = tries(attempts=2)
    assert begun.pause_after(told(503)) is not None
    begun.next()
    assert begun.pause_after(told(503)) is None
    assert tries(attempts=1).pause_after_error(REFUSED) is None


@pytest.mark.parametrize("retry_after", ["31", "9" * 400])
def test_no_pause_is_begun_that_would_end_too_late(retry_after: str) -> None:
    assert tries(total_s=30).pause_after(told(503, retry_after)) is None
    clock = Clock()
    begun = tries(clock, total_s=30)
    clock.now += 29.95
    assert begun.pause_after_error(REFUSED) is None


def test_a_photograph_s_deadline_bounds_all_attempts_together() -> None:
    clock = Clock()
    begun = tries(clock, timeout_ms=2000)
    clock.now += 0.5
    assert begun.pause_after(told(503, "2")) is None
    assert begun.pause_after(told(503, "1")) is not None
    clock.now += 1
    assert (begun.next().params or {})["timeout_ms"] == "500"


@pytest.mark.parametrize(
    ("error", "again"),
    [
        (httpx.ConnectError, True),
        (httpx.ConnectTimeout, True),
        (httpx.ReadError, True),
        (httpx.RemoteProtocolError, True),
        (httpx.ReadTimeout, False),
        (httpx.WriteTimeout, False),
        (httpx.UnsupportedProtocol, False),
    ],
)
def test_a_lost_connection_is_made_again(error: type[httpx.RequestError], again: bool) -> None:
    assert (tries().pause_after_error(error("")) is not None) is again


def test_whether_it_is_ready_now_is_asked_once() -> None:
    assert Tries(calls.READY, Retry()).pause_after(told(503, "1")) is None


@pytest.mark.parametrize("wrong", [{"attempts": 0}, {"total_s": -1}, {"first_s": -0.1}])
def test_what_can_t_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="at least 1 attempt"):
        Retry(**wrong)
