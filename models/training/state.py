"""All that a training is at one moment, saved whole or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from models.networks import Network
from models.training.plan import Plan

__all__ = ["Position", "TrainingState", "save_weights"]


@dataclass
class Position:
    """How far a training has come.

    Attributes:
        progress: The share of the way that is done, 0 to 1.
        seen: Photographs shown so far.
        epoch: Epochs that are over.
        place: Photographs of this epoch that are over.

    """

    progress: float = 0.0
    seen: int = 0
    epoch: int = 0
    place: int = 0


@dataclass
class TrainingState:
    """The network, the moving average of its weights (the better network), and the optimiser."""

    network: Network
    average: Network
    optimizer: torch.optim.AdamW
    position: Position = field(default_factory=Position)

    @classmethod
    def create(cls, make: Callable[[], Network], plan: Plan) -> TrainingState:
        """At the start.

        Args:
            make: Gives the network with the weights that training starts from; called twice.
            plan: Of the training.

        """
        network, average = make(), make()
        for one in (network, average):
            one.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        network.requires_grad_(requires_grad=True)
        for module in _first(network, plan.frozen):
            module.requires_grad_(requires_grad=False)
        return cls(network, average.eval(), _optimizer(network, plan))

    def save(self, path: Path) -> None:
        """Write a checkpoint.

        The state of the random numbers is part of it, so that a resumed training goes on as if
        nothing had been; on a GPU dropout alone draws anew.
        """
        content = {
            "network": self.network.module.state_dict(),
            "average": self.average.module.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": torch.get_rng_state(),
            "position": asdict(self.position),
        }
        _save(content, path)

    def restore(self, path: Path) -> None:
        """Read a checkpoint of the same network and plan back."""
        content = torch.load(path, map_location="cpu", weights_only=True)
        self.network.module.load_state_dict(content["network"])
        self.average.module.load_state_dict(content["average"])
        self.optimizer.load_state_dict(content["optimizer"])
        torch.set_rng_state(content["random"])
        self.position = Position(**content["position"])

    @torch.no_grad()
    def update_average(self, decay: float, step: int) -> None:
        """Move the average towards the network; in the first steps it follows closely."""
        weight = 1 - min(decay, (1 + step) / (10 + step))
        for mine, its in zip(_tensors(self.average), _tensors(self.network), strict=True):
            mine.lerp_(its, weight)


def save_weights(network: Network, path: Path) -> None:
    """Write the weights alone, as ``booth export`` reads them."""
    _save(network.module.state_dict(), path)


def _save(content: object, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".part")
    torch.save(content, unfinished)
    unfinished.replace(path)


def _first(network: nn.Module, convolutions: int) -> Iterator[nn.Module]:
    """So many convolutions, in the order of their definition, and the norms between them."""
    for module in network.modules():
        convolutions -= isinstance(module, nn.Conv2d)
        if convolutions < 0:
            return
        if isinstance(module, nn.Conv2d | nn.BatchNorm2d):
            yield module


def _tensors(network: Network) -> list[Tensor]:
    return [t for t in network.module.state_dict().values() if t.is_floating_point()]


def _optimizer(network: nn.Module, plan: Plan) -> torch.optim.AdamW:
    """AdamW (Loshchilov and Hutter 2019)."""
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    groups = [
        {"params": [w for w in trained if w.ndim > 1], "weight_decay": plan.weight_decay},
        {"params": [w for w in trained if w.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=plan.rate, fused=True)
