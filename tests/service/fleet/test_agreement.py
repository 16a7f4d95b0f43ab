"""Answers of two versions are compared by category, whatever the order of their labels."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from models.card import Card, Label
from service.fleet.agreement import Agreement, Comparison
from tests.service.conftest import tiny_card


def card(*categories: str) -> Card:
    labels = tuple(Label(name="the same", category=category) for category in categories)
    return tiny_card().model_copy(update={"labels": labels})


def agreement(one: Card, other: Card, *answers: list[float]) -> Agreement:
    return Comparison(one, other).agreement(*(np.array(one, np.float32) for one in answers))


def close(number: float) -> Any:
    return pytest.approx(number, abs=1e-6)


def test_the_same_answer_agrees_in_all() -> None:
    letters = card(*"abcdefgh")
    answer = [0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.05, 0.05]
    assert agreement(letters, letters, answer, answer) == Agreement(True, 5, 0.0)


def test_labels_in_another_order_are_the_same_labels() -> None:
    found = agreement(card("a", "b", "c"), card("c", "a", "b"), [0.7, 0.2, 0.1], [0.1, 0.7, 0.2])
    assert found == Agreement(True, 3, close(0))


def test_the_first_label_the_first_five_and_the_largest_difference() -> None:
    letters = card(*"abcdefg")
    one = [0.4, 0.25, 0.15, 0.1, 0.05, 0.03, 0.02]
    other = [0.25, 0.4, 0.02, 0.03, 0.15, 0.1, 0.05]
    assert agreement(letters, letters, one, other) == Agreement(False, 3, close(0.15))


def test_a_label_that_one_version_has_alone_counts_as_0_in_the_other() -> None:
    found = agreement(card("a", "b"), card("a", "b", "c"), [0.6, 0.4], [0.1, 0.2, 0.7])
    assert found == Agreement(False, 2, close(0.7))
    assert agreement(card("a", "b"), card("c", "d"), [0.6, 0.4], [0.5, 0.5]) == Agreement(
        False, 0, close(0.6)
    )


def test_what_stands_behind_the_probabilities_is_no_label() -> None:
    found = agreement(card("a", "b"), card("b", "a"), [0.6, 0.4, 9.0], [0.4, 0.6])
    assert found == Agreement(True, 2, close(0))
