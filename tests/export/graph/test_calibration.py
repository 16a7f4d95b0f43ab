from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from export.graph.calibration import Grid, _Histogram, calibrate
from export.photographs import shipped_photographs
from models.card import Input
from tests.export.checkpoints import IMAGENET, random_traced

ends = st.floats(-1e4, 1e4)


@given(ends, ends)
def test_a_grid_holds_zero_and_spans_its_range(one: float, other: float) -> None:
    low, high = min(one, other, 0.0), max(one, other, 0.0)
    assume(high - low > 1e-9)
    grid = Grid.spanning(low, high)
    step = float(grid.scale)
    assert grid.round(np.zeros(1)) == 0
    assert grid.low == pytest.approx(low, abs=step)
    assert grid.high == pytest.approx(high, abs=step)


def test_values_between_the_ends_move_by_half_a_step_at_most() -> None:
    grid = Grid.spanning(-1, 3)
    values = np.linspace(grid.low, grid.high, 999)
    assert np.abs(grid.round(values) - values).max() <= float(grid.scale) / 2 + 1e-9


def test_ranges_come_from_the_photographs() -> None:
    photos = shipped_photographs(Input(size=64, resize=64)).calibration
    graph = random_traced("resnet18", 7, 64)
    grids = calibrate(graph, IMAGENET, photos, ["relu1", "conv3"])
    assert grids["relu1"].low == 0
    assert grids["conv3"].low < 0 < grids["conv3"].high


def test_a_far_outlier_does_not_coarsen_all_the_others() -> None:
    values = np.random.default_rng(0).exponential(1, 1_000_000).astype(np.float32)
    values[0] = 25
    histogram = _Histogram(0.0, 25.0, np.zeros(2048, np.int64))
    histogram.add(values)
    assert 8 < histogram.best_grid().high < 16


def test_an_activation_that_is_always_zero_has_a_grid() -> None:
    assert Grid.spanning(0, 0) == Grid.spanning(-1e-300, 1e-300) == Grid(np.float32(1), np.uint8(0))
