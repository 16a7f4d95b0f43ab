from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from models.training.examples import Examples

if TYPE_CHECKING:
    from numpy.typing import NDArray


@pytest.fixture
def examples(squares: NDArray[np.uint8]) -> Examples:
    return Examples.labelled(squares, np.eye(5, dtype=bool))


def test_an_epoch_shows_each_photograph_once_in_another_order_each_time(
    examples: Examples,
) -> None:
    orders = [examples.epoch(0, number).tolist() for number in range(20)]
    assert all(sorted(order) == [0, 1, 2, 3, 4] for order in orders)
    assert len(set(map(tuple, orders))) > 10
    assert examples.epoch(0, 3).tolist() == orders[3]


def test_some_are_shown_more_often(examples: Examples) -> None:
    often = replace(examples, repeats=np.array([1, 1, 3, 1, 2]))
    assert sorted(often.epoch(0, 0).tolist()) == [0, 1, 2, 2, 2, 3, 4, 4]


def test_a_batch_holds_what_is_known_of_its_photographs(examples: Examples) -> None:
    taught = replace(
        examples,
        teacher=np.full((5, 5), 0.2, np.float16),
        teacher_weight=np.array([0, 0.1, 0.2, 0.3, 1], np.float32),
    )
    batch = taught.batch(np.array([4, 1]))
    assert np.array_equal(batch.photos.numpy(), examples.photos[[4, 1]])
    assert batch.labels.int().argmax(1).tolist() == [4, 1]
    assert batch.teacher_weight.tolist() == pytest.approx([1, 0.1])
    assert batch.teacher.sum(1).tolist() == pytest.approx([1, 1], abs=1e-3)


def test_labels_alone_know_no_teacher(examples: Examples) -> None:
    batch = examples.batch(np.array([0, 2]))
    assert (len(examples), examples.classes) == (5, 5)
    assert not batch.teacher.any()
    assert not batch.teacher_weight.any()
