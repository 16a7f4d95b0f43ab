from __future__ import annotations

import numpy as np
import onnx
import pytest

from export.confidences import Answers, fit_calibration, halves, log_probabilities
from models.shelf import ZOO
from service.fleet.identity import read_card
from service.photo.decode import decode


def test_bins_count_a_first_label_of_the_set_as_right() -> None:
    probabilities = np.array([[0.7, 0.2, 0.1], [0.1, 0.7, 0.2], [0.4, 0.3, 0.3]])
    labels = np.array([[1, 0, 0], [1, 0, 1], [1, 1, 0]], bool)
    answers = Answers(np.log(probabilities), labels)
    filled = [one for one in answers.bins(1.0) if one.photographs]
    assert [(one.photographs, one.confidence, one.right) for one in filled] == [
        (1, 0.4, 1.0),
        (2, 0.7, 0.5),
    ]
    assert answers.top(1) == pytest.approx(2 / 3)
    assert answers.top(2) == 1


@pytest.mark.parametrize("count", [2, 11, 400])
def test_halves_share_nothing_and_leave_nothing_out(count: int) -> None:
    first, second = halves(count)
    assert sorted([*first, *second]) == list(range(count))
    assert len(first) - len(second) == count % 2
    assert list(halves(count)[0]) == list(first)


def test_a_temperature_is_found_again() -> None:
    """Labels by chance, as likely as confidences say; then the logits are three times too large."""
    chance = np.random.default_rng(0)
    logits = chance.normal(size=(40_000, 5)) * 2
    drawn = (logits + chance.gumbel(size=logits.shape)).argmax(1)
    too_sure = Answers(logits * 3, np.eye(5, dtype=bool)[drawn])
    fit, check = (too_sure.of(half) for half in halves(40_000))

    found = fit_calibration(fit, check, "chance")

    assert found.temperature == pytest.approx(3, rel=0.05)
    assert found.error_before > 0.1
    assert found.error_after < 0.02
    assert (found.fitted_photographs, found.measured_photographs) == (20_000, 20_000)


def test_the_logarithms_are_of_the_files_probabilities(photos: dict[str, bytes]) -> None:
    path = ZOO / "efficientnet_lite0.onnx"
    squares = [decode(photo, read_card(path).input).pixels for photo in photos.values()]
    several = squares * 8  # more than go into one batch
    found = log_probabilities(onnx.load(path), iter(several))
    assert found.shape == (len(several), 1000)
    assert np.exp(found).sum(1) == pytest.approx(1)
    assert np.array_equal(found[: len(squares)].argmax(1), found[-len(squares) :].argmax(1))
    assert log_probabilities(onnx.load(path), iter(())).shape == (0, 1000)
