"""Admission by deadline, as a server counts it."""

from __future__ import annotations

import pytest

from benchmarks.deadlines import outcomes_of, overload, report, server
from benchmarks.load import Figures
from tests.servers import Serve


def test_every_photograph_of_an_overload_has_an_outcome(
    serve: Serve, photos: dict[str, bytes]
) -> None:
    with serve(models="efficientnet_lite0") as service:
        overload(service.url, list(photos.values()), 1000, rate=20, seconds=0.5)
        before = outcomes_of(service.url)
        outcomes, figures = overload(service.url, list(photos.values()), 1000, 20, 0.5)
        now = outcomes_of(service.url)
    assert figures.answers > 0
    assert outcomes["ok"] >= figures.answers
    assert outcomes == {name: count - before.get(name, 0) for name, count in now.items()}


def test_a_line_has_the_shares(capsys: pytest.CaptureFixture[str]) -> None:
    figures = Figures(90.0, 100, 0, 11.0, 12.0, 13.0, 14.0, 50.0, [])
    report(250, {"ok": 90.0, "deadline": 10.0, "overloaded": 100.0}, figures, (100.0, 80.0))
    assert capsys.readouterr().out.split() == [
        "250", "ms", "100,", "80", "90.0%", "1.00", "50%", "11", "13",
    ]  # fmt: skip


def test_a_server_is_found_by_its_log_and_ended() -> None:
    with server("efficientnet_lite0") as url:
        assert outcomes_of(url) == {}
