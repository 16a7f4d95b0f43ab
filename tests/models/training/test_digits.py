"""LeNet-5's training, on the 1,797 digits of 8 x 8 pixels that come with scikit-learn."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch.nn import functional

from models.training.digits import Epoch, Recipe, distorted, train, untrained

SHOWN = 1400
SHORT = Recipe(epochs=4, batch=25, average=0.9, turn=5, shift=1)


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Threads that wait for each other at every step take minutes on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@cache
def digits() -> tuple[torch.Tensor, torch.Tensor]:
    """The digits as MNIST has them, 20 x 20 in the middle of 28 x 28, and what they are."""
    data = load_digits()
    images = torch.from_numpy(data.images)[:, None] * (255 / 16)
    enlarged = functional.interpolate(images, (20, 20), mode="bilinear").round().to(torch.uint8)
    order = np.random.default_rng(0).permutation(len(images))
    return functional.pad(enlarged, (4, 4, 4, 4))[order], torch.from_numpy(data.target)[order]


@pytest.mark.usefixtures("one_thread")
def test_seconds_of_training_read_most_digits() -> None:
    strokes, labels = digits()
    told: list[Epoch] = []

    network = train(
        untrained(10, 0),
        strokes[:SHOWN],
        labels[:SHOWN],
        SHORT,
        lambda epoch, _: told.append(epoch),
    )

    with torch.inference_mode():
        found = network(strokes[SHOWN:] / 255).argmax(1)
    assert (found == labels[SHOWN:]).float().mean() > 0.94
    assert [one.number for one in told] == [1, 2, 3, 4]
    assert told[-1].loss < told[0].loss / 2


def test_the_same_seed_gives_the_same_start() -> None:
    one, other, another = (untrained(10, seed).state_dict() for seed in (1, 1, 2))
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(one["c1.weight"], another["c1.weight"])


def test_distortions_keep_the_ink_and_change_every_digit_another_way() -> None:
    torch.manual_seed(0)
    strokes, _ = digits()
    same = strokes[:1].expand(100, 1, 28, 28)
    found = distorted(same, Recipe())
    assert found.shape == (100, 1, 28, 28)
    assert found.min() >= 0
    assert found.max() <= 1
    assert not torch.equal(found[0], found[1])
    ink = found.sum((1, 2, 3))
    assert ink.mean() == pytest.approx(same[0].sum().item() / 255, rel=0.2)


@pytest.mark.parametrize("shift", [0, 3])
def test_digits_move_as_far_as_the_recipe_says(shift: float) -> None:
    torch.manual_seed(0)
    dot = torch.zeros(200, 1, 28, 28, dtype=torch.uint8)
    dot[:, :, 12:16, 12:16] = 255
    found = distorted(dot, Recipe(turn=0, scale=0, shear=0, shift=shift))
    columns = torch.arange(28) + 0.5
    middle = (found.sum((1, 2)) * columns).sum(1) / found.sum((1, 2, 3))
    assert (middle - 14).abs().max() == pytest.approx(shift, abs=0.1)
