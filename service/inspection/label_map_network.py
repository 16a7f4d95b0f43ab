"""A network that runs over photographs of any size, for label maps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from booth_client.errors import InvalidParameter
from service.inspection.label_map import Head
from service.runtimes.onnx_file import GraphParts, read_graph, with_free_sizes
from service.runtimes.onnx_runtime import open_session

__all__ = ["Network"]

_TOLERANCE = 0.1  # of a probability: in int8 the pooled features are rounded once more


class Network:
    """One model's network for photographs of any size, with its classifier.

    Args:
        content: of the model file.
        side: of its own input, in pixels.
        stride: pixels between two places of its maps.

    Raises:
        InvalidParameter: it runs at its own size alone, or its answer is not the average of what
            it says of each place.

    """

    def __init__(self, content: bytes, side: int, stride: int) -> None:
        free = with_free_sizes(content, "photo", {"probabilities", "maps"})
        self._session = open_session(free, {"cpu": {}}, threads=1)
        try:
            self.head = _head(content)
            self._check(side, stride)
        except InvalidParameter:
            raise
        except Exception:  # noqa: BLE001 (its runtime raises what it likes)
            raise _unsuitable() from None

    def __call__(self, pixels: NDArray[np.uint8], /) -> NDArray[np.float32]:
        """The last maps (C x h x w) of pixels (H x W x 3)."""
        (maps,) = self._session.run(["maps"], {"photo": pixels[np.newaxis]})
        return maps[0]  # type: ignore[no-any-return]

    def _check(self, side: int, stride: int) -> None:
        rng = np.random.default_rng(0)
        own, larger = (
            rng.integers(0, 256, (1, side, side + more, 3), np.uint8) for more in (0, stride)
        )
        maps, probabilities = self._session.run(["maps", "probabilities"], {"photo": own})
        logits = self.head.logits(maps[0]).mean((0, 1))
        powers = np.exp(logits - logits.max())
        if abs(powers / powers.sum() - probabilities[0]).max() > _TOLERANCE:
            raise _unsuitable()
        if self(larger[0]).shape[1:] != (side // stride, side // stride + 1):
            raise _unsuitable()


def _unsuitable() -> InvalidParameter:
    return InvalidParameter(
        "This model's network can't be run over photographs of other sizes than its own; "
        "ask another one."
    )


def _head(content: bytes) -> Head:
    """The classifier, with the temperature in it.

    Raises:
        KeyError: the file has none.

    """
    graph = read_graph(content)
    weight = _real(graph, "classifier.weight")
    bias = _real(graph, "classifier.bias")
    temperature = _real(graph, "temperature") if "temperature" in graph.tensors else np.float32(1)
    return Head(weight / temperature, bias / temperature)


def _real(graph: GraphParts, name: str) -> NDArray[np.float32]:
    """A constant of any precision; where it is integers, each row has its scale."""
    values = graph.array(name).astype(np.float32)
    scale = f"{name}.scale"
    if scale in graph.tensors:
        values *= graph.array(scale).reshape(-1, *(1,) * (values.ndim - 1))
    return values
