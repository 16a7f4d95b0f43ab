"""EfficientNet-Lite: EfficientNet (Tan and Le 2019, arXiv:1905.11946) for integer arithmetic.

Google's Lite variants drop squeeze-and-excitation, put ReLU6 in the place of swish, and scale
neither the stem (32 channels), the head (1280), nor the depth of the first and the last stage.
Convolutions pad as TensorFlow's "SAME" does: where the padding is odd, the extra pixel is on the
right and at the bottom.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

__all__ = ["VARIANTS", "EfficientNetLite", "Variant"]

_STEM_CHANNELS = 32
_HEAD_CHANNELS = 1280
_CHANNEL_STEP = 8
_BATCH_NORM_EPSILON = 1e-3
_BATCH_NORM_MOMENTUM = 0.01


@dataclass(frozen=True)
class Variant:
    """How wide, how deep, and on how large a square the network works."""

    width: float
    depth: float
    size: int


@dataclass(frozen=True)
class _Stage:
    """A row of blocks alike; only the first of them strides and changes the channels."""

    repeats: int
    kernel: int
    stride: int
    expansion: int
    channels: int


VARIANTS = {
    "efficientnet_lite0": Variant(1.0, 1.0, 224),
    "efficientnet_lite1": Variant(1.0, 1.1, 240),
    "efficientnet_lite2": Variant(1.1, 1.2, 260),
    "efficientnet_lite3": Variant(1.2, 1.4, 280),
    "efficientnet_lite4": Variant(1.4, 1.8, 300),
}

_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


class _SameConv(nn.Conv2d):
    """A convolution whose output has ceil(input / stride) pixels a side, as in TensorFlow."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        top, bottom = self.padding_of(x.shape[-2])
        left, right = self.padding_of(x.shape[-1])
        if (top, left) == (bottom, right):
            return functional.conv2d(
                x, self.weight, None, self.stride, (top, left), groups=self.groups
            )
        x = functional.pad(x, (left, right, top, bottom))
        return functional.conv2d(x, self.weight, None, self.stride, groups=self.groups)

    def padding_of(self, side: int) -> tuple[int, int]:
        """Rows of zeros before and after an input of so many."""
        stride, kernel = self.stride[0], self.kernel_size[0]
        total = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
        return total // 2, total - total // 2


class _Block(nn.Module):
    """The mobile inverted bottleneck (MobileNetV2, arXiv:1801.04381): expand, depthwise, project.

    The attributes bear the names under which the published checkpoints hold their weights.
    """

    def __init__(self, inputs: int, stage: _Stage, outputs: int, stride: int) -> None:
        super().__init__()
        inner = inputs * stage.expansion
        if stage.expansion > 1:
            self._expand_conv = _conv(inputs, inner)
            self._bn0 = _norm(inner)
        self._depthwise_conv = _conv(inner, inner, stage.kernel, stride, groups=inner)
        self._bn1 = _norm(inner)
        self._project_conv = _conv(inner, outputs)
        self._bn2 = _norm(outputs)
        self._expands = stage.expansion > 1
        self._is_residual = stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        inner = functional.relu6(self._bn0(self._expand_conv(x))) if self._expands else x
        inner = functional.relu6(self._bn1(self._depthwise_conv(inner)))
        output: torch.Tensor = self._bn2(self._project_conv(inner))
        return output + x if self._is_residual else output


class EfficientNetLite(nn.Module):
    """The network from normalised pixels (N x 3 x S x S) to logits (N x K)."""

    def __init__(self, variant: Variant, classes: int) -> None:
        super().__init__()
        self._conv_stem = _conv(3, _STEM_CHANNELS, kernel=3, stride=2)
        self._bn0 = _norm(_STEM_CHANNELS)
        self._blocks = nn.ModuleList(_blocks(variant))
        self._conv_head = _conv(_scaled_channels(_STAGES[-1].channels, variant), _HEAD_CHANNELS)
        self._bn1 = _norm(_HEAD_CHANNELS)
        self._fc = nn.Linear(_HEAD_CHANNELS, classes)

    def maps(self, x: torch.Tensor) -> torch.Tensor:
        """The last feature maps, N x 1280 x h x w, of normalised pixels N x 3 x S x S."""
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
        maps: torch.Tensor = functional.relu6(self._bn1(self._conv_head(x)))
        return maps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Logits, N x K, of normalised pixels N x 3 x S x S."""
        logits: torch.Tensor = self._fc(self.maps(x).mean((2, 3)))
        return logits


def _conv(
    inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> _SameConv:
    return _SameConv(inputs, outputs, kernel, stride, groups=groups, bias=False)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, eps=_BATCH_NORM_EPSILON, momentum=_BATCH_NORM_MOMENTUM)


def _blocks(variant: Variant) -> list[_Block]:
    blocks = []
    inputs = _STEM_CHANNELS
    for stage in _STAGES:
        outputs = _scaled_channels(stage.channels, variant)
        for repeat in range(_scaled_repeats(stage, variant)):
            blocks.append(_Block(inputs, stage, outputs, stage.stride if repeat == 0 else 1))
            inputs = outputs
    return blocks


def _scaled_repeats(stage: _Stage, variant: Variant) -> int:
    is_fixed = stage in (_STAGES[0], _STAGES[-1])
    return stage.repeats if is_fixed else math.ceil(stage.repeats * variant.depth)


def _scaled_channels(channels: int, variant: Variant) -> int:
    """To the nearest multiple of 8, but never more than a tenth below what was asked for."""
    wanted = channels * variant.width
    rounded = max(_CHANNEL_STEP, int(wanted + _CHANNEL_STEP / 2) // _CHANNEL_STEP * _CHANNEL_STEP)
    return rounded if rounded >= 0.9 * wanted else rounded + _CHANNEL_STEP
