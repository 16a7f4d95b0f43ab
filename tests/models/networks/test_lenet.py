from __future__ import annotations

import pytest
import torch

from models.networks.lenet import LeNet5, ink, lenet5

SIDE = 28


def sheet(paper: float, stroke: float) -> torch.Tensor:
    """A grey sheet with a stroke across its middle, 1 x 3 x 28 x 28."""
    x = torch.full((1, 3, SIDE, SIDE), paper)
    x[..., 10:18, 13:15] = stroke
    return x


def test_its_layers_have_the_papers_shapes_and_parameters() -> None:
    module = LeNet5(10)
    counts = {
        name: sum(value.numel() for value in layer.parameters())
        for name, layer in module.named_children()
    }
    assert counts == {"c1": 156, "c3": 2416, "c5": 48_120, "head": 11_014, "subsample": 0}
    logits, features, maps = lenet5(10)(torch.zeros(2, 3, SIDE, SIDE))
    assert (logits.shape, features.shape, maps.shape) == ((2, 10), (2, 84), (2, 16, 5, 5))


@pytest.mark.parametrize(("paper", "stroke"), [(0, 1), (1, 0), (0.75, 0.2), (0.1, 0.4)])
def test_ink_is_the_same_on_any_paper(paper: float, stroke: float) -> None:
    found = ink(sheet(paper, stroke))
    assert found.shape == (1, 1, SIDE, SIDE)
    assert found[..., 10:18, 13:15].flatten().tolist() == pytest.approx([1] * 16, abs=1e-4)
    assert found.sum().item() == pytest.approx(16, abs=1e-2)


def test_an_empty_sheet_stays_empty() -> None:
    assert ink(sheet(0.5, 0.51)).max() == pytest.approx(0.04, abs=1e-3)
    assert ink(sheet(1, 1)).max() == pytest.approx(0, abs=1e-4)


def test_training_and_serving_ask_the_same_network() -> None:
    network = lenet5(10).eval()
    pixels = torch.rand(2, 3, SIDE, SIDE)
    assert torch.allclose(network(pixels)[0], network.module(ink(pixels)), atol=1e-5)
