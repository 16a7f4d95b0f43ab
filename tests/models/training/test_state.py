from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from models.networks import Network
from models.networks.checkpoint import load_network
from models.sources import SOURCES
from models.training.plan import Plan
from models.training.state import TrainingState, save_weights

if TYPE_CHECKING:
    from pathlib import Path

ARCHITECTURE = SOURCES["efficientnet_lite0"].architecture


@pytest.fixture
def state(weights: Path) -> TrainingState:
    return TrainingState.create(
        lambda: load_network(ARCHITECTURE, 5, weights)[0], Plan(size=32, frozen=1)
    )


def _weight(network: Network) -> torch.Tensor:
    weight: torch.Tensor = network.module.state_dict()["_conv_head.weight"]
    return weight


def test_the_first_layers_are_frozen_and_norms_do_not_decay(state: TrainingState) -> None:
    still = {n for n, value in state.network.module.named_parameters() if not value.requires_grad}
    assert still == {"_conv_stem.weight", "_bn0.weight", "_bn0.bias"}
    kernels, rest = state.optimizer.param_groups
    assert (kernels["weight_decay"], rest["weight_decay"]) == (0.02, 0.0)
    assert {value.ndim for value in rest["params"]} == {1}
    assert not any(value.requires_grad for value in state.average.parameters())


def test_the_average_follows_the_network(state: TrainingState) -> None:
    before = _weight(state.average).clone()
    with torch.no_grad():
        _weight(state.network).add_(1.0)
    state.update_average(0.998, step=10_000)
    torch.testing.assert_close(_weight(state.average), before + 0.002)
    state.update_average(0.998, step=0)
    assert (_weight(state.average) - before).mean() > 0.85  # closely, in the first steps


def test_a_checkpoint_brings_everything_back(state: TrainingState, tmp_path: Path) -> None:
    state.position.seen, state.position.progress = 12, 0.3
    with torch.no_grad():
        _weight(state.network).add_(1.0)
    state.save(tmp_path / "last.pt")
    expected, drawn = _weight(state.network).clone(), torch.rand(3)
    with torch.no_grad():
        _weight(state.network).zero_()
    state.position.seen = 0

    state.restore(tmp_path / "last.pt")

    assert torch.equal(_weight(state.network), expected)
    assert (state.position.seen, state.position.progress) == (12, 0.3)
    assert torch.equal(torch.rand(3), drawn)
    assert [path.name for path in tmp_path.iterdir()] == ["last.pt"]


def test_saved_weights_are_a_checkpoint(state: TrainingState, tmp_path: Path) -> None:
    save_weights(state.average, tmp_path / "deep" / "weights.pth")
    network, is_new = load_network(ARCHITECTURE, 5, tmp_path / "deep" / "weights.pth")
    assert not is_new
    assert torch.equal(_weight(network), _weight(state.average))
