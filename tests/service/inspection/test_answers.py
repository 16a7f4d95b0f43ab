"""A network that nobody asked says what it would have answered."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from booth_client.errors import UnsupportedFormat
from models.finer import FinerConfidences
from models.shelf import ZOO
from service.fleet.identity import read_card
from service.inspection.answers import AnswerTask, compute
from service.inspection.task import StoppedError
from tests.service.tiled import quarters, tiled_card, tiled_job, tiled_subject, write_tiled


@pytest.fixture
def tiled(tmp_path: Path) -> Path:
    return write_tiled(tmp_path / "tiled.onnx")


def test_it_gives_the_probabilities_of_a_photograph(tiled: Path) -> None:
    task = AnswerTask(tiled_subject(tiled, quarters()))
    answer = task.read(*compute(tiled_job(tiled, quarters(), **task.asked())))
    means, bias = np.array([52.5, 30, 20]), np.array([0.5, 0, -0.5])
    exponentials = np.exp((0.05 * means + bias) / 2)
    assert answer == pytest.approx(exponentials / exponentials.sum(), abs=1e-5)
    assert task.work_s() > 0
    assert task.run_bytes() > 0


def test_the_network_is_opened_once(tiled: Path) -> None:
    job = tiled_job(tiled, quarters())
    answers = [compute(job)[1] for _ in range(2)]
    assert answers[0] == answers[1]
    assert job.networks.kept_bytes == 2 * tiled.stat().st_size


def test_a_file_that_is_no_photograph_is_refused(tiled: Path) -> None:
    with pytest.raises(UnsupportedFormat):
        compute(tiled_job(tiled, b"some text"))


def test_what_nobody_wants_any_more_is_not_computed(tiled: Path) -> None:
    job = tiled_job(tiled, quarters())
    object.__setattr__(job, "is_wanted", lambda: False)
    with pytest.raises(StoppedError):
        compute(job)


def test_an_answer_that_is_no_numbers_makes_no_sense(tiled: Path) -> None:
    task = AnswerTask(tiled_subject(tiled, quarters()))
    for body in (np.array([0.5, math.nan, 0.5], np.float32).tobytes(), b"1234"):
        with pytest.raises(ValueError, match=r"nan|buffer"):
            task.read({}, body)


def test_a_finer_photograph_has_its_own_temperature(tiled: Path) -> None:
    places = read_card(ZOO / "places365.onnx")
    card = places.model_copy(update={"labels": tiled_card().labels})
    subject = replace(tiled_subject(tiled, quarters()), card=card)
    body = np.array([0.6, 0.3, 0.1], np.float32)
    answers = [
        AnswerTask(subject).read({"seen": [0, 0, side, side]}, body.tobytes())
        for side in (128, 129)
    ]
    assert answers[0] == pytest.approx(body)
    assert answers[1] == pytest.approx(FinerConfidences(card)(body, (0, 0, 129, 129)))
    assert answers[1][0] > 0.6
