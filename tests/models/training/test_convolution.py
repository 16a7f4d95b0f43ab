from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.nn import functional

from models.training.convolution import depthwise, is_depthwise

CHANNELS = 8
Gradients = tuple[torch.Tensor, ...]


def _operands(kernel: int, side: int, dtype: torch.dtype) -> Gradients:
    generator = torch.Generator().manual_seed(kernel * side)
    x = torch.randn(3, CHANNELS, side, side, generator=generator)
    weight = torch.randn(CHANNELS, 1, kernel, kernel, generator=generator)
    bias = torch.randn(CHANNELS, generator=generator)
    x = x.contiguous(memory_format=torch.channels_last)
    return tuple(one.to(dtype).requires_grad_() for one in (x, weight, bias))


def _plain(operands: Gradients, stride: int, padding: tuple[int, int]) -> torch.Tensor:
    x, weight, bias = operands
    return functional.conv2d(functional.pad(x, padding * 2), weight, bias, stride, groups=CHANNELS)


def _depthwise(operands: Gradients, stride: int, padding: tuple[int, int]) -> torch.Tensor:
    x, weight, bias = operands
    return depthwise(x, weight, bias, stride, padding)


def _answer_and_gradients(answer: torch.Tensor, operands: Gradients) -> Gradients:
    generator = torch.Generator().manual_seed(0)
    wanted = torch.randn(answer.shape, generator=generator).to(answer.dtype)
    return answer, *torch.autograd.grad(answer, operands, wanted)


CASES = [
    (3, 1, (1, 1), 7),
    (3, 2, (1, 1), 7),
    (3, 2, (1, 1), 8),
    (3, 2, (0, 1), 8),
    (5, 1, (2, 2), 7),
    (5, 1, (2, 2), 2),
    (5, 2, (2, 2), 9),
    (5, 2, (1, 2), 8),
    (5, 2, (2, 2), 8),
]


@pytest.mark.parametrize(("kernel", "stride", "padding", "side"), CASES)
def test_answers_and_gradients_are_those_of_autograd(
    kernel: int, stride: int, padding: tuple[int, int], side: int
) -> None:
    operands = _operands(kernel, side, torch.float32)
    wanted = _answer_and_gradients(_plain(operands, stride, padding), operands)
    found = _answer_and_gradients(_depthwise(operands, stride, padding), operands)
    torch.testing.assert_close(found, wanted, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize(("kernel", "stride", "padding", "side"), CASES)
def test_in_bfloat16_they_are_as_close_as_it_allows(
    kernel: int, stride: int, padding: tuple[int, int], side: int
) -> None:
    operands = _operands(kernel, side, torch.bfloat16)
    exact = tuple(one.detach().float().requires_grad_() for one in operands)
    wanted = _answer_and_gradients(_plain(exact, stride, padding), exact)
    found = _answer_and_gradients(_depthwise(operands, stride, padding), operands)
    for mine, its in zip(found, wanted, strict=True):
        assert mine.dtype == torch.bfloat16
        # Eight bits of mantissa, on sums whose largest terms are of the size of the largest sum.
        torch.testing.assert_close(mine.float(), its, atol=0.02 * its.abs().max().item(), rtol=0)


def test_a_weight_learns_though_its_input_needs_no_gradient() -> None:
    x, weight, bias = _operands(3, 6, torch.float32)
    answer = depthwise(x.detach(), weight, bias, 1, (1, 1))
    (gradient,) = torch.autograd.grad(answer.sum(), weight)
    assert gradient.shape == weight.shape


@pytest.mark.parametrize(
    ("layer", "expected"),
    [
        (nn.Conv2d(8, 8, 3, groups=8), True),
        (nn.Conv2d(8, 8, 5, stride=2, groups=8), True),
        (nn.Conv2d(8, 16, 3, groups=8), False),
        (nn.Conv2d(8, 8, 3, groups=4), False),
        (nn.Conv2d(8, 8, 7, groups=8), False),
        (nn.Conv2d(8, 8, 3, stride=3, groups=8), False),
        (nn.Conv2d(8, 8, 3, dilation=2, groups=8), False),
        (nn.Conv2d(8, 8, (3, 5), groups=8), False),
    ],
)
def test_it_knows_what_it_can_compute(layer: nn.Conv2d, expected: bool) -> None:
    assert is_depthwise(layer) is expected
