"""Reliability diagrams: what they show, read back from matplotlib's own figures and files."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from models.card import Bin
from models.errors import UserError
from service.lab.evaluation import BINS, reliability
from service.lab.reliability import draw


@pytest.fixture
def bins() -> tuple[Bin, ...]:
    return reliability(np.array([0.5, 0.5, 0.95, 0.97]), np.array([True, False, True, False]))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    """The figures that were saved."""
    figures: list[Figure] = []
    save = Figure.savefig

    def saved(figure: Figure, *arguments: Any, **options: Any) -> None:
        figures.append(figure)
        save(figure, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", saved)
    return figures


def rectangles(axes: Axes) -> list[Rectangle]:
    return [patch for patch in axes.patches if isinstance(patch, Rectangle)]


def test_bars_show_the_share_right_and_the_gap_of_each_bin_that_has_photographs(
    bins: tuple[Bin, ...], drawn: list[Figure], tmp_path: Path
) -> None:
    draw(bins, tmp_path / "diagram.png")
    shares, photographs = drawn[0].axes
    bars = [(bar.get_x(), bar.get_y(), bar.get_height()) for bar in rectangles(shares)]
    middle, last = 7 / BINS, 14 / BINS
    right, gaps = bars[:2], bars[2:]
    assert right == [pytest.approx((middle, 0, 0.5)), pytest.approx((last, 0, 0.5))]
    assert gaps == [pytest.approx((middle, 0.5, 0)), pytest.approx((last, 0.5, 0.46))]
    assert shares.get_title() == "calibration error 23.0%"
    assert [bar.get_height() for bar in rectangles(photographs)][7::7] == [2, 2]


def test_before_and_after_stand_side_by_side(
    bins: tuple[Bin, ...], drawn: list[Figure], tmp_path: Path
) -> None:
    honest = reliability(np.array([1.0, 0.0]), np.array([True, False]))
    draw(bins, tmp_path / "one.png")
    draw(bins, tmp_path / "two.png", honest)
    titles = [panel.get_title() for panel in drawn[1].axes[:2]]
    assert titles == [
        "before scaling: calibration error 23.0%",
        "after scaling: calibration error 0.0%",
    ]
    with Image.open(tmp_path / "one.png") as one, Image.open(tmp_path / "two.png") as two:
        assert (one.format, two.size) == ("PNG", (2 * one.width, one.height))


def test_the_same_bins_give_the_same_file(bins: tuple[Bin, ...], tmp_path: Path) -> None:
    for name in ("a.png", "b.png"):
        draw(bins, tmp_path / name)
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes()


def test_what_hinders_drawing_is_told_in_a_sentence(
    bins: tuple[Bin, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="can't be written: No such file or directory"):
        draw(bins, tmp_path / "none" / "diagram.png")
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UserError, match=r"pip install '\.\[train\]'"):
        draw(bins, tmp_path / "diagram.png")
