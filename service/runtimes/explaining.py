"""A network that says what led to its answers: what each place of its last maps speaks for.

Loaded beside the plain one when it is first asked: its graph has a few operators more. They apply
the classifier to each place of the maps (Zhou et al. 2016, arXiv:1512.04150). In the graph it costs
as little as another layer: where the file computes in 8-bit integers, this does, too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from booth_client.errors import InvalidParameter
from service.runtimes.base import ModelFile, Photos
from service.runtimes.onnx_file import FLOAT, GraphParts, added, node, read_graph

__all__ = ["Evidence", "Explainer", "Head", "ManyOutputs", "OpenOutputs", "open_explainer"]

_WEIGHT, _BIAS = "classifier.weight", "classifier.bias"
_ACTIVATIONS = "explain.activations"
_PLACES = {"region", "cells"}
# By how much of their spread the logits of the answer may differ from the mean of the places':
# 8-bit integers make a hundredth of it.
_ROUNDING = 0.1


@dataclass(frozen=True, slots=True)
class Head:
    """What makes probabilities of the places' activations.

    Attributes:
        bias: of the classifier, K numbers.
        temperature: divides the logits.

    """

    bias: NDArray[np.float32]
    temperature: float


@dataclass(frozen=True, slots=True, eq=False)
class Evidence:
    """What the network says about one photograph.

    Attributes:
        answer: K probabilities, and the familiarity if the card has a threshold of it.
        activations: the class activation maps, h x w x K; None where they can't be told. With the
            head's bias they are logits, whose mean over the places gives the answer.
        head: None where there are no activations.
        attributes: A numbers; None where the model has none.
        features: of the whole photograph, which the classifier takes; None where the file does not
            give them.

    """

    answer: NDArray[np.float32]
    activations: NDArray[np.float32] | None = None
    head: Head | None = None
    attributes: NDArray[np.float32] | None = None
    features: NDArray[np.float32] | None = None

    @property
    def logits(self) -> NDArray[np.float32]:
        """Of each place, h x w x K, before the temperature."""
        assert self.activations is not None  # noqa: S101
        assert self.head is not None  # noqa: S101
        return self.activations + self.head.bias


class ManyOutputs(Protocol):
    """A loaded network of which several outputs are wanted."""

    def run_all(self, photos: Photos, *, alone: bool = False) -> Sequence[NDArray[np.float32]]:
        """The outputs, each N x ..., in the order in which they were asked for."""

    def close(self) -> None:
        """End its threads."""


# A model file, and the outputs that are wanted.
OpenOutputs = Callable[[ModelFile, Sequence[str]], ManyOutputs]


class Explainer:
    """Explains answers. Safe to call from several threads at once.

    Args:
        name: of the model, for refusals.
        network: gives the outputs; None if there is nothing to explain with.
        outputs: their names, the card's answer first.
        head: None where the features are not the mean of the maps.

    """

    def __init__(
        self, name: str, network: ManyOutputs | None, outputs: Sequence[str], head: Head | None
    ) -> None:
        self._name = name
        self._network = network
        self._outputs = outputs
        self._head = head

    def check(self, wanted: Collection[str]) -> None:
        """Refuse what this model can't explain.

        Args:
            wanted: of "region", "cells", "attributes" and "features".

        Raises:
            InvalidParameter: it can't explain all of it.

        """
        if self._head is None and _PLACES.intersection(wanted):
            raise InvalidParameter(
                f"{self._name} can't tell regions and cells: its features are not the mean of its "
                "last maps; leave explain out, or ask another model."
            )
        if "attributes" in wanted and "attributes" not in self._outputs:
            raise InvalidParameter(
                f"{self._name} has no attributes; leave them out of explain, or ask another model."
            )
        if "features" in wanted and "features" not in self._outputs:
            raise InvalidParameter(
                f"The file of {self._name} does not give its pooled features; name a layer, as "
                f"with layer=NAME of GET /models/{self._name}/layers, or ask another model."
            )

    def run(self, photos: Photos, *, alone: bool = False) -> list[Evidence]:
        """What the network says about each of N photographs.

        Args:
            photos: S x S x 3 each, RGB, together or each for itself.
            alone: whether nothing else wants the cores.

        """
        assert self._network  # noqa: S101 (`check` refuses)
        values = self._network.run_all(photos, alone=alone)
        answers, given = values[0], dict(zip(self._outputs, values, strict=True))
        activations, attributes = given.get(_ACTIVATIONS), given.get("attributes")
        features = given.get("features")
        return [
            Evidence(
                answer,
                None if activations is None else activations[index],
                self._head,
                None if attributes is None else attributes[index],
                None if features is None else features[index].reshape(-1).astype(np.float32),
            )
            for index, answer in enumerate(answers)
        ]

    def close(self) -> None:
        """End its threads and let go of the network."""
        network, self._network = self._network, None
        if network:
            network.close()


def open_explainer(file: ModelFile, open_outputs: OpenOutputs) -> Explainer:
    """The explainer of a model file: what it can't explain, it refuses.

    Args:
        file: the model file.
        open_outputs: loads it.

    Raises:
        Exception: whatever keeps it from running.

    """
    graph = read_graph(file.content)
    head = _head(graph)
    has_attributes = "attributes" in graph.outputs and file.card.attributes
    further = ["attributes"] if has_attributes else []
    further += ["features"] if "features" in graph.outputs else []
    outputs = [file.card.answer_output, *further]
    name = file.card.name
    if head is None:
        network = open_outputs(file, outputs) if further else None
        return Explainer(name, network, outputs, None)
    outputs.append(_ACTIVATIONS)
    network = open_outputs(replace(file, content=_with_activations(file.content, graph)), outputs)
    explainer = Explainer(name, network, outputs, head)
    if _is_mean_of_places(explainer, file.card.input.size):
        return explainer
    return Explainer(name, network, outputs, None)


def _head(graph: GraphParts) -> Head | None:
    """None where the classifier does not take as many features as there are maps."""
    shape = graph.outputs.get("maps", ())
    if not {_WEIGHT, _BIAS} <= graph.tensors.keys() or len(shape) != 4:  # noqa: PLR2004
        return None
    if graph.shape(_WEIGHT)[1] != shape[1]:
        return None
    bias = _real(graph, _BIAS)
    temperature = _real(graph, "temperature") if "temperature" in graph.tensors else 1
    return Head(bias, float(temperature))


def _real(graph: GraphParts, name: str) -> NDArray[np.float32]:
    """A constant's values, or its integers on their scale."""
    values = graph.array(name).astype(np.float32)
    scale = f"{name}.scale"
    return values * graph.array(scale) if scale in graph.tensors else values


