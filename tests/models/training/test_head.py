from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import torch

from models.networks.checkpoint import load_network
from models.sources import SOURCES
from models.training.head import fit_head
from models.training.measure import accuracy

if TYPE_CHECKING:
    from pathlib import Path

    from models.training.examples import Examples

LITE0 = SOURCES["efficientnet_lite0"]
NORMALISATION = LITE0.normalisation


def test_a_new_head_is_fitted_to_what_the_network_sees(
    weights: Path, photographs: Examples
) -> None:
    network, _ = load_network(LITE0.architecture, 5, weights)
    before = accuracy(network, photographs, 48, NORMALISATION)
    body = network.module.state_dict()["_conv_head.weight"].clone()
    fit_head(network, photographs, 48, NORMALISATION)
    after = accuracy(network, photographs, 48, NORMALISATION)

    assert before.top1 == pytest.approx(0.2)
    assert (after.photographs, after.top1, after.top5) == (20, 1, 1)
    assert torch.equal(network.module.state_dict()["_conv_head.weight"], body)
