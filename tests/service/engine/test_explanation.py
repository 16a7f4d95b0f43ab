"""A request gets what it asked for of what the network says, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from booth_client.errors import InvalidParameter
from booth_client.wire import Attribute
from models.card import Card
from models.shelf import ZOO
from service.engine.explanation import Explaining, parts_of
from service.fleet.identity import read_card
from service.photo.decode import Seen
from service.runtimes.explaining import Evidence, Head
from tests.service.conftest import tiny_card

SEEN = Seen(40, 20, (10.0, 0.0, 30.0, 20.0))
# Red is seen on the left, green on the right, blue nowhere.
ACTIVATIONS = np.array([[[4, 0, -1], [0, 2, -1]]], np.float32)
EVIDENCE = Evidence(
    np.array([0.3, 0.6, 0.1], np.float32),
    ACTIVATIONS,
    Head(np.array([0, 3, 0], np.float32), 2.0),
    np.arange(12, dtype=np.float32) / np.float32(7),
)


@pytest.fixture
def card() -> Card:
    names = [f"attribute {number}" for number in range(12)]
    return tiny_card().model_copy(update={"attributes": tuple(names)})


def test_regions_are_those_of_the_first_labels_in_their_order(card: Card) -> None:
    found = Explaining(card, frozenset({"region"}), 2)(EVIDENCE, SEEN)
    assert found.regions
    assert [one.map for one in found.regions] == [[[0, 1]], [[1, 0]]]
    assert (found.view.width, found.view.box) == (40, [10.0, 0.0, 20.0, 20.0])
    assert (found.cells, found.attributes) == (None, None)


def test_cells_are_of_the_logits_with_the_bias_and_the_temperature(card: Card) -> None:
    found = Explaining(card, frozenset({"cells"}), 1)(EVIDENCE, SEEN)
    assert found.cells
    assert [one.category for one in found.cells.labels] == ["red", "green"]
    assert found.cells.first == [[[0], [1]]]
    powers = [np.exp(np.array(logits) / 2) for logits in ((4, 3, -1), (0, 5, -1))]
    expected = [max(one) / one.sum() for one in powers]
    assert [one for (one,) in found.cells.confidences[0]] == pytest.approx(expected, abs=1e-4)
    assert found.cells.box == found.view.box
    assert found.regions is None


def test_the_ten_likeliest_attributes_come_first(card: Card) -> None:
    found = Explaining(card, frozenset({"attributes"}), 1)(EVIDENCE, SEEN)
    assert found.attributes
    assert found.attributes[0] == Attribute("attribute 11", 1.571)
    assert [one.attribute for one in found.attributes] == [
        f"attribute {number}" for number in range(11, 1, -1)
    ]


def test_the_parts_stand_with_commas_between_them() -> None:
    assert parts_of("region") == {"region"}
    assert parts_of("cells,region") == parts_of("region,cells") == {"region", "cells"}


@pytest.mark.parametrize("text", ["", "regions", "region, cells", "region,"])
def test_other_parts_are_refused(text: str) -> None:
    with pytest.raises(InvalidParameter, match="some of region, cells, attributes"):
        parts_of(text)


def test_the_places_of_a_finer_photograph_have_its_temperature() -> None:
    card = read_card(ZOO / "places365.onnx")
    assert card.calibration
    assert card.calibration.finer
    logits = np.zeros((1, 1, len(card.labels)), np.float32)
    logits[..., 3] = 4
    evidence = Evidence(
        np.zeros(len(card.labels), np.float32), logits, Head(np.zeros(1, np.float32), 1.0)
    )
    for side, temperature in ((128, 1.0), (129, card.calibration.finer.temperature)):
        seen = Seen(side, side, (0.0, 0.0, side, side))
        found = Explaining(card, frozenset({"cells"}), 1)(evidence, seen)
        assert found.cells
        ratio = np.exp(4 / temperature)
        expected = ratio / (ratio + len(card.labels) - 1)
        assert found.cells.confidences[0][0][0] == pytest.approx(expected, abs=1e-4)
