"""What every network is to the exporter, whoever wrote it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import torch
from torch import nn

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Network"]


class Network(nn.Module):
    """A classifier taken apart into maps, features and a linear layer.

    Attributes:
        module: The network as its publisher saves it; weights are loaded into this.
        maps: Normalised pixels, N x 3 x S x S, to the last feature maps, N x C x h x w.
        pool: The maps to the vector that the head sees, N x D.
        head: The name of the module's last part: a linear layer, or a sequence that ends with one.

    """

    def __init__(
        self,
        module: nn.Module,
        maps: Callable[[torch.Tensor], torch.Tensor],
        pool: Callable[[torch.Tensor], torch.Tensor],
        head: str,
    ) -> None:
        super().__init__()
        self.module = module
        self.head = head
        # In a tuple, or each weight would be registered a second time under a second name.
        self._parts = (maps, pool)

    @property
    def classifier(self) -> nn.Linear:
        """The last layer: weight K x D."""
        return cast("nn.Linear", self.head_layers[-1])

    @property
    def head_layers(self) -> list[nn.Module]:
        """The head's layers in their order; the last is the classifier."""
        head = getattr(self.module, self.head)
        return list(head) if isinstance(head, nn.Sequential) else [head]

    def replace_head(self, head: nn.Sequential) -> None:
        """Put another sequence, which ends with a linear layer, in the place of the head."""
        setattr(self.module, self.head, head)

    def resize_classifier(self, classes: int) -> None:
        """Give the last layer K outputs, whose weights have no values."""
        head = getattr(self.module, self.head)
        with torch.device("meta"):
            last = nn.Linear(self.classifier.in_features, classes).requires_grad_(
                requires_grad=False
            )
        if isinstance(head, nn.Sequential):
            head[-1] = last
        else:
            setattr(self.module, self.head, last)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Logits N x K, features N x D and maps N x C x h x w of pixels N x 3 x S x S."""
        to_maps, to_vector = self._parts
        maps = to_maps(x)
        features = to_vector(maps)
        *hidden, classifier = self.head_layers
        for layer in hidden:
            features = layer(features)
        return classifier(features), features, maps
