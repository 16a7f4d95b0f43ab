"""`python -m benchmarks`: what is put on which system, and what is told of it."""

from __future__ import annotations

import argparse
from typing import Any

from benchmarks.__main__ import SystemRuns, as_json, heading, legend, loads, rows_of
from benchmarks.runs import Probe, Run
from tests.benchmarks.figures import run


class Scripted:
    """A bench whose systems reach 100 answers a second with 8 clients, and 60 with one."""

    def __init__(self) -> None:
        self.rates: list[float] = []

    def put(self, _server: object, _load: str, clients: int, rate: float | None = None) -> Run:
        if rate:
            self.rates.append(rate)
        return run(100 if clients > 1 else 60, rate)


def test_open_loops_come_at_shares_of_the_best_closed_one() -> None:
    bench: Any = Scripted()
    nobody: Any = None
    runs = list(loads(bench, nobody, argparse.Namespace(clients=[1, 8], shares=[0.5, 0.8])))
    assert bench.rates == [50, 80]
    assert len(runs) == 4


def test_a_row_has_a_system_s_runs_of_all_rounds() -> None:
    probe = Probe(100, 200, 50)
    rounds = [SystemRuns("Booth", 1.0, probe, [run(90), run(80, rate=50)]) for _ in range(3)]
    first, second = rows_of([*rounds, SystemRuns("plain", 2.0, probe, [run(30)])])[:2]
    assert [one.figures.throughput for one in first.runs] == [90, 90, 90]
    assert [one.plan.rate for one in second.runs] == [50, 50, 50]


def test_what_a_figure_means_stands_above_and_below() -> None:
    turns = [SystemRuns("Booth", 1.0, Probe(peak, 200, 50), [run(90)]) for peak in (100, 120)]
    assert "100-120 photographs a second for Pillow" in legend(turns)
    options = argparse.Namespace(
        model="places365", photos=argparse.Namespace(name="photos"), seconds=3.0, rounds=2
    )
    text = heading({"date": "today", "cores": 2}, options)
    assert text == "today: places365, photographs of photos, 3 s each, 2 rounds. cores 2."


def test_the_answers_text_is_left_out_of_what_is_kept() -> None:
    kept = as_json(SystemRuns("Booth", 1.0, Probe(1, 2, 3), [run(90)]))
    assert "bodies" not in kept["runs"][0]["figures"]
    assert kept["runs"][0]["figures"]["throughput"] == 90
