"""How far a layer reaches; test_layers has the ways to write activations."""

from __future__ import annotations

import numpy as np

from service.inspection.body import Body
from service.inspection.graph import Graph
from tests.service.inspection.graphs import model, node, weights


def body(*nodes: object) -> Body:
    graph = Graph(
        model(
            [node("Conv", "pixels w", "c"), *nodes],  # type: ignore[list-item]
            w=weights(4, 3, 3, 3),
            shift=weights(1, 4, 1, 1),
            half=np.float32(0.5),
        )
    )
    return Body(graph, next(at for at, one in enumerate(graph.nodes) if one.kind == "Conv"), set())


def test_a_layer_ends_where_others_take_its_value() -> None:
    found = body(
        node("Add", "c shift", "shifted"),
        node("Relu", "shifted", "r"),
        node("Concat", "shifted r", "probabilities", axis=1),
    )
    assert found.output == "shifted"
    assert found.bias == "shift"
    assert found.activation("convolution") is None


def test_one_activation_is_enough() -> None:
    found = body(node("Relu", "c", "r"), node("Tanh", "r", "probabilities"))
    assert found.output == "r"
    assert found.activation("convolution") == "relu"


def test_a_factor_behind_it_stays_outside() -> None:
    assert body(node("Mul", "c half", "probabilities")).output == "c"
