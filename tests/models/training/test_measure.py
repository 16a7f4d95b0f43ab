from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
import torch

from models.sources import SOURCES
from models.training.measure import accuracy, predict

if TYPE_CHECKING:
    from models.networks import Network
    from models.training.examples import Examples

NORMALISATION = SOURCES["efficientnet_lite0"].normalisation


def test_logits_are_the_networks_of_the_whole_photographs(
    network: Network, photographs: Examples
) -> None:
    found = predict(network, photographs.photos[:3], 48, NORMALISATION)
    with torch.inference_mode():
        expected = network(torch.from_numpy(NORMALISATION(photographs.photos[:3])))[0]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_a_set_of_labels_is_hit_by_any_of_them(network: Network, photographs: Examples) -> None:
    """A head that knows nothing says the first class of all."""
    some = replace(photographs, labels=np.eye(5, dtype=bool)[[0, 1] * 10])
    assert accuracy(network, some, 32, NORMALISATION) == (20, 0.5, 1.0)
    sets = some.labels.copy()
    sets[1, 0] = True
    found = accuracy(network, replace(some, labels=sets), 32, NORMALISATION)
    assert found.top1 == pytest.approx(0.55)
