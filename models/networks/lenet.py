"""LeNet-5 (LeCun et al. 1998, "Gradient-based learning applied to document recognition", II.B).

C1 6 @ 28 x 28, S2 6 @ 14 x 14, C3 16 @ 10 x 10, S4 16 @ 5 x 5, C5 120, F6 84, ten outputs. It
differs from the paper in this:

- It sees 28 x 28 pixels. The paper's 32 x 32 are these with two pixels of background all round;
  here C1 pads with them, and background is 0, so the sums are the same.
- S2 and S4 take plain means; the paper's have a trained factor and bias a map, and a sigmoid.
- Each map of C3 sees all six of S2, where the paper's table chooses three to six of them.
- The activation is tanh. The paper's, 1.7159 tanh(2x / 3), does the same to other weights.
- Ten linear outputs and softmax stand where the paper compares F6 with drawn characters (RBF).

So it has 61,706 parameters, the paper's 60,000.
"""

from __future__ import annotations

import torch
from torch import nn

from models.networks.network import Network

__all__ = ["LeNet5", "ink", "lenet5"]

_FAINTEST = 0.25


class LeNet5(nn.Module):
    """The network from pixels (N x 3 x 28 x 28, 0 to 1) to logits (N x K)."""

    def __init__(self, classes: int) -> None:
        super().__init__()
        self.c1 = nn.Conv2d(1, 6, 5, padding=2)
        self.c3 = nn.Conv2d(6, 16, 5)
        self.c5 = nn.Conv2d(16, 120, 5)
        self.head = nn.Sequential(nn.Linear(120, 84), nn.Tanh(), nn.Linear(84, classes))
        self.subsample = nn.AvgPool2d(2)

    def maps(self, x: torch.Tensor) -> torch.Tensor:
        """S4, N x 16 x 5 x 5, of pixels N x 3 x 28 x 28 in 0 to 1."""
        return self.maps_of_ink(ink(x))

    def maps_of_ink(self, strokes: torch.Tensor) -> torch.Tensor:
        """S4, N x 16 x 5 x 5, of strokes N x 1 x 28 x 28: 0 is paper, 1 is ink."""
        s2 = self.subsample(torch.tanh(self.c1(strokes)))
        s4: torch.Tensor = self.subsample(torch.tanh(self.c3(s2)))
        return s4

    def vector(self, maps: torch.Tensor) -> torch.Tensor:
        """C5, N x 120, of S4."""
        return torch.tanh(self.c5(maps)).flatten(1)

    def forward(self, strokes: torch.Tensor) -> torch.Tensor:
        """Logits, N x K, of strokes N x 1 x 28 x 28: what training asks for."""
        logits: torch.Tensor = self.head(self.vector(self.maps_of_ink(strokes)))
        return logits


def lenet5(classes: int) -> Network:
    """LeNet-5, whose last maps are S4 and whose features are F6."""
    module = LeNet5(classes)
    return Network(module, module.maps, module.vector, "head")


def ink(x: torch.Tensor) -> torch.Tensor:
    """How much ink there is: the distance in grey from the paper, as a share of the largest.

    The paper's grey is the mean of the outermost pixels, so white on black and black on white are
    the same. The largest distance counts as at least a quarter: an empty sheet stays empty.

    Args:
        x: N x 3 x S x S, 0 to 1.

    Returns:
        N x 1 x S x S, 0 to 1.

    """
    # Sums, not means: the exporter takes a mean over height and width for global pooling.
    grey = x.sum(1, keepdim=True) / 3
    outermost = _sum(grey) - _sum(grey[:, :, 1:-1, 1:-1])
    distance = (grey - outermost / (4 * (x.shape[-1] - 1))).abs()
    return distance / distance.amax((2, 3), keepdim=True).clamp(min=_FAINTEST)


def _sum(x: torch.Tensor) -> torch.Tensor:
    return x.sum((2, 3), keepdim=True)
