"""The table: medians over the rounds, as Markdown that also reads well as text."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from benchmarks.runs import Probe, Run

__all__ = ["Row", "markdown", "table"]

HEADINGS = (
    *("system", "load", "per s", "of peers' ceiling", "of Booth's ceiling", "x plain"),
    *("p50 ms", "p95 ms", "p99 ms", "max ms", "errors", "CPU ms", "memory MB", "start s"),
)
COMPARED: tuple[Callable[[Probe], float], ...] = (
    lambda probe: probe.peers,
    lambda probe: probe.booth,
    lambda probe: probe.plain,
)


@dataclass(frozen=True, slots=True)
class Row:
    """A system under one load, once a round.

    Attributes:
        system: its name.
        runs: one a round.
        probes: what the machine could do, the mean of before and after, one a round.
        start_s: time to the first answer, one a round.

    """

    system: str
    runs: Sequence[Run]
    probes: Sequence[Probe]
    start_s: Sequence[float]

    def cells(self) -> list[str]:
        """The row of the table."""
        closed = self.runs[0].plan.rate is None
        return [
            self.system,
            self.runs[0].load,
            f"{self.median(lambda run: run.rate):.0f}",
            *(self._shares() if closed else ["", "", ""]),
            f"{self.median(lambda run: run.figures.p50):.1f}",
            f"{self.median(lambda run: run.figures.p95):.1f}",
            f"{self.median(lambda run: run.figures.p99):.1f}",
            f"{self.median(lambda run: run.figures.max):.1f}",
            f"{sum(run.figures.errors for run in self.runs)}",
            f"{self.median(lambda run: run.cpu_ms):.2f}",
            f"{self.median(lambda run: run.memory_mb):.0f}",
            f"{statistics.median(self.start_s):.2f}",
        ]

    def median(self, of: Callable[[Run], float]) -> float:
        """The median over the rounds."""
        return statistics.median(map(of, self.runs))

    def share(self, of: Callable[[Probe], float]) -> float:
        """Throughput as a share of a probe's figure, the median over the rounds."""
        pairs = zip(self.runs, self.probes, strict=True)
        return statistics.median(run.rate / of(probe) for run, probe in pairs)

    def _shares(self) -> list[str]:
        """Of what the machine could do in the same minute, round by round."""
        return [f"{self.share(of):.2f}" for of in COMPARED]


def table(rows: Sequence[Row]) -> str:
    """All rows, as Markdown."""
    return markdown(HEADINGS, [row.cells() for row in rows])


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table as Markdown, its columns padded; the first two stand left, the others right."""
    lines = [headings, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headings))]

    def padded(line: Sequence[str]) -> str:
        cells = (
            cell.ljust(width) if column < 2 else cell.rjust(width)  # noqa: PLR2004
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        )
        return f"| {' | '.join(cells)} |"

    rule = "|".join(
        "-" * (width + 2) if column < 2 else "-" * (width + 1) + ":"  # noqa: PLR2004
        for column, width in enumerate(widths)
    )
    return "\n".join([padded(headings), f"|{rule}|", *map(padded, rows)])
