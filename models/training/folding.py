"""Batch norms folded into convolutions, for training: they keep their statistics.

The folded network shares the network's parameters. Folding is part of the computation, so kernels,
scales and shifts all learn; but no activation is normalised, which halves the memory traffic and
allows bfloat16. A short training gains from it, too: a head fitted to the features of the fixed
statistics still fits at the first step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from models.training.convolution import Padding, depthwise, is_slow

if TYPE_CHECKING:
    from models.networks import Network

__all__ = ["fold_batch_norms"]


def fold_batch_norms(network: Network, dropout: float) -> fx.GraphModule:
    """Normalised pixels N x 3 x S x S to logits N x K, with ``network``'s own parameters.

    Args:
        network: As `models.networks.build` made it, with its weights.
        dropout: The share of features that the classifier does not see in training.

    """
    graph = _Tracer().trace(network.module)
    folded = fx.GraphModule(network.module, graph)
    modules = dict(folded.named_modules())
    for node in [node for node in graph.nodes if node.op == "call_module"]:
        module = modules[str(node.target)]
        if isinstance(module, nn.Conv2d):
            _fold(folded, modules, node, module)
        elif isinstance(module, nn.BatchNorm2d) and node.users:
            folded.add_submodule(str(node.target), _Norm(module))
        elif module is network.classifier:
            folded.add_submodule(str(node.target), _Head(module, dropout))
    folded.recompile()
    return folded


class _Tracer(fx.Tracer):
    """Keeps convolutions whole, Booth's own included, so that they can be replaced."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return isinstance(m, nn.Conv2d) or super().is_leaf_module(m, module_qualified_name)


def _fold(
    folded: fx.GraphModule, modules: dict[str, Any], node: fx.Node, convolution: nn.Conv2d
) -> None:
    users = list(node.users)
    norm = modules.get(str(users[0].target)) if len(users) == 1 else None
    if not isinstance(norm, nn.BatchNorm2d):
        norm = None
    folded.add_submodule(str(node.target), _Convolution(convolution, norm))
    if norm is not None:
        users[0].replace_all_uses_with(node)
        folded.graph.erase_node(users[0])


class _Convolution(nn.Module):
    """A convolution together with the norm behind it."""

    def __init__(self, convolution: nn.Conv2d, norm: nn.BatchNorm2d | None) -> None:
        super().__init__()
        self.convolution, self.norm = convolution, norm

    def forward(self, x: Tensor) -> Tensor:
        kernel, bias = self._folded()
        before, after = _padding(self.convolution, x.shape[-1])
        if is_slow(self.convolution, x):
            stride = self.convolution.stride[0]
            return depthwise(x, kernel.to(x.dtype), bias.to(x.dtype), stride, (before, after))
        if before != after:
            x, before = functional.pad(x, (before, after) * 2), 0
        return functional.conv2d(
            x,
            kernel,
            bias,
            self.convolution.stride,
            before,
            self.convolution.dilation,
            self.convolution.groups,
        )

    def _folded(self) -> tuple[Tensor, Tensor]:
        """Kernel and bias."""
        weight, norm = self.convolution.weight, self.norm
        shift = self.convolution.bias
        if norm is None:
            return weight, weight.new_zeros(len(weight)) if shift is None else shift
        mean, variance = cast("Tensor", norm.running_mean), cast("Tensor", norm.running_var)
        scale = norm.weight * torch.rsqrt(variance + norm.eps)
        mean = mean if shift is None else mean - shift
        return weight * scale[:, None, None, None], norm.bias - mean * scale


class _Norm(nn.Module):
    """A norm that stands before its convolution, as in a DenseNet: it keeps its statistics."""

    def __init__(self, norm: nn.BatchNorm2d) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, x: Tensor) -> Tensor:
        norm = self.norm
        return functional.batch_norm(
            x, norm.running_mean, norm.running_var, norm.weight, norm.bias, eps=norm.eps
        )


class _Head(nn.Module):
    """The classifier in float32, behind dropout."""

    def __init__(self, classifier: nn.Linear, dropout: float) -> None:
        super().__init__()
        self.classifier, self.dropout = classifier, nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        with torch.autocast(features.device.type, enabled=False):
            logits: Tensor = self.classifier(self.dropout(features.float()))
        return logits


def _padding(convolution: nn.Conv2d, side: int) -> Padding:
    same = getattr(convolution, "padding_of", None)
    if same is not None:
        before, after = same(side)
        return before, after
    return int(convolution.padding[0]), int(convolution.padding[0])
