"""Shapes and constants of a graph; test_layers holds the shapes of many against ONNX Runtime's."""

from __future__ import annotations

import numpy as np
import pytest

from service.inspection.graph import Graph
from tests.service.inspection.graphs import model, node, weights


def test_what_depends_on_shapes_alone_is_evaluated() -> None:
    graph = Graph(
        model(
            [
                node("Shape", "pixels", "shape"),
                node("Gather", "shape zero", "batch"),
                node("Concat", "batch rest", "flat", axis=0),
                node("Reshape", "pixels flat", "probabilities"),
                node("Relu", "pixels", "unused"),
            ],
            zero=np.array([0]),
            rest=np.array([-1]),
        )
    )
    assert graph.array("flat").tolist() == [1, -1]
    assert graph.shapes["probabilities"] == (1, 192)
    assert [one.kind for one in graph.nodes] == ["Cast", "Div", "Transpose", "Reshape"]


def test_rows_of_weights_are_those_of_the_whole() -> None:
    graph = Graph(
        model(
            [
                node("DequantizeLinear", "w w.scale", "real", axis=0),
                node("Conv", "pixels real", "probabilities"),
            ],
            w=np.random.default_rng(0).integers(-9, 9, (4, 3, 3, 3), np.int8),
            w_scale=np.abs(weights(4)),
        )
    )
    assert graph.rows("real", 0, [3, 1]) == pytest.approx(graph.array("real")[[3, 1]])
    assert graph.rows("real", 1, [2]) == pytest.approx(graph.array("real")[:, [2]])
    assert graph.rows("w", 0, [2]).tolist() == graph.array("w")[[2]].tolist()
