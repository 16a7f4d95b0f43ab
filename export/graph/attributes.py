"""The attributes of a scene, read off the same features as its label: boating, sunny, cluttered...

MIT published a linear layer from WideResNet-18's features to the 102 attributes of the SUN database
(Patterson and Hays 2012; Zhou et al. 2017). It becomes one more output of the model file.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from onnx import TensorProto, checker, helper, numpy_helper

from models.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto

__all__ = ["BadMatrix", "add_attributes", "read_matrix"]

_WEIGHT = "attributes.weight"


class BadMatrix(UserError):
    """A file is no matrix of attributes for these features; the sentence says why."""


def read_matrix(path: Path, names: int, features: int) -> NDArray[np.float32]:
    """Read the layer's weights, A x D; nothing in the file is executed.

    Args:
        path: A ``.npy`` file.
        names: A, the number of attributes.
        features: D, the width of the network's features.

    Raises:
        BadMatrix: The file holds something else.

    """
    try:
        matrix = np.load(path, allow_pickle=False)
    except (ValueError, EOFError):
        raise BadMatrix(f"{path.name} is no .npy file of numbers.") from None
    if matrix.shape != (names, features):
        raise BadMatrix(
            f"{path.name} should be a matrix of {names} x {features}, and is {matrix.shape}."
        )
    return np.asarray(matrix, np.float32)


def add_attributes(model: ModelProto, matrix: NDArray[np.float32]) -> None:
    """Give a model the output ``attributes``, float32, N x A: the larger, the more it holds.

    The values are MIT's responses, without a bias or a threshold: for ranking, not probabilities.

    Args:
        model: With an output ``features``, N x D.
        matrix: A x D.

    """
    graph = model.graph
    graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(matrix.T), _WEIGHT))
    graph.node.append(
        helper.make_node("MatMul", ["features", _WEIGHT], ["attributes"], name="attributes")
    )
    graph.output.append(
        helper.make_tensor_value_info("attributes", TensorProto.FLOAT, ["N", len(matrix)])
    )
    checker.check_model(model, full_check=True)
