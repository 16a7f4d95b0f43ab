"""What a run and a probe come to."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest

from benchmarks.runs import Probe, _expect, measure_ceiling, one_by_one
from tests.benchmarks.figures import run


def test_a_probe_around_a_system_is_the_mean_of_both() -> None:
    assert Probe.mean(Probe(100, 200, 50), Probe(200, 300, 70)) == Probe(150, 250, 60)


def test_a_request_of_several_photographs_counts_them_all() -> None:
    assert run(3, batch=32).rate == 96
    assert one_by_one(['{"results": [1, 2]}', None], 2) == ["1", "2", None, None]


def test_the_load_generator_s_end_before_its_time_is_told() -> None:
    with pytest.raises(SystemExit, match="it said 'Traceback' instead of 'begin'"):
        _expect(io.StringIO("Traceback\n"), "begin")


def test_the_ceiling_is_measured_in_a_process_of_its_own(
    model: Path, photos: dict[str, bytes], tmp_path: Path
) -> None:
    (tmp_path / "coffee.jpg").write_bytes(photos["coffee"])
    start = time.perf_counter()
    rates = measure_ceiling(model, tmp_path, "booth", ["alone", "processes"], 0.1)
    seconds = time.perf_counter() - start
    assert set(rates) == {"alone", "processes"}
    assert all(rate > 1 / seconds for rate in rates.values())
