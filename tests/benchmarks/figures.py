"""Runs as if they had been measured."""

from __future__ import annotations

from benchmarks.load import Figures, Plan
from benchmarks.runs import Run

__all__ = ["run"]


def run(throughput: float, rate: float | None = None, batch: int = 1) -> Run:
    figures = Figures(throughput, 100, 0, 1.0, 2.0, 3.0, 4.0, 50.0, [])
    return Run("32 clients", Plan(32, rate, batch=batch), figures, 5.0, 200.0)
