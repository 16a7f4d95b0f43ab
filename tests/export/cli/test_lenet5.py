"""The LeNet-5 that ships, and the command that makes it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from click.testing import CliRunner
from PIL import Image
from sklearn.datasets import load_digits

from export.cli.lenet5 import make
from models.shelf import ZOO
from service.fleet.identity import read_card
from service.inspection.layers import layers

FILE = ZOO / "lenet5.onnx"


DIGITS = load_digits()


def picture(number: int) -> Image.Image:
    """One of scikit-learn's digits as MNIST has them: 20 x 20 in the middle of 28 x 28."""
    pixels = DIGITS.images[number] * (255 / 16)
    made = Image.new("L", (28, 28))
    made.paste(Image.fromarray(pixels.round().astype(np.uint8)).resize((20, 20)), (4, 4))
    return made


def test_the_shipped_files_card_says_what_was_measured() -> None:
    card = read_card(FILE)
    assert (card.name, card.precision, card.parameters) == ("lenet5", "fp32", 61_706)
    assert card.multiply_adds == 416_520
    assert (card.input.size, card.input.content) == (28, "digits")
    assert [label.name for label in card.labels] == list("0123456789")
    test = card.measured[0]
    assert (test.dataset, test.photographs) == ("MNIST's test digits", 10_000)
    assert test.top1 >= 0.991
    assert test.calibration_error < 0.01
    assert FILE.stat().st_size < 300_000


def test_its_layers_are_the_papers() -> None:
    found = layers(FILE.read_bytes())
    shapes = [(28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16), (1, 1, 120), (1, 1, 84)]
    assert [layer.shape for layer in found][:-1] == shapes
    # What tells ink from paper sees the whole picture, and is left out.
    assert [layer.receptive_field.y.size for layer in found][:5] == [5, 6, 14, 16, 32]


def test_the_shipped_file_reads_digits_of_others_on_any_paper() -> None:
    session = onnxruntime.InferenceSession(FILE)
    digits = np.stack([np.asarray(picture(number).convert("RGB")) for number in range(200)])
    for photos in (digits, 255 - digits, 60 + digits // 2):
        found = session.run(["probabilities"], {"photo": photos})[0].argmax(1)
        assert (found == DIGITS.target[:200]).mean() > 0.92


def test_the_shipped_file_can_be_made_again(tmp_path: Path) -> None:
    for part in ("train", "test"):
        for digit in (0, 1):
            (tmp_path / part / str(digit)).mkdir(parents=True)
            for number in range(20):
                picture(digit).rotate(number - 10).save(tmp_path / part / f"{digit}/{number}.png")
    out = tmp_path / "again.onnx"

    result = CliRunner().invoke(make, [str(tmp_path), "--epochs=2", f"--out={out}"])

    assert result.exit_code == 0, result.output
    assert "epoch 1: loss" in result.output
    card, known = read_card(out), read_card(FILE)
    assert [one.photographs for one in card.measured] == [40, 4]
    assert [one.dataset for one in card.measured] == [one.dataset for one in known.measured]
    assert card.input == known.input
