from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from export.training.training_data import read_training_data
from models.card import Label
from models.shelf import ZOO
from models.training.teacher import BadTeacher
from service.lab.dataset import BadDataset
from tests.export.training.configs import config

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    (tmp_path / "run").mkdir()
    return tmp_path / "run"


def test_some_of_each_category_judge_and_teach_nothing(corners: Path, run: Path) -> None:
    found = read_training_data(config(corners, run))
    assert (len(found.train), len(found.validation)) == (15, 5)
    assert found.validation.labels.sum(0).tolist() == [1, 1, 1, 1, 1]
    assert found.known.sum(0).tolist() == [3, 3, 3, 3, 3]
    judging = found.evaluation.validation.names
    assert judging is not None
    assert len(judging) == 5
    seen = {photo.tobytes() for photo in found.train.photos}
    assert not seen & {photo.tobytes() for photo in found.validation.photos}


def test_a_photograph_that_judges_is_not_learned_from(
    corners: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (run / "judge" / "chelsea").mkdir(parents=True)
    for number in range(2):
        name = f"chelsea/{number}.png"
        (run / "judge" / name).write_bytes((corners / name).read_bytes())

    found = read_training_data(config(corners, run, validation=run / "judge"))

    assert (len(found.train), len(found.validation)) == (18, 2)
    assert found.known.sum(0).tolist() == [4, 4, 2, 4, 4]
    assert "2 photographs repeat one that judges: left out." in capsys.readouterr().err


def test_what_is_skipped_and_what_is_damaged_is_told_in_a_line_each(
    corners: Path, run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (corners / ".ipynb_checkpoints").mkdir()
    (corners / "chelsea" / "notes.txt").write_text("a cat")
    (corners / "chelsea" / "bad.jpg").write_text("no photograph")
    (corners / "coffee" / "bad.PNG").write_bytes(b"\x89PNG\r\n\x1a\n")
    found = read_training_data(config(corners, run))
    assert (len(found.train), len(found.validation)) == (15, 5)
    told = capsys.readouterr().err.splitlines()
    assert told == [
        "corners: Skipped: hidden or system 1, .txt 1.",
        f"2 of {corners} can't be decoded: left out: chelsea/bad.jpg, coffee/bad.PNG.",
    ]


def test_a_label_without_a_photograph_needs_a_teacher(corners: Path, run: Path) -> None:
    made = config(corners, run)
    made = replace(made, labels=(*made.labels, Label(name="Tiger", category="tiger")))
    with pytest.raises(BadDataset, match=r"shows tiger; add some, or a --teacher\.$"):
        read_training_data(made)


def test_a_teacher_of_other_labels_is_refused(corners: Path, run: Path) -> None:
    made = config(corners, run, teacher=ZOO / "efficientnet_lite0.onnx")
    with pytest.raises(BadTeacher, match="tells 1000 classes apart, and there are 5"):
        read_training_data(made)


def test_what_the_teacher_said_is_taken_again(corners: Path, run: Path) -> None:
    kept = np.full((15, 5), 0.2, np.float16)
    np.save(run / "teacher-15.npy", kept)
    found = read_training_data(config(corners, run, teacher=corners / "not-even-there.onnx"))
    assert found.train.teacher is not None
    assert np.array_equal(found.train.teacher, kept)
    assert set(found.train.teacher_weight.tolist()) == {np.float32(0.15)}
