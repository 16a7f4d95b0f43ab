"""Latency against load, drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.runs import Run
from benchmarks.table import Row

__all__ = ["draw"]

SIZE_INCHES = (11, 4.6)
LINES: tuple[tuple[str, str, Callable[[Run], float]], ...] = (
    ("p50", "-", lambda run: run.figures.p50),
    ("p99", "--", lambda run: run.figures.p99),
)


def draw(rows: Sequence[Row], file: Path) -> None:
    """Write p50 (solid) and p99 (dashed) of all systems against the load, as PNG.

    Left the open loops, against the rate of arrivals; right the closed ones, against the clients.
    """
    figure = Figure(figsize=SIZE_INCHES, layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    opened = [row for row in rows if row.runs[0].plan.rate]
    closed = [row for row in rows if not row.runs[0].plan.rate]
    _panel(left, opened, lambda run: run.plan.rate or 0)
    _panel(right, closed, lambda run: run.plan.connections)
    left.set(xlabel="photographs a second, arriving at random", ylabel="latency (ms)")
    right.set(xlabel="clients that wait for their answers", xscale="log")
    ticks = sorted({row.runs[0].plan.connections for row in closed})
    right.set_xticks(ticks, map(str, ticks))
    right.minorticks_off()
    right.legend(fontsize="small", title="p50 solid, p99 dashed", title_fontsize="small")
    figure.savefig(file, dpi=150)


def _panel(axes: Axes, rows: Sequence[Row], load: Callable[[Run], float]) -> None:
    for number, system in enumerate(dict.fromkeys(row.system for row in rows)):
        its = sorted(
            (row for row in rows if row.system == system), key=lambda row: row.median(load)
        )
        for name, style, latency in LINES:
            axes.plot(
                [row.median(load) for row in its],
                [row.median(latency) for row in its],
                style,
                marker="o",
                markersize=3,
                color=f"C{number}",
                label=system if name == "p50" else None,
            )
    axes.set_yscale("log")
    axes.grid(visible=True, alpha=0.3)
