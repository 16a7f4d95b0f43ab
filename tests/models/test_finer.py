"""Photographs with finer detail than the network is shown have a temperature of their own."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from models.finer import FinerConfidences, is_finer, sharpened
from models.shelf import ZOO
from service.fleet.identity import read_card
from service.fleet.local import local_classifier

if TYPE_CHECKING:
    from models.card import Card

PLACES = ZOO / "places365.onnx"


@pytest.fixture(scope="module")
def card() -> Card:
    return read_card(PLACES)


@pytest.mark.parametrize(
    ("box", "finer"),
    [
        ((0, 0, 640, 480), True),
        ((0, 0, 640, 128), False),
        ((0, 0, 129, 129), True),
        ((10, 10, 138, 138), False),
    ],
)
def test_both_sides_are_finer_or_the_photograph_is_not(
    box: tuple[float, float, float, float], finer: bool
) -> None:
    assert is_finer(box, 128) is finer
    assert not is_finer(box, None)


def test_a_power_divides_the_logarithms() -> None:
    given = np.array([0.5, 0.3, 0.2, 0], np.float32)
    expected = given**2 / (given**2).sum()
    assert sharpened(given, 0.5) == pytest.approx(expected, abs=1e-6)
    assert sharpened(given, 0.5).dtype == np.float32


def test_nothing_is_too_unlikely_to_be_divided() -> None:
    given = np.full(1000, 1e-30, np.float32)
    assert sharpened(given, 0.5) == pytest.approx(np.full(1000, 0.001))


def test_the_familiarity_stays_as_it_is(card: Card) -> None:
    answer = np.full(366, 1 / 365, np.float32)
    answer[:2], answer[-1] = (0.2, 0.4), 7.5
    confidences = FinerConfidences(card)
    assert confidences(answer, (0, 0, 128, 128)) is answer
    finer = confidences(answer, (0, 0, 129, 129))
    assert finer[-1] == 7.5
    assert finer[:-1].sum() == pytest.approx(1)
    temperature = confidences.temperature((0, 0, 129, 129))
    assert finer[1] / finer[0] == pytest.approx(2 ** (1 / temperature), rel=1e-4)


def test_a_photograph_is_surer_of_itself_than_its_small_copy(
    card: Card, photos: dict[str, bytes]
) -> None:
    """The network sees the same squares, but for the rounding of the copy's own pixels."""
    assert card.calibration
    assert card.calibration.finer
    with Image.open(io.BytesIO(photos["coffee"])) as image:
        small = image.convert("RGB").resize((128, 128), Image.Resampling.BICUBIC)
    large = small.resize((256, 256), Image.Resampling.NEAREST)
    with local_classifier(str(PLACES)) as classifier:
        before, after = (classifier.classify(_png(one)).predictions for one in (small, large))
    assert before[0].category == after[0].category
    assert after[0].confidence > before[0].confidence + 0.01


def _png(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()
