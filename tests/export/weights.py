"""The weights of a finished model file."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from onnx import numpy_helper

from export.graph.model import CLASSIFIER_WEIGHT

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto

__all__ = ["classifier_weight"]


def classifier_weight(model: ModelProto) -> NDArray[np.float32]:
    """The classifier's weights, K x D, of a model file of any precision.

    Where the features are the mean of the maps (C = D), the class activation map of label k is
    the sum over c of ``weight[k, c] * maps[c]`` (Zhou et al. 2016, arXiv:1512.04150).
    """
    stored = {tensor.name: tensor for tensor in model.graph.initializer}
    weight = numpy_helper.to_array(stored[CLASSIFIER_WEIGHT])
    if weight.dtype != np.int8:
        return weight.astype(np.float32)
    scales = numpy_helper.to_array(stored[f"{CLASSIFIER_WEIGHT}.scale"])
    return np.asarray(weight * scales[:, None], np.float32)
