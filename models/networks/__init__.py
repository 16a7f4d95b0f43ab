"""The networks that Booth can export, by the name of their architecture."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import torch

from models.networks import torchvision
from models.networks.efficientnet_lite import VARIANTS, EfficientNetLite, Variant
from models.networks.lenet import lenet5
from models.networks.network import Network

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["ARCHITECTURES", "Network", "build"]


def _efficientnet_lite(variant: Variant, classes: int) -> Network:
    module = EfficientNetLite(variant, classes)
    return Network(module, module.maps, lambda maps: maps.mean((2, 3)), "_fc")


_RESNETS = ("resnet18", "resnet34", "resnet50", "resnet101", "resnet152")
_DENSENETS = ("densenet121", "densenet161", "densenet169", "densenet201")
_VGGS = ("vgg11", "vgg13", "vgg16", "vgg19")

ARCHITECTURES: dict[str, Callable[[int], Network]] = {
    "alexnet": torchvision.alexnet,
    **{name: partial(torchvision.densenet, name) for name in _DENSENETS},
    **{name: partial(_efficientnet_lite, variant) for name, variant in VARIANTS.items()},
    "lenet5": lenet5,
    **{name: partial(torchvision.resnet, name) for name in _RESNETS},
    **{name: partial(torchvision.vgg, name) for name in _VGGS},
    "wideresnet18": torchvision.wide_resnet18,
}
"""From an architecture's name to the function that builds it for a number of classes."""


def build(architecture: str, classes: int) -> Network:
    """Build a network in evaluation mode whose weights have shapes but no values yet.

    Args:
        architecture: One of `ARCHITECTURES`.
        classes: K, the number of outputs.

    """
    with torch.device("meta"):
        return ARCHITECTURES[architecture](classes).eval().requires_grad_(requires_grad=False)
