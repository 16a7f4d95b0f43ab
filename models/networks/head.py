"""The last layers of a network of one's own, as its weights show them.

Weights tell linear layers and batch norms, and by the gaps between their numbers where something
stood that has no weights. Dropout does nothing in use; which function an activation was, nobody
can see: it is told, or taken for the usual one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import nn

from models.errors import UserError
from models.networks.storage import TensorView

__all__ = ["ACTIVATIONS", "Head", "UnknownHead", "read_head"]

ACTIVATIONS: dict[str, type[nn.Module]] = {
    "relu": nn.ReLU,
    "leaky_relu": nn.LeakyReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
    "none": nn.Identity,
}
"""What may stand between two linear layers; the first is the usual one."""

Views: TypeAlias = Mapping[str, TensorView]

_LINEAR = ({"weight"}, {"weight", "bias"})
_NORM = {"weight", "bias", "running_mean", "running_var"}
_COUNTER = "num_batches_tracked"


class UnknownHead(UserError, ValueError):
    """The text says what the head holds that is neither a linear layer nor a batch norm."""


@dataclass(frozen=True)
class _Layer:
    """A layer with weights: its name within the head, and its weights by theirs."""

    name: str
    weights: Views

    @property
    def is_linear(self) -> bool:
        return len(self.weights["weight"].shape) > 1

    @property
    def sizes(self) -> tuple[int, int]:
        """Numbers in, numbers out."""
        shape = self.weights["weight"].shape
        return shape[-1], shape[0]

    def build(self) -> nn.Module:
        inputs, outputs = self.sizes
        if self.is_linear:
            return nn.Linear(inputs, outputs)
        return _Norm(inputs)


class _Norm(nn.BatchNorm1d):
    """A batch norm of vectors, which in use is written as a product and a sum.

    A batch norm in the graph would be taken for one that follows a convolution.
    """

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.training or self.running_var is None or self.running_mean is None:
            return super().forward(x)
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        return x * scale + (self.bias - self.running_mean * scale)


@dataclass(frozen=True)
class Head:
    """A sequence that ends with a linear layer.

    Attributes:
        layers: The sequence; its weights have no values yet.
        weights: For each weight of the sequence, by its name there, where it lies.
        is_guessed: Whether an activation was taken for granted.

    """

    layers: nn.Sequential = field(default_factory=nn.Sequential)
    weights: dict[str, TensorView] = field(default_factory=dict)
    is_guessed: bool = False

    def __str__(self) -> str:
        """Its layers, for people."""
        return ", ".join(map(_described, self.layers))


def read_head(views: Views, features: int, activation: str | None = None) -> Head:
    """Build the head that these weights belong to.

    Args:
        views: The weights by their names, such as ``0.weight`` or ``fc1.bias``; ``weight`` and
            ``bias`` alone are a single linear layer.
        features: D, the numbers that it is given.
        activation: One of `ACTIVATIONS`, which stands behind each linear layer but the last, where
            the weights leave room for it; None takes the first of them for granted.

    Raises:
        UnknownHead: It holds another kind of layer, or none, or layers that don't fit each other.

    """
    layers = _in_order(_layers(views))
    _check(layers, features)
    built: list[nn.Module] = []
    weights: dict[str, TensorView] = {}
    awaits, is_guessed = False, False
    for number, layer in enumerate(layers):
        if awaits and _is_room_between(layers[number - 1], layer):
            built.append(ACTIVATIONS[activation or "relu"]())
            awaits, is_guessed = False, activation is None
        weights |= {f"{len(built)}.{name}": view for name, view in layer.weights.items()}
        built.append(layer.build())
        awaits = awaits or layer.is_linear
    return Head(nn.Sequential(*built), weights, is_guessed)


def _layers(views: Views) -> list[_Layer]:
    grouped: dict[str, dict[str, TensorView]] = {}
    for name, view in views.items():
        layer, _, weight = name.rpartition(".")
        if weight != _COUNTER:
            grouped.setdefault(layer, {})[weight] = view
    return [_layer(name, weights) for name, weights in grouped.items()]


def _layer(name: str, weights: dict[str, TensorView]) -> _Layer:
    dimensions = {weight: len(view.shape) for weight, view in weights.items()}
    is_linear = set(weights) in _LINEAR and dimensions["weight"] == 2  # noqa: PLR2004
    is_norm = set(weights) == _NORM and set(dimensions.values()) == {1}
    if not is_linear and not is_norm:
        raise UnknownHead(f"{name or 'it'} with {', '.join(sorted(weights))}")
    return _Layer(name, weights)


def _in_order(layers: list[_Layer]) -> list[_Layer]:
    """By their numbers; layers with names keep the order of the file, which is that of the code."""
    return sorted(layers, key=_place) if all(map(_is_numbered, layers)) else layers


def _is_numbered(layer: _Layer) -> bool:
    return re.fullmatch(r"(\d+(\.\d+)*)?", layer.name) is not None


def _place(layer: _Layer) -> tuple[int, ...]:
    return tuple(map(int, layer.name.split("."))) if layer.name else ()


def _is_room_between(first: _Layer, second: _Layer) -> bool:
    """Whether a layer without weights may stand between two."""
    if not (_is_numbered(first) and _is_numbered(second)):
        return second.is_linear
    one, other = _place(first), _place(second)
    same = next(at for at, pair in enumerate(zip(one, other, strict=False)) if pair[0] != pair[1])
    return other[same] - one[same] > 1 or any(other[same + 1 :]) or len(one) > same + 1


def _check(layers: list[_Layer], features: int) -> None:
    if not layers or not layers[-1].is_linear:
        raise UnknownHead("no linear layer at its end")
    given = features
    for layer in layers:
        inputs, outputs = layer.sizes
        if inputs != given:
            raise UnknownHead(
                f"{layer.name or 'a layer'} for {inputs} numbers, where there are {given}"
            )
        given = outputs


def _described(layer: nn.Module) -> str:
    if isinstance(layer, nn.Linear):
        return f"Linear {layer.in_features}-{layer.out_features}"
    return "BatchNorm" if isinstance(layer, _Norm) else type(layer).__name__
