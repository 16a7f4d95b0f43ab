"""torchvision's networks, taken apart where Booth's outputs are, and MIT's variant of one."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.nn import functional

from models.networks.compat import torchvision_models
from models.networks.network import Network

__all__ = ["alexnet", "densenet", "resnet", "vgg", "wide_resnet18"]


def resnet(name: str, classes: int) -> Network:
    """A ResNet (He et al. 2016): resnet18, resnet50, resnet152 and their like."""
    return _residual(getattr(torchvision_models(), name)(num_classes=classes))


def wide_resnet18(classes: int) -> Network:
    """MIT's ResNet-18 without the first pooling, so that the last maps are 14 x 14.

    The network of the Places demo (Zhou et al. 2017); its finer maps show better where it looked.
    """
    module = torchvision_models().resnet18(num_classes=classes)
    module.maxpool = nn.Identity()
    return _residual(module)


def densenet(name: str, classes: int) -> Network:
    """A DenseNet (Huang et al. 2017): densenet161 and its like."""
    module = getattr(torchvision_models(), name)(num_classes=classes)

    def maps(x: torch.Tensor) -> torch.Tensor:
        return functional.relu(module.features(x))

    return Network(module, maps, _pooled, "classifier")


def alexnet(classes: int) -> Network:
    """AlexNet in one column (Krizhevsky 2014); its features are the last hidden layer's."""
    return _with_hidden_layers(torchvision_models().alexnet(num_classes=classes))


def vgg(name: str, classes: int) -> Network:
    """A VGG (Simonyan and Zisserman 2015); its features are the last hidden layer's."""
    return _with_hidden_layers(getattr(torchvision_models(), name)(num_classes=classes))


def _residual(module: Any) -> Network:
    stem = (module.conv1, module.bn1, module.relu, module.maxpool)
    stages = (module.layer1, module.layer2, module.layer3, module.layer4)
    return Network(module, nn.Sequential(*stem, *stages), _pooled, "fc")


def _with_hidden_layers(module: Any) -> Network:
    pool = nn.Sequential(module.avgpool, nn.Flatten(1))
    return Network(module, module.features, pool, "classifier")


def _pooled(maps: torch.Tensor) -> torch.Tensor:
    return maps.mean((2, 3))
