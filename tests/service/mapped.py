"""Model files of a tiny network whose features are the mean of its maps, in each precision."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

from export.graph.attributes import add_attributes
from export.graph.float16 import to_float16
from export.graph.model import assemble, wrapped
from export.graph.quantise import quantise
from models.card import METADATA_KEY, Card
from models.normalisation import Normalisation
from tests.service.conftest import SIDE, tiny_card

__all__ = ["ATTRIBUTES", "CELLS", "TEMPERATURE", "write_mapped"]

CELLS = 4  # rows and columns of the maps
TEMPERATURE = 0.5
ATTRIBUTES = ("warm", "cold")
_NORMALISATION = Normalisation(mean=(127.0, 127.0, 127.0), std=(64.0, 64.0, 64.0))


def write_mapped(
    path: Path,
    precision: str = "fp32",
    pool: str = "GlobalAveragePool",
    *,
    attributes: bool = False,
) -> Path:
    """Three labels by a convolution, its maps' mean and a linear layer.

    Args:
        path: of the file.
        precision: "fp32", "fp16" or "int8".
        pool: the operator that makes the features.
        attributes: whether it has those of ``ATTRIBUTES``.

    """
    traced = _traced(pool)
    model = _of_precision(traced, precision)
    card = {**tiny_card("mapped").model_dump(), "precision": precision}
    if attributes:
        matrix = np.random.default_rng(1).normal(size=(2, 5)).astype(np.float32)
        add_attributes(model, matrix)
        card["attributes"] = ATTRIBUTES
    entry = model.metadata_props.add()
    entry.key, entry.value = METADATA_KEY, Card.model_validate(card).to_json()
    onnx.save(model, path)
    return path


def _of_precision(traced: ModelProto, precision: str) -> ModelProto:
    if precision == "fp32":
        return assemble(traced, _NORMALISATION, TEMPERATURE)
    if precision == "fp16":
        return to_float16(traced, _NORMALISATION, TEMPERATURE)
    photos = np.random.default_rng(2).integers(0, 256, (16, SIDE, SIDE, 3), np.uint8)
    return quantise(traced, _NORMALISATION, TEMPERATURE, photos)


def _traced(pool: str) -> ModelProto:
    rng = np.random.default_rng(0)
    constants: dict[str, Any] = {
        "conv0.weight": rng.normal(size=(5, 3, 2, 2)) / 2,
        "conv0.bias": rng.normal(size=5),
        "classifier.weight": rng.normal(size=(3, 5)),
        "classifier.bias": rng.normal(size=3),
    }
    nodes = [
        helper.make_node(
            "Conv", ["pixels", "conv0.weight", "conv0.bias"], ["conv0"], strides=[2, 2]
        ),
        helper.make_node("Relu", ["conv0"], ["maps"]),
        helper.make_node(pool, ["maps"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["features"]),
        helper.make_node(
            "Gemm", ["features", "classifier.weight", "classifier.bias"], ["logits"], transB=1
        ),
    ]
    shapes = {"logits": [3], "features": [5], "maps": [5, CELLS, CELLS]}
    graph = helper.make_graph(
        nodes,
        "traced",
        [helper.make_tensor_value_info("pixels", TensorProto.FLOAT, ["N", 3, SIDE, SIDE])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", *shape])
            for name, shape in shapes.items()
        ],
        [numpy_helper.from_array(v.astype(np.float32), name) for name, v in constants.items()],
    )
    return wrapped(graph)
