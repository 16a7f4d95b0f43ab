"""What a graph does to its pixels at first, and what pixels it therefore expects.

Keras and TensorFlow, and exports for phones, often scale and normalise in the graph itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from export.adoption.facts import Facts, Told
from export.adoption.walk import constants_of, takers

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import NodeProto

    from export.adoption.original import Original
    from export.adoption.signature import PhotoInput

__all__ = ["BYTES", "UNIT", "told_by_the_graph"]

BYTES = Facts(mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
"""Pixels go in as they are, from 0 to 255."""

UNIT = Facts(mean=(0.0, 0.0, 0.0), std=(255.0, 255.0, 255.0))
"""Pixels go in from 0 to 1."""

_MOVING = frozenset({"Cast", "Identity", "Transpose", "Reshape", "Squeeze", "Unsqueeze", "Gather"})
_ARITHMETIC = frozenset({"Add", "Sub", "Mul", "Div"})
# Normalised pixels span some 4 at least, and 1/58 of a level is the usual step: a network that
# makes its steps smaller than a twentieth starts from levels of 0..255.
_STEP_OF_BYTES = 0.05
# No mean of pixels of 0..1 is larger.
_MEAN_OF_UNIT = 1.5
_TRIVIAL = 1e-6


def told_by_the_graph(original: Original, photo: PhotoInput) -> list[Told]:
    """The scale of the pixels, where the input's type or the first operators tell it."""
    if photo.takes_bytes:
        return [Told(f"its input is {photo.kind}", BYTES)]
    factor, offset = _first_steps(original, photo.name)
    if np.abs(factor).max() <= _STEP_OF_BYTES:
        return [Told("its graph scales pixels of 0..255 itself", BYTES)]
    if np.abs(offset / factor).max() > _MEAN_OF_UNIT:
        return [Told("its graph subtracts the mean of pixels of 0..255 itself", BYTES)]
    if np.abs(offset).max() > _TRIVIAL or np.abs(factor - 1).max() > _TRIVIAL:
        return [Told("its graph normalises pixels of 0..1 itself", UNIT)]
    return []


def _first_steps(original: Original, name: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Factor and offset of what is done to pixels before the first layer."""
    graph = original.model.graph
    constants, followers = constants_of(graph), takers(graph)
    factor, offset = np.ones(1), np.zeros(1)
    for _ in range(len(graph.node)):
        followed = followers.get(name, [])
        node = followed[0] if len(followed) == 1 else None
        if node is None or node.op_type not in _MOVING | _ARITHMETIC or node.input[0:1] == []:
            break
        if node.op_type in _ARITHMETIC:
            step = _step(node, name, constants)
            if step is None:
                break
            factor, offset = factor * step[0], offset * step[0] + step[1]
        elif node.input[0] != name:
            break
        name = node.output[0]
    return factor, offset


def _step(
    node: NodeProto, name: str, constants: dict[str, NDArray[np.generic]]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """What arithmetic with a constant, one or one a channel, does to ``name``."""
    other = node.input[1] if node.input[0] == name else node.input[0]
    if other not in constants or constants[other].size not in (1, 3):
        return None
    value = constants[other].astype(np.float64).reshape(-1)
    none, one = np.zeros(1), np.ones(1)
    if node.op_type == "Add":
        return one, value
    if node.op_type == "Mul":
        return value, none
    if node.input[0] != name or not np.all(value):
        return None  # a constant divided by pixels, or less them, is no normalisation
    return (one, -value) if node.op_type == "Sub" else (1 / value, none)
