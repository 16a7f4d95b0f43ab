"""What is known of a value's sides and places."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from service.inspection.graph import Graph
from service.inspection.traces import Traces, image_shape, layout_of
from tests.service.inspection.graphs import model, node


def test_sides_are_followed_through_what_moves_them() -> None:
    graph = Graph(
        model(
            [
                node("SpaceToDepth", "pixels", "deep", blocksize=2),
                node("Transpose", "deep", "last", perm=[0, 2, 3, 1]),
                node("Flatten", "last", "probabilities"),
            ]
        )
    )
    traces = Traces(graph)
    for one in graph.nodes:
        traces.follow(one)
    assert traces["pixels"].sides == "NCHW"
    assert traces["last"].sides == "NHWC"
    assert traces["last"].field.y == (2, 2, 1)
    assert traces["probabilities"].sides == "NC"
    assert traces["probabilities"].field.y == (8, 2, 4)


@pytest.mark.parametrize(
    ("sides", "shape", "layout", "image"),
    [
        ("NHWC", (1, 5, 6, 7), "NHWC", (5, 6, 7)),
        ("NC", (17, 48), "TC", (1, 17, 48)),
        ("NTC", (1, 17, 48), "NTC", (1, 17, 48)),
        ("NccHW", (1, 2, 3, 4, 4), "", None),
    ],
)
def test_a_layout_is_of_places_and_channels(
    sides: str, shape: tuple[int, ...], layout: str, image: tuple[int, int, int] | None
) -> None:
    assert layout_of(sides, shape) == layout
    if image:
        assert image_shape(shape, layout) == image


@pytest.mark.parametrize(
    ("moved", "constants", "y", "x"),
    [
        ("Pad", [[0, 0, 1, 2, 0, 0, 3, 4]], (1, 1, -0.5), (1, 1, -1.5)),
        ("Slice", [[2, 1], [8, 7], [2, 3], [2, 3]], (1, 2, 2.5), (1, 3, 1.5)),
        ("Resize", ["", np.array([1, 1, 2, 0.5], np.float32)], (1, 0.5, 0.25), (1, 2, 1)),
        ("DepthToSpace", [], (1, 0.5, 0.25), (1, 0.5, 0.25)),
    ],
)
def test_fields_move_with_what_moves_values(
    moved: str, constants: list[Any], y: tuple[float, ...], x: tuple[float, ...]
) -> None:
    names = [f"c{at}" if len(one) else "" for at, one in enumerate(constants)]
    twelve = node("Concat", "pixels pixels pixels pixels", "twelve", axis=1)
    how = {"blocksize": 2} if moved == "DepthToSpace" else {}
    content = model(
        [twelve, node(moved, " ".join(["twelve", *names]), "probabilities", **how)],
        **{name: np.asarray(one) for name, one in zip(names, constants, strict=True) if name},
    )
    graph = Graph(content)
    traces = Traces(graph)
    for one in graph.nodes:
        traces.follow(one)
    assert traces["probabilities"].field == (y, x)
    assert traces["probabilities"].sides == "NCHW"


@pytest.mark.parametrize(
    ("axes", "keeps", "sides", "y"),
    [([2, 3], 0, "NC", (8, 1, 4)), ([2, 3], 1, "NCHW", (8, 1, 4)), ([1], 0, "NHW", (1, 1, 0.5))],
)
def test_what_is_reduced_sees_all_places_that_it_reduces(
    axes: list[int], keeps: int, sides: str, y: tuple[float, ...]
) -> None:
    reduced = node("ReduceMean", "pixels axes", "probabilities", keepdims=keeps)
    graph = Graph(model([reduced], axes=np.array(axes)))
    traces = Traces(graph)
    for one in graph.nodes:
        traces.follow(one)
    assert (traces["probabilities"].sides, traces["probabilities"].field.y) == (sides, y)
