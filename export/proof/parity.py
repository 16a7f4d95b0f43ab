"""The proof of an export: on photographs, the ONNX file answers as the torch network does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnxruntime
import torch

from export.proof.agreement import agreement
from models.errors import UserError

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from onnx import ModelProto

    from models.card import Parity
    from models.networks import Network
    from models.normalisation import Normalisation

    Probabilities = NDArray[np.float32]

__all__ = [
    "LARGEST_DIFFERENCE",
    "ParityError",
    "check_parity",
    "onnx_probabilities",
    "torch_probabilities",
]

LARGEST_DIFFERENCE = {"fp32": 1e-4, "fp16": 0.1}
"""How far a probability of a file in floating point may be from the torch network's.

In float16, EfficientNet-Lite0 was off by 0.005 as trained, and by 0.07 with random weights: what is
further off has overflowed.
"""

_BATCH = 4


class ParityError(UserError):
    """The exported file does not answer as the network that it was made from."""


def torch_probabilities(
    network: Network,
    normalisation: Normalisation,
    temperature: float,
    photos: NDArray[np.uint8],
) -> Probabilities:
    """The torch network's probabilities, N x K, of photographs N x S x S x 3."""
    found = []
    with torch.inference_mode():
        for start in range(0, len(photos), _BATCH):
            pixels = torch.from_numpy(normalisation(photos[start : start + _BATCH]))
            found.append((network(pixels)[0] / temperature).softmax(1).numpy())
    return np.concatenate(found)


def check_parity(
    model: ModelProto, expected: Probabilities, photos: NDArray[np.uint8], *, precision: str
) -> Parity:
    """Compare a model's answers with those expected.

    Args:
        model: The finished graph.
        expected: N x K.
        photos: N x S x S x 3.
        precision: Of its arithmetic. In 8 bits the difference is measured, and may be any.

    Raises:
        ParityError: It answers otherwise than `LARGEST_DIFFERENCE` allows.

    """
    found = onnx_probabilities(model, photos)
    largest = float(np.abs(found - expected).max())
    allowed = LARGEST_DIFFERENCE.get(precision)
    # Written so that a file that answers NaN fails too.
    if allowed is not None and not largest < allowed:
        raise ParityError(
            f"The exported file's probabilities differ from the network's by up to {largest:.2g}, "
            f"where {allowed:g} is allowed; nothing was written."
        )
    return agreement(found, expected, "the PyTorch network in float32")


def onnx_probabilities(model: ModelProto, photos: NDArray[np.uint8]) -> Probabilities:
    """A model file's probabilities, N x K, for squares N x S x S x 3."""
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return np.concatenate(
        [
            session.run(["probabilities"], {"photo": photos[start : start + _BATCH]})[0]
            for start in range(0, len(photos), _BATCH)
        ]
    )
