from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.training.temperature import fit_first_temperature, fit_temperature, softmax

Floats = NDArray[np.float64]


def _drawn(temperature: float, count: int = 4000) -> tuple[Floats, NDArray[np.bool_]]:
    """Logits too sharp by ``temperature``, and labels drawn from the true probabilities."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 2, (count, 6))
    labels = [random.choice(6, p=row) for row in softmax(logits, 1)]
    return logits * temperature, np.eye(6, dtype=bool)[labels]


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_a_known_temperature_is_found_again(temperature: float) -> None:
    assert fit_temperature(*_drawn(temperature)) == pytest.approx(temperature, rel=0.05)


def test_log_probabilities_do_as_well_as_logits() -> None:
    logits, labels = _drawn(2.0)
    assert fit_temperature(np.log(softmax(logits, 1)), labels) == pytest.approx(
        fit_temperature(logits, labels)
    )


def test_a_set_of_labels_counts_as_the_sum_of_its_probabilities() -> None:
    """Merging two classes in the labels of some photographs leaves the temperature as it is."""
    logits, labels = _drawn(1.7, count=8000)
    labels[::2, 0] |= labels[::2, 1]
    labels[::2, 1] |= labels[::2, 0]
    assert fit_temperature(logits, labels) == pytest.approx(1.7, rel=0.05)


def test_a_few_right_answers_do_not_make_the_network_certain() -> None:
    logits = np.array([[9.0, 0.0], [0.0, 9.0]] * 4)
    confidence = softmax(logits, fit_temperature(logits, logits > 1)).max(1)
    assert confidence == pytest.approx(0.9, abs=0.01)


def test_wrong_answers_alone_are_all_but_ignored() -> None:
    logits = np.array([[9.0, 0.0], [0.0, 9.0]] * 4)
    assert softmax(logits, fit_temperature(logits, logits < 1)).max() < 0.62


def test_scaling_keeps_large_logits_finite() -> None:
    found = softmax(np.array([[1e4, 0.0, -1e4]]), 0.05)
    assert found.tolist() == [[1, 0, 0]]


@pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
def test_a_known_temperature_is_found_by_first_labels_alone(temperature: float) -> None:
    logits, labels = _drawn(temperature)
    is_right = labels[np.arange(len(labels)), logits.argmax(1)]
    assert fit_first_temperature(logits, is_right) == pytest.approx(temperature, rel=0.08)
