"""Latency against load, as a picture."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from benchmarks.plot import draw
from benchmarks.runs import Probe
from benchmarks.table import Row
from tests.benchmarks.figures import run


def test_the_plot_is_drawn(tmp_path: Path) -> None:
    probe = [Probe(1, 1, 1)]
    rows = [Row("Booth", [run(90)], probe, [1.0]), Row("Booth", [run(90, rate=90)], probe, [1.0])]
    draw(rows, tmp_path / "latency.png")
    with Image.open(tmp_path / "latency.png") as image:
        assert image.width > image.height > 500
