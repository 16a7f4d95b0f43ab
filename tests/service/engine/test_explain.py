"""Regions and cells by maps whose answers can be told by hand."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray

from booth_client.wire import CellLabel, Region, View
from models.card import Label
from service.engine.explain import box_on_photo, cells, first_at_each, regions, view
from service.photo.decode import Seen

SEEN = (10.0, 20.0, 50.0, 60.0)  # 40 x 40 pixels: 10 for each place of a map of 4 x 4
FACTOR = 15  # odd, so that the middles of places are among the points
LABELS = [Label(name=name.title(), category=name) for name in ("bird", "sky", "sea")]


def map_of(*rows: str) -> NDArray[np.float32]:
    """A map written as rows of digits, in tenths."""
    return np.array([[int(one) / 10 for one in row] for row in rows], np.float32)


def region(activation: NDArray[np.float32], seen: tuple[float, float, float, float]) -> Region:
    """That of the second of three labels, of which the others are seen elsewhere."""
    others = np.zeros_like(activation)
    others[0, 0] = 1
    return regions(np.stack([others, activation, -others], axis=-1), seen)[1]


def test_the_view_is_the_box_of_what_the_network_saw() -> None:
    assert view(Seen(640, 480, (80.04, 0.0, 560.0, 480.0))) == View(640, 480, [80.0, 0, 480.0, 480])


def test_a_box_is_placed_on_the_photograph() -> None:
    assert box_on_photo((0.25, 0.5, 1.0, 1.0), SEEN) == [20.0, 40.0, 30.0, 20.0]


def test_a_map_is_scaled_to_its_maximum_and_has_no_negative_values() -> None:
    activation = np.array([[-1.0, 4.0], [1.0, 3.0]], np.float32)
    assert region(activation, SEEN).map == [[0, 1], [0.25, 0.75]]


def test_the_box_ends_where_the_interpolated_map_falls_to_a_fifth() -> None:
    # From 1 in the middle of a place to 0 in that of the next: 0.2 is 0.8 of the way.
    found = region(map_of("0000", "0900", "0000", "0000"), SEEN)
    assert found.box == [17.0, 27.0, 16.0, 16.0]


def test_what_reaches_the_edge_of_the_map_reaches_that_of_the_view() -> None:
    assert region(map_of("9999", "0000", "0000", "0000"), SEEN).box == [10.0, 20.0, 40.0, 13.0]


def test_only_the_largest_connected_part_counts() -> None:
    found = region(map_of("9000", "0000", "0033", "0033"), SEEN)
    x, y, width, height = found.box
    assert (x + width, y + height) == (50.0, 60.0)
    assert x > 30
    assert y > 40


@pytest.mark.parametrize(
    ("one", "connected"), [(map_of("90", "09"), True), (map_of("90", "02"), False)]
)
def test_places_across_a_corner_are_connected_where_the_level_between_them_is_kept(
    one: NDArray[np.float32], connected: bool
) -> None:
    assert (region(one, SEEN).box == [10.0, 20.0, 40.0, 40.0]) is connected


def test_the_box_is_that_of_the_enlarged_map() -> None:
    rng = np.random.default_rng(3)
    for _ in range(20):
        scaled = rng.random((5, 5), np.float32) ** 3
        scaled /= scaled.max()
        found = region(scaled, (0, 0, 5, 5)).box
        assert found == pytest.approx(box_of_enlarged(scaled), abs=0.2)


def box_of_enlarged(scaled: NDArray[np.float32]) -> list[float]:
    """What the paper does: enlarge bilinearly, keep the largest part above a fifth, box it."""
    place = (np.arange(5 * FACTOR) + 0.5) / FACTOR - 0.5
    columns = np.array([np.interp(place, np.arange(5), row) for row in scaled])
    enlarged = np.array([np.interp(place, np.arange(5), column) for column in columns.T]).T
    part = max(parts(enlarged >= 0.2), key=lambda part: levels_in_the_middles(enlarged, part))
    rows, columns_of_it = zip(*part, strict=True)
    x, y = min(columns_of_it), min(rows)
    sides = max(columns_of_it) + 1 - x, max(rows) + 1 - y
    return [number / FACTOR for number in (x, y, *sides)]


def parts(mask: NDArray[np.bool_]) -> Iterator[list[tuple[int, int]]]:
    """The connected parts of a mask."""
    left = {(int(row), int(column)) for row, column in zip(*np.nonzero(mask), strict=True)}
    while left:
        part = [left.pop()]
        for row, column in part:
            near = {(row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)}
            part += near & left
            left -= near
        yield part


def levels_in_the_middles(
    enlarged: NDArray[np.float64], part: list[tuple[int, int]]
) -> tuple[int, float]:
    """How many middles of the map's places a part has, and their sum."""
    middle = FACTOR // 2
    levels = [enlarged[at] for at in part if at[0] % FACTOR == middle == at[1] % FACTOR]
    return len(levels), float(sum(levels))


def test_a_label_that_nothing_speaks_for_has_no_area() -> None:
    assert region(np.full((2, 2), -1, np.float32), SEEN) == Region(
        [[0, 0], [0, 0]], [10.0, 20.0, 0, 0]
    )


def test_each_place_has_its_first_labels_named_once() -> None:
    logits = np.log(np.array([[[1, 6, 3], [1, 7, 2]]], np.float32))
    found = cells(logits, LABELS, top_k=2, temperature=1, box=[0, 0, 8, 4])
    assert (found.rows, found.columns, found.box) == (1, 2, [0, 0, 8, 4])
    assert found.labels == [CellLabel("Sky", "sky", 1), CellLabel("Sea", "sea", 2)]
    assert found.first == [[[0, 1], [0, 1]]]
    assert found.confidences == [[[0.6, 0.3], [0.7, 0.2]]]


def test_confidences_are_those_of_the_temperature() -> None:
    logits = np.array([[0, 4, 2]], np.float32)
    first, confidences = first_at_each(logits, top_k=9, temperature=2)
    powers = np.exp([2, 1, 0])
    assert first.tolist() == [[1, 2, 0]]
    assert confidences[0] == pytest.approx(powers / powers.sum(), abs=1e-6)
