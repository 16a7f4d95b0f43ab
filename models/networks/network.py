"""What every network is to the exporter, whoever wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

    import torch

__all__ = ["Network"]


class Network(nn.Module):
    """A classifier taken apart into maps, features and a linear layer.

    Attributes:
        module: The network as its publisher saves it; weights are loaded into this.
        maps: Normalised pixels, N x 3 x S x S, to the last feature maps, N x C x h x w.
        features: The maps to the vector that the classifier sees, N x D.
        classifier: The last layer, weight K x D.

    """

    def __init__(
        self,
        module: nn.Module,
        maps: Callable[[torch.Tensor], torch.Tensor],
        features: Callable[[torch.Tensor], torch.Tensor],
        classifier: nn.Linear,
    ) -> None:
        super().__init__()
        self.module = module
        # In a tuple, or each weight would be registered a second time under a second name.
        self._parts = (maps, features, classifier)

    @property
    def classifier(self) -> nn.Linear:
        """The last layer: weight K x D."""
        return self._parts[2]

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits N x K, features N x D and maps N x C x h x w of pixels N x 3 x S x S."""
        to_maps, to_features, classifier = self._parts
        maps = to_maps(x)
        features = to_features(maps)
        return classifier(features), features, maps
