from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from models.networks.checkpoint import load_network
from models.sources import SOURCES
from models.training.measure import accuracy, predict

if TYPE_CHECKING:
    from pathlib import Path

    from models.networks import Network
    from models.training.examples import Examples

LITE0 = SOURCES["efficientnet_lite0"]


def test_logits_are_the_networks_of_the_whole_photographs(
    network: Network, photographs: Examples
) -> None:
    found = predict(network, photographs.photos[:3], 48, LITE0.normalisation)
    with torch.inference_mode():
        expected = network(torch.from_numpy(LITE0.normalisation(photographs.photos[:3])))[0]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_a_set_of_labels_is_hit_by_any_of_them(weights: Path, photographs: Examples) -> None:
    """A head that says the same of every photograph: the first class, then the second."""
    network, _ = load_network(LITE0.architecture, 6, weights)
    network.classifier.bias.copy_(torch.arange(6.0).flip(0))
    some = replace(photographs, labels=np.eye(6, dtype=bool)[[0, 1, 5, 5] * 5])
    assert accuracy(network, some, 32, LITE0.normalisation) == pytest.approx((20, 0.25, 0.5))
    sets = some.labels.copy()
    sets[1:4, 0] = True
    found = accuracy(network, replace(some, labels=sets), 32, LITE0.normalisation)
    assert found == pytest.approx((20, 0.4, 0.6))