def _with_activations(content: bytes, graph: GraphParts) -> bytes:
    """The file with the output ``explain.activations``, N x h x w x K."""
    # The node that makes floats of a classifier's integers is there.
    weight = f"{_WEIGHT}.real" if f"{_WEIGHT}.scale" in graph.tensors else "explain.weight"
    nodes = [
        node("Transpose", ["maps"], "explain.places", perm=[0, 2, 3, 1]),
        node("Transpose", [weight], "explain.columns", perm=[1, 0]),
        node("MatMul", ["explain.places", "explain.columns"], _ACTIVATIONS),
    ]
    if weight == "explain.weight":
        nodes.insert(0, node("Cast", [_WEIGHT], weight, to=FLOAT))
    return added(content, nodes, _ACTIVATIONS, 4)


def _is_mean_of_places(explainer: Explainer, side: int) -> bool:
    """Whether the mean of the places' logits is the logits of an answer, up to rounding."""
    noise = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), np.uint8)
    (found,) = explainer.run(noise)
    assert found.head  # noqa: S101
    expected = found.logits.mean((0, 1), np.float64) / found.head.temperature
    # Logits are known from probabilities but for what they have in common.
    answered = np.log(np.maximum(found.answer[: expected.size], np.finfo(np.float32).tiny))
    difference = (answered - answered.mean()) - (expected - expected.mean())
    return bool(np.sqrt((difference**2).mean()) <= _ROUNDING * max(expected.std(), _ROUNDING))
