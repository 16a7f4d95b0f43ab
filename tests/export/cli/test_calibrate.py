from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import helper
from PIL import Image

from export.cli.adopt import adopt
from export.cli.calibrate import calibrate
from models.shelf import ZOO
from models.training.temperature import softmax
from service.fleet.identity import read_card
from tests.export.adoption.networks import CLASSES, SIDE, Network
from tests.export.cli.invoking import refused, run

if TYPE_CHECKING:
    from pathlib import Path

COUNT = 60


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A network whose weights are chance, and which is sure of what it says."""
    less = helper.make_node("Div", ["logits", "less"], ["output"])
    Network(last=[less], constants={"less": np.float32(20)}).save(tmp_path / "sure.onnx")
    (tmp_path / "labels.txt").write_text("".join(f"label {i}\n" for i in range(CLASSES)))
    words = (tmp_path / "sure.onnx", "--labels", tmp_path / "labels.txt")
    result = run(adopt, *words, "--out", tmp_path / "mine.onnx")
    assert result.exit_code == 0, result.output
    return tmp_path / "mine.onnx"


def pictures(folder: Path, count: int) -> Path:
    """Pictures of noise, each of some mean colour, with labels that have nothing to do with it."""
    chance = np.random.default_rng(0)
    for number in range(count):
        place = folder / f"label {number % CLASSES}"
        place.mkdir(parents=True, exist_ok=True)
        noise = chance.integers(0, 80, (SIDE, SIDE, 3)) + chance.integers(0, 176, 3)
        Image.fromarray(noise.astype(np.uint8)).save(place / f"{number}.png")
    return folder


def answers(path: Path) -> np.ndarray:
    photos = np.random.default_rng(1).integers(0, 256, (8, SIDE, SIDE, 3), np.uint8)
    session = onnxruntime.InferenceSession(onnx.load(path).SerializeToString())
    return np.asarray(session.run(["probabilities"], {"photo": photos})[0], np.float64)


def test_confidences_become_as_high_as_labels_are_right(model: Path, tmp_path: Path) -> None:
    data = pictures(tmp_path / "mine", COUNT)
    (data / "label 0" / "broken.jpg").write_bytes(b"no photograph")
    before = answers(model)

    result = run(calibrate, data, "--model", model)

    assert result.exit_code == 0, result.output
    assert "1 can't be read, and are left out: " in result.stderr
    card = read_card(model)
    assert card.calibration
    assert card.calibration.error_after < card.calibration.error_before / 2
    assert card.calibration.fitted_on == "one half of mine"
    assert (card.calibration.fitted_photographs, card.measured[0].photographs) == (30, 30)
    assert card.measured[0].calibration_error == card.calibration.error_after
    told = f"{model}: temperature {card.calibration.temperature:.3f}, fitted on 30 photographs; "
    assert result.stdout.startswith(told)
    expected = softmax(np.log(np.maximum(before, 1e-30)), card.calibration.temperature)
    assert answers(model) == pytest.approx(expected, abs=1e-5)

    was = model.read_bytes()
    again = run(calibrate, data, "--model", model)
    assert "so nothing is written" in refused(again), again.output
    assert model.read_bytes() == was


def test_of_a_split_data_set_it_takes_what_validates(model: Path, tmp_path: Path) -> None:
    for part in ("train", "val", "test"):
        pictures(tmp_path / "split" / part, COUNT)
    out = tmp_path / "other.onnx"
    result = run(calibrate, tmp_path / "split", "--model", model, "--out", out)
    assert result.exit_code == 0, result.output
    assert "split: val is taken" in result.stderr
    assert read_card(out).calibration
    assert not read_card(model).calibration


def test_one_photograph_is_too_few(model: Path, tmp_path: Path) -> None:
    sentence = refused(run(calibrate, pictures(tmp_path / "one", 1), "--model", model))
    assert sentence.startswith("It takes 2 photographs that can be read, and some hundred")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--model", "efficientnet_lite0"), "efficientnet_lite0.onnx ships with Booth: name an"),
        (("--model", "places365", "--out", "x.onnx"), "has a second temperature, for finer"),
        (("--model", "efficientnet"), "did you mean efficientnet_lite0?"),
    ],
)
def test_what_can_not_be_fitted_is_said(
    words: tuple[str, ...], sentence: str, home: Path, tmp_path: Path
) -> None:
    assert not home.exists()
    assert sentence in refused(run(calibrate, tmp_path, *words))
    assert not (tmp_path / "x.onnx").exists()
    assert (ZOO / "efficientnet_lite0.onnx").is_file()
