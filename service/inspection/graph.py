"""A served network's graph, with the shape of every value for one photograph.

What depends on shapes alone, as the operators that exporters write around a Reshape, is evaluated;
so are constants that are made of others. Weights are read only when they are asked for.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.inspection.operators import Shape, evaluated, output_shapes
from service.runtimes.onnx_file import GraphParts, Node, read_graph, without_loop

__all__ = ["Graph", "UnreadableGraphError"]

_ANSWER = "probabilities"
_BY_ROWS = {"Cast", "DequantizeLinear", "Identity"}
_MOST_EVALUATED = 1 << 12  # numbers: shapes and their like have few


class UnreadableGraphError(ValueError):
    """It has an operator whose output's shape isn't known."""


class Graph:
    """What the probabilities of a model file are computed with.

    Attributes:
        nodes: the operators that depend on the photograph, in their order.
        shapes: of all values, of one photograph.
        constants: names of the values that don't depend on the photograph's pixels.
        consumers: of each value, the nodes that take it, by their places in ``nodes``.
        photo: name of the input.

    Args:
        content: of the model file.

    Raises:
        UnreadableGraphError: it has an operator whose output's shape isn't known.
        ValueError, IndexError: it is no model file.

    """

    def __init__(self, content: bytes | memoryview) -> None:
        parts = read_graph(without_loop(content))
        ((self.photo, shape),) = parts.inputs.items() - parts.tensors.keys()
        self.shapes: dict[str, Shape] = {"": (), self.photo: (1, *shape[1:])}
        self.constants = {"", *parts.tensors}
        self._parts = parts
        self._known: dict[str, NDArray[Any]] = {}
        self._makers: dict[str, Node] = {}
        self.shapes |= {name: parts.shape(name) for name in parts.tensors}
        self.nodes = [node for node in _needed(parts) if not self._take(node)]
        self.consumers: dict[str, list[int]] = {}
        for place, node in enumerate(self.nodes):
            for name in node.inputs:
                self.consumers.setdefault(name, []).append(place)

    def array(self, name: str) -> NDArray[Any]:
        """The values of a constant.

        Raises:
            ValueError: it isn't stored in the file, or made in a way that isn't known.

        """
        if name in self._known:
            return self._known[name]
        if name in self._parts.tensors:
            return self._parts.array(name)
        made = self._evaluated(self._makers[name])
        if made is None:
            raise ValueError(f"{name} is made by {self._makers[name].kind}")
        return made[self._makers[name].outputs.index(name)]

    def rows(self, name: str, axis: int, places: Sequence[int]) -> NDArray[Any]:
        """Some rows of a constant: without reading the others, where that is possible.

        Raises:
            ValueError: it isn't stored in the file, or made in a way that isn't known.

        """
        maker = self._makers.get(name)
        if name in self._known or maker is None or maker.kind not in _BY_ROWS:
            return self.array(name).take(places, axis)
        parts = [self.array(one) for one in maker.inputs[1:]]
        if any(one.size > 1 for one in parts):
            if maker.number("axis", 1) != axis:
                return self.array(name).take(places, axis)
            parts = [one.take(places) if one.size > 1 else one for one in parts]
        made = evaluated(maker, [self.rows(maker.inputs[0], axis, places), *parts])
        assert made  # noqa: S101 (all of those are known)
        return made[0]

    def size(self, name: str) -> int:
        """How many numbers a value has."""
        return prod(self.shapes[name])

    def number(self, name: str) -> float | None:
        """A constant that is one number; None where it isn't that."""
        if name not in self.constants or not name or self.size(name) != 1:
            return None
        return float(self.array(name).reshape(-1)[0])

    def depends(self, node: Node) -> list[str]:
        """The inputs of an operator that depend on the photograph."""
        return [name for name in node.inputs if name not in self.constants]

    def values(self, node: Node) -> list[NDArray[Any] | None]:
        """The inputs of an operator that may be shapes or axes; None of any other."""
        return [self._small(name) for name in node.inputs]

    def _take(self, node: Node) -> bool:
        """Find what it gives; whether that is constant."""
        if all(name in self.constants for name in node.inputs) or node.kind == "Shape":
            self._keep(node)
            return True
        self._find_shapes(node)
        if node.kind == "DynamicQuantizeLinear":
            self.constants.update(node.outputs[1:])  # as good as: the grid, not what is on it
        return False

    def _keep(self, node: Node) -> None:
        self.constants.update(node.outputs)
        self._makers |= dict.fromkeys(node.outputs, node)
        small = all(prod(self.shapes.get(name, ())) <= _MOST_EVALUATED for name in node.inputs)
        made = self._evaluated(node) if small or node.kind == "Shape" else None
        if made is None:
            self._find_shapes(node)
            return
        for name, value in zip(node.outputs, made, strict=False):
            self._known[name], self.shapes[name] = value, value.shape

    def _evaluated(self, node: Node) -> list[NDArray[Any]] | None:
        if node.kind == "Shape":
            end = node.number("end") if "end" in node.attributes else None
            part = slice(node.number("start"), end)
            return [np.array(self.shapes[node.inputs[0]][part], np.int64)]
        try:
            values = [self.array(name) if name else None for name in node.inputs]
            return evaluated(node, values)
        except (KeyError, ValueError, TypeError):
            return None

    def _small(self, name: str) -> NDArray[Any] | None:
        """A constant that may be a shape or an axis; None if it isn't known."""
        if not name or name not in self.constants or self.size(name) > _MOST_EVALUATED:
            return None
        try:
            return self.array(name)
        except (KeyError, ValueError):
            return None

    def _find_shapes(self, node: Node) -> None:
        try:
            given = [self.shapes[name] for name in node.inputs]
            shapes = output_shapes(node, given, self.values(node))
        except (KeyError, ValueError, IndexError, TypeError) as error:
            raise UnreadableGraphError(f"{node.kind} gives {node.outputs[0]}: {error}") from error
        self.shapes |= dict(zip(node.outputs, shapes, strict=False))


def _needed(parts: GraphParts) -> list[Node]:
    """The operators that the probabilities depend on; all where there are none."""
    nodes = parts.nodes()
    needed = {_ANSWER} if _ANSWER in parts.outputs else set(parts.outputs)
    kept = []
    for node in reversed(nodes):
        if needed.intersection(node.outputs):
            kept.append(node)
            needed.update(node.inputs)
    return kept[::-1]
