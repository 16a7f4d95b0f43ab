from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest
import torch

from models.networks import Network, build
from models.networks.checkpoint import load_network
from models.sources import SOURCES
from models.training.augment import normalised, resized
from models.training.folding import fold_batch_norms
from tests.export.checkpoints import random_network

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LITE0 = SOURCES["efficientnet_lite0"]


class Case(NamedTuple):
    network: Network
    pixels: torch.Tensor


@pytest.fixture(
    scope="module",
    params=[
        ("efficientnet_lite0", 64),
        ("efficientnet_lite0", 75),
        ("resnet18", 75),
        ("densenet121", 32),
    ],
    ids=str,
)
def case(request: pytest.FixtureRequest, squares: NDArray[np.uint8]) -> Case:
    """A network whose norms have the statistics of real photographs, and two of those."""
    architecture, side = request.param
    if architecture == LITE0.architecture:
        network, _ = load_network(architecture, 1000, request.getfixturevalue("weights"))
    else:
        network = build(architecture, 7)
        state = random_network(architecture, 7, side).module.state_dict()
        network.module.load_state_dict({n: v.clone() for n, v in state.items()}, assign=True)
    pixels = normalised(resized(torch.from_numpy(squares[:2]), side), LITE0.normalisation)
    return Case(network.requires_grad_(requires_grad=True), pixels)


def gradients(network: Network, logits: torch.Tensor) -> list[torch.Tensor]:
    targets = torch.arange(len(logits))
    loss = torch.nn.functional.cross_entropy(logits.float(), targets)
    return list(torch.autograd.grad(loss, list(network.parameters())))


def difference(found: list[torch.Tensor], wanted: list[torch.Tensor]) -> float:
    """Of all gradients together, relative to their length."""
    mine, its = (torch.cat([one.flatten() for one in some]) for some in (found, wanted))
    return float((mine - its).norm() / its.norm())


def test_the_folded_network_answers_and_learns_as_the_network(case: Case) -> None:
    before = {name: value.clone() for name, value in case.network.module.named_buffers()}
    folded = fold_batch_norms(case.network, dropout=0.0).train()
    wanted = case.network.eval()(case.pixels)[0]
    found = folded(case.pixels)

    torch.testing.assert_close(found, wanted, atol=1e-3, rtol=1e-3)
    # Rounding flips a few activations that lie at the kink of their ReLU.
    assert difference(gradients(case.network, found), gradients(case.network, wanted)) < 0.01
    after = dict(case.network.module.named_buffers())
    assert all(torch.equal(after[name], value) for name, value in before.items())


# For each of DenseNet's shapes a kernel would be compiled, which takes longer than all the rest.
OTHERS = pytest.mark.parametrize(
    "case", [("efficientnet_lite0", 75), ("resnet18", 75)], indirect=True, ids=str
)


@OTHERS
def test_in_bfloat16_it_does_so_roughly(case: Case) -> None:
    wanted = case.network.eval()(case.pixels)[0]
    with torch.autocast("cpu", torch.bfloat16):
        found = fold_batch_norms(case.network, dropout=0.0).train()(case.pixels)

    assert found.dtype == torch.float32
    assert (found - wanted).norm() / wanted.norm() < 0.1
    # Random networks amplify its rounding; a gradient of another function is 1 and more away.
    assert difference(gradients(case.network, found), gradients(case.network, wanted)) < 0.6


def test_its_parameters_are_the_networks_own(case: Case) -> None:
    own = {id(parameter) for parameter in case.network.parameters()}
    assert {id(parameter) for parameter in fold_batch_norms(case.network, 0.2).parameters()} == own


@OTHERS
def test_dropout_hides_features_in_training_alone(case: Case) -> None:
    folded = fold_batch_norms(case.network, dropout=0.5)
    with torch.no_grad():
        assert not torch.equal(folded.train()(case.pixels), folded(case.pixels))
        assert torch.equal(folded.eval()(case.pixels), folded(case.pixels))
