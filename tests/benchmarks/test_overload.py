"""What is made of the figures of an overload; tests/attack/test_overload.py measures one."""

from __future__ import annotations

import pytest

from benchmarks import overload
from benchmarks.overload import Phase, Verdict


@pytest.fixture(autouse=True)
def _two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(overload, "cores", lambda: 2)


def verdict(good: float, p99_ms: float, generator_cores: float = 0.0) -> Verdict:
    closed = Phase(100.0, 0, 300.0, 0.0)
    return Verdict(closed, Phase(good, 400, p99_ms, generator_cores), closed, 1000)


def test_it_holds_with_nine_tenths_of_the_peak_within_the_deadline() -> None:
    assert verdict(90, 1000).holds
    assert not verdict(89, 1000).holds
    assert not verdict(90, 1001).holds
    assert not verdict(90, float("nan")).holds


def test_the_cores_that_the_generator_takes_are_not_the_servers() -> None:
    busy = verdict(75, 500, generator_cores=0.5)
    assert busy.share == 0.75
    assert busy.share_per_core == 1.0
    assert busy.holds


def test_it_is_told_in_a_line_for_each_phase() -> None:
    lines = str(verdict(75, 500, 0.5)).splitlines()
    assert lines[1] == (
        "     overload:    75.0 good/s,    400 refused, p99   500 ms, generator 0.50 of 2 cores"
    )
    assert lines[-1] == "75.0% of the peak; 100.0% for each free core"
