"""Depthwise convolutions whose gradients are fast on a CPU.

oneDNN computes in bfloat16 at twice the speed of float32, but two gradients of depthwise
convolutions have no fast kernel there and take 10 to 100 times as long: that of the input at stride
2, and that of a 5 x 5 kernel. Both can be had from kernels which it does have. In float32 only the
second is slow.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

__all__ = ["Padding", "depthwise", "is_depthwise", "is_slow"]

Padding = tuple[int, int]
"""Rows (and columns) of zeros before and after."""

_SMALL, _LARGE = 3, 5


def is_depthwise(convolution: torch.nn.Conv2d) -> bool:
    """Whether `depthwise` can compute it: a filter of 3 x 3 or 5 x 5 for each channel."""
    return (
        convolution.groups == convolution.in_channels == convolution.out_channels
        and convolution.kernel_size in ((_SMALL, _SMALL), (_LARGE, _LARGE))
        and convolution.stride in ((1, 1), (2, 2))
        and convolution.dilation == (1, 1)
    )


def is_slow(convolution: torch.nn.Conv2d, x: Tensor) -> bool:
    """Whether `depthwise` trains faster on ``x`` than torch's own convolution."""
    return (
        is_depthwise(convolution)
        and x.device.type == "cpu"
        and (x.dtype == torch.bfloat16 or convolution.kernel_size == (_LARGE, _LARGE))
    )


def depthwise(x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: Padding) -> Tensor:
    """Filter each channel by itself.

    Args:
        x: N x C x H x H.
        weight: C x 1 x k x k, k 3 or 5, of the same type.
        bias: C, of the same type.
        stride: 1 or 2.
        padding: The same for rows and columns.

    Returns:
        N x C x H' x H'.

    """
    return _Depthwise.apply(x, weight, bias, stride, padding)  # type: ignore[no-any-return, no-untyped-call]


class _Depthwise(torch.autograd.Function):
    @staticmethod
    def forward(  # noqa: PLR0917 (torch hands them over by position)
        ctx: Any, x: Tensor, weight: Tensor, bias: Tensor, stride: int, padding: Padding
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.stride, ctx.padding = stride, padding
        before, after = padding
        if before == after:
            return functional.conv2d(x, weight, bias, stride, before, groups=len(weight))
        return functional.conv2d(_padded(x, padding), weight, bias, stride, groups=len(weight))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None, None]:
        x, weight = ctx.saved_tensors
        gradient = gradients[0].contiguous(memory_format=torch.channels_last)
        of_input = None
        if ctx.needs_input_grad[0]:
            found = _input_gradient if x.dtype == torch.bfloat16 else _usual_input_gradient
            of_input = found(gradient, x, weight, ctx.stride, ctx.padding)
        of_weight = _weight_gradient(gradient, _padded(x, ctx.padding), weight, ctx.stride)
        of_bias = gradient.sum((0, 2, 3), dtype=torch.float32).to(weight.dtype)
        return of_input, of_weight, of_bias, None, None


def _padded(x: Tensor, padding: Padding) -> Tensor:
    return functional.pad(x, padding * 2)


def _input_gradient(
    gradient: Tensor, x: Tensor, weight: Tensor, stride: int, padding: Padding
) -> Tensor:
    """As a convolution with the turned filter, of the gradient spread over the input's pixels."""
    edge = weight.shape[-1] - 1
    start, side = edge - padding[0], gradient.shape[-1] * stride
    spread = x.new_zeros(len(x), x.shape[1], x.shape[2] + edge, x.shape[3] + edge)
    spread = spread.contiguous(memory_format=torch.channels_last)
    spread[:, :, start : start + side : stride, start : start + side : stride] = gradient
    return functional.conv2d(spread, weight.flip(2, 3), groups=len(weight))


def _usual_input_gradient(
    gradient: Tensor, x: Tensor, weight: Tensor, stride: int, padding: Padding
) -> Tensor:
    """As torch computes it."""
    found = _gradients(gradient, _padded(x, padding), weight, stride, [True, False, False])[0]
    start, side = padding[0], x.shape[-1]
    return found[:, :, start : start + side, start : start + side]


def _weight_gradient(gradient: Tensor, padded: Tensor, weight: Tensor, stride: int) -> Tensor:
    """Of a 5 x 5 filter from those of the four 3 x 3 ones that cover it."""
    if weight.shape[-1] == _SMALL:
        return _weight_gradient_3x3(gradient, padded, weight, stride)
    span = stride * (gradient.shape[-1] - 1) + _SMALL
    part, result = weight[:, :, :_SMALL, :_SMALL].contiguous(), torch.empty_like(weight)
    for top in (0, _LARGE - _SMALL):
        for left in (0, _LARGE - _SMALL):
            seen = padded[:, :, top : top + span, left : left + span]
            seen = seen.contiguous(memory_format=torch.channels_last)
            found = _weight_gradient_3x3(gradient, seen, part, stride)
            result[:, :, top : top + _SMALL, left : left + _SMALL] = found
    return result


def _weight_gradient_3x3(gradient: Tensor, padded: Tensor, weight: Tensor, stride: int) -> Tensor:
    return _gradients(gradient, padded, weight, stride, [False, True, False])[1]


def _gradients(
    gradient: Tensor, padded: Tensor, weight: Tensor, stride: int, wanted: list[bool]
) -> list[Tensor]:
    """Of the input, the weight and the bias, as far as wanted."""
    found: list[Tensor] = torch.ops.aten.convolution_backward(
        gradient,
        padded,
        weight,
        bias_sizes=None,
        stride=[stride, stride],
        padding=[0, 0],
        dilation=[1, 1],
        transposed=False,
        output_padding=[0, 0],
        groups=len(weight),
        output_mask=wanted,
    )
    return found
