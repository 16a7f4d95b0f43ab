"""Receptive fields by hand."""

from __future__ import annotations

from service.inspection.receptive_field import (
    PHOTOGRAPH,
    ReceptiveField,
    Side,
    Window,
    joined,
    window_of,
)
from service.runtimes.onnx_file import Node


def test_windows_widen_and_shift_a_field() -> None:
    # Of AlexNet's first two layers: 11 x 11 in steps of 4, then 3 x 3 in steps of 2.
    first = PHOTOGRAPH.through([Window(11, 4, 2, 2)] * 2)
    assert first.y == (11, 4, 3.5)
    assert first.through([Window(3, 2)] * 2).x == (19, 8, 7.5)
    assert first.box(1, 0) == (-2, 2, 11, 11)


def test_a_dilated_window_reaches_further() -> None:
    assert PHOTOGRAPH.y.through(Window(3, 1, 2, 2, 2)) == (5, 1, 0.5)


def test_of_two_paths_the_box_around_both_is_seen() -> None:
    left, right = Side(3, 1, 0.5), Side(3, 1, 2.5)
    found = joined([ReceptiveField(left, left), ReceptiveField(right, left)])
    assert found.y == (5, 1, 1.5)
    assert found.x == left


def test_enlarging_brings_the_fields_closer() -> None:
    assert Side(2, 2, 1).resized(2) == (2, 1, 0.5)


def test_padding_that_keeps_the_size_is_found() -> None:
    node = Node("Conv", (), (), {"auto_pad": "SAME_UPPER", "strides": [2, 2]})
    assert window_of(node, (8, 7), (3, 3)) == [Window(3, 2, 0, 1), Window(3, 2, 1, 1)]
    node.attributes["auto_pad"] = "SAME_LOWER"
    assert window_of(node, (8, 7), (3, 3))[0] == Window(3, 2, 1, 0)


def test_windows_are_counted_down_or_up() -> None:
    assert Window(3, 2).count(8) == 3
    assert Window(3, 2).count(8, ceiling=True) == 4
    # Not one that would begin in the padding behind.
    assert Window(2, 2, 0, 1).count(4, ceiling=True) == 2
