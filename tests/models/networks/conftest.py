"""A network so small that a test of its checkpoints takes milliseconds."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from models.networks import ARCHITECTURES, Network

State = dict[str, torch.Tensor]


class Tiny(nn.Module):
    """A convolution with its norm, and a head, as torchvision's ResNets are made."""

    def __init__(self, head: nn.Module) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(4)
        self.relu = nn.ReLU()
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = head

    def maps(self, x: torch.Tensor) -> torch.Tensor:
        maps: torch.Tensor = self.relu(self.bn1(self.conv1(x)))
        return maps

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = self.fc(self.avgpool(self.maps(x)).flatten(1))
        return logits


def made(head: nn.Module | None = None, seed: int = 0) -> Tiny:
    """A trained one, in evaluation mode, whose weights and statistics are drawn at random."""
    torch.manual_seed(seed)
    module = Tiny(head or nn.Linear(4, 3)).eval()
    for norm in module.modules():
        if isinstance(norm, (nn.BatchNorm1d, nn.BatchNorm2d)) and norm.running_mean is not None:
            nn.init.normal_(norm.running_mean)
            nn.init.normal_(norm.bias)
    return module


def _network(classes: int) -> Network:
    module = Tiny(nn.Linear(4, classes))
    return Network(module, module.maps, lambda maps: maps.mean((2, 3)), "fc")


@pytest.fixture(autouse=True)
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ARCHITECTURES, "tiny", _network)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return tmp_path / "weights.pth"


@pytest.fixture
def saved(checkpoint: Path) -> Callable[..., Path]:
    """Saves anything as people do: ``saved({"model": state})``."""

    def save(content: Any, **options: Any) -> Path:
        torch.save(content, checkpoint, **options)
        return checkpoint

    return save
